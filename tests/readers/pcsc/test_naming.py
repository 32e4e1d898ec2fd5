"""Identical readers are told apart, and each keeps its name over re-plugging."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor

from readers.pcsc.link import PcscReaders
from readers.pcsc.naming import Mark, Named, Namer, by_order, named, usb_port
from readers.pcsc.options import PcscOptions
from readers.sight import Sight, View

MODEL = "ACS ACR38U"


@pytest.mark.parametrize(
    ("address", "mark", "given_name", "by"),
    [
        ("ACS ACR38U (A1B2C3) 01 00", Mark(), "ACS ACR38U (A1B2C3) 00", "serial"),  # pcsc-lite writes it into the name
        ("ACS ACR38U 01 00", Mark("A1B2C3"), "ACS ACR38U (A1B2C3) 00", "serial"),
        ("Feitian R502 [Contactless] (K7) 00 01", Mark(), "Feitian R502 [Contactless] (K7) 01", "serial"),
        ("ACS ACR38U 1", Mark("A1B2C3"), "ACS ACR38U (A1B2C3)", "serial"),  # Windows
        ("ACS ACR38U 01 00", Mark("", "1-2.3"), "ACS ACR38U @usb-1-2.3 00", "usb"),
        ("ACS ACR38U (000000) 01 00", Mark("", "1-2.3"), "ACS ACR38U @usb-1-2.3 00", "usb"),  # a serial of all of them
        ("ACS ACR38U 01 00", Mark(), "ACS ACR38U 01 00", "order"),
        ("ACS ACR38U 1", Mark(), "ACS ACR38U 1", "order"),
        ("Yikatong Virtual 0 00 00", Mark("\x07"), "Yikatong Virtual 0 00 00", "order"),
        ("odd", Mark("A1B2C3", "1-2"), "odd", "order"),
    ],
)
def test_a_reader_is_named_by_its_serial_else_its_port_else_by_order(
    address: str, mark: Mark, given_name: str, by: str
) -> None:
    assert named(address, mark, ()) == Named(given_name, by)


def test_two_with_one_serial_are_told_apart_by_port_and_else_by_order() -> None:
    first = named("ACS ACR38U 00 00", Mark("S1"), ())
    second = named("ACS ACR38U 01 00", Mark("S1", "1-4"), (first.name,))
    third = named("ACS ACR38U 02 00", Mark("S1"), (first.name, second.name))

    assert (first.by, second.name, third) == ("serial", "ACS ACR38U @usb-1-4 00", Named("ACS ACR38U 02 00", "order"))


def test_twins_that_only_their_order_tells_apart_are_said_in_health() -> None:
    names = ["ACS ACR38U 00 00", "ACS ACR38U 01 00", "Feitian R502 02 00", "Dual 03 00", "Dual 03 01", "ACS ACR38U (S1) 00"]
    made = PcscReaders(PcscOptions(), reactor, lambda: dt.date(2026, 3, 2), lambda: dt.datetime(2026, 3, 2, tzinfo=dt.UTC))
    made._on_view(View(tuple(Sight(name, False, False, 0) for name in names)))
    made._watcher = SimpleNamespace(beat=made._seconds())  # type: ignore[assignment]

    assert by_order(names) == ("ACS ACR38U 00 00", "ACS ACR38U 01 00")
    assert made.health().detail.endswith("by the order of plugging in: ACS ACR38U 00 00, ACS ACR38U 01 00")


@given(st.lists(st.tuples(st.sampled_from(["", "S1", "S2"]), st.sampled_from(["", "1-1", "1-2"])), max_size=6))
def test_names_are_never_given_twice(marks: list[tuple[str, str]]) -> None:
    taken: list[str] = []
    for number, (serial, port) in enumerate(marks):
        taken.append(named(f"{MODEL} {number:02X} 00", Mark(serial, port), taken).name)

    assert len(set(taken)) == len(taken)


def test_the_usb_port_is_found_by_bus_and_address_and_is_nothing_where_nobody_can_say(tmp_path: Path) -> None:
    for name, bus, address in (("usb1", "1", "1"), ("1-2", "1", "7"), ("1-2.3", "1", "9"), ("2-1", "2", "9")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "busnum").write_text(bus + "\n")
        (tmp_path / name / "devnum").write_text(address + "\n")
    (tmp_path / "1-2:1.0").mkdir()  # an interface has neither

    assert usb_port(0x00200109, tmp_path) == "1-2.3"
    assert usb_port(0x00200209, tmp_path) == "2-1"
    assert usb_port(0x00200155, tmp_path) == ""
    assert usb_port(0, tmp_path) == ""
    assert usb_port(0x00200109, tmp_path / "nowhere") == ""


class Service:
    """A card service whose readers say their serials; ``hangs`` is one that does not answer."""

    def __init__(self, serials: dict[str, str], hangs: str = "") -> None:
        self.asked: list[str] = []
        self._serials = serials
        self._hangs = hangs
        self.go_on = threading.Event()

    def load(self) -> SimpleNamespace:
        def connect(_context: int, reader: str, _share: int, _protocol: int) -> tuple[int, str, int]:
            self.asked.append(reader)
            if reader == self._hangs:
                self.go_on.wait(30)
            return 0, reader, 0

        def attribute(reader: str, number: int) -> tuple[int, list[int]]:
            if number == 0x00010103:
                return 0, list(self._serials[reader].encode() + b"\0")
            return 0x80100016, []

        return SimpleNamespace(
            SCARD_SCOPE_USER=0,
            SCARD_SHARE_DIRECT=3,
            SCARD_LEAVE_CARD=0,
            SCardEstablishContext=lambda _: (0, 1),
            SCardReleaseContext=lambda _: 0,
            SCardConnect=connect,
            SCardGetAttrib=attribute,
            SCardDisconnect=lambda *_: 0,
        )


def test_readers_plugged_in_again_in_another_order_keep_their_names_and_are_asked_only_when_they_come(
    tmp_path: Path,
) -> None:
    serials = {f"{MODEL} 00 00": "LEFT", f"{MODEL} 01 00": "RIGHT"}
    service = Service(serials)
    namer = Namer(service.load, tmp_path)
    before = namer.names(serials)
    again = namer.names(serials)
    namer.names([])
    serials[f"{MODEL} 00 00"], serials[f"{MODEL} 01 00"] = "RIGHT", "LEFT"
    after = namer.names(serials)

    assert before == again == {f"{MODEL} 00 00": f"{MODEL} (LEFT) 00", f"{MODEL} 01 00": f"{MODEL} (RIGHT) 00"}
    assert after == {f"{MODEL} 00 00": f"{MODEL} (RIGHT) 00", f"{MODEL} 01 00": f"{MODEL} (LEFT) 00"}
    assert len(service.asked) == 4


def test_a_reader_that_does_not_say_in_time_is_named_by_order_and_delays_no_other(tmp_path: Path) -> None:
    serials = {f"{MODEL} {number:02X} 00": f"S{number}" for number in range(4)}
    service = Service(serials, hangs=f"{MODEL} 01 00")
    try:
        names = Namer(service.load, tmp_path, ask_s=1.0).names(serials)
    finally:
        service.go_on.set()

    assert names[f"{MODEL} 01 00"] == f"{MODEL} 01 00"
    assert [names[f"{MODEL} {number:02X} 00"] for number in (0, 2, 3)] == [
        f"{MODEL} (S{number}) 00" for number in (0, 2, 3)
    ]


def test_a_reader_under_another_number_is_the_same_reader_with_its_new_address() -> None:
    made = PcscReaders(PcscOptions(), reactor, lambda: dt.date(2026, 3, 2), lambda: dt.datetime(2026, 3, 2, tzinfo=dt.UTC))
    addresses = []
    for number, events in itertools.product((0, 1), (1,)):
        made._on_view(View((Sight("R (S1) 00", True, False, events, f"R {number:02X} 00"),)))
        addresses.append(made._slots["R (S1) 00"].address)

    assert addresses == ["R 00 00", "R 01 00"]
    assert [status.name for status in made.statuses()] == ["R (S1) 00"]
