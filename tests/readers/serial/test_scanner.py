"""A scanner on a serial line."""

from __future__ import annotations

import pytest
import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from middleware.domain.card import UnlinkedError
from middleware.domain.fault import Fault
from readers.media.layout import Code
from readers.media.options import LayoutOptions, ReaderOptions
from readers.serial.scan import MAX_SCAN, ScanReader
from readers.serial.scanner import Scanner
from tests.readers.waiting import until

TREATMENT = LayoutOptions("treatment-card", characters="digits", min_length=8, max_length=12, number="1")
STRIPE = LayoutOptions("insurance-card", track=2, separator="=", fields=2, number="1")
VOUCHER = LayoutOptions("e-voucher", prefix="28", min_length=20)


class Desk:
    def __init__(self, hand, **options):
        self.told = []
        made = {"retry_s": 0.02, "wait_s": 15.0, "layouts": (TREATMENT, STRIPE, VOUCHER)} | options
        self.options = ReaderOptions("扫码枪", "scanner", device=hand.path, **made)
        self.scanner = Scanner(self.options, reactor, lambda kind, _: self.told.append(kind))

    async def __aenter__(self):
        self.scanner.start()
        return self

    async def __aexit__(self, *_):
        await self.scanner.stop()

    async def state(self, *states):
        await until(lambda: self.scanner.status().state in states, lambda: f"{states}, it is {self.scanner.status()}")

    async def number(self):
        with pytest.raises(UnlinkedError) as raised:
            await self.scanner.read()
        return raised.value.medium.kind, raised.value.medium.number.reveal()

    async def fault(self):
        with pytest.raises(Fault) as raised:
            await self.scanner.read()
        return raised.value.code


@pytest_twisted.ensureDeferred
async def test_a_scan_is_told_taken_once_and_gone(hand):
    async with Desk(hand) as desk:
        hand.scan("0012345678")
        await desk.state("card-present")
        assert await desk.number() == ("treatment-card", "0012345678")
        assert desk.told == ["inserted", "removed"]
        assert desk.scanner.status().state == "empty"


@pytest_twisted.ensureDeferred
async def test_a_read_waits_for_the_scan_and_is_absent_without_one(hand):
    async with Desk(hand) as desk:
        reading = Deferred.fromCoroutine(desk.number())
        await desk.state("busy")
        hand.scan("0012345678")
        assert await reading == ("treatment-card", "0012345678")
    async with Desk(hand, wait_s=0.0) as desk:
        assert await desk.fault() == "card.absent"


@pytest_twisted.ensureDeferred
async def test_a_stripe_and_a_code_come_the_same_way(hand):
    async with Desk(hand) as desk:
        hand.swipe("", "999900123456=2912", "")
        assert await desk.number() == ("insurance-card", "999900123456")
        hand.scan("28" + "0" * 26, end=b"")  # silence ends it
        assert await desk.scanner.read() == Code("e-voucher", "28" + "0" * 26)


@pytest_twisted.ensureDeferred
async def test_the_newest_scan_counts_and_one_nobody_asks_for_is_forgotten(hand):
    async with Desk(hand) as desk:
        hand.scan("0012345678")
        hand.scan("0087654321")
        await until(lambda: desk.told.count("inserted") == 2, lambda: str(desk.told))
        assert await desk.number() == ("treatment-card", "0087654321")
        assert desk.told == ["inserted", "removed"] * 2
    async with Desk(hand, hold_s=0.2) as desk:
        hand.scan("0012345678")
        await until(lambda: desk.told == ["inserted", "removed"], lambda: str(desk.told))


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("text", ["nothing declared", "0" * 13, "12345", "张三"])
async def test_what_no_layout_fits_is_refused_without_being_said(hand, text):
    async with Desk(hand) as desk:
        hand.scan(text)
        with pytest.raises(Fault) as raised:
            await desk.scanner.read()
        assert raised.value.code == "medium.no_layout"
        assert text not in str(raised.value)


@pytest_twisted.ensureDeferred
async def test_bytes_of_another_charset_are_refused(hand):
    async with Desk(hand) as desk:
        hand.send(b"\xff\xfe\xfd\r\n")
        assert await desk.fault() == "medium.no_layout"


@pytest_twisted.ensureDeferred
async def test_unplugged_and_plugged_in_again_it_works_by_itself_and_half_a_scan_is_lost(hand):
    async with Desk(hand, gap_s=2.0) as desk:
        reading = Deferred.fromCoroutine(desk.fault())
        await desk.state("busy")
        hand.send(b"00123")
        hand.unplug()
        assert await reading == "reader.gone"
        await desk.state("absent")
        hand.plug()
        await desk.state("empty")
        hand.scan("0045678901")
        assert await desk.number() == ("treatment-card", "0045678901")


@pytest_twisted.ensureDeferred
async def test_a_stop_ends_a_read_that_waits(hand):
    desk = Desk(hand)
    async with desk:
        reading = Deferred.fromCoroutine(desk.fault())
        await desk.state("busy")
    assert await reading == "system.stopping"


@given(st.lists(st.binary(max_size=50), max_size=6))
def test_no_bytes_crash_the_cutting_into_scans_and_none_is_empty_or_too_long(pieces):
    reader = ScanReader()
    found = [scan for piece in pieces for scan in reader.feed(piece)] + reader.end()
    assert all(0 < len(scan) <= MAX_SCAN and not set(scan) & set(b"\r\n\x03\x02") for scan in found)


def test_a_scan_beyond_the_bound_is_dropped_whole_and_the_next_one_read():
    reader = ScanReader()
    assert reader.feed(b"x" * (MAX_SCAN + 100) + b"\r\nabc\r\n") == [b"abc"]
    assert reader.dropped == 1


def test_frames_of_stx_and_etx_are_scans():
    assert ScanReader().feed(b"\x02abc\x03\x02de\x03") == [b"abc", b"de"]
