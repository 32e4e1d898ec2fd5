"""All readers of one configuration under the port: id cards, scans, hands, codes."""

from __future__ import annotations

import datetime as dt

import pytest
import pytest_twisted
from twisted.internet import reactor

from middleware.domain.card import UnlinkedError
from middleware.domain.credential import Shown
from middleware.domain.fault import Fault
from middleware.domain.health import Condition
from readers.fleet import ReaderFleet, ReaderKind
from readers.media.link import MediaReaders
from readers.media.options import LayoutOptions, ReaderOptions
from readers.qr.options import CodeOptions
from simulators.ecode import CodeServer
from simulators.people import PEOPLE
from simulators.serial import HandScanner, IdModule
from tests.readers.waiting import until

NOW = dt.datetime(2026, 11, 22, 9, 0, tzinfo=dt.UTC)
VOUCHER = LayoutOptions("e-voucher", prefix="CODE-")
OWN = LayoutOptions("hospital-code", prefix="H-")
TREATMENT = LayoutOptions("treatment-card", characters="digits", number="1")


class Place:
    """A desk with one reader of each kind."""

    def __init__(self, tmp_path):
        self.module, self.hand = IdModule(tmp_path / "id"), HandScanner(tmp_path / "scanner")
        self.server = CodeServer(reactor)
        quick = {"retry_s": 0.02, "wait_s": 15.0}
        self.options = (
            ReaderOptions("身份证", "serial-id", device=self.module.path, poll_interval_s=0.02, **quick),
            ReaderOptions(
                "扫码枪", "scanner", device=self.hand.path, layouts=(VOUCHER, OWN, TREATMENT), business="01301", **quick
            ),
            ReaderOptions("键盘口", "handed", layouts=(TREATMENT, VOUCHER)),
            ReaderOptions("电子凭证终端", "service"),
        )
        self.events = []

    async def __aenter__(self):
        self.module.plug()
        self.hand.plug()
        codes = (CodeOptions("e-voucher", self.server.start(), organisation="H99990000001"),)
        self.readers = MediaReaders(self.options, codes, reactor, NOW.date, lambda: NOW)
        self.readers.watch(lambda event: self.events.append((event.kind, event.reader)))
        self.readers.start()
        return self

    async def __aexit__(self, *_):
        await self.readers.stop()
        await self.server.stop()
        self.module.unplug()
        self.hand.unplug()

    async def fault(self, asking):
        with pytest.raises(Fault) as raised:
            await asking
        return raised.value


@pytest_twisted.ensureDeferred
async def test_whatever_is_shown_ends_as_one_identity(tmp_path):
    async with Place(tmp_path) as place:
        place.module.lay(PEOPLE["employee"])
        card = await place.readers.read_card("身份证")
        assert (card.kind, card.id_number.reveal()) == ("id-card", PEOPLE["employee"].id_number)

        place.hand.scan("CODE-resident-1")
        card = await place.readers.read_card("扫码枪")
        assert (card.kind, card.credential.shown) == ("e-voucher", Shown.VOUCHER)
        assert card.id_number.reveal() == PEOPLE["resident"].id_number
        assert place.server.asked[0]["data"]["businessType"] == "01301"

        card = await place.readers.present("键盘口", "CODE-cadre-2\r")
        assert card.id_number.reveal() == PEOPLE["cadre"].id_number

        place.server.scanned = "CODE-chronic-3"
        card = await place.readers.read_card("电子凭证终端")
        assert card.id_number.reveal() == PEOPLE["chronic"].id_number
        assert "ecQrCode" not in place.server.asked[-1]["data"]


@pytest_twisted.ensureDeferred
async def test_a_number_stays_a_number_for_whoever_can_find_the_person(tmp_path):
    async with Place(tmp_path) as place:
        place.hand.scan("0012345678")
        fault = await place.fault(place.readers.read_card("扫码枪"))
        assert isinstance(fault, UnlinkedError)
        assert (fault.code, fault.medium.number.reveal()) == ("medium.no_identity", "0012345678")


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_is_said(tmp_path):
    async with Place(tmp_path) as place:
        place.hand.scan("H-77")
        assert (await place.fault(place.readers.read_card("扫码枪"))).code == "code.not_configured"
        assert (await place.fault(place.readers.read_card("键盘口"))).code == "card.absent"
        assert (await place.fault(place.readers.present("扫码枪", "0012345678"))).code == "reader.unknown"
        assert (await place.fault(place.readers.read_card("nobody"))).code == "reader.unknown"


@pytest_twisted.ensureDeferred
async def test_health_names_the_reader_that_is_away_and_the_service_that_does_not_answer(tmp_path):
    async with Place(tmp_path) as place:
        assert place.readers.health().condition is Condition.GOOD
        place.hand.unplug()
        await until(lambda: place.readers.health().condition is not Condition.GOOD, lambda: "trouble")
        part = place.readers.health()
        assert (part.condition, part.fault) == (Condition.DEGRADED, "reader.gone")
        assert part.detail.startswith("扫码枪")
        place.hand.plug()
        await until(lambda: place.readers.health().condition is Condition.GOOD, lambda: "good again")

        place.server.fault = "error"
        await place.fault(place.readers.present("键盘口", "CODE-cadre-2"))
        assert place.readers.health().fault == "code.no_answer"
        place.server.fault = ""
        await place.readers.present("键盘口", "CODE-cadre-2")
        assert place.readers.health().condition is Condition.GOOD


@pytest_twisted.ensureDeferred
async def test_in_the_fleet_they_are_listed_watched_and_handed_to_beside_the_others(tmp_path):
    async with Place(tmp_path) as place:
        fleet = ReaderFleet([ReaderKind("media", place.readers)])
        await until(lambda: all(s.state != "absent" for s in fleet.statuses()), lambda: str(fleet.statuses()))
        assert [status.name for status in fleet.statuses()] == ["扫码枪", "电子凭证终端", "身份证", "键盘口"]
        assert (await fleet.present("键盘口", "CODE-cadre-2")).reader == "键盘口"
        place.hand.scan("0012345678")
        await until(lambda: ("inserted", "扫码枪") in place.events, lambda: str(place.events))


@pytest_twisted.ensureDeferred
async def test_after_a_stop_nothing_is_read(tmp_path):
    async with Place(tmp_path) as place:
        await place.readers.stop()
        assert (await place.fault(place.readers.read_card("身份证"))).code == "system.stopping"
