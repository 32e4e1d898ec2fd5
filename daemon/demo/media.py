"""The demo's scenes without a social-security card: an id card in a serial reader, an e-voucher shown to a scanner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clients.python.yikatong_client import ApiError
from daemon.demo.counter import COLD, hide, problem
from daemon.demo.say import scene, step
from daemon.demo.visits import Show, Unexpected
from simulators.ecode import CodeServer
from simulators.people import PEOPLE
from simulators.serial import HandScanner, IdModule

ID_READER, SCANNER = "窗口一身份证", "窗口一扫码枪"


class Media:
    """An id-card reader and a scanner on pseudo-terminals, and the service that knows whose a code is."""

    def __init__(self, reactor: Any, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.module = IdModule((directory / "id-reader").resolve())
        self.scanner = HandScanner((directory / "scanner").resolve())
        self.service = CodeServer(reactor)

    def start(self) -> str:
        """Plug them in; what the daemon's configuration says of them."""
        self.module.plug()
        self.scanner.plug()
        return f"""
[[readers]]
name = "{ID_READER}"
kind = "serial-id"
device = "{self.module.path}"
poll_interval_s = 0.1

[[readers]]
name = "{SCANNER}"
kind = "scanner"
device = "{self.scanner.path}"

[[readers.layouts]]
kind = "e-voucher"
prefix = "CODE-"

[[readers.layouts]]
kind = "treatment-card"
characters = "digits"
number = "1"

[[codes]]
kind = "e-voucher"
url = "{self.service.start()}"
organisation = "H99990000001"
"""

    async def stop(self) -> None:
        """Unplug them."""
        self.module.unplug()
        self.scanner.unplug()
        await self.service.stop()


def id_card(show: Show, media: Media) -> None:
    """A person without the card at hand lays the id card on: registered and settled by it."""
    scene(11, "身份证（串口阅读器）", "an id card in a serial reader")
    media.module.lay(PEOPLE["first-generation"])
    _settled(show, show.his.read(ID_READER), "id-card")
    media.module.lift()


def voucher(show: Show, media: Media) -> None:
    """An e-voucher is scanned, its service says whose it is; the token goes on to the centre. A used code is refused."""
    scene(12, "医保电子凭证（扫码）", "an e-voucher shown to a scanner")
    code = "CODE-maternity-1"
    media.scanner.scan(code)
    _settled(show, show.his.read(SCANNER), "e-voucher")
    media.scanner.scan(code)
    _refused(show, "code.refused")


def old_card(show: Show, media: Media) -> None:
    """An old treatment card has a number and no identity; once it is linked, it is its person's."""
    scene(13, "旧就诊卡（关联前后）", "an old treatment card, before and after it is linked")
    number, person = "0012345678", PEOPLE["long-name"]
    media.scanner.scan(number)
    _refused(show, "medium.no_identity")
    link = {"kind": "treatment-card", "number": number, "id_number": person.id_number, "name": person.name}
    made = show.his.client.call("registry.link", link)
    step("已关联", "linked", f"{hide(number, 0, 3)} → {hide(person.id_number, 6, 0)}  {made['state']}")
    media.scanner.scan(number)
    _settled(show, show.his.read(SCANNER), "treatment-card")


def _settled(show: Show, read: dict[str, Any], kind: str) -> None:
    if read["card"]["kind"] != kind:
        raise Unexpected(f"{read['card']['kind']} was read, not {kind}")
    quote = show.his.quote(show.his.register(read), COLD)
    show.his.settle(quote)
    show.settlements[quote["settlement_id"]] = kind


def _refused(show: Show, code: str) -> None:
    try:
        show.his.client.call("card.read", {"reader": SCANNER})
    except ApiError as error:
        step("未得身份", "no identity", problem(error))
        if error.code != code:
            raise
    else:
        raise Unexpected(f"{code} was expected, and a card was read")


MEDIA = (id_card, voucher, old_card)
