"""Small factories: any state, any event, and the inputs of a step, for tests of the machines."""

from __future__ import annotations

import datetime as dt
import itertools
import typing

from attrs import evolve

from middleware.domain import event as e
from middleware.domain.centre import Call, FoundVisit, Insurance, PersonKnown, Settled, SettlementCancelled
from middleware.domain.decision import CentreAmounts, Decision, Evidence, EvidenceKind, Proposal, Verdict
from middleware.domain.mobile import Amounts, MobileOrder, MobileRules, OrderRefunded
from middleware.domain.money import Money
from middleware.domain.order import Caller, Role
from middleware.domain.payment import Means
from middleware.domain.reconciliation import Difference, Finding, Listing, Proof
from middleware.domain.visit import Settlement, SettlementState, Visit, VisitState
from middleware.flow.step import At, Policy
from tests.support.fakes import HIS, NOW, register_order, split

S = SettlementState
SID = "S0001"
SETTLE_ID, REVERSAL_ID, CANCEL_ID, QUERY_ID, CONFIRM_ID = "M-settle", "M-reversal", "M-cancel", "M-query", "M-confirm"
SETTLED = Settled("SETL1", NOW, split(), "11", "1", "999900")
CANCELLED = SettlementCancelled("SETL2", NOW, split())
MAKER, CHECKER = Caller(Role.OPERATOR, "li"), Caller(Role.OPERATOR, "wang")
EVIDENCE = Evidence(EvidenceKind.TELEPHONE, "centre desk, call 17")
SHOWN = "p" * 32


def amounts(**changes) -> CentreAmounts:
    s = split()
    return evolve(CentreAmounts(s.total, s.fund, s.account, s.cash, s.hospital), **changes)


def decision(verdict: Verdict, **changes) -> Decision:
    """A decision of that kind with all that it needs and nothing else."""
    needs = {
        Verdict.SETTLED: Decision(verdict, "SETL1", NOW, amounts()),
        Verdict.CANCELLED: Decision(verdict, "SETL2", NOW),
    }
    return evolve(needs.get(verdict, Decision(verdict)), **changes)


def proposal(verdict: Verdict = Verdict.REVERSED, **changes) -> Proposal:
    return evolve(Proposal(SHOWN, decision(verdict), EVIDENCE, MAKER.account, NOW), **changes)


HIS_ORDER = register_order("card-1")
PROOF = Proof("R1", NOW.date(), "f" * 64, 3)
LISTING = Listing(PROOF, "SETL1", split().total, split().fund, split().account, "11", "999900")
FINDING = Finding(Difference.AMOUNTS, SETTLE_ID, refund=False, listing=LISTING, found_at=NOW)

_EARLY = {S.RECEIVED, S.ITEMISED}
_HELD = {S.SETTLED, S.DELIVERED, S.CANCEL_INTENDED, S.CANCEL_SENT, S.CANCELLED}
_CONFIRMING = {S.CONFIRM_INTENDED, S.CONFIRM_SENT}
_REVERSAL = {S.REVERSAL_INTENDED, S.REVERSAL_SENT, S.REVERSED, S.MANUAL}


PHONE = MobileRules(unpaid=frozenset({"0"}), clearing_type="11", clearing_agency="999900")
TOLD = Amounts(split().total, split().fund, split().account, split().cash)


def at(now: dt.datetime = NOW, *, jitter: float = 0.0, **policy) -> At:
    numbers = itertools.count(1)
    return At(now, lambda: f"N{next(numbers)}", jitter, Policy(**policy))


def after(seconds: float) -> dt.datetime:
    return NOW + dt.timedelta(seconds=seconds)


