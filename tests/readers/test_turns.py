"""One reader, one user at a time; the others in the order in which they came."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from middleware.domain.fault import Fault
from readers.turns import MAX_WAITING, Turns


def taking(turns: Turns, who: str, told: list[str]) -> Deferred[None]:
    async def take() -> None:
        try:
            await turns.take()
        except Fault as fault:
            told.append(f"{who} {fault.code}")
            return
        told.append(who)

    return Deferred.fromCoroutine(take())


def test_turns_come_in_the_order_of_asking_and_the_reader_is_free_after_the_last() -> None:
    turns, told = Turns(Clock(), 2.0), []
    for who in "abc":
        taking(turns, who, told)

    assert told == ["a"]
    turns.give()
    assert told == ["a", "b"]
    turns.give()
    turns.give()
    assert (told, turns.taken) == (["a", "b", "c"], False)


def test_who_waits_too_long_is_told_busy_and_the_next_is_not_skipped() -> None:
    clock, told = Clock(), []
    turns = Turns(clock, 2.0)
    taking(turns, "a", told)
    taking(turns, "b", told)
    clock.advance(1.5)
    taking(turns, "c", told)
    clock.advance(0.6)

    assert told == ["a", "b reader.busy"]
    turns.give()
    assert told[-1] == "c"
    assert not clock.getDelayedCalls()


def test_more_than_a_few_and_those_who_will_not_wait_are_told_busy_at_once() -> None:
    turns, told = Turns(Clock(), 2.0), []
    for number in range(MAX_WAITING + 2):
        taking(turns, str(number), told)
    impatient: list[str] = []
    hasty = Turns(Clock(), 0)
    taking(hasty, "a", impatient)
    taking(hasty, "b", impatient)

    assert told == ["0", f"{MAX_WAITING + 1} reader.busy"]
    assert impatient == ["a", "b reader.busy"]


@pytest.mark.parametrize("ends", [True, False])
def test_who_is_cancelled_or_told_of_the_end_holds_nothing(ends: bool) -> None:
    clock, told = Clock(), []
    turns = Turns(clock, 2.0)
    taking(turns, "a", told)
    waiting = taking(turns, "b", told)
    waiting.addErrback(lambda _: None)
    if ends:
        turns.end(Fault("system.stopping"))
    else:
        waiting.cancel()
    turns.give()

    assert told == (["a", "b system.stopping"] if ends else ["a"])
    assert not turns.taken
    assert not clock.getDelayedCalls()
