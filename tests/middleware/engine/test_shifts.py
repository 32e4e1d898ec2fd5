"""Batches of terminals through the real engine and store, on both databases; the rule is tested in flow/test_shift.py."""

from __future__ import annotations

import datetime as dt
import json

import pytest
import pytest_twisted
import sqlalchemy as sa
from attrs import evolve
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults

from middleware.domain import centre as c
from middleware.domain.centre import Call
from middleware.domain.fault import Fault
from middleware.domain.order import CancelOrder
from middleware.domain.outcome import Answered, Unknown
from middleware.domain.shift import ShiftOrder
from middleware.doors.local_api.methods import METHODS
from middleware.store import tables as t
from middleware.store.codec import encode
from middleware.store.shifts import shifts_agree
from tests.middleware.engine.test_nodes import two
from tests.middleware.engine.test_payments import agreed
from tests.middleware.engine.test_payments import rig as bank_rig
from tests.middleware.engine.test_payments import until as leg_until
from tests.support.counter import order_of, quoted, rig, rows, until
from tests.support.fakes import HIS, NOW, POS
from tests.support.rig import Rig

CLOSE, EVEN_EMPTY = ShiftOrder(), ShiftOrder(allow_empty=True)
NOTHING = {"count": 0, "total": "0.00", "fund": "0.00", "account": "0.00", "cash": "0.00", "bank": "0.00"}
ONE = {"count": 1, "total": "100.00", "fund": "60.00", "account": "0.00", "cash": "40.00", "bank": "0.00"}


async def sold(r, key, caller=POS):
    quote = await quoted(r, caller, "q" + key)
    return await r.counter.settle(caller, "s" + key, order_of(quote))


async def kinds(r, number, caller=POS):
    shown = await r.counter.shift(caller, number, 0, 100)
    METHODS["shift.get"].check_result(shown)
    return [(row["kind"], row["settlement_id"]) for row in shown["rows"]]


@pytest_twisted.ensureDeferred
async def test_invariant_16_a_batch_is_numbered_without_gap_and_a_later_undoing_is_a_row_of_the_next(store_url):
    async with rig(store_url) as r:
        first, other = await sold(r, "1"), await sold(r, "2", HIS)
        one = await r.counter.close_shift(POS, "b1", CLOSE)
        as_told = await r.counter.shift(POS, 1, 0, 100)
        await r.counter.cancel(POS, "c1", CancelOrder(first["settlement_id"]))
        second = await r.counter.close_shift(POS, "b2", CLOSE)
        his = await r.counter.close_shift(HIS, "b1", CLOSE)  # another account's key, another terminal's batch

        METHODS["shift.close"].check_result(one)
        assert (one["number"], one["rows"], one["settled"], one["cancelled"]) == (1, 1, ONE, NOTHING)
        assert (second["number"], second["rows"], second["settled"], second["cancelled"]) == (2, 1, NOTHING, ONE)
        assert (his["number"], his["settled"]) == (1, ONE)
        assert one["journal"]["last"] == second["journal"]["after"]
        assert await kinds(r, 1) == [("settled", first["settlement_id"])]
        assert await kinds(r, 2) == [("cancelled", first["settlement_id"])]
        assert await kinds(r, 0, HIS) == [("settled", other["settlement_id"])]
        assert (await r.counter.shift(POS, 0, 0, 100))["rows"][0]["total"] == "-100.00"
        assert encode(await r.counter.shift(POS, 1, 0, 100)) == encode(as_told)
        assert encode(as_told["batch"]) == encode(one)
        shifts_agree(r.database)


@pytest_twisted.ensureDeferred
async def test_invariant_16_the_same_request_closes_once_and_is_answered_alike_also_after_a_restart(store_url):
    r = await Rig(store_url).start()
    await sold(r, "1")
    both = await gatherResults([ensureDeferred(r.counter.close_shift(POS, "b1", CLOSE)) for _ in range(3)])
    await sold(r, "2")
    await r.crash()
    r = await Rig(store_url).start()

    assert [encode(one) for one in both] == [encode(await r.counter.close_shift(POS, "b1", CLOSE))] * 3
    with pytest.raises(Fault, match="key_reused"):
        await r.counter.close_shift(POS, "b1", EVEN_EMPTY)
    assert [row.number for row in rows(r, t.shift_batch)] == [1]
    assert [row.event for row in rows(r, t.journal)].count("ShiftClosed") == 1
    await r.stop()


@pytest_twisted.ensureDeferred
async def test_a_batch_without_rows_is_closed_only_when_that_is_asked_for(store_url):
    async with rig(store_url) as r:
        with pytest.raises(Fault) as caught:
            await r.counter.close_shift(POS, "b1", CLOSE)
        with pytest.raises(Fault) as none:
            await r.counter.shift(POS, 0, 0, 10)
        empty = await r.counter.close_shift(POS, "b2", EVEN_EMPTY)
        await sold(r, "1")
        full = await r.counter.close_shift(POS, "b1", CLOSE)  # what was refused was not kept

        assert (caught.value.code, none.value.code) == ("shift.empty", "request.not_found")
        assert (empty["number"], empty["rows"], empty["settled"]) == (1, 0, NOTHING)
        assert (full["number"], full["rows"]) == (2, 1)


