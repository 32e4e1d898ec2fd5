"""Several kinds of readers under one port."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
import pytest_twisted
from attrs import evolve

from middleware.domain.card import CardEvent, CardRead, ReaderStatus
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from readers.fleet import ReaderFleet, ReaderKind
from tests.support.fakes import card_read

AT = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)


class Member:
    """One kind: readers by name, each with a state."""

    def __init__(self, part: str, *names: str) -> None:
        self.part = part
        self.names = list(names)
        self.observers: list[Callable[[CardEvent], None]] = []
        self.condition = Condition.GOOD
        self.broken: Exception | None = None
        self.life: list[str] = []

    def start(self) -> None:
        self._break()
        self.life.append("started")

    async def stop(self) -> None:
        self._break()
        self.life.append("stopped")

    def health(self) -> PartHealth:
        return PartHealth(self.part, self.condition, "" if self.condition is Condition.GOOD else "reader.service_down")

    def statuses(self) -> tuple[ReaderStatus, ...]:
        self._break()
        return tuple(ReaderStatus(name, "card-present") for name in self.names)

    async def read_card(self, reader: str) -> CardRead:
        if reader not in self.names:
            raise Fault("reader.unknown")
        return evolve(card_read(), reader=reader, birthplace=self.part)

    def watch(self, observer: Callable[[CardEvent], None]) -> Callable[[], None]:
        self.observers.append(observer)
        return lambda: self.observers.remove(observer)

    def _break(self) -> None:
        if self.broken is not None:
            raise self.broken


def fleet(*members: Member) -> ReaderFleet:
    return ReaderFleet([ReaderKind(member.part, member) for member in members])


def names(made: ReaderFleet) -> list[str]:
    return [status.name for status in made.statuses()]


@pytest_twisted.ensureDeferred
async def test_all_kinds_are_one_list_and_a_read_goes_to_the_readers_own_kind() -> None:
    made = fleet(Member("pcsc", "B", "A"), Member("remote", "C"))

    assert names(made) == ["A", "B", "C"]
    assert (await made.read_card("A")).birthplace == "pcsc"
    assert (await made.read_card("C")).birthplace == "remote"
    with pytest.raises(Fault) as caught:
        await made.read_card("D")
    assert caught.value.code == "reader.unknown"


@pytest_twisted.ensureDeferred
async def test_of_two_readers_with_one_name_the_later_kinds_carries_its_kind_and_both_are_read_under_their_own_names() -> (
    None
):
    first, second = Member("pcsc", "R"), Member("remote", "R")
    made = fleet(first, second)
    heard: list[str] = []
    made.watch(lambda event: heard.append(event.reader))
    read = await made.read_card("R (remote)")
    for member in (second, first):
        member.observers[0](CardEvent("inserted", "R", AT))

    assert names(made) == ["R", "R (remote)"]
    assert (read.reader, read.birthplace) == ("R (remote)", "remote")
    assert heard == ["R (remote)", "R"]
    # The name stays while its kind lists it, even when the other is gone; a stale one would read another reader.
    first.names.clear()
    assert names(made) == ["R (remote)"]
    second.names.clear()
    assert names(made) == []


@pytest.mark.parametrize("trouble", [Fault("system.config", "no port"), RuntimeError("a mistake of ours")])
@pytest_twisted.ensureDeferred
async def test_a_kind_that_neither_starts_nor_lists_nor_stops_blocks_no_other(trouble: Exception) -> None:
    bad, good = Member("serial", "S"), Member("pcsc", "A")
    bad.broken = trouble
    made = fleet(bad, good)
    made.start()
    read = await made.read_card("A")
    parts = [ask() for ask in made.healths()]
    await made.stop()

    assert read.reader == "A"
    assert names(made) == ["A"]
    assert [(part.part, part.condition) for part in parts] == [("serial", Condition.DOWN), ("pcsc", Condition.GOOD)]
    assert made.health().part == "serial"
    assert good.life == ["started", "stopped"]


@pytest_twisted.ensureDeferred
async def test_without_any_reader_the_fault_says_which_kind_is_down() -> None:
    down = Member("pcsc")
    down.condition = Condition.DOWN
    with pytest.raises(Fault) as caught:
        await fleet(down, Member("remote")).read_card("A")

    assert caught.value.code == "reader.service_down"


def test_a_watch_ends_at_every_kind() -> None:
    members = Member("pcsc", "A"), Member("remote", "B")
    end = fleet(*members).watch(lambda event: None)
    assert [len(member.observers) for member in members] == [1, 1]
    end()
    assert [len(member.observers) for member in members] == [0, 0]
