"""Every kind of visit, whole, on real wires: who pays for it, what each side's books say of it, and what is refused."""

from __future__ import annotations

import json

import pytest
import pytest_twisted
from twisted.internet import reactor

from daemon.demo.counter import now
from simulators.centre.ledger import State
from simulators.his.knobs import Fault
from simulators.stage import Stage
from tests.scenarios import invariants
from tests.scenarios.hospital import Hospital, until
from tests.scenarios.kinds import (
    AWAY,
    BY_NAME,
    CALLS,
    CANCEL,
    CASES,
    CLEARING,
    DISEASE,
    LUNG,
    OUTPATIENT,
    SALE,
    SETTLE,
    STAY,
    WARD,
    Counter,
    other,
)

# A card takes a second to be changed: the tests stand in an order in which the same person comes again.
pytestmark = [pytest.mark.pcsc, pytest.mark.slow]

SETTINGS = {"centre": {"total_deadline_s": 2.5, "late_reply_s": 20.0}, "engine": {"first_check_s": 0.2, "repeat_s": 0.2}}
PERSONLESS = {"9001", "1101"}  # nobody's region is known yet
SHARES = ("total", "fund", "account", "cash", "hospital")


@pytest_twisted.async_yield_fixture(scope="module")
async def counter(tmp_path_factory):
    stage = Stage(reactor, tmp_path_factory.mktemp("kinds"), settings=SETTINGS)
    try:
        await stage.start()
        yield Counter(Hospital(stage))
    finally:
        await stage.stop()


@pytest_twisted.async_fixture(scope="module")
async def done(counter):
    """One visit of each case, settled."""
    return {case.name: await counter.settled(case) for case in CASES}


def messages_of(h, visit_id):
    """What of ours about this visit reached the centre, in order."""
    ours = {row["message_id"] for row in h.rows("message") if row["visit_id"] == visit_id}
    return [receipt for receipt in h.stage.centre.ledger.receipts if receipt.message_id in ours]


def held(h, one):
    return h.stage.centre.ledger.by_number(one.settled["settlement_number"])


def yuan(bill):
    return {name: getattr(bill, name).yuan for name in SHARES}


def postings(h, number):
    return [posting for posting in h.stage.his.book.postings if posting.settlement_number == number]


async def feed_rows(h, settlement_id):
    rows, _ = await h.feed(limit=100)
    return [line for row in rows if (line := json.loads(row["line"]))["settlement"] == settlement_id]


def names(cases, **wanted):
    return [case.name for case in cases if all(getattr(case, name) == value for name, value in wanted.items())]


# -- what goes well


@pytest.mark.parametrize("name", BY_NAME)
@pytest_twisted.ensureDeferred
async def test_the_right_insurance_pays_and_the_centre_holds_what_the_counter_was_told(counter, done, name):
    one, case = done[name], BY_NAME[name]

    settlement = held(counter.h, one)

    assert (settlement.state, settlement.insurance, settlement.med_type) == (State.APPROVED, case.paid, case.med_type)
    assert settlement.clearing_type == CLEARING[case.kind]
    assert one.visit["insurance"]["kind"] == case.paid
    assert one.visit["insurance"]["region"] == case.region
    told = {share: one.settled["split"][share] for share in SHARES}
    assert told == yuan(settlement.bill) == {share: one.quote["split"][share] for share in SHARES}
    assert settlement.bill.total.fen == case.total_fen
    paid = {fund["kind"] for fund in one.settled["split"]["funds"]}
    assert case.funds <= paid
    assert {fund[:3] for fund in paid} <= {case.paid, "330", "390", "610", "999", *(["310"] if case.paid == "310" else [])}


@pytest.mark.parametrize("name", BY_NAME)
@pytest_twisted.ensureDeferred
async def test_each_kind_is_done_by_its_own_transactions_each_in_an_envelope_of_the_persons_region(counter, done, name):
    one, case = done[name], BY_NAME[name]

    received = messages_of(counter.h, one.visit["visit_id"])

    assert [receipt.call for receipt in received] == CALLS[case.kind]
    assert {receipt.end for receipt in received} == {"done"}
    assert {r.insured_region for r in received if r.call not in PERSONLESS} == {case.region}


