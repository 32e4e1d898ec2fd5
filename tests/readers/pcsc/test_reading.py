"""Reading cards through a real pcscd."""

from __future__ import annotations

import threading

import pytest
import pytest_twisted

from middleware.domain.card import CardRead
from middleware.domain.fault import Fault
from middleware.domain.health import Condition
from simulators.card import PEOPLE, CardFaults
from simulators.pcscd import Pcscd
from tests.readers.pcsc.bench import bench

pytestmark = pytest.mark.pcsc


@pytest.mark.parametrize("person", ["long-name", "first-generation"])
@pytest_twisted.ensureDeferred
async def test_a_card_is_read_whole_through_pcscd(pcscd: Pcscd, person: str) -> None:
    async with bench(pcscd) as b:
        reader = b.names[0]
        await b.insert(reader, person)
        card = await b.read(reader)

        assert isinstance(card, CardRead)
        assert (card.name.reveal(), card.id_number.reveal()) == (PEOPLE[person].name, PEOPLE[person].id_number)
        assert card.reader == reader
        assert len(card.atr_historical) == 26


@pytest_twisted.ensureDeferred
async def test_a_t0_card_with_61xx_is_read(pcscd: Pcscd) -> None:
    async with bench(pcscd) as b:
        reader = b.names[0]
        await b.insert(reader, "employee", CardFaults(get_response=True))

        assert await b.code(reader) == "read"


