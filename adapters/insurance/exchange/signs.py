"""What the adapter remembers of signing in: until when the centre takes messages under which number."""

from __future__ import annotations

import datetime as dt

from adapters.insurance.exchange.statements import sign_number_of
from adapters.insurance.profile import Profile
from middleware.domain.centre import CentreReply, CentreRequest, SignedIn, SignIn, SignOut, StatementRequest
from middleware.domain.outcome import Answered, NotSent, Outcome, Refused

CYCLE = dt.timedelta(hours=24)  # so long an old centre takes messages under one sign-in (insurance.md 3)


class Signs:
    """The newest sign-in. In memory only: after a restart the first message signs in again."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._newest: tuple[dt.datetime, str] | None = None

    def needed(self, at: dt.datetime) -> bool:
        """Whether a 9001 is due before other messages: none yet on this day, or the centre asked for one.

        An old centre's cycle goes on past midnight: it takes no new sign-in before the comparing at night has ended it.
        """
        if self._profile.sign_in != "daily":
            return False
        if self._newest is None:
            return True
        since, _ = self._newest
        return at - since >= CYCLE if self._profile.statement.by_cycle else since.date() != at.date()

    def number_for(self, request: CentreRequest) -> str:
        """The sign-in that a message goes out under: the newest, unless the request is about one of its own."""
        if isinstance(request, SignIn):
            return ""
        own = sign_number_of(request) if isinstance(request, StatementRequest) else ""
        return own or (self._newest[1] if self._newest is not None else "")

    def heard(self, request: CentreRequest, at: dt.datetime, outcome: Outcome[CentreReply]) -> None:
        """What an outcome means for the next message."""
        if isinstance(outcome, Answered) and isinstance(outcome.reply, SignedIn):
            self._newest = (at, outcome.reply.sign_number)
        if isinstance(request, SignOut) and self._may_be_over(outcome):
            over = self._newest is not None and self._newest[1] == request.sign_number
            self._newest = None if over else self._newest
        if isinstance(outcome, Refused) and outcome.code in self._profile.sign_in_again_codes:
            self._newest = None

    def _may_be_over(self, outcome: Outcome[CentreReply]) -> bool:
        """Whether a sign-out may have been done. To sign in once more does no harm; under an ended one all is refused."""
        if isinstance(outcome, Refused):
            return outcome.code in self._profile.statement.signed_out_codes
        return not isinstance(outcome, NotSent)
