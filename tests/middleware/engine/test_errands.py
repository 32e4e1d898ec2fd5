"""Sales and stays through the real engine and store, with the edges in memory."""

from __future__ import annotations

import json

import pytest
import pytest_twisted
import sqlalchemy as sa
from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred

from middleware.domain import centre as c
from middleware.domain.centre import Call
from middleware.domain.charge import Diagnosis
from middleware.domain.fault import Fault
from middleware.domain.kind import VisitKind
from middleware.domain.order import (
    CancelOrder,
    ChargeOrder,
    DischargeOrder,
    QuoteOrder,
    RegisterOrder,
    StayFacts,
    VisitOrder,
)
from middleware.domain.outcome import Answered, Refused, Unknown
from middleware.domain.rules import KIND_RULES
from middleware.domain.visit import VisitState
from middleware.engine.tasks import sleep
from middleware.store import tables as t
from middleware.store.inspection import states_agree
from tests.support.counter import order_of, rig, rows, until
from tests.support.fakes import HIS, NOW, POS, lines, register_order
from tests.support.rig import Rig

WITHDRAWS = {
    "query_visits": True, "kinds": {kind: evolve(rules, withdraw=True) for kind, rules in KIND_RULES.items()},
}  # fmt: skip
DIAGNOSES = (Diagnosis("J18", "肺炎"),)
SECRET = "J18"


async def sold(r, caller=POS, key="sale"):
    read = await r.counter.read_card(caller, "Virtual 00")
    order = RegisterOrder(read["card_read_id"], "", "", "", "", "", "", NOW, "41", kind=VisitKind.PHARMACY)
    return await r.counter.register(caller, key, order)


async def admitted(r, key="adm"):
    read = await r.counter.read_card(HIS, "Virtual 00")
    order = evolve(
        register_order(read["card_read_id"]), kind=VisitKind.INPATIENT, med_type="2101", diagnoses=DIAGNOSES,
        stay=StayFacts("ZY1", "12", "咳嗽"),
    )  # fmt: skip
    return await r.counter.register(HIS, key, order)


async def ask(r, key, method, order):
    return await r.counter.errand(HIS, key, method, order)


async def charged(r, visit_id, *amounts, key="c1"):
    return await ask(r, key, "inpatient.charge", ChargeOrder(visit_id, lines(*amounts)))


async def out(r, visit_id, key="d1"):
    return await ask(r, key, "inpatient.discharge", DischargeOrder(visit_id, NOW, "1", "", "", "", DIAGNOSES))


@pytest_twisted.ensureDeferred
async def test_a_till_sells_with_three_calls_and_the_his_hears_nothing(store_url):
    async with rig(store_url) as r:
        visit = await sold(r)
        quote = await r.counter.quote(POS, "q", QuoteOrder(visit["visit_id"], (), lines(10000)))
        settled = await r.counter.settle(POS, "s", order_of(quote))
        cancelled = await r.counter.cancel(POS, "x", CancelOrder(quote["settlement_id"], "退药"))

        assert (visit["his"], settled["state"], cancelled["state"]) == ("untold", "Settled", "Cancelled")
        assert [kind for _, kind, _ in r.centre.sent] == [
            Call.QUERY_PERSON, Call.PHARMACY_PRE_SETTLE, Call.PHARMACY_SETTLE, Call.PHARMACY_CANCEL,
        ]  # fmt: skip
        assert r.his.delivered == []
        told = [json.loads(row.line) for row in r.reader.feed_page(0, 10).rows]
        assert [(row["kind"], row["transaction"]) for row in told] == [("settled", "2102"), ("cancelled", "2103")]


@pytest_twisted.ensureDeferred
async def test_a_stay_from_its_admission_to_its_settlement(store_url):
    async with rig(store_url) as r:
        visit = await admitted(r)
        first = await charged(r, visit["visit_id"], 10000)
        second = await charged(r, visit["visit_id"], 5000, key="c2")
        await out(r, visit["visit_id"])
        quote = await r.counter.quote(HIS, "q", QuoteOrder(visit["visit_id"], (), ()))
        await r.counter.settle(HIS, "s", order_of(quote))
        s = await until(r, quote["settlement_id"], "Delivered")
        seen = await r.counter.visit(HIS, visit["visit_id"])

        assert (first["charged"], second["charged"], quote["split"]["total"]) == ("100.00", "150.00", "150.00")
        assert s.delivered
        assert (seen["kind"], seen["discharged"], seen["charged"]) == ("inpatient", True, "150.00")
        assert [one["matter"] for one in seen["errands"]] == ["charge", "charge", "discharge"]
        assert [kind for _, kind, _ in r.centre.sent][1:] == [
            Call.ADMIT, Call.UPLOAD_STAY_CHARGES, Call.UPLOAD_STAY_CHARGES, Call.DISCHARGE, Call.STAY_PRE_SETTLE,
            Call.STAY_SETTLE,
        ]  # fmt: skip
        states_agree(r.database)
        assert all(SECRET not in row.line for row in rows(r, t.journal)), "the journal keeps no diagnosis"


@pytest_twisted.ensureDeferred
async def test_the_same_errand_asked_again_gets_the_same_answer_and_one_call(store_url):
    async with rig(store_url) as r:
        visit = await admitted(r)
        first = await charged(r, visit["visit_id"], 10000)

        assert await charged(r, visit["visit_id"], 10000) == first
        assert len(r.centre.calls(Call.UPLOAD_STAY_CHARGES)) == 1
        with pytest.raises(Fault, match=r"request\.key_reused"):
            await charged(r, visit["visit_id"], 9999)


