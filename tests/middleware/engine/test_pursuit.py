"""Many open doubts at once: a start finds them all, and their pursuit leaves room for the counters."""

from __future__ import annotations

import contextlib

import pytest_twisted
from twisted.internet.defer import Deferred

from middleware.domain import centre as c
from middleware.domain.centre import Call
from middleware.domain.outcome import Answered, Unknown
from middleware.domain.visit import SettlementState as S
from middleware.engine import runner
from middleware.engine.tasks import sleep, spawn, together
from tests.middleware.engine.test_service import order_of, quoted, until
from tests.support.fakes import HIS
from tests.support.rig import Rig

MANY = 12


async def doubtful(r, count):
    """So many settlements of as many visits, each without an answer to its 2207."""
    quotes = [await quoted(r, key=f"q{n}") for n in range(count)]
    r.centre.script[Call.SETTLE] = [Unknown("time-out") for _ in quotes]
    for n, quote in enumerate(quotes):
        spawn(_settle(r, f"s{n}", order_of(quote)), "settle")
    for quote in quotes:
        await until(r, quote["settlement_id"], S.UNKNOWN, S.REVERSAL_INTENDED, S.REVERSAL_SENT, S.REVERSED)
    return [quote["settlement_id"] for quote in quotes]


async def _settle(r, key, order):
    with contextlib.suppress(Exception):  # it hears that the outcome is unknown, then that it was reversed
        await r.counter.settle(HIS, key, order)


@pytest_twisted.ensureDeferred
async def test_doubts_are_pursued_a_few_at_a_time_and_all_in_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "MAX_PURSUED", 3)
    r = await Rig(tmp_path).start()
    answers = [Deferred() for _ in range(MANY)]
    r.centre.script[Call.REVERSE] = list(answers)
    asked = lambda: sum(call is Call.REVERSE for _, call, _ in r.centre.sent)  # noqa: E731
    most = 0
    try:
        ids = await doubtful(r, MANY)
        for done, answer in enumerate(answers):
            while asked() <= done:
                await sleep(r.engine.means.clock, 0)
            most = max(most, asked() - done)
            answer.callback(Answered(c.Reversed()))
        for settlement_id in ids:
            await until(r, settlement_id, S.REVERSED)
    finally:
        await r.stop()

    assert (asked(), most) == (MANY, 3)


@pytest_twisted.ensureDeferred
async def test_together_waits_for_all_and_raises_what_the_first_raised():
    slow, seen = Deferred(), []

    async def waits():
        await slow
        seen.append("waited")

    async def fails():
        raise ValueError("first")

    both = spawn(_caught(together([fails(), waits()]), seen), "both")
    assert seen == []
    slow.callback(None)
    await both
    assert seen == ["waited", "first"]


async def _caught(coroutine, seen):
    try:
        await coroutine
    except ValueError as exc:
        seen.append(str(exc))
