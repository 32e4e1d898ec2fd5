"""The payer's leg through the real engine and store, with bank and centre in memory."""

from __future__ import annotations

import contextlib
import json

import pytest
import pytest_twisted
import sqlalchemy as sa
from attrs import evolve
from twisted.internet.defer import Deferred, ensureDeferred

from middleware.domain.centre import Call, Reversed
from middleware.domain.decision import Decision, Evidence, EvidenceKind, Verdict
from middleware.domain.fault import Fault
from middleware.domain.money import Money
from middleware.domain.order import Caller, CancelOrder, Role, SettleOrder
from middleware.domain.outcome import Answered, NotSent, Refused, Unknown
from middleware.domain.payment import BankCall, BankRefusal, LegState, RefusalReason
from middleware.store import tables as t
from tests.support.bank import BY_CARD, CARD, REPLY, FakeBank
from tests.support.fakes import HIS, quote_order, register_order, split
from tests.support.rig import Rig

C, L = BankCall, LegState
NO_FUNDS = BankRefusal("51", "余额不足", RefusalReason.FUNDS)
NOT_FOUND = BankRefusal("25", "找不到", RefusalReason.OTHER, not_found=True)
LI, WANG = Caller(Role.OPERATOR, "li"), Caller(Role.OPERATOR, "wang")
PHONE = Evidence(EvidenceKind.TELEPHONE, "bank desk, call 4")


@contextlib.asynccontextmanager
async def rig(store_url, **policy):
    made = Rig(store_url, **{"bank_limit_s": 0.0, **policy})
    made.bank = FakeBank()
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def agreed(r, key="q1"):
    read = await r.counter.read_card(HIS, "Virtual 00")
    visit = await r.counter.register(HIS, "r-" + key, register_order(read["card_read_id"]))
    quote = await r.counter.quote(HIS, key, quote_order(visit["visit_id"], 10000))
    split = quote["split"]
    return SettleOrder(quote["settlement_id"], Money.parse(split["total"]), Money.parse(split["cash"]), BY_CARD)


async def fault(asked):
    with pytest.raises(Fault) as caught:
        await asked
    return caught.value.code


async def until(r, settlement_id, *states):
    """The settlement, once its newest leg is in one of these states."""
    visit = await r.engine.visits.visit(r.reader.visit_of(settlement_id))
    done, _ = r.engine.visits.wait(
        visit, lambda seen: seen.settlement(settlement_id).legs and seen.settlement(settlement_id).leg.state in states
    )
    return (await done).settlement(settlement_id)


def rows(r, table):
    with r.database.connect() as connection:
        return connection.execute(sa.select(table).order_by(*table.primary_key)).all()


@pytest_twisted.ensureDeferred
async def test_the_own_share_is_held_before_the_2207_and_exactly_that_is_captured_after_it(store_url):
    async with rig(store_url) as r:
        order = await agreed(r)
        seen = []
        r.centre.before_send = lambda call: seen.append((call.call, list(r.bank.calls())))
        settled = await r.counter.settle(HIS, "s1", order)
        s = await until(r, order.settlement_id, L.CAPTURED)

        assert settled["state"] == "Settled"
        assert seen[-1] == (Call.SETTLE, [C.HOLD])
        assert r.bank.calls() == [C.HOLD, C.CAPTURE]
        assert [request.traced.amount for _, _, request in r.bank.sent] == [order.cash, s.settled.split.cash]
        view = await r.counter.get(HIS, settlement_id=order.settlement_id)
        assert (view["payment"]["state"], view["payment"]["charged"]) == ("Captured", order.cash.yuan)


@pytest_twisted.ensureDeferred
async def test_invariant_4_no_message_reaches_the_bank_before_its_intent_is_durable(store_url):
    async with rig(store_url) as r:
        seen = []

        def look(call):
            found = [row for row in rows(r, t.message) if row.message_id == call.message_id]
            seen.append([(row.call, row.digest) for row in found] == [(call.call, call.digest)])

        r.bank.before_send = look
        order = await agreed(r)
        await r.counter.settle(HIS, "s1", order)
        await until(r, order.settlement_id, L.CAPTURED)

        assert seen == [True, True]


