"""Many open doubts at once: a start finds them all, and their pursuit leaves room for the counters."""

from __future__ import annotations

import contextlib
import datetime as dt

import pytest
import pytest_twisted
from attrs import evolve
from twisted.internet.defer import Deferred

from middleware.domain import centre as c
from middleware.domain.centre import Call
from middleware.domain.command import WakeAt
from middleware.domain.fault import Fault
from middleware.domain.order import CancelOrder
from middleware.domain.outcome import Answered, Unknown
from middleware.domain.pursuit import Source
from middleware.domain.visit import SettlementState as S
from middleware.doors.local_api.methods import METHODS
from middleware.engine import runner
from middleware.engine.tasks import sleep, spawn, together
from middleware.store import tables as t
from tests.support.counter import order_of, quoted, rows, until
from tests.support.fakes import HIS, quote_order
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
            while asked() < min(done + 3, MANY):
                await sleep(r.engine.means.clock, 0.002)
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


NOBODY = {"reversible": frozenset(), "query_visits": True}


async def waiting_for_the_file(r, key="s1"):
    """A settlement without an answer that 2601 may not name, when 5201 has been asked about it."""
    quote = await quoted(r, key="q" + key)
    r.centre.script[Call.SETTLE] = [Unknown("time-out")]
    with pytest.raises(Fault) as heard:
        await r.counter.settle(HIS, key, order_of(quote))
    assert heard.value.code == "settlement.outcome_unknown"
    while True:
        s = (await r.engine.visits.visit(quote["visit_id"])).settlement(quote["settlement_id"])
        if s.pursuit is not None and s.pursuit.asking is Source.FILE:
            return quote, s
        await sleep(r.engine.means.clock, 0.002)


@pytest_twisted.ensureDeferred
async def test_what_may_not_be_reversed_is_asked_by_5201_and_every_asker_hears_what_is_done_and_when(store_url):
    r = await Rig(store_url, file_at=dt.time(2, 30), **NOBODY).start()
    try:
        quote, s = await waiting_for_the_file(r)
        due = s.next_due.isoformat()
        heard = []
        second = quote_order(quote["visit_id"], 500)
        for ask in (
            r.counter.settle(HIS, "s1", order_of(quote)),  # the same once more
            r.counter.settle(HIS, "s2", order_of(quote)),  # with another key
            r.counter.cancel(HIS, "c1", CancelOrder(quote["settlement_id"])),
            r.counter.quote(HIS, "q9", second),  # the second till
        ):
            with pytest.raises(Fault) as caught:
                await ask
            heard.append((caught.value.code, "doing file" in caught.value.detail, due[:19] in caught.value.detail))
        got = await r.counter.get(HIS, settlement_id=quote["settlement_id"])
        shown = await r.desk.show(quote["settlement_id"])
    finally:
        await r.stop()

    unknown = ("settlement.outcome_unknown", True, True)
    assert heard == [unknown, unknown, unknown, ("visit.locked", True, True)]
    assert (got["state"], got["money"], got["next_check_at"]) == ("Unknown", "unknown", due)
    assert got["pursuit"] == shown["pursuit"]
    assert (got["pursuit"]["doing"], got["pursuit"]["asked"]) == ("file", ["reversal", "visit-query"])
    assert got["pursuit"]["person_at"] > due
    assert got["pursuit"]["shown"]["message_id"] == r.centre.calls(Call.QUERY_VISITS)[0]
    assert [one["event"] for one in shown["journal"]].count("CentreShowedVisits") == 1
    assert (len(r.centre.calls(Call.QUERY_VISITS)), r.centre.calls(Call.REVERSE)) == (1, [])
    METHODS["settlement.get"].check_result(got)
    METHODS["desk.show"].check_result(shown)