def settlement(state: SettlementState, **changes) -> Settlement:
    """A settlement as the machine leaves it in that state; an unknown one is of kind settle."""
    made = Settlement(
        settlement_id=SID, state=state, owner=HIS, total=Money(10000), bill_digest="b", diagnoses_digest="d",
        use_account=True, created_at=NOW, batches=1,
    )  # fmt: skip
    if state in _EARLY:
        made = evolve(made, awaiting=Call.UPLOAD_CHARGES if state is S.RECEIVED else Call.PRE_SETTLE)
    else:
        made = evolve(made, quoted=split(), expires_at=after(1800))
    if state not in {*_EARLY, S.QUOTED}:
        made = evolve(made, settle_message_id=SETTLE_ID)
    if state in {*_CONFIRMING, S.REVERSED, S.REFUSED}:
        made = evolve(made, approved=SETTLED, confirm_message_id=CONFIRM_ID)
    if state in _HELD:
        made = evolve(made, settled=SETTLED, delivered=state is not S.SETTLED)
    if state in {S.CANCEL_INTENDED, S.CANCEL_SENT, S.CANCELLED}:
        made = evolve(made, cancel_message_id=CANCEL_ID)
    if state in {S.UNKNOWN, *_REVERSAL} and state is not S.REVERSED:
        made = evolve(made, unknown_call=Call.SETTLE, unknown_since=NOW)
    if state in {S.UNKNOWN, S.ORDERED}:
        made = evolve(made, next_due=NOW)
    if state in _REVERSAL:
        made = evolve(made, reversal_message_id=REVERSAL_ID, reversal_attempts=1, reversal_intended_at=NOW)
    if state is S.CANCELLED:
        made = evolve(made, cancelled=CANCELLED)
    return evolve(made, **changes)


def order(state: SettlementState, **changes) -> Settlement:
    """The same when it is paid by phone."""
    made = MobileOrder("M-open", "EC-TOKEN")
    awaiting = Call.OPEN_ORDER if state is S.QUOTED else None
    if state is not S.QUOTED:
        made = evolve(
            made, number="O1", token="T1", cashier="https://cashier.invalid/1", expires_at=after(1800), query_id=QUERY_ID,
            asked_at=NOW, amounts=TOLD, handed=state is S.ORDERED,
        )  # fmt: skip
    known = {"mobile": made, "means": Means.MOBILE, "awaiting": awaiting}
    if state is S.UNKNOWN:
        known["unknown_call"] = Call.PLACE_ORDER
    return settlement(state, **{**known, **changes})


def fit(state: SettlementState, kind: type) -> Settlement:
    """A settlement in that state that such an event can meet."""
    return order(state) if kind in OF_ORDERS or state is S.ORDERED else settlement(state)


def cancel_in_doubt(state: SettlementState = S.UNKNOWN, **changes) -> Settlement:
    """The same when it is a cancel whose outcome is unknown."""
    known = {"settled": SETTLED, "delivered": True, "cancel_message_id": CANCEL_ID, "unknown_call": Call.CANCEL}
    return settlement(state, **{**known, **changes})


def visit(*settlements: Settlement, state: VisitState = VisitState.REGISTERED, **changes) -> Visit:
    awaiting = {VisitState.RECEIVED: Call.QUERY_PERSON, VisitState.IDENTIFIED: Call.REGISTER_VISIT}.get(state)
    made = Visit(
        visit_id="V0001", state=state, person_ref="P0001", owner=HIS, order=HIS_ORDER, awaiting=awaiting,
        visit_number="M1", person_number="P1", insurance="310", settlements=settlements,
    )  # fmt: skip
    return evolve(made, **changes)