@pytest.mark.parametrize("name", [case.name for case in CASES if case.kind != SALE])
@pytest_twisted.ensureDeferred
async def test_the_his_books_what_was_settled_of_the_right_kind_of_visit(counter, done, name):
    one, case, h = done[name], BY_NAME[name], counter.h

    (posting,) = postings(h, one.settled["settlement_number"])

    bill = held(h, one).bill
    assert (posting.total_fen, posting.fund_fen) == (bill.total.fen, bill.fund.fen)
    assert (posting.account_fen, posting.cash_fen) == (bill.account.fen, bill.cash.fen)
    assert len(posting.lines) == len(case.items)
    (message,) = (m for m in h.stage.his.received if m.control_id == posting.control_id)
    assert message.value("PV1", 2) == ("I" if case.kind == STAY else "O")
    assert message.value("ZST", 7) == message.value("IN1", 2) == case.paid


@pytest.mark.parametrize("name", names(CASES, kind=SALE))
@pytest_twisted.ensureDeferred
async def test_the_his_hears_nothing_of_a_sale(counter, done, name):
    one, h = done[name], counter.h

    assert one.visit["his"] == "untold"
    assert postings(h, one.settled["settlement_number"]) == []
    assert [row for row in h.rows("outbox") if row["visit_id"] == one.visit["visit_id"]] == []


@pytest.mark.parametrize("name", BY_NAME)
@pytest_twisted.ensureDeferred
async def test_the_bureau_is_told_category_insurance_and_region(counter, done, name):
    one, case = done[name], BY_NAME[name]

    (row,) = await feed_rows(counter.h, one.quote["settlement_id"])

    assert (row["kind"], row["transaction"], row["certain"]) == ("settled", SETTLE[case.kind], True)
    assert (row["med_type"], row["insurance"], row["insured_region"]) == (case.med_type, case.paid, case.region)
    assert row["visit_number"] == held(counter.h, one).visit_number
    assert {share: row[share] for share in SHARES} == yuan(held(counter.h, one).bill)


# -- what is taken back


@pytest.mark.parametrize("name", ["elsewhere", "sale", "stay-with-relief", "chronic", "maternity", "injury-stay"])
@pytest_twisted.ensureDeferred
async def test_a_cancel_undoes_it_in_all_books(counter, name):
    h, case = counter.h, BY_NAME[name]
    one = await counter.settled(case)
    entry, account = held(h, one), one.settled["split"]["balance_after"]

    cancelled = await h.call("settlement.cancel", h.undoing(one.quote))
    await h.until(one.quote["settlement_id"], "Cancelled")
    await h.until_quiet()

    assert entry.state is State.CANCELLED
    assert messages_of(h, one.visit["visit_id"])[-1].call == CANCEL[case.kind]
    assert cancelled["split"]["total"] == f"-{one.settled['split']['total']}"
    assert [row["kind"] for row in await feed_rows(h, one.quote["settlement_id"])] == ["settled", "cancelled"]
    booked = [posting for posting in h.stage.his.book.postings if posting.settlement_id == one.quote["settlement_id"]]
    assert [posting.action for posting in booked] == ([] if case.kind == SALE else ["S", "C"])
    assert sum(posting.total_fen for posting in booked) == 0
    kept = h.stage.centre.business.balance(entry.person_number, entry.insurance)
    assert kept.fen == round(float(account) * 100) + entry.bill.account.fen


