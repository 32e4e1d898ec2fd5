"""The manual desk through the real engine and store: a settlement gets out of doubt, with all that follows from it."""

from __future__ import annotations

import contextlib
import datetime as dt
import json

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred

from middleware.domain.centre import Call
from middleware.domain.decision import Verdict
from middleware.domain.fault import Fault
from middleware.domain.money import Money
from middleware.domain.order import CancelOrder
from middleware.domain.outcome import Refused, Unknown
from middleware.doors.local_api.methods import METHODS
from middleware.engine.tasks import sleep
from middleware.store import tables as t
from tests.middleware.flow.making import CHECKER, EVIDENCE, MAKER, amounts, decision
from tests.support.counter import order_of, quoted, rig, until
from tests.support.fakes import HIS

HIS_NUMBER = "SETL-BY-PHONE"


@contextlib.asynccontextmanager
async def manual(store_url, **policy):
    """A rig with a settlement of 100 yuan whose 2207 was lost and whose reversal the centre refuses: for a person."""
    async with rig(store_url, **policy) as r:
        r.centre.script[Call.SETTLE] = [Unknown("time-out")]
        r.centre.script[Call.REVERSE] = [Refused("2614", "请到窗口办理")]
        r.quote = await quoted(r)
        r.order = order_of(r.quote)
        with pytest.raises(Fault):
            await r.counter.settle(HIS, "s1", r.order)
        r.sid = r.quote["settlement_id"]
        await until(r, r.sid, "Manual")
        yield r


def held(r, **changes):
    """What the centre said by telephone: it holds the settlement as it was quoted."""
    known = r.quote["split"]
    said = {name: Money.parse(known[name]) for name in ("total", "fund", "account", "cash", "hospital")}
    return decision(
        Verdict.SETTLED, **{"centre_number": HIS_NUMBER, "centre_time": r.now(), "amounts": amounts(**said), **changes}
    )


async def decide(r, what):
    shown = await r.desk.propose(MAKER, r.sid, what, EVIDENCE)
    return await r.desk.approve(CHECKER, r.sid, shown["proposal"]["proposal"])


async def refused(awaitable):
    with pytest.raises(Fault) as caught:
        await awaitable
    return caught.value.code


def feed(r):
    return [json.loads(row.line) for row in r.reader.feed_page(0, 10).rows]


@pytest_twisted.ensureDeferred
async def test_decided_settled_it_stands_in_feed_and_his_and_the_same_request_hears_it(store_url):
    async with manual(store_url) as r:
        assert await refused(r.counter.settle(HIS, "s1", r.order)) == "settlement.manual"

        row = await decide(r, held(r))
        s = await until(r, r.sid, "Delivered")
        answer = await r.counter.settle(HIS, "s1", r.order)

        assert (row["state"], row["decided"]["approved_by"]) == ("Settled", "wang")
        assert answer["settlement_number"] == HIS_NUMBER == s.settled.settlement_number
        assert answer["certain"]
        assert answer["split"] == r.quote["split"]
        assert [(line["kind"], line["settlement_number"]) for line in feed(r)] == [("settled", HIS_NUMBER)]
        assert r.his.delivered[-1][0] == "P" + r.sid[1:]
        assert len(r.centre.calls(Call.SETTLE)) == 1
        assert r.reader.broken(t.journal) is None


@pytest_twisted.ensureDeferred
async def test_a_cancel_decided_by_hand_is_in_feed_and_answer_and_the_same_key_hears_it(store_url):
    async with rig(store_url) as r:
        r.centre.script[Call.CANCEL] = [Unknown("time-out")]
        quote = await quoted(r)
        await r.counter.settle(HIS, "s1", order_of(quote))
        r.sid = quote["settlement_id"]
        await until(r, r.sid, "Delivered")
        assert await refused(r.counter.cancel(HIS, "c1", CancelOrder(r.sid))) == "settlement.outcome_unknown"
        await until(r, r.sid, "Manual")
        assert await refused(r.counter.cancel(HIS, "c1", CancelOrder(r.sid))) == "settlement.manual"

        await decide(r, decision(Verdict.CANCELLED, centre_time=r.now()))
        answer = await r.counter.cancel(HIS, "c1", CancelOrder(r.sid))

        assert (answer["state"], answer["split"]["total"]) == ("Cancelled", "-100.00")
        assert [(line["kind"], line["total"]) for line in feed(r)] == [("settled", "100.00"), ("cancelled", "-100.00")]
        assert await r.counter.settle(HIS, "s1", order_of(quote))  # the settlement's own answer stays what it was


