"""A visit through the real engine and store, with the edges in memory."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults

from middleware.domain import centre as c
from middleware.domain.centre import Call
from middleware.domain.fault import Fault
from middleware.domain.money import Money
from middleware.domain.order import CancelOrder, SettleOrder
from middleware.domain.outcome import Answered, NotSent, Refused, Unknown
from middleware.engine.tasks import sleep
from middleware.store import tables as t
from tests.support.counter import order_of, quoted, registered, rig, rows, until
from tests.support.fakes import HIS, NOW, POS, quote_order, register_order, split
from tests.support.rig import Rig


@pytest_twisted.ensureDeferred
async def test_a_visit_is_registered_quoted_settled_delivered_and_in_the_feed(store_url):
    async with rig(store_url) as r:
        quote = await quoted(r)
        settled = await r.counter.settle(HIS, "s1", order_of(quote))

        assert settled["settlement_number"] == "SETL1"
        assert settled["split"]["total"] == "100.00"
        s = await until(r, settled["settlement_id"], "Delivered")
        assert s.delivered
        assert [kind for _, kind, _ in r.centre.sent] == [
            Call.QUERY_PERSON, Call.REGISTER_VISIT, Call.UPLOAD_VISIT, Call.UPLOAD_CHARGES, Call.PRE_SETTLE, Call.SETTLE,
        ]  # fmt: skip
        page = r.reader.feed_page(0, 10)
        assert [row.sequence for row in page.rows] == [1]
        assert '"settlement_number":"SETL1"' in page.rows[0].line
        assert r.reader.broken(t.journal) is None
        assert r.reader.broken(t.feed) is None


@pytest_twisted.ensureDeferred
async def test_invariant_4_no_message_is_sent_before_its_intent_is_durable(store_url):
    async with rig(store_url) as r:
        seen = []

        def look(call):
            found = [row for row in rows(r, t.message) if row.message_id == call.message_id]
            seen.append(len(found) == 1 and found[0].digest == call.digest)

        r.centre.before_send = look
        await r.counter.settle(HIS, "s1", order_of(await quoted(r)))

        assert seen == [True] * 6


@pytest_twisted.ensureDeferred
async def test_invariant_6_the_same_request_many_times_gives_one_answer_and_one_settlement(store_url):
    async with rig(store_url) as r:
        order = order_of(await quoted(r))
        asked = [ensureDeferred(r.counter.settle(HIS, "s1", order)) for _ in range(20)]
        answers = await gatherResults(asked)
        later = await r.counter.settle(HIS, "s1", order)

        assert all(answer == later for answer in answers)
        assert len(r.centre.calls(Call.SETTLE)) == 1


@pytest_twisted.ensureDeferred
async def test_the_same_key_with_another_body_is_an_error(store_url):
    async with rig(store_url) as r:
        quote = await quoted(r)
        await r.counter.settle(HIS, "s1", order_of(quote))

        with pytest.raises(Fault) as caught:
            await r.counter.settle(HIS, "s1", SettleOrder(quote["settlement_id"], Money(10000), Money(1)))
        assert caught.value.code == "request.key_reused"
        with pytest.raises(Fault) as caught:
            await r.counter.cancel(HIS, "s1", CancelOrder(quote["settlement_id"]))
        assert caught.value.code == "request.key_reused"


@pytest_twisted.ensureDeferred
async def test_the_answer_survives_a_restart_word_for_word(store_url):
    r = await Rig(store_url).start()
    quote = await quoted(r)
    order = order_of(quote)
    first = await r.counter.settle(HIS, "s1", order)
    await r.stop()
    await r.start()

    assert await r.counter.settle(HIS, "s1", order) == first
    assert len(r.centre.calls(Call.SETTLE)) == 1
    await r.stop()


@pytest_twisted.ensureDeferred
async def test_a_lost_settle_reply_is_unknown_then_reversed_and_can_be_charged_once_again(store_url):
    async with rig(store_url) as r:
        quote = await quoted(r)
        r.centre.script[Call.SETTLE] = [Unknown("connection-lost")]
        with pytest.raises(Fault) as caught:
            await r.counter.settle(HIS, "s1", order_of(quote))
        assert (caught.value.code, caught.value.spec.moved) == ("settlement.outcome_unknown", "unknown")

        await until(r, quote["settlement_id"], "Reversed")
        reverse = r.centre.requests[r.centre.calls(Call.REVERSE)[0]]
        assert reverse.original_message_id == r.centre.calls(Call.SETTLE)[0]
        with pytest.raises(Fault) as caught:
            await r.counter.settle(HIS, "s1", order_of(quote))
        assert caught.value.code == "settlement.reversed"

        again = await r.counter.quote(HIS, "q2", quote_order(quote["visit_id"], 10000))
        settled = await r.counter.settle(HIS, "s2", order_of(again))
        assert settled["state"] == "Settled"
        assert len(r.centre.calls(Call.SETTLE)) == 2


@pytest_twisted.ensureDeferred
async def test_while_an_outcome_is_unknown_the_visit_takes_no_other_money(store_url):
    async with rig(store_url, first_check_s=60) as r:
        quote = await quoted(r)
        other = await r.counter.quote(HIS, "q2", quote_order(quote["visit_id"], 500))
        r.centre.script[Call.SETTLE] = [Unknown("time-out")]
        with pytest.raises(Fault):
            await r.counter.settle(HIS, "s1", order_of(quote))

        for attempt in (
            r.counter.settle(HIS, "s2", order_of(other)),
            r.counter.quote(HIS, "q3", quote_order(quote["visit_id"], 500)),
        ):
            with pytest.raises(Fault) as caught:
                await attempt
            assert caught.value.code == "visit.locked"
        view = await r.counter.get(HIS, request_id="s1")
        assert (view["money"], view["state"]) == ("unknown", "Unknown")
        assert view["next_check_at"]


@pytest_twisted.ensureDeferred
async def test_a_late_reply_is_used(store_url):
    async with rig(store_url, first_check_s=60) as r:
        quote = await quoted(r)
        r.centre.script[Call.SETTLE] = [Unknown("time-out")]
        with pytest.raises(Fault):
            await r.counter.settle(HIS, "s1", order_of(quote))
        message_id = r.centre.calls(Call.SETTLE)[0]
        r.centre.late[message_id](Answered(r.centre.reply(r.centre.requests[message_id])))

        await until(r, quote["settlement_id"], "Settled", "Delivered")
        assert (await r.counter.settle(HIS, "s1", order_of(quote)))["settlement_number"] == "SETL1"


@pytest_twisted.ensureDeferred
async def test_a_refused_settlement_moves_nothing_and_the_refusal_is_the_answer_for_ever(store_url):
    async with rig(store_url) as r:
        quote = await quoted(r)
        r.centre.script[Call.SETTLE] = [Refused("-1", "余额不足")]
        for _ in range(2):
            with pytest.raises(Fault) as caught:
                await r.counter.settle(HIS, "s1", order_of(quote))
            assert caught.value.code == "centre.refused"
            assert caught.value.foreign == "余额不足"
        assert len(r.centre.calls(Call.SETTLE)) == 1

        assert (await r.counter.settle(HIS, "s2", order_of(quote)))["state"] == "Settled"


@pytest_twisted.ensureDeferred
async def test_what_was_not_sent_may_be_asked_again_under_the_same_key(store_url):
    async with rig(store_url) as r:
        quote = await quoted(r)
        r.centre.script[Call.SETTLE] = [("not-sent", NotSent("centre.unreachable"))]
        with pytest.raises(Fault) as caught:
            await r.counter.settle(HIS, "s1", order_of(quote))
        assert (caught.value.code, caught.value.spec.moved) == ("centre.unreachable", "no")

        assert (await r.counter.settle(HIS, "s1", order_of(quote)))["state"] == "Settled"
        first, second = r.centre.calls(Call.SETTLE)
        assert first < second


@pytest_twisted.ensureDeferred
async def test_a_lost_answer_without_money_is_repeated_under_a_new_number(store_url):
    async with rig(store_url) as r:
        visit = await registered(r)
        r.centre.script[Call.UPLOAD_CHARGES] = [Unknown("time-out")]
        order = quote_order(visit["visit_id"], 10000)
        with pytest.raises(Fault) as caught:
            await r.counter.quote(HIS, "q1", order)
        assert caught.value.code == "centre.no_answer"

        await r.counter.quote(HIS, "q1", order)
        batches = {r.centre.requests[m].batch for m in r.centre.calls(Call.UPLOAD_CHARGES)}
        numbers = [line.line_id for m in r.centre.calls(Call.UPLOAD_CHARGES) for line in r.centre.requests[m].lines]
        assert len(batches) == 2
        assert len(set(numbers)) == len(numbers)
        assert r.centre.requests[r.centre.calls(Call.PRE_SETTLE)[0]].batch == max(batches)


@pytest_twisted.ensureDeferred
async def test_a_quote_that_does_not_add_up_stops_before_money_moves(store_url):
    async with rig(store_url) as r:
        visit = await registered(r)
        crooked = split(10000)
        import attrs

        r.centre.script[Call.PRE_SETTLE] = [Answered(c.Quoted(attrs.evolve(crooked, cash=Money(999))))]
        with pytest.raises(Fault) as caught:
            await r.counter.quote(HIS, "q1", quote_order(visit["visit_id"], 10000))
        assert caught.value.code == "centre.identity_broken"
        assert not r.centre.calls(Call.SETTLE)


@pytest_twisted.ensureDeferred
async def test_a_settlement_that_does_not_add_up_is_kept_but_never_shown_as_certain(store_url):
    import attrs

    async with rig(store_url) as r:
        quote = await quoted(r)
        crooked = c.Settled("SETL9", NOW, attrs.evolve(split(10000), cash=Money(999)), "11", "1", "999900")
        r.centre.script[Call.SETTLE] = [Answered(crooked)]
        settled = await r.counter.settle(HIS, "s1", order_of(quote))

        assert settled["certain"] is False
        assert (await r.counter.get(HIS, settlement_id=quote["settlement_id"]))["money"] == "charged"


@pytest_twisted.ensureDeferred
async def test_confirming_other_amounts_than_quoted_is_refused_and_sends_nothing(store_url):
    async with rig(store_url) as r:
        quote = await quoted(r)
        with pytest.raises(Fault) as caught:
            await r.counter.settle(HIS, "s1", SettleOrder(quote["settlement_id"], Money(10000), Money(1)))
        assert caught.value.code == "settlement.quote_changed"
        assert not r.centre.calls(Call.SETTLE)


@pytest_twisted.ensureDeferred
async def test_an_expired_quote_is_refused_and_sends_nothing(store_url):
    async with rig(store_url, quote_valid_s=0) as r:
        quote = await quoted(r)
        with pytest.raises(Fault) as caught:
            await r.counter.settle(HIS, "s1", order_of(quote))
        assert caught.value.code == "settlement.quote_expired"
        assert not r.centre.calls(Call.SETTLE)


@pytest_twisted.ensureDeferred
async def test_a_cancel_is_once_and_gives_a_row_that_corrects_the_first(store_url):
    async with rig(store_url) as r:
        quote = await quoted(r)
        await r.counter.settle(HIS, "s1", order_of(quote))
        order = CancelOrder(quote["settlement_id"], "wrong patient")
        first = await r.counter.cancel(HIS, "c1", order)
        second = await r.counter.cancel(HIS, "c1", order)

        assert first == second
        assert len(r.centre.calls(Call.CANCEL)) == 1
        kinds = [row.line.split('"kind":"')[1].split('"')[0] for row in r.reader.feed_page(0, 10).rows]
        assert kinds == ["settled", "cancelled"]
        with pytest.raises(Fault) as caught:
            await r.counter.cancel(HIS, "c2", order)
        assert caught.value.code == "settlement.cancelled"


@pytest_twisted.ensureDeferred
async def test_an_unknown_cancel_that_may_not_be_reversed_goes_to_a_person(store_url):
    async with rig(store_url) as r:
        quote = await quoted(r)
        await r.counter.settle(HIS, "s1", order_of(quote))
        r.centre.script[Call.CANCEL] = [Unknown("time-out")]
        with pytest.raises(Fault) as caught:
            await r.counter.cancel(HIS, "c1", CancelOrder(quote["settlement_id"]))
        assert caught.value.code == "settlement.outcome_unknown"
        s = await until(r, quote["settlement_id"], "Manual")
        assert s.trouble.code == "settlement.manual"


@pytest_twisted.ensureDeferred
async def test_an_unknown_cancel_that_is_reversed_leaves_the_settlement_standing(store_url):
    async with rig(store_url, reversible=frozenset({Call.SETTLE, Call.CANCEL})) as r:
        quote = await quoted(r)
        await r.counter.settle(HIS, "s1", order_of(quote))
        await until(r, quote["settlement_id"], "Delivered")
        r.centre.script[Call.CANCEL] = [Unknown("time-out")]
        with pytest.raises(Fault):
            await r.counter.cancel(HIS, "c1", CancelOrder(quote["settlement_id"]))
        await until(r, quote["settlement_id"], "Delivered")

        assert r.centre.requests[r.centre.calls(Call.REVERSE)[0]].original_call is Call.CANCEL
        assert (await r.counter.cancel(HIS, "c2", CancelOrder(quote["settlement_id"])))["state"] == "Cancelled"


@pytest_twisted.ensureDeferred
async def test_a_reversal_without_answer_is_repeated_and_at_the_limit_a_person_gets_it(store_url):
    async with rig(store_url, max_attempts=3) as r:
        quote = await quoted(r)
        r.centre.script[Call.SETTLE] = [Unknown("time-out")]
        r.centre.script[Call.REVERSE] = [Unknown("time-out")] * 9
        with pytest.raises(Fault):
            await r.counter.settle(HIS, "s1", order_of(quote))
        await until(r, quote["settlement_id"], "Manual")

        assert len(r.centre.calls(Call.REVERSE)) == 3
        assert len(set(r.centre.calls(Call.REVERSE))) == 3
        originals = {r.centre.requests[m].original_message_id for m in r.centre.calls(Call.REVERSE)}
        assert originals == set(r.centre.calls(Call.SETTLE))


@pytest_twisted.ensureDeferred
async def test_invariant_12_not_found_ends_a_reversal_only_after_the_centres_own_limit(store_url):
    async with rig(store_url, processing_limit_s=0.2, not_found_codes=frozenset({"404"})) as r:
        quote = await quoted(r)
        r.centre.script[Call.SETTLE] = [Unknown("time-out")]
        r.centre.script[Call.REVERSE] = [Refused("404")] * 50
        began = reactor.seconds()
        with pytest.raises(Fault):
            await r.counter.settle(HIS, "s1", order_of(quote))
        await until(r, quote["settlement_id"], "Reversed", "Manual")

        assert reactor.seconds() - began >= 0.2
        assert len(r.centre.calls(Call.REVERSE)) > 1
        assert (await r.counter.get(HIS, request_id="s1"))["state"] == "Reversed"


@pytest_twisted.ensureDeferred
async def test_invariant_9_after_a_crash_in_flight_money_is_unknown_and_gets_resolved(store_url):
    r = await Rig(store_url).start()
    quote = await quoted(r)
    never: Deferred = Deferred()
    r.centre.script[Call.SETTLE] = [never]
    asked = ensureDeferred(r.counter.settle(HIS, "s1", order_of(quote)))
    asked.addErrback(lambda _: None)
    await until(r, quote["settlement_id"], "SettleSent")
    await r.crash()
    await r.start()

    await until(r, quote["settlement_id"], "Reversed")
    states = {row.state for row in rows(r, t.settlement)}
    assert states == {"Reversed"}
    assert len(r.centre.calls(Call.SETTLE)) == 1
    await r.stop()


@pytest_twisted.ensureDeferred
async def test_invariant_25_stopping_leaves_nothing_in_flight(store_url):
    r = await Rig(store_url, first_check_s=60).start()
    quote = await quoted(r)
    r.centre.script[Call.SETTLE] = [Deferred()]
    asked = ensureDeferred(r.counter.settle(HIS, "s1", order_of(quote)))
    asked.addErrback(lambda _: None)
    await until(r, quote["settlement_id"], "SettleSent")
    await r.stop()
    await r.start()

    assert {row.state for row in rows(r, t.settlement)} == {"Unknown"}
    await r.stop()


@pytest_twisted.ensureDeferred
async def test_a_pos_terminal_sees_and_cancels_only_its_own(store_url):
    import attrs

    async with rig(store_url) as r:
        quote = await quoted(r, POS)
        await r.counter.settle(POS, "s1", order_of(quote))
        other = attrs.evolve(POS, terminal="till-2")
        for attempt in (
            r.counter.get(other, settlement_id=quote["settlement_id"]),
            r.counter.cancel(other, "c1", CancelOrder(quote["settlement_id"])),
        ):
            with pytest.raises(Fault) as caught:
                await attempt
            assert caught.value.code == "access.not_yours"
        import datetime as dt

        totals = await r.counter.shift_totals(POS, NOW - dt.timedelta(days=1), NOW + dt.timedelta(days=1))
        sums = {"total": "100.00", "fund": "60.00", "account": "0.00", "cash": "40.00", "bank": "0.00"}
        assert totals["settled"] == {"count": 1, **sums}


@pytest_twisted.ensureDeferred
async def test_a_card_read_is_good_for_one_registration_and_a_repeat_gets_the_same_answer(store_url):
    async with rig(store_url) as r:
        read = await r.counter.read_card(HIS, "Virtual 00")
        order = register_order(read["card_read_id"])
        first = await r.counter.register(HIS, "r1", order)

        assert await r.counter.register(HIS, "r1", order) == first
        with pytest.raises(Fault) as caught:
            await r.counter.register(HIS, "r2", order)
        assert caught.value.code == "card.read_expired"


@pytest_twisted.ensureDeferred
async def test_a_silent_his_is_told_again_until_it_answers_with_the_same_control_id(store_url):
    async with rig(store_url) as r:
        r.his.script = [Unknown("time-out"), Unknown("connection-lost")]
        await registered(r)

        ids = {control_id for control_id, _ in r.his.delivered}
        assert (len(r.his.delivered), len(ids)) == (3, 1)


@pytest_twisted.ensureDeferred
async def test_a_his_that_refuses_the_patient_refuses_the_registration(store_url):
    async with rig(store_url) as r:
        r.his.script = [Refused("AE", "no bed")]
        with pytest.raises(Fault) as caught:
            await registered(r)
        assert (caught.value.code, caught.value.foreign) == ("his.refused", "no bed")


@pytest_twisted.ensureDeferred
async def test_a_message_that_breaks_the_centres_rules_is_named_and_not_sent(store_url):
    async with rig(store_url) as r:
        visit = await registered(r)
        r.centre.field_fault = Call.UPLOAD_CHARGES
        with pytest.raises(Fault) as caught:
            await r.counter.quote(HIS, "q1", quote_order(visit["visit_id"], 10000))
        assert caught.value.code == "centre.field"
        assert not r.centre.calls(Call.UPLOAD_CHARGES)


@pytest_twisted.ensureDeferred
async def test_the_journal_and_the_feed_hold_no_personal_data(store_url):
    async with rig(store_url) as r:
        await r.counter.settle(HIS, "s1", order_of(await quoted(r)))
        text = "\n".join(row.line for table in (t.journal, t.feed) for row in rows(r, table))

        for secret in ("张伟民", "999999197001010014", "A12345678", "999900D1560000050000112233445566", '"P1"'):
            assert secret not in text


@pytest_twisted.ensureDeferred
async def test_one_letter_costs_one_look_into_the_outbox_and_leaves_nothing_old_behind(store_url):
    async with rig(store_url) as r:
        looks = []
        read = r.reader.waiting_letters
        r.reader.waiting_letters = lambda after, limit, name: looks.append(after) or read(after, limit, name)

        quote = await quoted(r)
        await r.counter.settle(HIS, "s1", order_of(quote))
        await until(r, quote["settlement_id"], "Delivered")

        await sleep(reactor, 0)  # the outbox goes on after those who waited for the visit

        assert len(looks) == 2  # the registration and the settlement
        assert r.outbox.stats.waiting == 0
        assert r.outbox.stats.oldest is None


@pytest_twisted.ensureDeferred
async def test_the_visit_of_a_settlement_in_memory_is_not_looked_up_and_not_kept_longer_than_the_visit(
    store_url, monkeypatch
):
    monkeypatch.setattr("middleware.engine.memory.MAX_VISITS", 1)
    async with rig(store_url) as r:
        looked_up = []
        read = r.reader.visit_of
        r.reader.visit_of = lambda settlement_id: looked_up.append(settlement_id) or read(settlement_id)

        quote = await quoted(r)
        await r.counter.settle(HIS, "s1", order_of(quote))
        assert looked_up == []
        await until(r, quote["settlement_id"], "Delivered")
        looked_up.clear()

        for number in range(2, 4):  # two other visits: the first one goes out of memory
            await quoted(r, key=f"q{number}")
        seen = await r.counter.get(HIS, settlement_id=quote["settlement_id"])

        assert seen["state"] == "Delivered"
        assert looked_up == [quote["settlement_id"]]


@pytest_twisted.ensureDeferred
async def test_invariant_22_a_clock_that_is_set_right_lets_the_same_request_settle(store_url):
    async with rig(store_url) as r:
        quote = await quoted(r)
        r.centre.ahead_s = 3600.0
        with pytest.raises(Fault) as caught:
            await r.counter.settle(HIS, "s1", order_of(quote))
        assert caught.value.code == "system.clock_skew"
        assert Call.SETTLE not in [call for _, call, _ in r.centre.sent]

        r.centre.ahead_s = 2.0
        answer = await r.counter.settle(HIS, "s1", order_of(quote))
        assert answer["state"] in {"Settled", "Delivered"}


@pytest_twisted.ensureDeferred
async def test_two_taps_with_one_card_read_at_the_same_time_register_one_visit(store_url):
    async with rig(store_url) as r:
        read = await r.counter.read_card(HIS, "Virtual 00")
        order = register_order(read["card_read_id"])
        taps = [ensureDeferred(r.counter.register(HIS, key, order)) for key in ("tap-1", "tap-2")]

        heard = [await tap.addErrback(lambda failure: failure.value) for tap in taps]

        assert sorted(str(getattr(one, "code", "answered")) for one in heard) == ["answered", "card.read_expired"]
        assert len(rows(r, t.visit)) == 1