@pytest_twisted.ensureDeferred
async def test_a_stay_goes_on_after_its_cancel_and_is_settled_for_all_that_it_was_charged(counter):
    h, case = counter.h, BY_NAME["injury-stay"]
    one = await counter.settled(case)
    await h.call("settlement.cancel", h.undoing(one.quote))

    await counter.errand("inpatient.undo_discharge", one.visit)
    await counter.charged(one.visit, WARD[:2])
    await counter.discharged(one.visit)
    quote = await h.call("settlement.quote", counter.bill(case, one.visit))
    settled = await h.call("settlement.settle", h.confirmation(quote))
    await counter.known(case, quote)

    entry = h.stage.centre.ledger.by_number(settled["settlement_number"])
    assert entry.bill.total.fen == case.total_fen + other("birth", items=WARD[:2]).total_fen
    assert entry.visit_number == held(h, one).visit_number
    (posting,) = postings(h, settled["settlement_number"])
    assert len(posting.lines) == len(WARD) + 2


# -- what gets lost


@pytest.mark.parametrize("name", ["work-injury", "injury-stay", "maternity", "emergency", "sale", "emergency-elsewhere"])
@pytest_twisted.ensureDeferred
async def test_a_settlement_whose_answer_is_lost_is_reversed_and_can_be_settled_again(counter, name):
    h, case = counter.h, BY_NAME[name]
    visit, quote = await counter.quoted(case)
    h.stage.centre.faults.next(SETTLE[case.kind], "lose-reply")

    error = await h.fault("settlement.settle", h.confirmation(quote))
    view = await h.until(quote["settlement_id"], "Reversed")

    assert (error.code, error.data["money"]) == ("settlement.outcome_unknown", "unknown")
    assert view["money"] == "reversed"
    lost = [r for r in messages_of(h, visit["visit_id"]) if r.call == SETTLE[case.kind]]
    assert [h.stage.centre.ledger.by_message(r.message_id).state for r in lost] == [State.REVERSED]
    again = counter.bill(case, visit) | {"request_id": h.key()}
    if case.kind == SALE:
        visit = await counter.begun(case)
        again["visit_id"] = visit["visit_id"]
    second = await h.call("settlement.quote", again)
    settled = await h.call("settlement.settle", h.confirmation(second))
    await counter.known(case, second)
    assert settled["split"]["total"] == quote["split"]["total"]
    assert h.stage.centre.ledger.by_number(settled["settlement_number"]).state is State.APPROVED


@pytest.mark.parametrize("name", ["chronic", "sale-to-a-cadre", "stay-of-a-cadre"])
@pytest_twisted.ensureDeferred
async def test_a_cancel_whose_answer_is_lost_is_taken_back_and_the_settlement_stands_everywhere(counter, name):
    h, case = counter.h, BY_NAME[name]
    one = await counter.settled(case)
    h.stage.centre.faults.next(CANCEL[case.kind], "lose-reply")

    error = await h.fault("settlement.cancel", h.undoing(one.quote))
    view = await h.until(one.quote["settlement_id"], "Settled", "Delivered")

    assert (error.code, error.data["money"]) == ("settlement.outcome_unknown", "unknown")
    assert (view["money"], held(h, one).state) == ("charged", State.APPROVED)
    assert [row["kind"] for row in await feed_rows(h, one.quote["settlement_id"])] == ["settled"]


@pytest_twisted.ensureDeferred
async def test_elsewhere_a_call_that_may_not_be_reversed_is_never_reversed_and_its_late_answer_is_used(counter):
    h, case = counter.h, BY_NAME["sale-elsewhere"]
    _, quote = await counter.quoted(case)
    hold = h.stage.centre.holds.next("2102", "processed")

    error = await h.fault("settlement.settle", h.confirmation(quote))
    # The weak evidence is asked for in place of the reversal, and settles nothing.
    await until(lambda: sent_of(h, quote)[2:] == [("5201", "answered")], "5201 was not asked")
    listed = await h.call("desk.list", {}, role="operator")
    hold.release()
    known = await h.until(quote["settlement_id"], "Settled", "Delivered")

    assert (error.code, error.data["money"], known["money"]) == ("settlement.outcome_unknown", "unknown", "charged")
    shown = [(row["settlement_id"], row["state"], row["in_doubt"]) for row in listed["rows"]]
    assert shown == [(quote["settlement_id"], "Unknown", "2102")]
    assert [call for call, _ in sent_of(h, quote)] == ["2101", "2102", "5201"]
    assert h.stage.centre.ledger.by_number(known["settled"]["settlement_number"]).state is State.APPROVED


