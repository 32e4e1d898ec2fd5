"""The channel of mobile payment of a simulated centre, with keys that everybody knows, and our door for its notices.

A channel's keys are the site's: nothing of a region's file says them. Here those of the simulators stand in.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from adapters.insurance.mobile.link import MobileLink
from adapters.insurance.mobile.options import MobileOptions
from adapters.insurance.profile_mobile import BY_APPLICATION, MobileForm
from daemon.code_channels import channels_of
from middleware.domain.card import E_VOUCHER, CardRead
from middleware.domain.fault import Fault
from middleware.domain.mobile import OrderStands
from middleware.doors.notices.door import NoticeDoor
from middleware.doors.notices.options import NoticeOptions
from readers.media.options import ReaderOptions
from readers.qr.options import SEALED, CodeOptions
from readers.qr.service import CodeService
from simulators.centre.answers import CLEARING_AGENCY, CLEARING_TYPE
from simulators.centre.business import Business
from simulators.centre.channel import ChannelSimulator
from simulators.ecode.keys import APP_ID, APP_SECRET, PRIVATE, PUBLIC, private_pem, public_pem
from simulators.ecode.sealed import SealedSide
from simulators.ecode.server import CodeServer
from simulators.ports import free_port

FEE_TYPE = "01"  # the simulated channel takes any
ORGANISATION = "H99990000001"
READER = ReaderOptions(E_VOUCHER, "service")
READ_ONLY = 0o400


def simulatable(form: MobileForm) -> MobileForm:
    """The form with what the simulated centre has in place of what no answer of the channel says."""
    return attrs.evolve(
        form, fee_type=form.fee_type or FEE_TYPE, clearing_type=CLEARING_TYPE, clearing_agency=CLEARING_AGENCY
    )


@attrs.define(slots=True)
class Heard:
    """Takes genuine notices in place of the engine, which alone knows whose order one is about."""

    notices: list[OrderStands] = attrs.field(factory=list)
    ends: list[str] = attrs.field(factory=list)  # "ok", or the fault for which one was not taken

    async def taken(self, notice: OrderStands) -> None:
        """See ``Taker``."""
        self.notices.append(notice)

    def count(self, end: str) -> None:
        """Whether one was taken."""
        self.ends.append(end)


class Sandbox:
    """The channel, the door, and the service that says whose an e-voucher is (6101).

    ``options`` say how our side of the channel reaches it.
    """

    def __init__(
        self, reactor: Any, business: Business, form: MobileForm, now: Callable[[], dt.datetime], keys: Path
    ) -> None:
        """``keys`` is a folder of nobody else's, for the files that the product wants."""
        user_id = APP_SECRET if form.user_id == BY_APPLICATION else form.user_id
        seal = SealedSide(APP_ID, APP_SECRET, (PRIVATE, PUBLIC), PUBLIC, now, user_id)
        self.channel = ChannelSimulator(reactor, business, seal, paths=form.paths)
        self.channel.start()
        self.heard = Heard()
        self._reactor = reactor
        self._door: NoticeDoor | None = None
        own: dict[str, Any] = {
            "app_id": APP_ID,
            "app_secret": _file(keys / "secret", APP_SECRET.encode()),
            "signing_key": _file(keys / "ours.pem", private_pem()),
            "channel_key": _file(keys / "theirs.pem", public_pem()),
        }
        self.options = MobileOptions(enabled=True, url=self.channel.url, **own)
        self._codes = CodeServer(reactor, sealed=SealedSide(APP_ID, APP_SECRET, (PRIVATE, PUBLIC), PUBLIC, now))
        asking = CodeOptions(E_VOUCHER, self._codes.start(), organisation=ORGANISATION, channel=SEALED, **own)
        self._service = CodeService(asking, reactor, channels_of(now)(asking))

    def open(self, link: MobileLink) -> None:
        """Take notices, which ``link`` reads."""
        options = NoticeOptions(port=free_port())
        self._door = NoticeDoor(options, link, self.heard, self._reactor, count=self.heard.count)
        self._door.start()

    async def stop(self) -> None:
        """Neither listens any more."""
        if self._door is not None:
            await self._door.stop()
        self._service.stop()
        await self._codes.stop()
        await self.channel.stop()

    async def show(self, code: str, *, forged: bool = False) -> CardRead:
        """Whose that e-voucher is, by the reader of codes; its faults. ``forged``: the answer is not the channel's."""
        self._codes.fault = "bad-signature" if forged else ""
        return await self._service.identify(READER, code)

    def pay(self, order_number: str) -> None:
        """The person pays the own share, as far as the channel lets them."""
        self.channel.orders.pay(order_number)

    async def notify(self, order_number: str, *, forged: bool = False) -> tuple[bool, str]:
        """6302 of an order: whether it was taken, and for which fault it was not."""
        if self._door is None:
            raise Fault("system.config", "no door for notices is open")
        url = f"http://127.0.0.1:{self._door.port}{NoticeOptions().path}"
        _, said = await self.channel.notify(url, order_number, forged=forged)
        end = self.heard.ends[-1]
        return said.get("success") is True, "" if end == "ok" else end


def _file(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    path.chmod(READ_ONLY)
    return str(path)
