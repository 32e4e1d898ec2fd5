"""A registration: from a card just read to a visit that the HIS and the centre both know."""

from __future__ import annotations

import datetime as dt

from attrs import evolve

from middleware.domain.category import Need, fitting, pays, preferred
from middleware.domain.centre import Call, FoundVisit, Insurance
from middleware.domain.command import CallCentre, HisMatter, TellHis
from middleware.domain.event import (
    CallAnsweredLate,
    CallNotSent,
    CallUnanswered,
    CentreFoundVisits,
    CentreKnewPerson,
    CentreRefusedCall,
    CentreRegisteredLate,
    CentreRegisteredVisit,
    DaemonRestarted,
    HisAcceptedPatient,
    HisRefusedPatient,
    RegistrationRequested,
    RequestRepeated,
)
from middleware.domain.fault import Fault
from middleware.domain.kind import VisitKind
from middleware.domain.order import RegisterOrder
from middleware.domain.visit import Trouble, Visit, VisitState
from middleware.flow import errand
from middleware.flow.step import LATE, At, Row, Step

_R, _I, _E, _OK, _NO = (
    VisitState.RECEIVED, VisitState.IDENTIFIED, VisitState.ENROLLED, VisitState.REGISTERED, VisitState.REFUSED,
)  # fmt: skip


MAX_FOUND = 20  # visits that the centre shows and that may be ours


def begin(event: RegistrationRequested, at: At) -> Step[Visit]:
    """A visit comes into being, if its kind is done here: ask the centre who this is."""
    _fits(event.order, at)
    visit = Visit(
        visit_id=event.visit_id,
        state=_R,
        person_ref=event.person_ref,
        owner=event.caller,
        order=event.order,
    )
    return _call(visit, Call.QUERY_PERSON, at)


def _fits(order: RegisterOrder, at: At) -> None:
    rules = at.policy.rules(order.kind)
    if not rules.allowed:
        raise Fault("visit.category", f"visits of kind {order.kind} are not done here")
    if rules.days_back and at.now - order.begun_at > dt.timedelta(days=rules.days_back):
        raise Fault("settlement.limit", f"a visit is registered within {rules.days_back} days")
    fitting(at.policy.categories, order.kind, order.med_type, order.insurance, _told(order))
    if order.kind is not VisitKind.PHARMACY and not (order.department_code and order.doctor_code):
        raise Fault("visit.category", f"a visit of kind {order.kind} needs department and doctor")
    if (order.stay is None or not order.diagnosed) and order.kind is VisitKind.INPATIENT:
        raise Fault("visit.category", "an admission needs stay_number, bed and a diagnosis")


def _told(order: RegisterOrder) -> frozenset[Need]:
    told = {Need.DISEASE: order.disease, Need.MATERNITY: order.maternity}
    return frozenset(need for need, fact in told.items() if fact is not None)


def _call(visit: Visit, call: Call, at: At) -> Step[Visit]:
    return Step(evolve(visit, awaiting=call, trouble=None), (CallCentre(call, at.message_id()),))


def _refused(visit: Visit, code: str, detail: str = "", foreign: str = "") -> Step[Visit]:
    return Step(evolve(visit, state=_NO, awaiting=None, trouble=Trouble(code, detail, foreign)))


def person_known(visit: Visit, event: CentreKnewPerson, at: At) -> Step[Visit]:
    """-> Identified, then 2201 or 2401; Registered or Enrolled where none is needed; or Refused: no usable insurance."""
    if not event.reply.same_person:
        return _refused(visit, "centre.person_differs")
    chosen = _choose(visit.order, event.reply.insurances, at)
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
        cross_region=_elsewhere(chosen.region, at),
    )
    if known.cross_region and not at.policy.cross.takes(chosen.region, visit.order.kind):
        return _refused(known, "visit.cross_region", f"insured in {chosen.region}")
    if known.calls.register is None:
        return _known_to_centre(known, at)
    return _call(known, known.calls.register, at)


def _elsewhere(region: str, at: At) -> bool:
    return bool(at.policy.local and region) and not region.startswith(at.policy.local)