def sent_of(h, quote):
    rows = [row for row in h.rows("message") if row["settlement_id"] == quote["settlement_id"]]
    return [(row["call"], row["outcome"]) for row in sorted(rows, key=lambda row: row["message_id"])]


@pytest.mark.parametrize(("call", "method"), [("2401", "inpatient.admit"), ("2201", "patient.register")])
@pytest_twisted.ensureDeferred
async def test_a_registration_whose_answer_is_lost_is_found_and_never_made_twice(counter, call, method):
    h = counter.h
    case = BY_NAME["stay-of-a-cadre" if call == "2401" else "cadre"]
    begin, params = await counter.opening(case)
    h.stage.centre.faults.next(call, "lose-reply")

    error = await h.fault(begin, params)
    visit = await h.call(begin, params)

    assert (begin, error.code, error.data["money"]) == (method, "centre.no_answer", "no")
    assert [r.call for r in messages_of(h, visit["visit_id"])] == ["1101", call, "5201"]
    known = h.stage.centre.business.visits
    assert [v.number for v in known.values() if v.our_number == visit["visit_id"]] == [visit["visit_number"]]
    await counter.errand("visit.withdraw", visit)
    assert visit["visit_number"] not in known


@pytest_twisted.ensureDeferred
async def test_a_registration_that_neither_side_wants_and_that_stays_at_the_centre_is_shown_to_a_person(counter):
    h, case = counter.h, BY_NAME["cadre"]
    method, params = await counter.opening(case)
    h.stage.his.knobs.turn("ADT^A04", Fault.ANSWER_AE)
    h.stage.centre.faults.next("2202", "refuse", code="2221", text="就诊已有费用")

    error = await h.fault(method, params)
    await until(lambda: "2221" in str(h.rows("journal")[-1]), "2202 was not refused")
    (row,) = (await h.call("desk.list", {}, role="operator"))["errands"]

    assert error.code == "his.refused"
    assert row["visit_number"] in h.stage.centre.business.visits
    assert (row["why"]["code"], row["why"]["foreign"]) == ("centre.refused", "就诊已有费用")


# -- what does not fit