@pytest_twisted.ensureDeferred
async def test_invariant_16_what_is_unknown_is_named_and_falls_into_the_batch_in_which_it_becomes_certain(store_url):
    async with rig(store_url) as r:
        first = await sold(r, "1")
        quote = await quoted(r, POS, "q2")
        answer = Deferred()
        r.centre.script[Call.SETTLE] = [answer]
        asked = ensureDeferred(r.counter.settle(POS, "s2", order_of(quote)))
        asked.addErrback(lambda failure: failure.trap(Fault))
        await until(r, quote["settlement_id"], "SettleSent")
        one = await r.counter.close_shift(POS, "b1", CLOSE)
        known = r.reader.visit(r.reader.visit_of(quote["settlement_id"])).settlement(quote["settlement_id"]).quoted
        answer.callback(Answered(c.Settled("SETL9", NOW, known, "11", "1", "999900")))
        await asked
        two_ = await r.counter.close_shift(POS, "b2", CLOSE)

        assert one["unknown"] == {"count": 1, "settlements": [quote["settlement_id"]]}
        assert await kinds(r, 1) == [("settled", first["settlement_id"])]
        assert two_["unknown"] == {"count": 0, "settlements": []}
        assert await kinds(r, 2) == [("settled", quote["settlement_id"])]


@pytest_twisted.ensureDeferred
async def test_invariant_16_what_was_reversed_was_never_in_a_batch(store_url):
    async with rig(store_url) as r:
        quote = await quoted(r, POS)
        r.centre.script[Call.SETTLE] = [Unknown("time-out")]
        with pytest.raises(Fault):
            await r.counter.settle(POS, "s1", order_of(quote))
        await until(r, quote["settlement_id"], "Reversed")
        batch = await r.counter.close_shift(POS, "b1", EVEN_EMPTY)

        assert (batch["rows"], batch["unknown"]["count"]) == (0, 0)


@pytest_twisted.ensureDeferred
async def test_invariant_16_a_clock_that_steps_back_loses_nothing_and_counts_nothing_twice(store_url):
    async with rig(store_url, processing_limit_s=0.0) as r:
        first = await sold(r, "1")
        await r.counter.close_shift(POS, "b1", CLOSE)
        r.offset = dt.timedelta(hours=-1)
        second = await sold(r, "2")
        await r.counter.close_shift(POS, "b2", CLOSE)

        assert await kinds(r, 1) == [("settled", first["settlement_id"])]
        assert await kinds(r, 2) == [("settled", second["settlement_id"])]


@pytest_twisted.ensureDeferred
async def test_invariant_16_two_nodes_and_two_keys_at_once_put_each_row_into_one_batch(store_url):
    async with two(store_url) as (a, b):
        ids = [(await sold(node, key))["settlement_id"] for node, key in ((a, "1"), (b, "2"))]
        same = [ensureDeferred(node.counter.close_shift(POS, "b1", EVEN_EMPTY)) for node in (a, b)]
        others = [ensureDeferred(node.counter.close_shift(POS, f"b{n}", EVEN_EMPTY)) for n, node in ((2, a), (3, b))]
        answers = await gatherResults([*same, *others])
        found = [await kinds(a, number) for number in (1, 2, 3)]

        assert encode(answers[0]) == encode(answers[1])
        assert sorted({one["number"] for one in answers}) == [1, 2, 3]
        assert sorted(one for batch in found for one in batch) == [("settled", sid) for sid in sorted(ids)]
        shifts_agree(b.database)


@pytest_twisted.ensureDeferred
async def test_invariant_16_rows_are_paged_and_end(store_url):
    async with rig(store_url) as r:
        ids = [(await sold(r, str(n)))["settlement_id"] for n in range(3)]
        await r.counter.close_shift(POS, "b1", CLOSE)
        await sold(r, "after")
        first = await r.counter.shift(POS, 1, 0, 2)
        rest = await r.counter.shift(POS, 1, first["next_after"], 2)
        none = await r.counter.shift(POS, 1, rest["next_after"], 2)

        assert [row["settlement_id"] for row in (*first["rows"], *rest["rows"])] == ids
        assert [row["row"] for row in (*first["rows"], *rest["rows"])] == [1, 2, 3]
        assert [(page["complete"], page["next_after"]) for page in (first, rest, none)] == [
            (False, 2),
            (True, 3),
            (True, 3),
        ]
        with pytest.raises(Fault, match="not_found"):
            await r.counter.shift(evolve(POS, terminal="till-2"), 1, 0, 2)


@pytest_twisted.ensureDeferred
async def test_the_banks_part_is_in_the_batch_in_which_the_bank_said_yes(store_url):
    async with bank_rig(store_url) as r:
        order = await agreed(r)
        await r.counter.settle(HIS, "s1", order)
        await leg_until(r, order.settlement_id, "Captured")
        batch = await r.counter.close_shift(HIS, "b1", CLOSE)

        assert [kind for kind, _ in await kinds(r, 1, HIS)] == ["settled", "captured"]
        assert (batch["settled"]["count"], batch["settled"]["bank"]) == (1, order.cash.yuan)


@pytest.mark.parametrize("change", ["row", "body", "gap"])
@pytest_twisted.ensureDeferred
async def test_a_batch_that_is_not_what_its_rows_are_is_found(store_url, change):
    async with rig(store_url) as r:
        await sold(r, "1")
        told = await r.counter.close_shift(POS, "b1", CLOSE)
        if change == "row":
            statement = sa.update(t.shift_row).values(cash_fen=t.shift_row.c.cash_fen + 1)
        elif change == "body":
            changed = told | {"settled": told["settled"] | {"fund": "60.01"}}
            statement = sa.update(t.shift_batch).values(body=json.dumps(changed))
        else:
            statement = sa.update(t.shift_batch).values(number=2)
        with r.database.begin() as connection:
            connection.execute(statement)

        with pytest.raises(Fault, match=r"batch [12] of terminal"):
            shifts_agree(r.database)
