"""Two nodes on one database, both kinds: one transaction for one wish, and one node for what another left."""

from __future__ import annotations

import contextlib

import pytest
import pytest_twisted
import sqlalchemy as sa
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults

from middleware.domain import centre as c
from middleware.domain.centre import Call
from middleware.domain.fault import Fault
from middleware.domain.health import Condition
from middleware.domain.his import HisAccepted
from middleware.domain.outcome import Answered, Unknown
from middleware.engine.members import OUTBOX
from middleware.engine.tasks import sleep
from middleware.store import tables as t
from tests.support.counter import order_of, quoted, registered, rows
from tests.support.fakes import HIS, NOW, quote_order
from tests.support.rig import Rig


@contextlib.asynccontextmanager
async def two(store_url, lease_s=15.0, **policy):
    a = await Rig(store_url, node="a", lease_s=lease_s, **policy).start()
    b = await Rig(store_url, node="b", lease_s=lease_s, beside=a, **policy).start()
    nodes = [a, b]
    try:
        yield a, b
    finally:
        for node in nodes:
            if node.engine.stopping:
                continue
            await node.stop()


async def until(true):
    """Wait for it; a lost test run ends by its own limit."""
    for _ in range(2000):
        if true():
            return
        await sleep(reactor, 0.005)
    raise AssertionError("it never came")


def asks(wish):
    """Somebody asks whose answer the test does not need."""
    ensureDeferred(wish).addErrback(lambda failure: failure.trap(Fault))


def settlement(r, settlement_id):
    return r.reader.visit(r.reader.visit_of(settlement_id)).settlement(settlement_id)


def events(r):
    return [(row.event, row.visit_id) for row in rows(r, t.journal)]


@pytest_twisted.ensureDeferred
async def test_a_visit_begun_at_one_node_goes_on_at_the_other(store_url):
    async with two(store_url) as (a, b):
        visit = await registered(a)
        quote = await b.counter.quote(HIS, "q1", quote_order(visit["visit_id"], 10000))
        first = await a.counter.settle(HIS, "s1", order_of(quote))
        again = await b.counter.settle(HIS, "s1", order_of(quote))
        seen = await b.counter.get(HIS, settlement_id=quote["settlement_id"])

        assert first == again
        assert seen["money"] == "charged"
        assert len(a.centre.calls(Call.SETTLE)) == 1
        assert a.reader.broken(t.journal) is None


@pytest_twisted.ensureDeferred
async def test_invariant_6_the_same_key_at_two_nodes_at_once_is_one_transaction_and_one_answer(store_url):
    async with two(store_url) as (a, b):
        quote = await quoted(a)
        held = Deferred()
        a.centre.script[Call.SETTLE] = [held]
        both = gatherResults([ensureDeferred(node.counter.settle(HIS, "s1", order_of(quote))) for node in (a, b, a, b)])
        await until(lambda: a.centre.calls(Call.SETTLE))
        await sleep(reactor, 0.1)
        held.callback(Answered(c.Settled("SETL9", NOW, settlement(a, quote["settlement_id"]).quoted, "11", "1", "999900")))
        answers = await both

        assert len(a.centre.calls(Call.SETTLE)) == 1
        assert answers == [answers[0]] * 4
        assert answers[0]["settlement_number"] == "SETL9"


@pytest_twisted.ensureDeferred
async def test_invariant_7_two_taps_at_two_nodes_open_one_settlement(store_url):
    async with two(store_url) as (a, b):
        visit = await registered(a)
        one = await a.counter.quote(HIS, "q1", quote_order(visit["visit_id"], 10000))
        other = await b.counter.quote(HIS, "q2", quote_order(visit["visit_id"], 10000))
        a.centre.script[Call.SETTLE] = [Deferred(), Deferred()]
        for node, key, quote in ((a, "s1", one), (b, "s2", other)):
            asks(node.counter.settle(HIS, key, order_of(quote)))
        await until(lambda: a.centre.calls(Call.SETTLE))
        await sleep(reactor, 0.1)

        assert len(a.centre.calls(Call.SETTLE)) == 1
        states = {settlement(a, q["settlement_id"]).state.value for q in (one, other)}
        assert states == {"SettleSent", "Quoted"}


@pytest_twisted.ensureDeferred
async def test_a_reader_hears_at_once_what_the_other_node_wrote(store_url):
    async with two(store_url) as (a, b):
        quote = await quoted(a)
        before = await b.counter.get(HIS, settlement_id=quote["settlement_id"])
        await a.counter.settle(HIS, "s1", order_of(quote))
        after = await b.counter.get(HIS, settlement_id=quote["settlement_id"])

        assert (before["money"], after["money"]) == ("none", "charged")


@pytest_twisted.ensureDeferred
async def test_invariant_18_a_node_that_stood_still_past_its_lease_sends_nothing_and_joins_again(store_url):
    async with two(store_url) as (a, b):
        quote = await quoted(a)
        a.stood_still_s = 100.0
        with pytest.raises(Fault) as refused:
            await a.counter.settle(HIS, "s1", order_of(quote))
        assert a.members.health().condition is Condition.DOWN
        sent = list(a.centre.calls(Call.SETTLE))
        await a.members._turn()
        answer = await a.counter.settle(HIS, "s1", order_of(quote))

        assert refused.value.code == "system.node"
        assert sent == []
        assert answer["state"] == "Settled"
        assert b.members.living == 2