EVENTS: dict[type, object] = {
    type(made): made
    for made in (
        e.CentreKnewPerson(
            PersonKnown("P1", same_person=True, insurances=(Insurance("310", "11", "999900", Money(1), active=True),))
        ),
        e.CentreRegisteredVisit("M1"),
        e.CentreRegisteredLate("M1"),
        e.CentreFoundVisits(()),
        e.CentreDidErrand("U0001", Call.DISCHARGE),
        e.HisAcceptedPatient("PAT1"),
        e.HisRefusedPatient("AE", "no"),
        e.CentreRefusedCall(Call.PRE_SETTLE, "1", "no", SID),
        e.CallNotSent(Call.PRE_SETTLE, "centre.unreachable", "", SID),
        e.CallUnanswered(Call.PRE_SETTLE, "time-out", SID),
        e.CallAnsweredLate(Call.PRE_SETTLE, SID),
        e.RequestRepeated(SID),
        e.CentreTookVisit(SID),
        e.CentreTookCharges(SID),
        e.CentreQuoted(SID, split()),
        e.SettleConfirmed(SID, HIS, split().total, split().cash),
        e.FirstByteLeft(SID, SETTLE_ID),
        e.CentreSettled(SID, SETTLE_ID, SETTLED),
        e.CentreRefusedSettle(SID, SETTLE_ID, "1", "no"),
        e.SettleNotSent(SID, SETTLE_ID, "centre.unreachable", ""),
        e.SettleUnanswered(SID, SETTLE_ID, "time-out"),
        e.CentreConfirmed(SID, CONFIRM_ID),
        e.CentreRefusedConfirm(SID, CONFIRM_ID, "1", "no"),
        e.ConfirmNotSent(SID, CONFIRM_ID, "centre.unreachable", ""),
        e.ConfirmUnanswered(SID, CONFIRM_ID, "time-out"),
        e.DueTimePassed(SID),
        e.CentreReversed(SID, REVERSAL_ID),
        e.CentreRefusedReversal(SID, REVERSAL_ID, "2611", "no", not_found=True),
        e.ReversalNotSent(SID, REVERSAL_ID, "centre.unreachable", ""),
        e.ReversalUnanswered(SID, REVERSAL_ID, "time-out"),
        e.CancelConfirmed(SID, HIS, "wrong bill"),
        e.CentreCancelled(SID, CANCEL_ID, CANCELLED),
        e.CentreRefusedCancel(SID, CANCEL_ID, "1", "no"),
        e.CancelNotSent(SID, CANCEL_ID, "centre.unreachable", ""),
        e.CancelUnanswered(SID, CANCEL_ID, "time-out"),
        e.HisAcceptedCharges(SID, cancelled=False),
        e.HisRefusedCharges(SID, cancelled=False, code="AE", message="no"),
        e.ManualProposed(SID, MAKER, decision(Verdict.REVERSED), EVIDENCE),
        e.ManualApproved(SID, CHECKER, SHOWN),
        e.ManualRejected(SID, CHECKER, SHOWN, "not what the centre wrote"),
        e.CentreListed(SID, SETTLE_ID, refund=False, listing=LISTING, seen=""),
        e.CentreListedAbsent(SID, SETTLE_ID, refund=False, proofs=(PROOF,), intended_at=NOW, asked_at=NOW, seen=""),
        e.CentreListedOtherwise(SID, FINDING, seen=""),
        e.CentreListedEqual(SID, SETTLE_ID, PROOF),
        e.CentreShowedVisits(SID, QUERY_ID, (FoundVisit("M1", "V0001", "11", "", None),)),
        e.VisitQueryFailed(SID, QUERY_ID, "unknown time-out"),
        e.OrderRequested(SID, HIS, split().total, split().cash, "EC-TOKEN"),
        e.CentreOpenedOrder(SID, "M-open", "O1", "T1", "https://cashier.invalid/1"),
        e.CentrePlacedOrder(SID, SETTLE_ID, "4"),
        e.CentreRefundedOrder(SID, CANCEL_ID, OrderRefunded("F1", "H1", "SUCC", NOW)),
        e.OrderShown(SID, QUERY_ID, "6", TOLD, NOW),
        e.OrderNotShown(SID, QUERY_ID, "unknown time-out"),
        e.OrderNoticed(SID, "O1", TOLD),
        e.DaemonRestarted(SID),
    )
}
OF_ORDERS = {
    e.CentreOpenedOrder, e.CentrePlacedOrder, e.CentreRefundedOrder, e.OrderShown, e.OrderNotShown, e.OrderNoticed,
}  # fmt: skip


def event(kind: type, state: SettlementState | VisitState | None = None) -> object:
    """An event of that kind, fit for the state it meets."""
    made = EVENTS[kind]
    if isinstance(state, VisitState) and getattr(made, "settlement_id", ""):
        return evolve(made, settlement_id="")
    if kind is e.FirstByteLeft:
        ids = {S.CONFIRM_INTENDED: CONFIRM_ID, S.REVERSAL_INTENDED: REVERSAL_ID, S.CANCEL_INTENDED: CANCEL_ID}
        return evolve(made, message_id=ids.get(state, SETTLE_ID))
    return made


def members(union: object) -> tuple[type, ...]:
    return typing.get_args(union)
