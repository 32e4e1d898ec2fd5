"""A quote: charge lines to the centre under one batch, and how they would split. No money moves here."""

from __future__ import annotations

from attrs import evolve

from middleware.domain.centre import Call
from middleware.domain.command import CallCentre
from middleware.domain.event import (
    CallAnsweredLate,
    CallNotSent,
    CallUnanswered,
    CentreQuoted,
    CentreRefusedCall,
    CentreTookCharges,
    CentreTookVisit,
    QuoteRequested,
    RequestRepeated,
)
from middleware.domain.fault import Fault
from middleware.domain.kind import VisitKind
from middleware.domain.rules import DischargeBy
from middleware.domain.split import broken_identities
from middleware.domain.visit import Settlement, SettlementState, Trouble, Visit
from middleware.flow.guards import charges_mark, held, recent_enough
from middleware.flow.ordering import not_opened
from middleware.flow.step import LATE, At, Row, Step, plus

S = SettlementState
LATER = "the settlement is further than this call"
OURS = "the centre answers a call only while that call is awaited"


def begin(visit: Visit, event: QuoteRequested, at: At) -> Step[Settlement]:
    """A settlement comes into being: upload what the centre must know first, if this kind of visit uploads anything."""
    _allowed(visit, event, at)
    settlement = Settlement(
        settlement_id=event.settlement_id,
        state=S.RECEIVED,
        owner=event.caller,
        total=event.total,
        bill_digest=event.bill_digest,
        diagnoses_digest=event.diagnoses_digest,
        use_account=event.use_account,
        created_at=at.now,
        charges_mark=charges_mark(visit),
        remarks=event.remarks,
        references=visit.order.references.with_more(event.references),
    )
    if visit.order.kind is not VisitKind.OUTPATIENT:  # a stay's lines are there already, a pharmacy's go with the quote
        return _call(evolve(settlement, state=S.ITEMISED, batches=1), visit.calls.pre_settle, at)
    return _upload(settlement, visit, at)


def _allowed(visit: Visit, event: QuoteRequested, at: At) -> None:
    rules = at.policy.rules(visit.order.kind)
    limits = [rules.max_total] + [at.policy.cross.max_total] * visit.cross_region
    for limit in limits:
        if limit is not None and event.total > limit:
            raise Fault("settlement.limit", f"a bill is at most {limit.yuan} here")
    if rules.max_lines and event.lines > rules.max_lines:
        raise Fault("settlement.limit", f"a bill has at most {rules.max_lines} lines here")
    if visit.order.kind is VisitKind.INPATIENT:
        _stay_allows(visit, event, rules.discharge)
    else:
        recent_enough(visit, event.oldest, at)


def _stay_allows(visit: Visit, event: QuoteRequested, discharge: DischargeBy) -> None:
    if held(visit):
        raise Fault("visit.order", "a settlement of the stay stands: cancel it first")
    if not visit.charges:
        raise Fault("visit.order", "the stay has no charges")
    if discharge is DischargeBy.QUOTE and visit.discharge is None:
        raise Fault("visit.order", "discharge first")
    if event.total.fen != sum(one.total.fen for one in visit.charges):
        raise Fault("settlement.quote_changed", "the charges of the stay changed meanwhile")


def _call(settlement: Settlement, call: Call, at: At) -> Step[Settlement]:
    known = evolve(settlement, awaiting=call, trouble=None)
    return Step(known, (CallCentre(call, at.message_id(), settlement.settlement_id),))


def _upload(settlement: Settlement, visit: Visit, at: At) -> Step[Settlement]:
    if settlement.diagnoses_digest != visit.diagnoses_digest:
        return _call(settlement, at.policy.rules(visit.order.kind).upload_visit, at)
    return _call(evolve(settlement, batches=settlement.batches + 1), Call.UPLOAD_CHARGES, at)


