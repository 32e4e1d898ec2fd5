"""The centre and its channel of mobile payment as one ``Centre``: orders go the one way, everything else the other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from adapters.insurance.exchange.link import CentreLink, End
from adapters.insurance.mobile.link import MobileLink
from middleware.domain.centre import CentreRequest, SignIn
from middleware.domain.fault import Fault
from middleware.domain.health import PartHealth
from middleware.domain.kind import MOBILE_CALLS
from middleware.domain.mobile import OrderRequest
from middleware.domain.outcome import NotSent
from middleware.ports import Centre, PreparedCall


class CentreWithMobile(Centre):
    """Both, started and stopped together. ``mobile`` is None where nobody pays by phone."""

    def __init__(self, counter: CentreLink, mobile: MobileLink | None) -> None:
        self.counter = counter
        self.mobile = mobile

    def start(self) -> None:
        """See ``Part``."""
        self.counter.start()
        if self.mobile is not None:
            self.mobile.start()

    async def stop(self) -> None:
        """See ``Part``."""
        if self.mobile is not None:
            await self.mobile.stop()
        await self.counter.stop()

    def health(self) -> PartHealth:
        """The counter's; the channel has a part of its own."""
        return self.counter.health()

    def needs_sign_in(self, at: dt.datetime) -> bool:
        """See ``Centre``: the channel knows no sign-in."""
        return self.counter.needs_sign_in(at)

    def sign_in_request(self) -> SignIn:
        """See ``Centre``."""
        return self.counter.sign_in_request()

    def clock_ahead_s(self) -> float | None:
        """See ``Centre``."""
        return self.counter.clock_ahead_s()

    async def prepare(self, message_id: str, request: CentreRequest, at: dt.datetime) -> PreparedCall:
        """See ``Centre``; ``mobile.not_offered`` for an order where there is no channel."""
        if not isinstance(request, OrderRequest):
            return await self.counter.prepare(message_id, request, at)
        if self.mobile is None:
            raise Fault("mobile.not_offered")
        return await self.mobile.prepare(message_id, request, at)

    async def send(
        self, call: PreparedCall, on_first_byte: Callable[[], None], on_late_reply: Callable[[End], None]
    ) -> End:
        """See ``Centre``."""
        if call.call not in MOBILE_CALLS:
            return await self.counter.send(call, on_first_byte, on_late_reply)
        if self.mobile is None:
            return NotSent("mobile.not_offered")
        return await self.mobile.send(call, on_first_byte, on_late_reply)