@pytest_twisted.ensureDeferred
async def test_invariant_21_the_card_is_in_no_record_and_in_no_table_once_nothing_will_name_it(store_url):
    async with rig(store_url) as r:
        order = await agreed(r)
        waiting = Deferred()
        r.bank.script[C.HOLD] = [waiting]
        asked = ensureDeferred(r.counter.settle(HIS, "s1", order))
        await until(r, order.settlement_id, L.HOLD_INTENDED)

        kept = [row.card_ref for row in rows(r, t.payer)]
        assert len(kept) == 1
        assert r.reader.card(kept[0]) == evolve(CARD, track2="", pin_block="")
        assert r.bank.sent[0][2].card == CARD
        waiting.callback(Answered(REPLY))
        await asked
        await until(r, order.settlement_id, L.CAPTURED)
        assert rows(r, t.payer) == []
        secrets = (CARD.number, CARD.track2, CARD.pin_block)
        for table in t.metadata.tables.values():
            text = repr(rows(r, table))
            assert not [one for one in secrets if one in text], table.name


@pytest_twisted.ensureDeferred
async def test_a_refused_hold_says_why_and_the_bill_can_be_settled_by_other_means(store_url):
    async with rig(store_url) as r:
        order = await agreed(r)
        r.bank.script[C.HOLD] = [NO_FUNDS]

        assert await fault(r.counter.settle(HIS, "s1", order)) == "payment.refused"
        assert await fault(r.counter.settle(HIS, "s1", order)) == "payment.refused"
        assert r.bank.calls() == [C.HOLD]
        assert r.centre.calls(Call.SETTLE) == []
        settled = await r.counter.settle(HIS, "s2", SettleOrder(order.settlement_id, order.total, order.cash))
        assert settled["state"] == "Settled"
        assert r.bank.calls() == [C.HOLD]


@pytest_twisted.ensureDeferred
async def test_a_hold_without_an_answer_is_reversed_and_no_2207_leaves(store_url):
    async with rig(store_url) as r:
        order = await agreed(r)
        r.bank.script[C.HOLD] = [Unknown("time-out")]
        r.bank.script[C.REVERSE] = [Unknown("time-out"), NotSent("payment.unreachable"), Answered(REPLY)]

        assert await fault(r.counter.settle(HIS, "s1", order)) == "payment.outcome_unknown"
        await until(r, order.settlement_id, L.RELEASED)
        assert r.bank.calls() == [C.HOLD, C.REVERSE, C.REVERSE, C.REVERSE]
        held = r.bank.sent[0][2].traced
        assert [request.traced for _, call, request in r.bank.sent if call is C.REVERSE] == [held] * 3
        assert [request.repeat for _, call, request in r.bank.sent if call is C.REVERSE] == [False, True, True]
        assert r.centre.calls(Call.SETTLE) == []
        assert await fault(r.counter.settle(HIS, "s1", order)) == "payment.reversed"
        assert (await r.counter.settle(HIS, "s2", order))["state"] == "Settled"


@pytest_twisted.ensureDeferred
async def test_while_a_hold_is_in_doubt_the_visit_takes_no_other_money(store_url):
    async with rig(store_url, first_check_s=30) as r:
        order = await agreed(r)
        r.bank.script[C.HOLD] = [Unknown("time-out")]
        await fault(r.counter.settle(HIS, "s1", order))
        visit_id = r.reader.visit_of(order.settlement_id)

        assert await fault(r.counter.settle(HIS, "s2", order)) == "payment.outcome_unknown"
        assert await fault(r.counter.quote(HIS, "q2", quote_order(visit_id, 500))) == "visit.locked"
        assert (await r.counter.get(HIS, settlement_id=order.settlement_id))["money"] == "unknown"
        assert (await r.counter.shift_totals(HIS, r.now(), r.now()))["unknown"] == {"count": 1}


@pytest.mark.parametrize("end", [Refused("1", "no"), ("not-sent", NotSent("centre.unreachable"))])
@pytest_twisted.ensureDeferred
async def test_when_the_centre_does_not_settle_the_hold_is_given_back(store_url, end):
    async with rig(store_url) as r:
        order = await agreed(r)
        r.centre.script[Call.SETTLE] = [end]

        await fault(r.counter.settle(HIS, "s1", order))
        s = await until(r, order.settlement_id, L.RELEASED)
        assert r.bank.calls() == [C.HOLD, C.RELEASE]
        assert (s.state, s.leg.charged) == ("Quoted", Money(0))
        assert (await r.counter.settle(HIS, "s2", order))["state"] == "Settled"


@pytest_twisted.ensureDeferred
async def test_an_unknown_2207_keeps_the_hold_until_the_centre_is_known(store_url):
    async with rig(store_url) as r:
        order = await agreed(r)
        reversal = Deferred()
        r.centre.script[Call.SETTLE] = [Unknown("time-out")]
        r.centre.script[Call.REVERSE] = [reversal]

        assert await fault(r.counter.settle(HIS, "s1", order)) == "settlement.outcome_unknown"
        await until(r, order.settlement_id, L.HELD)
        assert r.bank.calls() == [C.HOLD]
        reversal.callback(Answered(Reversed()))
        await until(r, order.settlement_id, L.RELEASED)
        assert r.bank.calls() == [C.HOLD, C.RELEASE]


