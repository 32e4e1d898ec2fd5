"""The insurance centre by the national platform's JSON: the one link with that dialect."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from adapters.insurance.exchange import faults
from adapters.insurance.exchange.dialect import Reading
from adapters.insurance.exchange.frame import GatewayRefusal, HttpReply, Unusable
from adapters.insurance.exchange.link import CentreLink, End
from adapters.insurance.exchange.meaning import meaning
from adapters.insurance.exchange.options import CentreOptions
from adapters.insurance.exchange.wire import Message
from adapters.insurance.national import reading
from adapters.insurance.national.frame import File, judge
from adapters.insurance.national.reading import Tokens, Unreadable
from adapters.insurance.national.writing import Writing
from adapters.insurance.profile import Profile
from adapters.insurance.profile_gateway import NationalForm
from adapters.insurance.schema import Input, Row
from adapters.insurance.signing.opening import Signers
from adapters.insurance.transactions import DECLARED
from middleware.domain.centre import Call
from middleware.domain.outcome import Unknown

_SUCCESS = "0"


class NationalDialect:
    """Messages as JSON objects; a ``Dialect``."""

    def __init__(self, form: NationalForm, switches: faults.Switches) -> None:
        self._switches = switches
        self._writing = Writing(numbers_as_text=form.numbers == "text")
        self._addresses = form.addresses
        self._headers = (("Content-Type", form.content_type), ("Accept", "application/json, application/octet-stream"))

    def write(self, code: str, head: Row, nodes: Input) -> Message:
        """See ``Dialect``."""
        return Message(self._writing.body(code, head, nodes), self._headers, self._addresses.get(code, ""))

    def understand(self, call: Call, message_id: str, reply: HttpReply, read: Reading) -> tuple[End, str]:  # noqa: ARG002 - the reply does not name it
        """See ``Dialect``."""
        tokens = self._read(call, reply)
        if not isinstance(tokens, Tokens):
            return tokens, ""
        return meaning(call, tokens.code, tokens.message, tokens.output, read), tokens.said_at

    def _read(self, call: Call, reply: HttpReply) -> End | Tokens:
        judged = judge(reply, wants_file=call is Call.DOWNLOAD_FILE)
        if isinstance(judged, Unusable):
            return faults.of_unusable(judged)
        if isinstance(judged, File):
            return Tokens(_SUCCESS, "", {"fsDownloadOut": {"out": judged.body}})
        if isinstance(judged, GatewayRefusal):
            return faults.of_gateway(judged, self._switches)
        try:
            found = reading.read(DECLARED[call.value], judged.text)
        except Unreadable as exc:
            return Unknown("unreadable", str(exc))
        return faults.of_gateway(found, self._switches) if isinstance(found, GatewayRefusal) else found


class NationalCentre(CentreLink):
    """The ``Centre`` port by the national platform."""

    def __init__(
        self,
        options: CentreOptions,
        reactor: Any,
        now: Callable[[], dt.datetime],
        profile: Profile,
        signers: Signers | None = None,
    ) -> None:
        # A SOAP Fault there is not: only what the site confirmed of its gateway is a switch here.
        dialect = NationalDialect(profile.national, faults.Switches(options.gateway_401_is_refusal))
        super().__init__(options, reactor, now, profile, dialect, signers)