@pytest.mark.parametrize(
    ("base", "changes"),
    [
        ("chronic", {"facts": {}}),
        ("two-diseases", {"facts": {}}),
        ("maternity", {"facts": {}}),
        ("birth", {"facts": {}}),
        ("emergency", {"asked": "510"}),
        ("emergency", {"asked": "410"}),
        ("work-injury", {"asked": "310"}),
        ("maternity", {"asked": "340"}),
        ("emergency", {"med_type": "2101"}),
        ("emergency", {"med_type": "22"}),
        ("emergency", {"med_type": "41"}),
        ("stay-of-a-cadre", {"med_type": "13"}),
        ("stay-of-a-cadre", {"med_type": "99922"}),
        ("sale", {"med_type": "11"}),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_does_not_fit_its_category_is_refused_before_anything_is_sent(counter, base, changes):
    h = counter.h
    method, params = await counter.opening(other(base, who="cadre", **changes))  # whose card it is makes no difference
    before = len(h.stage.centre.ledger.receipts), len(h.stage.his.received), len(h.rows("visit"))

    error = await h.fault(method, params)

    assert (error.code, error.data["money"]) == ("visit.category", "no")
    assert (len(h.stage.centre.ledger.receipts), len(h.stage.his.received), len(h.rows("visit"))) == before


@pytest.mark.parametrize(
    ("base", "changes", "code"),
    [
        ("maternity", {"who": "employee", "asked": "510"}, "centre.not_insured"),
        ("work-injury", {"who": "employee"}, "centre.not_insured"),
        ("emergency", {"asked": "390"}, "centre.not_insured"),
        ("injury-stay", {"who": "elsewhere"}, "visit.cross_region"),
        ("ordinary", {"who": "far-away"}, "visit.cross_region"),
        ("sale", {"who": "far-away"}, "visit.cross_region"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_whom_no_insurance_pays_here_is_refused_when_that_is_known_and_nothing_is_registered(
    counter, base, changes, code
):
    h = counter.h
    method, params = await counter.opening(other(base, **changes))
    before = len(h.stage.centre.ledger.receipts), len(h.stage.his.received)

    error = await h.fault(method, params)

    assert (error.code, error.data["money"]) == (code, "no")
    assert [r.call for r in h.stage.centre.ledger.receipts[before[0] :]] == ["1101"]
    assert len(h.stage.his.received) == before[1]


@pytest_twisted.ensureDeferred
async def test_a_disease_without_a_filing_is_the_centres_to_refuse_and_no_money_moves(counter):
    h = counter.h
    case = other("chronic", who="cadre", paid="340", facts={"disease": DISEASE})
    visit = await counter.begun(case)

    error = await h.fault("settlement.quote", counter.bill(case, visit))

    assert (error.code, error.data["money"]) == ("centre.refused", "no")
    assert "2034" in error.data["detail"]
    assert [r.call for r in messages_of(h, visit["visit_id"])] == ["1101", "2201", "2203"]


@pytest_twisted.ensureDeferred
async def test_a_stay_keeps_the_order_of_its_region_and_each_step_out_of_turn_sends_nothing(counter):
    h, case = counter.h, BY_NAME["stay-of-a-cadre"]
    visit = await counter.begun(case)
    bill = counter.bill(case, visit)
    await refused_unsent(h, visit, "settlement.quote", bill, "visit.order")  # no charges
    await counter.charged(visit, WARD)
    await refused_unsent(h, visit, "settlement.quote", bill, "visit.order")  # not discharged
    await refused_unsent(h, visit, "inpatient.undo_discharge", asking(h, visit), "visit.order")
    await counter.discharged(visit)
    again = asking(h, visit) | {"ended_at": now(), "diagnoses": LUNG}
    await refused_unsent(h, visit, "inpatient.discharge", again, "visit.order")
    quote = await h.call("settlement.quote", counter.bill(case, visit))
    await h.call("settlement.settle", h.confirmation(quote))
    await counter.known(case, quote)

    await refused_unsent(h, visit, "inpatient.undo_discharge", asking(h, visit), "visit.order")
    await refused_unsent(h, visit, "visit.withdraw", asking(h, visit), "visit.order")


@pytest_twisted.ensureDeferred
async def test_an_outpatient_has_no_errands_of_a_stay(counter, done):
    h, visit = counter.h, done["emergency"].visit

    await refused_unsent(h, visit, "inpatient.undo_discharge", asking(h, visit), "visit.category")
    assert BY_NAME["emergency"].kind == OUTPATIENT


def asking(h, visit):
    return {"request_id": h.key(), "visit_id": visit["visit_id"]}


async def refused_unsent(h, visit, method, params, code):
    before = len(messages_of(h, visit["visit_id"]))

    error = await h.fault(method, params)

    assert (error.code, error.data["money"]) == (code, "no")
    assert len(messages_of(h, visit["visit_id"])) == before


# -- in the end


@pytest_twisted.ensureDeferred
async def test_in_the_end_all_books_agree_and_nobody_is_named(counter, done):
    h = counter.h
    await h.until_quiet()

    books = await invariants.check(h)

    untold = {
        s.settlement_number for s in books.centre.ledger.in_state(State.APPROVED) if s.clearing_type == CLEARING[SALE]
    }
    assert untold
    invariants.all_books_agree(books, frozenset(untold))
    invariants.nobody_is_named(h)
    assert AWAY in {json.loads(row["line"])["insured_region"] for row in books.feed}
    assert len(done) == len(CASES)
