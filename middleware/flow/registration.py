"""A registration: from a card just read to a visit that the HIS and the centre both know."""

from __future__ import annotations

from attrs import evolve

from middleware.domain.centre import Call, Insurance
from middleware.domain.command import CallCentre, HisMatter, TellHis
from middleware.domain.event import (
    CallAnsweredLate,
    CallNotSent,
    CallUnanswered,
    CentreKnewPerson,
    CentreRefusedCall,
    CentreRegisteredVisit,
    DaemonRestarted,
    HisAcceptedPatient,
    HisRefusedPatient,
    RegistrationRequested,
    RequestRepeated,
)
from middleware.domain.visit import Trouble, Visit, VisitState
from middleware.flow.step import LATE, At, Row, Step

_R, _I, _E, _OK, _NO = (
    VisitState.RECEIVED, VisitState.IDENTIFIED, VisitState.ENROLLED, VisitState.REGISTERED, VisitState.REFUSED,
)  # fmt: skip


def begin(event: RegistrationRequested, at: At) -> Step[Visit]:
    """A visit comes into being: ask the centre who this is."""
    visit = Visit(
        visit_id=event.visit_id,
        state=_R,
        person_ref=event.person_ref,
        owner=event.caller,
        order=event.order,
    )
    return _call(visit, Call.QUERY_PERSON, at)


def _call(visit: Visit, call: Call, at: At) -> Step[Visit]:
    return Step(evolve(visit, awaiting=call, trouble=None), (CallCentre(call, at.message_id()),))


def _refused(visit: Visit, code: str, detail: str = "", foreign: str = "") -> Step[Visit]:
    return Step(evolve(visit, state=_NO, awaiting=None, trouble=Trouble(code, detail, foreign)))


def person_known(visit: Visit, event: CentreKnewPerson, at: At) -> Step[Visit]:
    """-> Identified, or Refused when the person differs or has no usable insurance; then 2201."""
    if not event.reply.same_person:
        return _refused(visit, "centre.person_differs")
    chosen = _choose(event.reply.insurances, visit.order.insurance)
    if chosen is None:
        return _refused(visit, "centre.not_insured", f"wanted {visit.order.insurance or 'any active insurance'}")
    known = evolve(
        visit,
        state=_I,
        person_number=event.reply.person_number,
        insurance=chosen.kind,
        person_type=chosen.person_type,
        insured_region=chosen.region,
        balance=chosen.balance,
    )
    return _call(known, Call.REGISTER_VISIT, at)


def _choose(insurances: tuple[Insurance, ...], wanted: str) -> Insurance | None:
    usable = (one for one in insurances if one.active and wanted in {"", one.kind})
    return next(usable, None)


def enrolled(visit: Visit, event: CentreRegisteredVisit, at: At) -> Step[Visit]:
    """-> Enrolled; tell the HIS."""
    known = evolve(visit, state=_E, visit_number=event.visit_number, awaiting=None, trouble=None)
    return Step(known, (TellHis(HisMatter.REGISTERED, "R" + visit.visit_id[1:]),))


def his_accepted(visit: Visit, event: HisAcceptedPatient, at: At) -> Step[Visit]:
    """-> Registered."""
    number = event.patient_number or visit.order.patient_number
    return Step(evolve(visit, state=_OK, patient_number=number, trouble=None))


def his_refused(visit: Visit, event: HisRefusedPatient, at: At) -> Step[Visit]:
    """-> Refused."""
    return _refused(visit, "his.refused", event.code, event.message)


def call_refused(visit: Visit, event: CentreRefusedCall, at: At) -> Step[Visit]:
    """-> Refused: the centre said no."""
    return _refused(visit, "centre.refused", f"{event.call} {event.code}", event.message)


def call_not_sent(visit: Visit, event: CallNotSent, at: At) -> Step[Visit]:
    """Stays: nothing happened; the same request may be sent again."""
    return Step(evolve(visit, awaiting=None, trouble=Trouble(event.fault, event.detail)))


def call_unanswered(visit: Visit, event: CallUnanswered, at: At) -> Step[Visit]:
    """Stays: no money is involved; the same request may be sent again."""
    return Step(evolve(visit, awaiting=None, trouble=Trouble("centre.no_answer", f"{event.call} {event.cause}")))


def repeated(visit: Visit, event: RequestRepeated, at: At) -> Step[Visit]:
    """Stays, and goes on from what is known, under a new message id."""
    if visit.awaiting is not None:
        return Step(visit)
    return _call(visit, Call.QUERY_PERSON if visit.state is _R else Call.REGISTER_VISIT, at)


def restarted(visit: Visit, event: DaemonRestarted, at: At) -> Step[Visit]:
    """Stays: whether the call arrived is not known, and no money is involved."""
    if visit.awaiting is None:
        return Step(visit)
    return Step(evolve(visit, awaiting=None, trouble=Trouble("centre.no_answer", f"{visit.awaiting} crash")))


_DONE = "the visit is further than this call"
_OURS = "the centre answers a call only while that call is awaited"

_ROWS: tuple[Row[Visit], ...] = (
    Row(CentreKnewPerson, {_R: person_known}, {}, _OURS),
    Row(CentreRegisteredVisit, {_I: enrolled}, {}, _OURS),
    Row(HisAcceptedPatient, {_E: his_accepted}, {_OK: "a repeated acknowledgement"}, "the HIS is told only when enrolled"),
    Row(HisRefusedPatient, {_E: his_refused}, {_OK: "the HIS said yes before"}, "the HIS is told only when enrolled"),
    Row(CentreRefusedCall, {_R: call_refused, _I: call_refused}, {}, _OURS),
    Row(CallNotSent, {_R: call_not_sent, _I: call_not_sent}, {}, _OURS),
    Row(CallUnanswered, {_R: call_unanswered, _I: call_unanswered}, {}, _OURS),
    Row(CallAnsweredLate, {}, dict.fromkeys(VisitState, LATE), ""),
    Row(RequestRepeated, {_R: repeated, _I: repeated}, {_E: "the outbox goes on by itself", _OK: _DONE, _NO: _DONE}, ""),
    Row(DaemonRestarted, {_R: restarted, _I: restarted}, {_E: "the outbox goes on by itself", _OK: _DONE, _NO: _DONE}, ""),
)
ROWS: dict[type, Row[Visit]] = {row.event: row for row in _ROWS}