@pytest_twisted.ensureDeferred
async def test_a_lost_capture_is_repeated_with_the_same_data_until_it_is_answered(store_url):
    async with rig(store_url) as r:
        order = await agreed(r)
        r.bank.script[C.CAPTURE] = [Unknown("time-out"), Unknown("connection-lost"), Answered(REPLY)]
        await r.counter.settle(HIS, "s1", order)
        await until(r, order.settlement_id, L.CAPTURED)

        taken = [request.traced for _, call, request in r.bank.sent if call is C.CAPTURE]
        assert taken == [taken[0]] * 3
        sums = await r.counter.shift_totals(HIS, r.now().replace(year=2020), r.now().replace(year=2030))
        assert sums["settled"]["bank"] == order.cash.yuan


@pytest.mark.parametrize("cancels", [False, True])
@pytest_twisted.ensureDeferred
async def test_a_refused_capture_is_the_regions_policy_and_never_lost(store_url, cancels):
    async with rig(store_url, cancel_on_capture_refusal=cancels) as r:
        order = await agreed(r)
        r.bank.script[C.CAPTURE] = [NO_FUNDS]
        await r.counter.settle(HIS, "s1", order)
        s = await until(r, order.settlement_id, L.RELEASED if cancels else L.COLLECT)

        assert r.bank.calls() == [C.HOLD, C.CAPTURE, C.RELEASE]
        if cancels:
            done, _ = r.engine.visits.wait(
                await r.engine.visits.visit(r.reader.visit_of(s.settlement_id)),
                lambda seen: seen.settlement(s.settlement_id).state == "Cancelled",
            )
            await done
            return
        row = (await r.desk.list("", 10))["rows"][0]
        assert row["payment"]["fault"]["code"] == "payment.collect"
        shown = await r.desk.propose(LI, s.settlement_id, Decision(Verdict.PAYMENT_COLLECTED), PHONE)
        assert await fault(r.desk.approve(LI, s.settlement_id, shown["proposal"]["proposal"])) == "desk.same_person"
        done = await r.desk.approve(WANG, s.settlement_id, shown["proposal"]["proposal"])
        assert (done["payment"]["state"], done["decided"]["approved_by"]) == ("Collected", "wang")
        assert (await r.desk.list("", 10))["rows"] == []


@pytest_twisted.ensureDeferred
async def test_a_cancel_is_refunded_after_the_centre_said_yes_and_not_before(store_url):
    async with rig(store_url) as r:
        order = await agreed(r)
        await r.counter.settle(HIS, "s1", order)
        await until(r, order.settlement_id, L.CAPTURED)
        seen = []
        r.bank.before_send = lambda call: seen.append((call.call, len(r.centre.calls(Call.CANCEL))))
        await r.counter.cancel(HIS, "c1", CancelOrder(order.settlement_id))
        s = await until(r, order.settlement_id, L.REFUNDED)

        assert seen == [(C.REFUND, 1)]
        assert (s.leg.charged, r.bank.sent[-1][2].traced.amount) == (Money(0), order.cash)


@pytest_twisted.ensureDeferred
async def test_a_refund_without_an_answer_is_never_sent_again_and_two_persons_decide(store_url):
    async with rig(store_url) as r:
        order = await agreed(r)
        await r.counter.settle(HIS, "s1", order)
        await until(r, order.settlement_id, L.CAPTURED)
        r.bank.script[C.REFUND] = [Unknown("time-out")]
        await r.counter.cancel(HIS, "c1", CancelOrder(order.settlement_id))
        await until(r, order.settlement_id, L.MANUAL)

        assert r.bank.calls().count(C.REFUND) == 1
        assert await fault(r.desk.propose(LI, order.settlement_id, Decision(Verdict.PAYMENT_CAPTURED), PHONE))
        shown = await r.desk.propose(LI, order.settlement_id, Decision(Verdict.PAYMENT_NOT_REFUNDED), PHONE)
        await r.desk.approve(WANG, order.settlement_id, shown["proposal"]["proposal"])
        await until(r, order.settlement_id, L.REFUNDED)
        assert r.bank.calls().count(C.REFUND) == 2


