"""The generated page says what the machines do, all of it, and is the one in docs/."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from attrs import evolve

from middleware.domain import event as e
from middleware.domain.centre import Call, FoundVisit, Insurance, PersonKnown
from middleware.domain.decision import Verdict
from middleware.domain.fault import Fault
from middleware.domain.kind import VisitKind
from middleware.domain.money import Money
from middleware.domain.pursuit import Pursuit, Source
from middleware.domain.reconciliation import Difference
from middleware.domain.rules import KindRules, OnHisSilence
from middleware.domain.visit import SettlementState as S
from middleware.domain.visit import VisitState as V
from middleware.flow import pages
from middleware.flow.step import IllegalEvent
from middleware.flow.visit import REGISTRATION_ROWS, SETTLEMENT_ROWS, step
from tests.middleware.flow import making
from tests.middleware.flow.making import (
    CANCEL_ID,
    CONFIRM_ID,
    FINDING,
    HIS_ORDER,
    LISTING,
    OF_ORDERS,
    PHONE,
    QUERY_ID,
    REVERSAL_ID,
    SETTLED,
    after,
    at,
    cancel_in_doubt,
    event,
    proposal,
    settlement,
    visit,
)
from tests.support.fakes import NOW, split

ROOT = Path(__file__).resolve().parents[3]
REVERSIBLE = frozenset({Call.SETTLE, Call.CANCEL})


def test_the_page_in_docs_is_the_one_that_the_tables_give():
    assert (ROOT / "docs" / "machines.md").read_text(encoding="utf-8") == pages.page(), "run: run.py docs"


def test_writing_makes_the_folder_and_the_same_bytes_each_time(tmp_path):
    target = tmp_path / "docs" / "machines.md"
    pages.write(target)
    first = target.read_bytes()
    pages.write(target)

    assert target.read_bytes() == first
    assert b"\r" not in first


@pytest.mark.parametrize("machine", pages.MACHINES, ids=lambda machine: machine.en)
def test_every_state_is_explained_in_both_languages_and_every_event_has_its_table(machine):
    text = pages.page()

    assert set(machine.what_is_known) == set(machine.states)
    assert all(zh and en for zh, en in machine.what_is_known.values())
    for kind in machine.rows:
        assert f"#### {kind.__name__}\n" in text


def walked():  # noqa: C901 - every situation that differs, side by side
    """Every (state, event, state) that ``step`` really makes, over situations that differ in what matters."""
    found = set()
    silence = KindRules(on_his_silence=OnHisSilence.CANCEL)
    policies = (
        at(),
        at(after(9999)),
        at(after(9999), kinds={VisitKind.OUTPATIENT: silence}),
        at(cancel_on_his_refusal=True, reversible=REVERSIBLE),
        at(max_attempts=0),
        at(after(9999), adopt_listed=True, reversible=REVERSIBLE),
        at(after(9999), reversible=frozenset()),
        at(finish=Call.CONFIRM),
    )
    for state, kind, when in itertools.product(S, SETTLEMENT_ROWS, policies):
        if kind in OF_ORDERS or state is S.ORDERED:
            continue
        situations = [settlement(state), settlement(state, delivered=False), settlement(state, reversal_attempts=0)]
        situations.append(evolve(settlement(state), cancel_message_id="M-cancel"))
        if state is S.UNKNOWN:
            situations.append(settlement(state, approved=SETTLED, confirm_message_id=CONFIRM_ID))
            situations.append(settlement(state, reversal_message_id=REVERSAL_ID))
        if state in {S.UNKNOWN, S.REVERSAL_INTENDED, S.REVERSAL_SENT}:
            situations += [
                cancel_in_doubt(state, reversal_message_id="M-reversal", next_due=None, delivered=d) for d in (True, False)
            ]
            situations.append(settlement(state, pursuit=Pursuit(after(99999), Source.VISITS, query_message_id=QUERY_ID)))
        situations += [evolve(one, reversal_intended_at=after(9999)) for one in tuple(situations)]
        if state is S.SETTLED:
            situations.append(settlement(state, next_due=NOW))
        if kind is e.ManualApproved and state in {S.UNKNOWN, S.MANUAL}:
            situations += [settlement(state, proposal=proposal(v)) for v in (Verdict.SETTLED, Verdict.REVERSED)]
            situations += [
                cancel_in_doubt(state, proposal=proposal(v), delivered=d, next_due=None)
                for v in (Verdict.CANCELLED, Verdict.STANDS)
                for d in (True, False)
            ]
        happenings = happenings_of(kind, state)
        if kind in {e.CentreListed, e.CentreListedAbsent, e.CentreListedOtherwise}:
            situations, happenings = listed(state, situations), list(listings(happenings[0]))
        if kind is e.ManualApproved and state in {S.SETTLED, S.DELIVERED}:
            situations.append(settlement(state, finding=FINDING, proposal=proposal(Verdict.CANCELLED)))
        for before, happened in itertools.product(situations, happenings):
            try:
                done = step(visit(before), seen(happened, before), when)
            except (Fault, IllegalEvent):
                continue
            found.add((state, kind, done.state.settlements[0].state))
    return {one for one in found | walked_by_phone() if one[0] is not one[2]}


def walked_by_phone():
    """The same of orders of mobile payment."""
    found = set()
    rules = {"mobile": PHONE, "max_attempts": 8}
    policies = (at(**rules), at(after(9999), **rules), at(after(9999), mobile=PHONE, max_attempts=0))
    for state, kind, when in itertools.product(S, SETTLEMENT_ROWS, policies):
        if state in {S.RECEIVED, S.ITEMISED, S.CONFIRM_INTENDED, S.CONFIRM_SENT, S.REVERSAL_INTENDED, S.REVERSAL_SENT}:
            continue
        made = making.order(state)
        back = evolve(made, settled=SETTLED, cancel_message_id=CANCEL_ID, cancelled=made.cancelled)
        situations = [made, *(evolve(back, delivered=delivered) for delivered in (True, False))]
        if state is S.UNKNOWN:
            situations += [evolve(one, unknown_call=Call.REFUND_ORDER) for one in situations[1:]]
        marks = [{"refused": True}, {"asked_at": after(9999)}, {"handed": True, "asked_at": after(9999)}]
        marks += [{"unwanted": True}, {"unwanted": True, "asked_at": after(9999)}, {"own_paid": True}]
        situations += [evolve(one, mobile=evolve(one.mobile, **mark)) for one in tuple(situations) for mark in marks]
        happenings = [event(kind, state)]
        if kind is e.OrderShown:
            happenings = [evolve(happenings[0], state=told) for told in ("0", "4", "6", "12", "14", "9")]
        if kind is e.CancelNotSent:
            happenings.append(evolve(happenings[0], message_id="N1"))
        for before, happened in itertools.product(situations, happenings):
            if before.settled is None and state in {S.CANCEL_INTENDED, S.CANCEL_SENT, S.SETTLED, S.DELIVERED}:
                continue
            try:
                done = step(visit(before), happened, when)
            except (Fault, IllegalEvent):
                continue
            found.add((state, kind, done.state.settlements[0].state))
    return found


def happenings_of(kind, state):
    """The event, and where it matters another of its kind."""
    happened = event(kind, state)
    if kind is e.CentreSettled:
        unsound = evolve(SETTLED, split=evolve(SETTLED.split, total=SETTLED.split.total + Money(1)))
        return [happened, evolve(happened, reply=unsound)]
    return [happened, evolve(happened, not_found=False)] if kind is e.CentreRefusedReversal else [happened]


def listed(state, situations):
    """Situations to which a file can be fitted: also those in which no reversal was ever tried."""
    fitted = [evolve(one, settle_message_id="M-settle", next_due=None) for one in situations]
    if state not in {S.UNKNOWN, S.MANUAL}:
        return fitted
    untouched = {"reversal_message_id": "", "reversal_attempts": 0, "next_due": None}
    cancels = [cancel_in_doubt(state, delivered=d, **untouched) for d in (True, False)]
    return [*fitted, settlement(state, **untouched), *cancels]


def listings(happened):
    """The ways in which a file can speak of a settlement or of its refund."""
    if isinstance(happened, e.CentreListedOtherwise):
        missing = evolve(FINDING, difference=Difference.REFUND_MISSING, message_id="M-cancel", refund=True)
        return (happened, evolve(happened, finding=missing))
    other = evolve(happened, message_id="M-cancel", refund=True)
    if isinstance(happened, e.CentreListedAbsent):
        return tuple(evolve(one, asked_at=after(9000)) for one in (happened, other))
    refund = evolve(LISTING, total=-split().total, fund=-split().fund, account=-split().account)
    return (happened, evolve(other, listing=refund))


def seen(happened, before):
    """The same, when nothing was learned since the centre was asked."""
    return evolve(happened, seen=before.seen) if hasattr(happened, "seen") else happened


def walked_registration():
    found = set()
    nobody = e.CentreKnewPerson(PersonKnown("P1", same_person=True, insurances=()))
    suspended = Insurance("310", "11", "999900", Money(1), active=False)
    untold = KindRules(tell_visit=False)
    policies = (at(), at(kinds={VisitKind.OUTPATIENT: untold, VisitKind.PHARMACY: KindRules()}))
    orders = (HIS_ORDER, evolve(HIS_ORDER, kind=VisitKind.PHARMACY, med_type="41"))
    for state, kind, when, order in itertools.product(V, REGISTRATION_ROWS, policies, orders):
        known = visit(state=state, order=order)
        if state is V.IDENTIFIED and order.kind is VisitKind.PHARMACY:
            continue  # a sale is never registered
        happenings = [event(kind, state)]
        if kind is e.CentreFoundVisits:
            happenings.append(e.CentreFoundVisits((FoundVisit("M1", known.visit_id, "11", "", None),)))
        if kind is e.CentreRegisteredLate:
            known = evolve(known, awaiting=None)
        if kind is e.CentreKnewPerson:
            happenings += [nobody, e.CentreKnewPerson(PersonKnown("P1", same_person=True, insurances=(suspended,)))]
        for happened in happenings:
            try:
                found.add((state, kind, step(known, happened, when).state.state))
            except (Fault, IllegalEvent):
                continue
    return {one for one in found if one[0] is not one[2]}


@pytest.mark.parametrize(("number", "walk"), [(0, walked_registration), (1, walked)], ids=["registration", "settlement"])
def test_the_diagram_has_every_arrow_that_the_machine_has_and_no_other(number, walk):
    drawn = {(start, kind, end) for (start, end), kinds in pages._arrows(pages.MACHINES[number]).items() for kind in kinds}

    assert drawn == {(start, kind.__name__, end) for start, kind, end in walk()}
