"""Kinds of visit and a region's rules: what is begun, told, limited and refused for each."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
from attrs import evolve

from middleware.domain import event as e
from middleware.domain.category import CATEGORIES, SPECIAL, Category, Need, fitting, pays, preferred
from middleware.domain.centre import Call, FoundVisit, Insurance, PersonKnown
from middleware.domain.charge import Bill, Disease
from middleware.domain.command import CallCentre, TellHis, WakeAt
from middleware.domain.errand import ErrandState, Matter
from middleware.domain.fault import Fault
from middleware.domain.kind import (
    CALLS,
    CANCEL_CALLS,
    FINISH_CALLS,
    MONEY_CALLS,
    PRE_SETTLE_CALLS,
    SETTLE_CALLS,
    VisitKind,
)
from middleware.domain.money import Money
from middleware.domain.order import Maternity, StayFacts
from middleware.domain.rules import KIND_RULES, CrossRules, DischargeBy, KindRules, OnHisRefusal, OnHisSilence
from middleware.domain.visit import SettlementState as S
from middleware.domain.visit import VisitState as V
from middleware.flow.guards import charges_mark
from middleware.flow.requests import centre_request
from middleware.flow.step import Policy
from middleware.flow.visit import begin, step
from tests.middleware.flow.making import HIS_ORDER, SETTLE_ID, SETTLED, after, at, settlement, visit
from tests.support.fakes import HIS, NOW, lines, split

ORDERS = {
    VisitKind.OUTPATIENT: HIS_ORDER,
    VisitKind.PHARMACY: evolve(HIS_ORDER, kind=VisitKind.PHARMACY, med_type="41", department_code="", doctor_code=""),
    VisitKind.INPATIENT: evolve(
        HIS_ORDER, kind=VisitKind.INPATIENT, med_type="2101", stay=StayFacts("ZY1", "12", "肺炎"), diagnosed=True
    ),
}


def known(*insurances, region="999900"):
    rows = tuple(Insurance(kind, "11", region, Money(1), active=True) for kind in insurances or ("310",))
    return e.CentreKnewPerson(PersonKnown("P1", same_person=True, insurances=rows))


def calls(done):
    return [one.call for one in done.commands if isinstance(one, CallCentre)]


def begun(kind, **changes):
    return begin(e.RegistrationRequested("V0001", "P0001", HIS, evolve(ORDERS[kind], **changes)), at()).state


def refusal(kind, policy=None, **changes) -> str:
    with pytest.raises(Fault) as caught:
        begin(e.RegistrationRequested("V0001", "P0001", HIS, evolve(ORDERS[kind], **changes)), at(**(policy or {})))
    return caught.value.detail


def test_the_families_are_those_of_the_kinds_and_money_moves_in_no_other_call():
    of_kinds = [CALLS[kind] for kind in VisitKind]

    assert {one.settle for one in of_kinds} | {Call.PLACE_ORDER} == SETTLE_CALLS
    assert {one.cancel for one in of_kinds} | {Call.REFUND_ORDER} == CANCEL_CALLS
    assert {one.pre_settle for one in of_kinds} == PRE_SETTLE_CALLS
    assert SETTLE_CALLS | CANCEL_CALLS | FINISH_CALLS | {Call.REVERSE} == MONEY_CALLS
    others = {
        getattr(one, name) for one in of_kinds for name in ("register", "upload_charges", "discharge", "undo_register")
    }
    assert not others & MONEY_CALLS


@pytest.mark.parametrize(
    ("kind", "call", "state"),
    [
        (VisitKind.OUTPATIENT, [Call.REGISTER_VISIT], V.IDENTIFIED),
        (VisitKind.INPATIENT, [Call.ADMIT], V.IDENTIFIED),
        (VisitKind.PHARMACY, [], V.REGISTERED),
    ],
)
def test_a_known_person_is_registered_as_the_kind_wants(kind, call, state):
    done = step(begun(kind), known(), at())

    assert (calls(done), done.state.state) == (call, state)
    assert not any(isinstance(one, TellHis) for one in done.commands)


@pytest.mark.parametrize("kind", [VisitKind.OUTPATIENT, VisitKind.INPATIENT])
@pytest.mark.parametrize("told", [True, False])
def test_the_his_hears_of_a_visit_where_the_rules_say_so(kind, told):
    policy = {"kinds": {kind: KindRules(tell_visit=told)}}
    done = step(step(begun(kind), known(), at()).state, e.CentreRegisteredVisit("M1"), at(**policy))

    assert any(isinstance(one, TellHis) for one in done.commands) is told
    assert done.state.state is (V.ENROLLED if told else V.REGISTERED)


@pytest.mark.parametrize("kind", VisitKind)
def test_each_kind_settles_cancels_and_reverses_by_its_own_calls(kind):
    order = ORDERS[kind]
    bill = Bill(lines(10000), ())
    for state, wish, call in (
        (S.QUOTED, e.SettleConfirmed("S0001", HIS, split().total, split().cash), CALLS[kind].settle),
        (S.SETTLED, e.CancelConfirmed("S0001", HIS, ""), CALLS[kind].cancel),
    ):
        policy = {"kinds": {kind: evolve(KIND_RULES[kind], discharge=DischargeBy.AFTER)}}
        mark = charges_mark(visit(order=order))
        before = visit(settlement(state, charges_mark=mark), order=order)
        done = step(before, wish, at(**policy))
        assert calls(done) == [call]
        lost = e.SettleUnanswered if state is S.QUOTED else e.CancelUnanswered
        unknown = step(done.state, lost("S0001", done.commands[0].message_id, "time-out"), at()).state
        assert unknown.settlements[0].unknown_call is call
        due = unknown.settlements[0].next_due
        reversal = step(unknown, e.DueTimePassed("S0001"), at(due, reversible=frozenset({call})))
        request = centre_request(reversal.commands[0], reversal.state, None, bill, NOW)
        assert (request.original_call, request.original_message_id) == (call, done.commands[0].message_id)
        manual = step(unknown, e.DueTimePassed("S0001"), at(due, reversible=frozenset(MONEY_CALLS - {call})))
        assert manual.state.settlements[0].state is S.MANUAL


def test_a_sale_is_quoted_and_settled_with_its_lines_and_cancelled_by_the_number_of_its_answer():
    order = ORDERS[VisitKind.PHARMACY]
    bill = Bill(lines(10000), ())
    asked = step(
        visit(order=order, visit_number=""), e.QuoteRequested("S0001", HIS, Money(10000), "b", "d", use_account=True), at()
    )
    quote = centre_request(asked.commands[0], asked.state, None, bill, NOW)
    sold = visit(settlement(S.SETTLED, settled=evolve(SETTLED, visit_number="M9")), order=order, visit_number="")
    cancel = centre_request(
        step(sold, e.CancelConfirmed("S0001", HIS, ""), at()).commands[0], _cancelling(sold), None, bill, NOW
    )

    assert calls(asked) == [Call.PHARMACY_PRE_SETTLE]
    assert [line.line_id for line in quote.lines] == ["0001010001"]
    assert cancel.visit.visit_number == "M9"


def _cancelling(sold):
    return step(sold, e.CancelConfirmed("S0001", HIS, ""), at()).state


@pytest.mark.parametrize("kind", VisitKind)
@pytest.mark.parametrize("told", [True, False])
def test_the_his_hears_of_money_where_the_rules_say_so(kind, told):
    policy = at(kinds={kind: KindRules(tell_charges=told)})
    settled = step(
        visit(settlement(S.SETTLE_SENT), order=ORDERS[kind]), e.CentreSettled("S0001", SETTLE_ID, SETTLED), policy
    )

    assert any(isinstance(one, TellHis) for one in settled.commands) is told
    assert settled.state.settlements[0].state is S.SETTLED


# -- categories


@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        (VisitKind.OUTPATIENT, {"med_type": "14"}, "needs disease"),
        (VisitKind.OUTPATIENT, {"med_type": "51"}, "needs maternity"),
        (VisitKind.OUTPATIENT, {"med_type": "41"}, "is pharmacy, not outpatient"),
        (VisitKind.OUTPATIENT, {"med_type": "2101"}, "is inpatient, not outpatient"),
        (VisitKind.OUTPATIENT, {"insurance": "510"}, "not paid by insurance 510"),
        (VisitKind.OUTPATIENT, {"department_code": ""}, "needs department"),
        (
            VisitKind.INPATIENT,
            {"med_type": "2106", "insurance": "310", "maternity": Maternity(dt.date(2026, 1, 1))},
            "not paid",
        ),
        (VisitKind.INPATIENT, {"stay": None}, "stay_number"),
        (VisitKind.INPATIENT, {"diagnosed": False}, "diagnosis"),
        (VisitKind.PHARMACY, {"med_type": "11"}, "is outpatient, not pharmacy"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_sent(kind, changes, said):
    assert said in refusal(kind, **changes)


@pytest.mark.parametrize(
    ("med_type", "changes", "insurances", "chosen"),
    [
        ("11", {}, ("510", "310"), "310"),
        ("13", {}, ("390",), "390"),
        ("51", {"maternity": Maternity(dt.date(2026, 1, 1))}, ("310", "510"), "510"),
        ("51", {"maternity": Maternity(dt.date(2026, 1, 1))}, ("310",), "310"),
        ("11", {}, ("340",), "340"),
        ("11", {"insurance": "390"}, ("310", "390"), "390"),
        ("14", {"disease": Disease("M03900", "高血压")}, ("310",), "310"),
    ],
)
def test_the_insurance_that_pays_for_the_category_is_taken(med_type, changes, insurances, chosen):
    done = step(begun(VisitKind.OUTPATIENT, med_type=med_type, **changes), known(*insurances), at())

    assert done.state.insurance == chosen


def test_a_person_with_nothing_but_a_special_insurance_is_not_insured_for_a_visit():
    done = step(begun(VisitKind.OUTPATIENT), known("510"), at())

    assert (done.state.state, done.state.trouble.code) == (V.REFUSED, "centre.not_insured")


def test_a_region_may_add_a_category_and_a_code_that_no_table_has_is_the_adapters_matter():
    own = Category("99922", "工伤门诊", "work injury", VisitKind.OUTPATIENT, ("410",))
    policy = at(categories={**CATEGORIES, "99922": own})
    order = evolve(HIS_ORDER, med_type="99922")
    injured = begin(e.RegistrationRequested("V0001", "P0001", HIS, order), policy).state

    assert step(injured, known("310", "410"), policy).state.insurance == "410"
    assert fitting(CATEGORIES, VisitKind.OUTPATIENT, "9999", "", ()) is None


def test_every_category_of_the_table_is_of_one_kind_and_its_needs_can_be_told():
    assert {row.kind for row in CATEGORIES.values()} == set(VisitKind)
    for row in CATEGORIES.values():
        assert fitting(CATEGORIES, row.kind, row.code, "", Need) is row
        assert all(pays(row, one) for one in row.insurances)
        assert row.insurances or not any(pays(row, one) for one in SPECIAL)
    assert preferred(CATEGORIES["51"], ("310", "510", "410")) == ["510", "310"]


# -- limits and regions


def test_a_kind_that_a_region_does_not_do_is_refused():
    off = {"kinds": {VisitKind.PHARMACY: KindRules(allowed=False)}}

    assert "not done here" in refusal(VisitKind.PHARMACY, off)


ELSEWHERE = {"local": "9999", "cross": CrossRules(regions=("43",), kinds=frozenset({VisitKind.OUTPATIENT}))}


@pytest.mark.parametrize(
    ("region", "kind", "allowed"),
    [
        ("999912", VisitKind.INPATIENT, True),
        ("430100", VisitKind.OUTPATIENT, True),
        ("430100", VisitKind.PHARMACY, False),
        ("530100", VisitKind.OUTPATIENT, False),
    ],
)
def test_somebody_insured_elsewhere_is_treated_where_the_region_takes_such(region, kind, allowed):
    done = step(begun(kind), known(region=region), at(**ELSEWHERE))

    assert (done.state.state is V.REFUSED) is not allowed
    if not allowed:
        assert (done.state.trouble.code, calls(done)) == ("visit.cross_region", [])
    assert done.state.cross_region is not region.startswith("9999")


def test_what_may_be_reversed_differs_for_those_insured_elsewhere():
    policy = Policy(reversible=frozenset({Call.SETTLE, Call.CANCEL}), cross=CrossRules(reversible=frozenset({Call.SETTLE})))
    cells = {
        (call, cross): policy.may_reverse(call, cross_region=cross)
        for call, cross in itertools.product((Call.SETTLE, Call.CANCEL), (True, False))
    }

    assert [one for one, may in cells.items() if not may] == [(Call.CANCEL, True)]


@pytest.mark.parametrize(
    ("rules", "changes", "is_refused"),
    [
        ({"max_total": Money(9_999)}, {}, True),
        ({"max_total": Money(10_000)}, {}, False),
        ({"max_lines": 1}, {"lines": 2}, True),
        ({"days_back": 2}, {"oldest": after(-3 * 86_400)}, True),
        ({"days_back": 2}, {"oldest": after(-86_400)}, False),
    ],
)
def test_a_bill_beyond_a_limit_is_not_quoted(rules, changes, is_refused):
    request = evolve(
        e.QuoteRequested("S0001", HIS, Money(10_000), "b", "d", use_account=True, lines=1, oldest=NOW), **changes
    )
    policy = at(kinds={VisitKind.OUTPATIENT: KindRules(**rules)})
    if not is_refused:
        assert calls(step(visit(), request, policy)) == [Call.UPLOAD_VISIT]
        return
    with pytest.raises(Fault, match=r"settlement\.limit"):
        step(visit(), request, policy)


def test_a_bill_of_somebody_insured_elsewhere_has_its_own_limit():
    request = e.QuoteRequested("S0001", HIS, Money(10_000), "b", "d", use_account=True)
    policy = at(cross=CrossRules(max_total=Money(5_000)))

    with pytest.raises(Fault, match=r"settlement\.limit"):
        step(visit(cross_region=True), request, policy)
    assert calls(step(visit(), request, policy)) == [Call.UPLOAD_VISIT]


def test_a_cancel_that_comes_too_late_is_refused():
    policy = {"kinds": {VisitKind.OUTPATIENT: KindRules(cancel_days=1)}}
    wish = e.CancelConfirmed("S0001", HIS, "")

    assert calls(step(visit(settlement(S.SETTLED)), wish, at(after(3600), **policy))) == [Call.CANCEL]
    with pytest.raises(Fault, match=r"settlement\.limit"):
        step(visit(settlement(S.SETTLED)), wish, at(after(2 * 86_400), **policy))


def test_a_kinds_quote_has_its_own_expiry():
    policy = at(kinds={VisitKind.OUTPATIENT: KindRules(quote_valid_s=60)})
    done = step(visit(settlement(S.ITEMISED)), e.CentreQuoted("S0001", split()), policy)

    assert done.state.settlements[0].expires_at == after(60)


# -- a HIS that refuses or is silent


def test_a_refused_settlement_is_cancelled_where_the_kind_says_so():
    refused = e.HisRefusedCharges("S0001", cancelled=False, code="AE", message="")
    for rule, expected in ((OnHisRefusal.HOLD, []), (OnHisRefusal.CANCEL, [Call.CANCEL])):
        policy = at(kinds={VisitKind.OUTPATIENT: KindRules(on_his_refusal=rule)})
        assert calls(step(visit(settlement(S.SETTLED)), refused, policy)) == expected


@pytest.mark.parametrize(
    ("rule", "waits", "expected"), [("tell", False, []), ("hold", True, []), ("cancel", True, [Call.CANCEL])]
)
def test_a_his_that_is_silent_after_the_centre_settled(rule, waits, expected):
    rules = {"kinds": {VisitKind.OUTPATIENT: KindRules(on_his_silence=OnHisSilence(rule), his_silence_s=100)}}
    settled = step(visit(settlement(S.SETTLE_SENT)), e.CentreSettled("S0001", SETTLE_ID, SETTLED), at(**rules))
    early = step(settled.state, e.DueTimePassed("S0001"), at(after(99), **rules))
    silent = step(settled.state, e.DueTimePassed("S0001"), at(after(100), **rules))
    answered = step(settled.state, e.HisAcceptedCharges("S0001", cancelled=False), at(**rules)).state.settlements[0]

    assert any(isinstance(one, WakeAt) for one in settled.commands) is waits
    assert calls(early) == []
    assert calls(silent) == expected
    assert (silent.state.settlements[0].trouble is not None) is waits
    assert answered.next_due is None


# -- registrations without an answer

ASKS = {"query_visits": True, "kinds": {VisitKind.OUTPATIENT: KindRules(withdraw=True)}}


def lost():
    return step(visit(state=V.IDENTIFIED), e.CallUnanswered(Call.REGISTER_VISIT, "time-out"), at(**ASKS)).state


def ours(number):
    return FoundVisit(number, "V0001", "11", "", None)


def test_a_registration_without_an_answer_is_asked_about_before_it_is_repeated():
    assert calls(step(lost(), e.RequestRepeated(), at(**ASKS))) == [Call.QUERY_VISITS]
    assert calls(step(lost(), e.RequestRepeated(), at())) == [Call.REGISTER_VISIT]


def test_only_a_visit_that_bears_our_number_is_taken_for_ours_others_are_shown():
    asking = step(lost(), e.RequestRepeated(), at(**ASKS)).state
    stranger = FoundVisit("M7", "somebody's", "11", "", None)
    adopted = step(asking, e.CentreFoundVisits((stranger, ours("M8"))), at(**ASKS)).state
    anew = step(asking, e.CentreFoundVisits((stranger,)), at(**ASKS))

    assert (adopted.state, adopted.visit_number) == (V.ENROLLED, "M8")
    assert calls(anew) == [Call.REGISTER_VISIT]
    assert anew.state.found == (stranger,)


def test_a_second_registration_of_the_same_visit_is_withdrawn():
    twice = step(visit(), e.CentreRegisteredLate("M2"), at(**ASKS))
    kept = step(visit(), e.CentreRegisteredLate("M2"), at())

    assert calls(twice) == [Call.WITHDRAW_VISIT]
    assert twice.state.errands[0].visit_number == "M2"
    assert twice.state.visit_number == "M1"
    assert not twice.state.withdrawn
    assert (calls(kept), [one.visit_number for one in kept.state.found]) == ([], ["M2"])
    assert calls(step(visit(), e.CentreRegisteredLate("M1"), at(**ASKS))) == []


def test_a_visit_that_the_his_refuses_leaves_no_registration_at_the_centre():
    refused = step(visit(state=V.ENROLLED), e.HisRefusedPatient("AE", ""), at(**ASKS))

    assert refused.state.state is V.REFUSED
    assert calls(refused) == [Call.WITHDRAW_VISIT]
    assert calls(step(visit(state=V.ENROLLED), e.HisRefusedPatient("AE", ""), at())) == []


def test_invariant_12_what_got_no_answer_is_looked_for_only_after_the_centres_limit():
    registered = step(evolve(lost(), awaiting=Call.REGISTER_VISIT), e.CentreRegisteredVisit("M1"), at(**ASKS))
    look = registered.state.errands[0]
    early = step(registered.state, e.DueTimePassed(errand_id=look.errand_id), at(after(119), **ASKS))
    stepped = evolve(at(after(3600), **ASKS), trusted_since=after(3599))
    jumped = step(registered.state, e.DueTimePassed(errand_id=look.errand_id), stepped)
    late = step(registered.state, e.DueTimePassed(errand_id=look.errand_id), at(after(120), **ASKS))
    shown = step(late.state, e.CentreFoundVisits((ours("M1"), ours("M2")), look.errand_id), at(after(121), **ASKS))

    assert look.matter is Matter.LOOK
    assert calls(early) == calls(jumped) == []
    assert calls(late) == [Call.QUERY_VISITS]
    assert calls(shown) == [Call.WITHDRAW_VISIT]
    assert [(one.matter, one.state, one.visit_number) for one in shown.state.errands] == [
        (Matter.LOOK, ErrandState.DONE, ""),
        (Matter.WITHDRAW_VISIT, ErrandState.ASKED, "M2"),
    ]