def _choose(order: RegisterOrder, insurances: tuple[Insurance, ...], at: At) -> Insurance | None:
    category = at.policy.categories.get(order.med_type)
    usable = {one.kind: one for one in reversed(insurances) if one.active}
    if order.insurance:
        return usable.get(order.insurance) if pays(category, order.insurance) else None
    best = preferred(category, (one.kind for one in insurances if one.active))
    return usable[best[0]] if best else None


def registration_id(visit_id: str) -> str:
    """The control id of the letter that tells of a visit."""
    return "R" + visit_id[1:]


def _known_to_centre(visit: Visit, at: At, number: str = "") -> Step[Visit]:
    """The HIS is told, where it is told of such visits; else there is nobody whose yes is waited for."""
    known = evolve(visit, visit_number=number, awaiting=None, trouble=None, doubtful=False)
    if not at.policy.rules(visit.order.kind).tell_visit:
        return Step(evolve(known, state=_OK, untold=True, patient_number=known.order.patient_number))
    return Step(evolve(known, state=_E), (TellHis(HisMatter.REGISTERED, registration_id(visit.visit_id)),))


def enrolled(visit: Visit, event: CentreRegisteredVisit, at: At) -> Step[Visit]:
    """-> Enrolled, and tell the HIS; Registered, where it is not told. What an earlier try left there is withdrawn."""
    done = _known_to_centre(visit, at, event.visit_number)
    orphans = [one.visit_number for one in visit.found if one.our_number == visit.visit_id]
    done = without_orphans(done, [number for number in orphans if number != event.visit_number], at)
    return _looking(done, at) if visit.doubtful else done


def _looking(done: Step[Visit], at: At) -> Step[Visit]:
    """An earlier registration got no answer: it may still be made, and is looked for later."""
    if not at.policy.query_visits:
        return done
    begun = errand.look(done.state, at)
    return Step(evolve(done.state, errands=(*done.state.errands, begun.state)), (*done.commands, *begun.commands))


def without_orphans(done: Step[Visit], numbers: list[str], at: At) -> Step[Visit]:
    """With those registrations taken back, where the region says that this needs nobody's word."""
    visit, commands = done.state, list(done.commands)
    if not at.policy.rules(visit.order.kind).withdraw:
        return done
    known = {one.visit_number for one in visit.errands}
    for number in dict.fromkeys(numbers):
        if number and number not in known:
            begun = errand.withdrawal(visit, number, at)
            visit = evolve(visit, errands=(*visit.errands, begun.state))
            commands += begun.commands
    return Step(visit, tuple(commands))


def found_later(done: Step[Visit], visits: tuple[FoundVisit, ...], orphans: list[str], at: At) -> Step[Visit]:
    """What looking for orphans showed is kept, and taken back where the region says so."""
    known = evolve(done.state, found=_merged(done.state.found, visits))
    return without_orphans(Step(known, done.commands), orphans, at)


def found(visit: Visit, event: CentreFoundVisits, at: At) -> Step[Visit]:
    """-> Enrolled or Registered with the visit that bears our own number; or stays, and it is registered anew."""
    known = evolve(visit, found=_merged(visit.found, event.visits))
    ours = [one.visit_number for one in event.visits if one.our_number == visit.visit_id]
    if ours:
        return enrolled(known, CentreRegisteredVisit(ours[0]), at)
    if visit.calls.register is None:
        raise AssertionError("a kind that registers nothing was asked about")
    return _call(known, visit.calls.register, at)


def _merged(before: tuple[FoundVisit, ...], now: tuple[FoundVisit, ...]) -> tuple[FoundVisit, ...]:
    return tuple({one.visit_number: one for one in (*before, *now)}.values())[:MAX_FOUND]


def registered_late(visit: Visit, event: CentreRegisteredLate, at: At) -> Step[Visit]:
    """-> Enrolled or Registered, when nobody asks for another one; or stays: it is one too many, then."""
    if visit.awaiting is None:
        return enrolled(visit, CentreRegisteredVisit(event.visit_number), at)
    late = FoundVisit(event.visit_number, visit.visit_id, visit.order.med_type, "", None)
    return Step(evolve(visit, found=_merged(visit.found, (late,))))