def took_visit(settlement: Settlement, event: CentreTookVisit, at: At, visit: Visit) -> Step[Settlement]:
    """Stays; the diagnoses are there, now the lines."""
    return _call(evolve(settlement, batches=settlement.batches + 1), Call.UPLOAD_CHARGES, at)


def took_charges(settlement: Settlement, event: CentreTookCharges, at: At, visit: Visit) -> Step[Settlement]:
    """-> Itemised; ask how it would split."""
    return _call(evolve(settlement, state=S.ITEMISED), visit.calls.pre_settle, at)


def quoted(settlement: Settlement, event: CentreQuoted, at: At, visit: Visit) -> Step[Settlement]:
    """-> Quoted; or stays when the amounts do not add up, so that no money can move on them."""
    broken = broken_identities(event.split)
    if broken or event.split.total != settlement.total:
        detail = "identities " + ",".join(map(str, broken)) if broken else "the centre's total is not the bill's"
        return Step(evolve(settlement, awaiting=None, trouble=Trouble("centre.identity_broken", detail)))
    return Step(
        evolve(
            settlement,
            state=S.QUOTED,
            awaiting=None,
            trouble=None,
            quoted=event.split,
            expires_at=plus(at, at.policy.rules(visit.order.kind).quote_valid_s or at.policy.quote_valid_s),
        )
    )


def call_refused(settlement: Settlement, event: CentreRefusedCall, at: At, visit: Visit) -> Step[Settlement]:
    """-> Refused: the centre does not take this bill."""
    trouble = Trouble("centre.refused", f"{event.call} {event.code}", event.message)
    return Step(evolve(settlement, state=S.REFUSED, awaiting=None, trouble=trouble))


def call_not_sent(settlement: Settlement, event: CallNotSent, at: At, visit: Visit) -> Step[Settlement]:
    """Stays: nothing happened; the same request may be sent again."""
    return Step(evolve(settlement, awaiting=None, trouble=Trouble(event.fault, event.detail)))


def call_unanswered(settlement: Settlement, event: CallUnanswered, at: At, visit: Visit) -> Step[Settlement]:
    """Stays: no money is involved; the same request may be sent again."""
    trouble = Trouble("centre.no_answer", f"{event.call} {event.cause}")
    return Step(evolve(settlement, awaiting=None, trouble=trouble))


def repeated(settlement: Settlement, event: RequestRepeated, at: At, visit: Visit) -> Step[Settlement]:
    """Stays, and goes on from what is known; a batch whose upload got lost is never used."""
    if settlement.awaiting is not None:
        return Step(settlement)
    if settlement.state is S.ITEMISED:
        return _call(settlement, visit.calls.pre_settle, at)
    return _upload(settlement, visit, at)


_EARLY = {S.RECEIVED, S.ITEMISED}
_ORDERING = {S.QUOTED: not_opened}
_LATE = {state: LATER for state in S if state not in _EARLY}

_ROWS: tuple[Row[Settlement], ...] = (
    Row(CentreTookVisit, {S.RECEIVED: took_visit}, {}, OURS),
    Row(CentreTookCharges, {S.RECEIVED: took_charges}, {}, OURS),
    Row(CentreQuoted, {S.ITEMISED: quoted}, {}, OURS),
    Row(CentreRefusedCall, dict.fromkeys(_EARLY, call_refused) | _ORDERING, {}, OURS),
    Row(CallNotSent, dict.fromkeys(_EARLY, call_not_sent) | _ORDERING, {}, OURS),
    Row(CallUnanswered, dict.fromkeys(_EARLY, call_unanswered) | _ORDERING, {}, OURS),
    Row(CallAnsweredLate, {}, dict.fromkeys(S, LATE), ""),
    Row(RequestRepeated, dict.fromkeys(_EARLY, repeated), _LATE, ""),
)
ROWS: dict[type, Row[Settlement]] = {row.event: row for row in _ROWS}