@pytest_twisted.ensureDeferred
async def test_invariant_18_not_even_when_it_stood_still_between_the_intent_and_the_first_byte(store_url):
    async with two(store_url) as (a, _b):
        quote = await quoted(a)
        a.centre.before_send = lambda call: setattr(a, "stood_still_s", 100.0)
        with pytest.raises(Fault, match=r"system\.node"):
            await a.counter.settle(HIS, "s1", order_of(quote))

        assert settlement(a, quote["settlement_id"]).state == "Quoted"


@pytest_twisted.ensureDeferred
async def test_what_a_killed_node_had_in_flight_is_unknown_and_pursued_by_the_other(store_url):
    async with two(store_url, reversible=frozenset({Call.SETTLE})) as (a, b):
        quote = await quoted(a)
        a.centre.script[Call.SETTLE] = [Deferred()]
        asks(a.counter.settle(HIS, "s1", order_of(quote)))
        await until(lambda: settlement(b, quote["settlement_id"]).state == "SettleSent")
        await a.crash()
        await b.outlive(a)
        await until(lambda: settlement(b, quote["settlement_id"]).state == "Reversed")

        assert len(a.centre.calls(Call.REVERSE)) == 1
        with pytest.raises(Fault, match="reversed"):
            await b.counter.settle(HIS, "s1", order_of(quote))
        ended = {row.message_id: row.outcome for row in rows(b, t.message) if row.call == Call.SETTLE}
        assert list(ended.values()) == ["unknown crash"]
        assert b.members.holds(OUTBOX)


@pytest_twisted.ensureDeferred
async def test_invariant_17_an_answer_to_a_node_that_was_taken_over_is_evidence_and_overwrites_nothing(store_url):
    async with two(store_url, first_check_s=60.0) as (a, b):
        quote = await quoted(a)
        held = Deferred()
        a.centre.script[Call.SETTLE] = [held]
        asks(a.counter.settle(HIS, "s1", order_of(quote)))
        await until(lambda: settlement(b, quote["settlement_id"]).state == "SettleSent")
        a.freeze()
        await b.outlive(a)
        await until(lambda: settlement(b, quote["settlement_id"]).state == "Unknown")
        held.callback(Answered(c.Settled("SETL9", NOW, settlement(a, quote["settlement_id"]).quoted, "11", "1", "999900")))
        await sleep(reactor, 0.05)
        assert settlement(b, quote["settlement_id"]).state == "Unknown"
        a.members._stopped = False
        await a.members._turn()
        await until(lambda: settlement(b, quote["settlement_id"]).state in {"Settled", "Delivered"})

        assert a.members.rejoined == 1
        late = [row for row in rows(b, t.message) if row.call == Call.SETTLE]
        assert [row.outcome for row in late] == ["late answered"]
        assert b.reader.broken(t.journal) is None


@pytest_twisted.ensureDeferred
async def test_what_is_due_at_a_dead_node_is_done_by_another_and_once(store_url):
    async with two(store_url, reversible=frozenset({Call.SETTLE}), first_check_s=0.9) as (a, b):
        quote = await quoted(a)
        a.centre.script[Call.SETTLE] = [Unknown("time-out")]
        with pytest.raises(Fault, match="unknown"):
            await a.counter.settle(HIS, "s1", order_of(quote))
        await a.crash()
        await b.outlive(a)
        await until(lambda: settlement(b, quote["settlement_id"]).state == "Reversed")

        assert len(a.centre.calls(Call.REVERSE)) == 1
        assert [event for event, _ in events(b)].count("DueTimePassed") == 1


@pytest_twisted.ensureDeferred
async def test_letters_of_both_nodes_leave_in_order_by_one_of_them(store_url):
    async with two(store_url) as (a, b):
        visits = [(await registered((a, b)[n % 2], key=f"r{n}"))["visit_id"] for n in range(4)]
        letters = [row.control_id for row in rows(a, t.outbox)]

        assert [control_id for control_id, _ in a.his.delivered] == letters
        assert len(set(visits)) == len(letters) == 4
        assert a.members.holds(OUTBOX)
        assert not b.members.holds(OUTBOX)


@pytest_twisted.ensureDeferred
async def test_an_answer_of_the_his_to_a_node_that_was_taken_over_closes_no_letter(store_url):
    async with two(store_url) as (a, b):
        held = Deferred()
        a.his.script = [held]
        asks(registered(a))
        await until(lambda: not a.his.script and rows(b, t.outbox))
        a.freeze()
        await b.outlive(a)
        await until(lambda: rows(b, t.outbox)[0].outcome == "accepted")
        written = len(rows(b, t.journal))
        held.callback(Answered(HisAccepted("PAT2")))
        a.members._stopped = False
        await a.members._turn()
        await sleep(reactor, 0.1)

        assert len(rows(b, t.journal)) == written
        with b.database.connect() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(t.outbox)) == 1


@pytest_twisted.ensureDeferred
async def test_who_leaves_in_order_is_waited_for_by_nobody(store_url):
    async with two(store_url, lease_s=60.0) as (a, b):
        await a.stop()
        seen = await b.journal.run(lambda writer: writer.renew(["outbox"]))
        await b.members._turn()

        assert seen.tasks == {"outbox"}
        assert b.members.holds(OUTBOX)
        assert b.members.living == 1
        assert b.members.health().condition is Condition.GOOD