@pytest.mark.parametrize(
    ("person", "faults", "code"),
    [
        ("third-generation", CardFaults(), "card.needs_authentication"),
        ("employee", CardFaults.not_bcd(0x0D), "card.malformed"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_card_that_may_not_be_used_is_refused(pcscd: Pcscd, person: str, faults: CardFaults, code: str) -> None:
    async with bench(pcscd) as b:
        reader = b.names[0]
        await b.insert(reader, person, faults)

        assert await b.code(reader) == code
        assert b.state(reader) == "card-present"


@pytest_twisted.ensureDeferred
async def test_an_empty_reader_an_unknown_reader_and_an_ignored_reader(pcscd: Pcscd) -> None:
    async with bench(pcscd) as b:
        assert await b.code(b.names[0]) == "card.absent"
        assert await b.code("no such reader") == "reader.unknown"
        assert b.readers.health().condition is Condition.GOOD
    async with bench(pcscd, ready=False, ignore=("*Virtual 1*",)) as b:
        await b.until(lambda: bool(b.readers.statuses()), "listed")

        assert [status.name for status in b.readers.statuses()] == sorted(b.names[:2])


@pytest_twisted.ensureDeferred
async def test_insertion_and_removal_are_told_in_the_reactor_thread_until_the_watch_ends(pcscd: Pcscd) -> None:
    async with bench(pcscd) as b:
        reader = b.names[1]
        heard: list[str] = []
        end = b.readers.watch(lambda event: heard.append(event.kind))
        await b.insert(reader)
        end()
        await b.withdraw(reader)
        await b.until(lambda: len(b.events) == 2, "both events")

        assert b.events == [("inserted", reader), ("removed", reader)]
        assert heard == ["inserted"]
        assert b.event_threads == {threading.get_ident()}


@pytest_twisted.ensureDeferred
async def test_an_observer_that_fails_silences_no_other(pcscd: Pcscd) -> None:
    async with bench(pcscd) as b:

        def broken(_event: object) -> None:
            raise ValueError("an observer's own mistake")

        b.readers.watch(broken)
        heard: list[str] = []
        b.readers.watch(lambda event: heard.append(event.kind))
        await b.insert(b.names[0])

        assert heard == ["inserted"]


@pytest.mark.parametrize("at", [1, 9])
@pytest_twisted.ensureDeferred
async def test_a_card_pulled_in_the_middle_is_withdrawn_and_the_next_card_is_read(pcscd: Pcscd, at: int) -> None:
    async with bench(pcscd) as b:
        reader = b.names[0]
        await b.insert(reader, "pulled", CardFaults(withdraw_at=at))

        assert await b.code(reader) == "card.withdrawn"
        await b.insert(reader, "employee")
        assert await b.code(reader) == "read"


@pytest_twisted.ensureDeferred
async def test_a_second_read_that_will_not_wait_is_told_that_the_reader_is_busy_and_the_first_goes_on(pcscd: Pcscd) -> None:
    async with bench(pcscd, busy_wait_s=0.0) as b:
        reader = b.names[0]
        await b.insert(reader, "employee", CardFaults(slow_s=0.02))
        first = b.begin(reader)

        assert b.state(reader) == "busy"
        assert await b.code(reader) == "reader.busy"
        assert isinstance(await first, CardRead)
        assert b.state(reader) == "card-present"


@pytest_twisted.ensureDeferred
async def test_a_second_read_waits_its_turn(pcscd: Pcscd) -> None:
    async with bench(pcscd, busy_wait_s=30.0) as b:
        reader = b.names[0]
        await b.insert(reader, "employee", CardFaults(slow_s=0.005))
        first, second = b.begin(reader), b.begin(reader)

        assert isinstance(await second, CardRead)
        assert first.called
        assert isinstance(await first, CardRead)
        assert b.state(reader) == "card-present"


@pytest_twisted.ensureDeferred
async def test_two_readers_are_read_at_the_same_time(pcscd: Pcscd) -> None:
    async with bench(pcscd) as b:
        one, other = b.names[0], b.names[2]
        await b.insert(one, "employee", CardFaults(slow_s=0.02))
        await b.insert(other, "resident")
        first = b.begin(one)

        assert await b.code(other) == "read"
        assert not first.called
        assert isinstance(await first, CardRead)


@pytest_twisted.ensureDeferred
async def test_a_slow_card_is_given_up_at_the_deadline_of_the_whole_read(pcscd: Pcscd) -> None:
    async with bench(pcscd, exchange_timeout_s=2.0, read_timeout_s=0.6) as b:
        reader = b.names[0]
        await b.insert(reader, "employee", CardFaults(slow_s=0.2))

        assert await b.code(reader) == "card.mute"
        await b.until(lambda: not b.readers.health().fault, "the thread gives up at its next step")
        assert b.state(reader) == "card-present"


@pytest_twisted.ensureDeferred
async def test_300_reads_good_and_bad_leak_no_handle(pcscd: Pcscd) -> None:
    async with bench(pcscd) as b:
        reader, empty = b.names[0], b.names[1]
        await b.insert(reader)
        good = [await b.code(reader) for _ in range(300)]
        absent = [await b.code(empty) for _ in range(250)]
        await b.insert(reader, "employee", CardFaults(status_at={5: 0x6F00}))
        bad = [await b.code(reader) for _ in range(250)]

        assert (set(good), set(absent), set(bad)) == ({"read"}, {"card.absent"}, {"card.broken"})


@pytest_twisted.ensureDeferred
async def test_a_read_that_nobody_awaits_any_more_frees_its_reader(pcscd: Pcscd) -> None:
    async with bench(pcscd) as b:
        reader = b.names[0]
        await b.insert(reader, "employee", CardFaults(slow_s=0.05))
        abandoned = b.begin(reader)
        abandoned.addErrback(lambda _: None)
        abandoned.cancel()
        await b.until_state(reader, "card-present")

        assert await b.code(reader) == "read"


@pytest_twisted.ensureDeferred
async def test_stopping_ends_a_read_under_way_and_every_thread(pcscd: Pcscd) -> None:
    async with bench(pcscd) as b:
        reader = b.names[0]
        await b.insert(reader, "employee", CardFaults(slow_s=0.05))
        going = b.begin(reader)
        await b.readers.stop()
        outcome = await going

        assert isinstance(outcome, Fault)
        assert outcome.code == "system.stopping"
        assert await b.code(reader) == "system.stopping"
        # A thread says that it ends as its last act; the interpreter takes a moment more to bury it.
        await b.until(lambda: not [t for t in threading.enumerate() if t.name.startswith("pcsc-")], "threads ended")


@pytest_twisted.ensureDeferred
async def test_a_mistake_of_ours_in_a_read_is_internal_and_the_reader_goes_on(pcscd: Pcscd) -> None:
    def broken(*_: object) -> object:
        raise ZeroDivisionError("123456789012345678")

    async with bench(pcscd, procedure=broken) as b:
        await b.insert(b.names[0])
        outcome = await b.read(b.names[0])

        assert isinstance(outcome, Fault)
        assert (outcome.code, outcome.detail) == ("system.internal", "card read: ZeroDivisionError")
        assert await b.code(b.names[0]) == "system.internal"