@pytest_twisted.ensureDeferred
async def test_decided_reversed_frees_the_visit_for_money(store_url):
    async with manual(store_url) as r:
        row = await decide(r, decision(Verdict.REVERSED))

        assert row["state"] == "Reversed"
        assert await refused(r.counter.settle(HIS, "s1", r.order)) == "settlement.reversed"
        assert (await r.counter.get(HIS, settlement_id=r.sid))["money"] == "reversed"
        assert feed(r) == []
        again = await quoted(r, key="q2")
        assert (await r.counter.settle(HIS, "s2", order_of(again)))["state"] == "Settled"


@pytest_twisted.ensureDeferred
async def test_invariant_27_both_names_are_in_the_journal_and_one_person_is_not_enough(store_url):
    async with manual(store_url) as r:
        shown = await r.desk.propose(MAKER, r.sid, decision(Verdict.REVERSED), EVIDENCE)
        digest = shown["proposal"]["proposal"]

        assert await refused(r.desk.approve(MAKER, r.sid, digest)) == "desk.same_person"
        assert await refused(r.desk.approve(CHECKER, r.sid, "0" * 32)) == "desk.stale"
        assert (await r.desk.show(r.sid))["state"] == "Manual"
        await r.desk.approve(CHECKER, r.sid, digest)
        lines = (await r.desk.show(r.sid))["journal"]

        by_hand = [(line["event"], line["by"], line["before"], line["after"]) for line in lines[-2:]]
        assert by_hand == [
            ("ManualProposed", "li", "Manual", "Manual"),
            ("ManualApproved", "wang", "Manual", "Reversed"),
        ]


@pytest_twisted.ensureDeferred
async def test_a_rejected_proposal_leaves_the_settlement_to_the_desk(store_url):
    async with manual(store_url) as r:
        shown = await r.desk.propose(MAKER, r.sid, decision(Verdict.REVERSED), EVIDENCE)
        row = await r.desk.reject(CHECKER, r.sid, shown["proposal"]["proposal"], "函件写的是另一笔")

        assert (row["state"], "proposal" in row) == ("Manual", False)
        assert await refused(r.desk.approve(CHECKER, r.sid, shown["proposal"]["proposal"])) == "desk.stale"


@pytest_twisted.ensureDeferred
async def test_the_desk_lists_what_is_in_doubt_by_pages_and_says_why_and_by_which_number_to_ask(store_url):
    async with manual(store_url) as r:
        r.centre.script[Call.SETTLE] = [Unknown("time-out")]
        r.centre.script[Call.REVERSE] = [Refused("2614", "请到窗口办理")]
        second = await quoted(r, key="q2")
        assert await refused(r.counter.settle(HIS, "s2", order_of(second))) == "settlement.outcome_unknown"
        await until(r, second["settlement_id"], "Manual")

        first_page = await r.desk.list("", 1)
        next_page = await r.desk.list(first_page["next_after"], 1)
        last_page = await r.desk.list(next_page["next_after"], 1)
        METHODS["desk.list"].check_result(first_page)

        (row,) = first_page["rows"]
        assert (row["settlement_id"], row["state"], row["in_doubt"]) == (r.sid, "Manual", "2207")
        assert row["why"]["code"] == "settlement.manual"
        assert "2614" in row["why"]["detail"]
        assert row["why"]["foreign"] == "请到窗口办理"
        assert row["message_ids"]["settle"] == r.centre.calls(Call.SETTLE)[0]
        assert row["message_ids"]["reversal"] == r.centre.calls(Call.REVERSE)[0]
        assert [one["settlement_id"] for one in next_page["rows"]] == [second["settlement_id"]]
        assert (last_page["rows"], last_page["complete"]) == ([], True)


@pytest_twisted.ensureDeferred
async def test_show_has_the_messages_with_their_ends_and_the_journal_and_names_nobody(store_url):
    async with manual(store_url) as r:
        await r.desk.propose(MAKER, r.sid, held(r), EVIDENCE)
        shown = await r.desk.show(r.sid)
        METHODS["desk.show"].check_result(shown)

        assert [(m["call"], m["outcome"]) for m in shown["messages"]] == [("2207", "unknown time-out"), ("2601", "refused")]
        assert [line["event"] for line in shown["journal"]][-3:] == [
            "FirstByteLeft", "CentreRefusedReversal", "ManualProposed",
        ]  # fmt: skip
        assert shown["quoted"] == r.quote["split"]
        text = json.dumps(shown, ensure_ascii=False)
        visit = await r.engine.visits.visit(shown["visit_id"])
        holder = await r.engine.visits.holder(visit)
        for secret in (holder.name, holder.id_number, holder.card_number):
            assert secret.reveal() not in text


@pytest_twisted.ensureDeferred
async def test_a_proposal_and_a_decision_outlive_a_crash(store_url):
    async with manual(store_url) as r:
        shown = await r.desk.propose(MAKER, r.sid, held(r), EVIDENCE)
        await r.crash()
        await r.start()
        assert (await r.desk.show(r.sid))["proposal"] == shown["proposal"]

        await r.desk.approve(CHECKER, r.sid, shown["proposal"]["proposal"])
        await r.crash()
        await r.start()

        s = await until(r, r.sid, "Delivered")
        assert s.decided.approved_by == "wang"
        assert s.settled.settlement_number == HIS_NUMBER