@pytest_twisted.ensureDeferred
async def test_charges_without_an_answer_go_out_again_with_the_same_line_numbers(store_url):
    async with rig(store_url, already_done_codes=frozenset({"2042"})) as r:
        visit = await admitted(r)
        r.centre.script[Call.UPLOAD_STAY_CHARGES] = [Unknown("time-out"), Refused("2042", "重复")]
        with pytest.raises(Fault, match=r"centre\.no_answer"):
            await charged(r, visit["visit_id"], 10000)
        done = await charged(r, visit["visit_id"], 10000)

        sent = [r.centre.requests[one] for one in r.centre.calls(Call.UPLOAD_STAY_CHARGES)]
        assert [line.line_id for line in sent[0].lines] == [line.line_id for line in sent[1].lines]
        assert done["charged"] == "100.00"


@pytest_twisted.ensureDeferred
async def test_a_discharge_in_flight_at_a_crash_is_asked_about_by_the_next_life(store_url):
    r = await Rig(store_url, query_visits=True).start()
    visit = await admitted(r)
    r.centre.script[Call.DISCHARGE] = [Deferred()]
    waiting = ensureDeferred(out(r, visit["visit_id"]))
    while not r.centre.calls(Call.DISCHARGE):
        await sleep(reactor, 0.01)
    await r.crash()
    waiting.addErrback(lambda _: None)
    await r.start()
    try:
        shown = c.FoundVisit("M1", visit["visit_id"], "2101", "", in_hospital=False)
        r.centre.script[Call.QUERY_VISITS] = [Answered(c.VisitsFound((shown,)))]
        answer = await out(r, visit["visit_id"])

        assert answer["discharged"] is True
        assert len(r.centre.calls(Call.DISCHARGE)) == 1
    finally:
        await r.stop()


@pytest_twisted.ensureDeferred
async def test_a_visit_that_the_his_refuses_is_withdrawn_though_the_first_try_is_lost(store_url):
    async with rig(store_url, **WITHDRAWS) as r:
        r.his.script = [Refused("AE", "无此科室")]
        r.centre.script[Call.WITHDRAW_VISIT] = [Unknown("time-out")]
        r.centre.script[Call.QUERY_VISITS] = [
            Answered(c.VisitsFound((c.FoundVisit("M1", "x", "11", "", None),))), Answered(c.VisitsFound(())),
        ]  # fmt: skip
        read = await r.counter.read_card(HIS, "Virtual 00")
        with pytest.raises(Fault, match=r"his\.refused"):
            await r.counter.register(HIS, "r1", register_order(read["card_read_id"]))
        (row,) = rows(r, t.visit)
        visit = await r.engine.visits.visit(row.visit_id)
        done, _ = r.engine.visits.wait(visit, lambda seen: bool(seen.errands) and seen.errands[0].state == "Done")
        visit = await done

        assert visit.state is VisitState.REFUSED
        assert len(r.centre.calls(Call.WITHDRAW_VISIT)) == 2


@pytest_twisted.ensureDeferred
async def test_an_errand_that_is_not_in_the_journal_as_the_visit_says_is_found(store_url):
    async with rig(store_url) as r:
        visit = await admitted(r)
        await charged(r, visit["visit_id"], 10000)
        with r.database.begin() as connection:
            body = connection.scalar(sa.select(t.visit.c.body))
            connection.execute(t.visit.update().values(body=body.replace('"state":"Done"', '"state":"Declined"')))

        with pytest.raises(Fault, match="is Declined, its last journal row says Done"):
            states_agree(r.database)


@pytest_twisted.ensureDeferred
async def test_an_admission_is_taken_back_with_its_charges(store_url):
    async with rig(store_url) as r:
        visit = await admitted(r)
        await charged(r, visit["visit_id"], 10000)
        done = await ask(r, "w", "visit.withdraw", VisitOrder(visit["visit_id"]))
        with pytest.raises(Fault, match=r"visit\.not_registered"):
            await charged(r, visit["visit_id"], 10000, key="c2")

        assert done["charged"] == "0.00"
        assert [kind for _, kind, _ in r.centre.sent][-2:] == [Call.WITHDRAW_STAY_CHARGES, Call.WITHDRAW_ADMISSION]
        assert (await r.counter.visit(HIS, visit["visit_id"]))["state"] == "Withdrawn"


@pytest_twisted.ensureDeferred
async def test_what_a_quote_wants_differs_by_kind(store_url):
    async with rig(store_url) as r:
        visit = await admitted(r)
        with pytest.raises(Fault, match=r"params\.lines"):
            await r.counter.quote(HIS, "q", QuoteOrder(visit["visit_id"], (), lines(1)))
        with pytest.raises(Fault, match=r"visit\.order"):
            await r.counter.quote(HIS, "q", QuoteOrder(visit["visit_id"], (), ()))


@pytest_twisted.ensureDeferred
async def test_a_till_sees_no_errand_of_another_account(store_url):
    async with rig(store_url) as r:
        visit = await admitted(r)
        with pytest.raises(Fault, match=r"access\.not_yours"):
            await r.counter.visit(POS, visit["visit_id"])