@pytest_twisted.ensureDeferred
async def test_invariant_10_at_the_limit_in_time_a_person_gets_it_and_is_told(tmp_path):
    r = await Rig(tmp_path, file_at=dt.time(2, 30), doubt_limit_s=0.6, **NOBODY).start()
    alarms = []
    r.engine.means = evolve(r.engine.means, handed_over=lambda: alarms.append("person"))
    try:
        quote, _ = await waiting_for_the_file(r)
        s = await until(r, quote["settlement_id"], S.MANUAL)
        got = await r.counter.get(HIS, settlement_id=quote["settlement_id"])
    finally:
        await r.stop()

    assert alarms == ["person"]
    assert "not established within" in s.trouble.detail
    assert "5201 showed" in s.trouble.detail
    assert (got["pursuit"]["doing"], "next_check_at" in got) == ("person", False)


@pytest_twisted.ensureDeferred
async def test_a_wait_for_the_file_is_looked_at_now_and_then_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "longest_wait_s", lambda _policy: 0.01)
    r = await Rig(tmp_path, file_at=dt.time(2, 30), **NOBODY).start()
    try:
        await waiting_for_the_file(r)
        looked = []
        real = r.engine.visits.owned
        r.engine.visits.owned = lambda *args: (looked.append(args), real(*args))[1]
        before = r.reader.head(t.journal)
        while len(looked) < 5:
            await sleep(r.engine.means.clock, 0.005)
        after = r.reader.head(t.journal)
    finally:
        await r.stop()

    assert after == before


@pytest_twisted.ensureDeferred
async def test_a_crash_while_5201_is_asked_and_while_the_file_is_awaited_leaves_a_due_time(tmp_path):
    r = await Rig(tmp_path, file_at=dt.time(2, 30), repeat_max_s=0.05, **NOBODY).start()
    quote = await quoted(r)
    r.centre.script[Call.SETTLE] = [Unknown("time-out")]
    r.centre.script[Call.QUERY_VISITS] = [Deferred()]
    with pytest.raises(Fault):
        await r.counter.settle(HIS, "s1", order_of(quote))
    while not r.centre.calls(Call.QUERY_VISITS):
        await sleep(r.engine.means.clock, 0.002)
    await r.crash()

    again = Rig(tmp_path, file_at=dt.time(2, 30), repeat_max_s=0.05, **NOBODY)
    again.centre = r.centre
    await again.start()
    try:
        while True:
            s = (await again.engine.visits.visit(quote["visit_id"])).settlement(quote["settlement_id"])
            if s.pursuit.asking is Source.FILE:
                break
            await sleep(again.engine.means.clock, 0.002)
        outcomes = [row.outcome for row in rows(again, t.message) if row.call == "5201"]
    finally:
        await again.stop()

    assert (s.state, s.next_due is not None, s.shown is not None) == (S.UNKNOWN, True, True)
    assert outcomes == ["unknown crash", "answered"]


@pytest_twisted.ensureDeferred
async def test_one_node_pursues_a_doubt_and_one_whose_lease_is_over_asks_nothing(store_url):
    policy = NOBODY | {"file_at": dt.time(2, 30), "first_check_s": 1}
    a = await Rig(store_url, node="a", **policy).start()
    b = await Rig(store_url, node="b", beside=a, **policy).start()
    try:
        quote = await quoted(a)
        a.centre.script[Call.SETTLE] = [Unknown("time-out")]
        with pytest.raises(Fault):
            await a.counter.settle(HIS, "s1", order_of(quote))
        wake = WakeAt(quote["settlement_id"], b.now())
        await b.engine._apply_due(quote["visit_id"], wake)  # as if it, too, had a timer for it
        assert a.centre.calls(Call.QUERY_VISITS) == []
        a.stood_still_s = 1000  # its lease is over when the doubt is due
        while not [row for row in rows(b, t.journal) if row.event == "VisitQueryFailed"]:
            assert a.centre.calls(Call.QUERY_VISITS) == []
            await sleep(a.engine.means.clock, 0.005)
        assert a.centre.calls(Call.QUERY_VISITS) == []
    finally:
        a.stood_still_s = 0
        await b.stop()
        await a.stop()