def one_too_many(visit: Visit, event: CentreRegisteredLate, at: At) -> Step[Visit]:
    """Stays; a second registration that the centre made of the visit is withdrawn, where the region says it may."""
    if event.visit_number == visit.visit_number:
        return Step(visit)
    late = FoundVisit(event.visit_number, visit.visit_id, visit.order.med_type, "", None)
    known = evolve(visit, found=_merged(visit.found, (late,)))
    return without_orphans(Step(known), [event.visit_number], at)


def his_accepted(visit: Visit, event: HisAcceptedPatient, at: At) -> Step[Visit]:
    """-> Registered."""
    number = event.patient_number or visit.order.patient_number
    return Step(evolve(visit, state=_OK, patient_number=number, trouble=None))


def his_refused(visit: Visit, event: HisRefusedPatient, at: At) -> Step[Visit]:
    """-> Refused; the registration at the centre is withdrawn, where the region says it may."""
    done = _refused(visit, "his.refused", event.code, event.message)
    return without_orphans(done, [visit.visit_number] * (visit.calls.undo_register is not None), at)


def call_refused(visit: Visit, event: CentreRefusedCall, at: At) -> Step[Visit]:
    """-> Refused: the centre said no; or stays, when it only does not say what became of a registration."""
    if event.call is Call.QUERY_VISITS:
        return _register_anew(visit, at)
    done = _refused(visit, "centre.refused", f"{event.call} {event.code}", event.message)
    return _looking(done, at) if visit.doubtful else done


def call_not_sent(visit: Visit, event: CallNotSent, at: At) -> Step[Visit]:
    """Stays: nothing happened; the same request may be sent again."""
    return Step(evolve(visit, awaiting=None, trouble=Trouble(event.fault, event.detail)))


def call_unanswered(visit: Visit, event: CallUnanswered, at: At) -> Step[Visit]:
    """Stays: no money is involved; the same request may be sent again."""
    return _in_doubt(visit, f"{event.call} {event.cause}")


def repeated(visit: Visit, event: RequestRepeated, at: At) -> Step[Visit]:
    """Stays, and goes on from what is known, under a new message id."""
    if visit.awaiting is not None:
        return Step(visit)
    if visit.state is _R:
        return _call(visit, Call.QUERY_PERSON, at)
    if visit.doubtful and at.policy.query_visits:
        return _call(visit, Call.QUERY_VISITS, at)
    return _register_anew(visit, at)


def _register_anew(visit: Visit, at: At) -> Step[Visit]:
    if visit.calls.register is None:
        raise AssertionError("a kind that registers nothing is never in doubt")
    return _call(visit, visit.calls.register, at)


def _in_doubt(visit: Visit, what: str) -> Step[Visit]:
    doubtful = visit.doubtful or (visit.awaiting is not None and visit.awaiting is visit.calls.register)
    return Step(evolve(visit, awaiting=None, doubtful=doubtful, trouble=Trouble("centre.no_answer", what)))


def restarted(visit: Visit, event: DaemonRestarted, at: At) -> Step[Visit]:
    """Stays: whether the call arrived is not known, and no money is involved."""
    if visit.awaiting is None:
        return Step(visit)
    return _in_doubt(visit, f"{visit.awaiting} crash")


_DONE = "the visit is further than this call"
_OURS = "the centre answers a call only while that call is awaited"

_ROWS: tuple[Row[Visit], ...] = (
    Row(CentreKnewPerson, {_R: person_known}, {}, _OURS),
    Row(CentreRegisteredVisit, {_I: enrolled}, {}, _OURS),
    Row(
        CentreRegisteredLate,
        {_I: registered_late, _E: one_too_many, _OK: one_too_many, _NO: one_too_many},
        {},
        "nothing was registered yet",
    ),
    Row(CentreFoundVisits, {_I: found}, {}, _OURS),
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