@pytest_twisted.ensureDeferred
async def test_the_pursuit_goes_on_under_a_proposal_and_what_it_finds_makes_the_proposal_stale(store_url):
    async with rig(store_url, first_check_s=0.5) as r:
        r.centre.script[Call.SETTLE] = [Unknown("time-out")]
        quote = await quoted(r)
        sid = quote["settlement_id"]
        assert await refused(r.counter.settle(HIS, "s1", order_of(quote))) == "settlement.outcome_unknown"

        shown = await r.desk.propose(MAKER, sid, decision(Verdict.REVERSED), EVIDENCE)
        listed = (await r.desk.list("", 10))["rows"]
        await until(r, sid, "Reversed")

        assert (shown["state"], "next_check_at" in shown) == ("Unknown", True)
        assert [row["proposal"] for row in listed] == [shown["proposal"]]
        assert len(r.centre.calls(Call.REVERSE)) == 1
        assert await refused(r.desk.approve(CHECKER, sid, shown["proposal"]["proposal"])) == "desk.stale"
        assert (await r.desk.list("", 10))["rows"] == []


@pytest_twisted.ensureDeferred
async def test_a_number_of_the_centre_that_another_settlement_has_is_a_mistake(store_url):
    async with manual(store_url) as r:
        other = await quoted(r, key="q2")
        number = (await r.counter.settle(HIS, "s2", order_of(other)))["settlement_number"]

        assert await refused(r.desk.propose(MAKER, r.sid, held(r, centre_number=number), EVIDENCE)) == "desk.not_fitting"


@pytest_twisted.ensureDeferred
async def test_evidence_of_before_the_centres_own_limit_is_refused_and_a_clock_put_on_does_not_help(store_url):
    async with manual(store_url, processing_limit_s=60) as r:
        assert await refused(r.desk.propose(MAKER, r.sid, held(r), EVIDENCE)) == "desk.too_early"
        r.offset = dt.timedelta(hours=1)
        assert await refused(r.desk.propose(MAKER, r.sid, held(r), EVIDENCE)) == "desk.too_early"


@pytest_twisted.ensureDeferred
async def test_after_a_restart_the_centres_limit_is_waited_for_once_and_then_the_desk_decides(store_url):
    async with manual(store_url, processing_limit_s=0.5) as r:
        await r.crash()
        await r.start()
        heard = [await refused(r.desk.propose(MAKER, r.sid, held(r), EVIDENCE))]

        while len(heard) < 100 and heard[-1] == "desk.too_early":
            await sleep(reactor, 0.02)
            asked = ensureDeferred(r.desk.propose(MAKER, r.sid, held(r), EVIDENCE))
            heard.append(await asked.addCallbacks(lambda _: "taken", lambda failure: failure.value.code))

        assert heard[-1] == "taken"


@pytest_twisted.ensureDeferred
async def test_the_desk_knows_no_settlement_that_does_not_exist(store_url):
    async with rig(store_url) as r:
        assert await refused(r.desk.show("S1")) == "request.not_found"
        assert await refused(r.desk.propose(MAKER, "S1", decision(Verdict.REVERSED), EVIDENCE)) == "request.not_found"
        assert await r.desk.list("", 10) == {"rows": [], "next_after": "", "complete": True, "errands": []}


@pytest_twisted.ensureDeferred
async def test_a_request_that_is_being_asked_again_while_it_becomes_manual_is_not_answered_so_for_ever(
    store_url, monkeypatch
):
    async with rig(store_url) as r:
        reversal, reached, go_on = Deferred(), Deferred(), Deferred()
        r.centre.script[Call.SETTLE] = [Unknown("time-out")]
        r.centre.script[Call.REVERSE] = [reversal]
        r.quote = await quoted(r)
        r.sid, order = r.quote["settlement_id"], order_of(r.quote)
        assert await refused(r.counter.settle(HIS, "s1", order)) == "settlement.outcome_unknown"
        await until(r, r.sid, "ReversalSent")
        holder = r.engine.visits.holder

        async def held_up(visit):
            if not reached.called:
                reached.callback(None)
                await go_on
            return await holder(visit)

        monkeypatch.setattr(r.engine.visits, "holder", held_up)
        again = ensureDeferred(r.counter.settle(HIS, "s1", order))
        await reached
        reversal.callback(Refused("2614", "请到窗口办理"))
        await until(r, r.sid, "Manual")
        go_on.callback(None)
        assert await refused(again) == "settlement.manual"

        await decide(r, held(r))

        assert (await r.counter.settle(HIS, "s1", order))["settlement_number"] == HIS_NUMBER