@pytest_twisted.ensureDeferred
async def test_a_settled_share_greater_than_the_hold_is_for_a_person_and_a_smaller_one_is_captured(store_url):
    async with rig(store_url) as r:
        plain = r.centre.reply
        for settled, state in ((split(10000, 6000, 100), L.CAPTURED), (split(10000, 5900, 0), L.MANUAL)):
            r.centre.reply = plain
            order = await agreed(r, f"q{state}")
            r.centre.reply = lambda request, settled=settled: evolve(plain(request), split=settled)
            await r.counter.settle(HIS, f"s{state}", order)
            s = await until(r, order.settlement_id, state)
            assert s.leg.charged == (settled.cash if state is L.CAPTURED else Money(0))

        assert order.cash < settled.cash
        assert "settled own share" in s.leg.detail
        assert r.bank.calls().count(C.CAPTURE) == 1


@pytest.mark.parametrize("call", [C.HOLD, C.CAPTURE, C.RELEASE])
@pytest_twisted.ensureDeferred
async def test_invariant_9_what_a_crash_leaves_in_flight_at_the_bank_is_established_by_the_next_life(store_url, call):
    r = Rig(store_url, bank_limit_s=0.0)
    r.bank = FakeBank()
    await r.start()
    order = await agreed(r)
    r.bank.script[call] = [Deferred()]
    if call is C.RELEASE:
        r.centre.script[Call.SETTLE] = [Refused("1", "no")]
    ensureDeferred(r.counter.settle(HIS, "s1", order)).addErrback(lambda _: None)
    flying = {C.HOLD: L.HOLD_INTENDED, C.CAPTURE: L.CAPTURE_INTENDED, C.RELEASE: L.RELEASE_INTENDED}[call]
    await until(r, order.settlement_id, flying)
    await r.crash()
    await r.start()
    try:
        s = await until(r, order.settlement_id, L.CAPTURED if call is C.CAPTURE else L.RELEASED)
        traces = [request.traced.trace for _, one, request in r.bank.sent if one is C.HOLD]
        assert len(traces) == 1
        assert [row for row in rows(r, t.message) if not row.outcome] == []
        if call is C.HOLD:
            assert r.centre.calls(Call.SETTLE) == []
            assert await fault(r.counter.settle(HIS, "s1", order)) == "payment.reversed"
        assert s.leg.next_due is None
    finally:
        await r.stop()


@pytest_twisted.ensureDeferred
async def test_a_late_hold_is_evidence_and_a_hold_after_all_is_reversed(store_url):
    async with rig(store_url) as r:
        order = await agreed(r)
        r.bank.script[C.HOLD] = [Unknown("time-out")]
        r.bank.script[C.REVERSE] = [NOT_FOUND, Answered(REPLY)]
        await fault(r.counter.settle(HIS, "s1", order))
        await until(r, order.settlement_id, L.RELEASED)
        r.bank.late[r.bank.sent[0][0]](Answered(REPLY))
        await until(r, order.settlement_id, L.UNKNOWN, L.RELEASE_INTENDED)
        await until(r, order.settlement_id, L.RELEASED)

        assert r.bank.calls() == [C.HOLD, C.REVERSE, C.REVERSE]
        assert r.centre.calls(Call.SETTLE) == []


@pytest_twisted.ensureDeferred
async def test_the_digest_of_a_request_is_of_the_cards_last_digits_only(store_url):
    async with rig(store_url) as r:
        order = await agreed(r)
        await r.counter.settle(HIS, "s1", order)
        other = evolve(order, payment=evolve(BY_CARD, card=evolve(CARD, number="6299990000000025", track2="")))

        assert (await r.counter.settle(HIS, "s1", order))["state"] == "Settled"
        assert await fault(r.counter.settle(HIS, "s1", other)) == "request.key_reused"


@pytest_twisted.ensureDeferred
async def test_without_a_bank_the_means_is_refused_and_nothing_begins(store_url):
    r = await Rig(store_url).start()
    try:
        order = await agreed(r)
        assert await fault(r.counter.settle(HIS, "s1", order)) == "payment.no_bank"
        assert (await r.counter.settle(HIS, "s1", SettleOrder(order.settlement_id, order.total, order.cash)))["state"]
    finally:
        await r.stop()


@pytest_twisted.ensureDeferred
async def test_invariant_20_each_change_of_a_leg_stands_in_a_record(store_url):
    async with rig(store_url) as r:
        order = await agreed(r)
        await r.counter.settle(HIS, "s1", order)
        await until(r, order.settlement_id, L.CAPTURED)

        moves = [json.loads(row.line)["body"].get("legs", {}) for row in rows(r, t.journal)]
        assert [one["1"] for one in moves if one] == [
            ["", "HoldIntended"], ["HoldIntended", "Held"], ["Held", "CaptureIntended"], ["CaptureIntended", "Captured"],
        ]  # fmt: skip
