"""The centre as a node with a lease reaches it: after the lease's end not a byte leaves (invariant 18)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from middleware.domain.centre import CentreReply, CentreRequest, SignIn
from middleware.domain.fault import Fault
from middleware.domain.health import PartHealth
from middleware.domain.outcome import NotSent, Outcome
from middleware.domain.payment import BankReply, BankRequest
from middleware.ports import Bank, Centre, PreparedCall, PreparedPayment


class FencedBank:
    """Implements ``Bank`` over another one, as ``FencedCentre`` does."""

    def __init__(self, bank: Bank, lives: Callable[[], bool]) -> None:
        self._bank = bank
        self._lives = lives

    async def prepare(self, message_id: str, request: BankRequest) -> PreparedPayment:
        """See ``Bank``."""
        return await self._bank.prepare(message_id, request)

    async def send(
        self,
        call: PreparedPayment,
        on_first_byte: Callable[[], None],
        on_late_reply: Callable[[Outcome[BankReply]], None],
    ) -> Outcome[BankReply]:
        """See ``Bank.send``; a line writes at once, so that there is nothing between being handed over and the wire."""
        if not self._lives():
            return NotSent("system.node")
        return await self._bank.send(call, on_first_byte, on_late_reply)

    def start(self) -> None:
        """See ``Part``."""
        self._bank.start()

    async def stop(self) -> None:
        """See ``Part``."""
        await self._bank.stop()

    def health(self) -> PartHealth:
        """See ``Part``."""
        return self._bank.health()


class FencedCentre:
    """Implements ``Centre`` over another one.

    ``lives`` says whether the lease was renewed recently enough, by a clock that a pause does not stop. It is asked when
    the call is handed over, and again just before its first byte: whoever wakes up between the two sends nothing either.
    """

    def __init__(self, centre: Centre, lives: Callable[[], bool]) -> None:
        self._centre = centre
        self._lives = lives

    async def send(
        self,
        call: PreparedCall,
        on_first_byte: Callable[[], None],
        on_late_reply: Callable[[Outcome[CentreReply]], None],
    ) -> Outcome[CentreReply]:
        """See ``Centre.send``; ``NotSent("system.node")`` when the lease has run out."""

        def first_byte() -> None:
            if not self._lives():
                raise Fault("system.node")
            on_first_byte()

        if not self._lives():
            return NotSent("system.node")
        return await self._centre.send(call, first_byte, on_late_reply)

    def needs_sign_in(self, at: dt.datetime) -> bool:
        """See ``Centre``."""
        return self._centre.needs_sign_in(at)

    def sign_in_request(self) -> SignIn:
        """See ``Centre``."""
        return self._centre.sign_in_request()

    def clock_ahead_s(self) -> float | None:
        """See ``Centre``."""
        return self._centre.clock_ahead_s()

    async def prepare(self, message_id: str, request: CentreRequest, at: dt.datetime) -> PreparedCall:
        """See ``Centre``."""
        return await self._centre.prepare(message_id, request, at)

    def start(self) -> None:
        """See ``Part``."""
        self._centre.start()

    async def stop(self) -> None:
        """See ``Part``."""
        await self._centre.stop()

    def health(self) -> PartHealth:
        """See ``Part``."""
        return self._centre.health()
