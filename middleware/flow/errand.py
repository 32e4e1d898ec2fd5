"""Errands: what a visit needs done at the centre beside its money. Done once; repeated only when nobody knows of it."""

from __future__ import annotations

import datetime as dt

from attrs import evolve

from middleware.domain.centre import Call
from middleware.domain.command import CallCentre, WakeAt
from middleware.domain.errand import MAX_ERRANDS, MAX_STAY_LINES, Errand, ErrandState, Matter
from middleware.domain.event import (
    CallAnsweredLate,
    CallNotSent,
    CallUnanswered,
    CentreDidErrand,
    CentreFoundVisits,
    CentreRefusedCall,
    DaemonRestarted,
    DueTimePassed,
    ErrandRequested,
    RequestRepeated,
)
from middleware.domain.fault import Fault
from middleware.domain.kind import CALLS, VisitKind
from middleware.domain.rules import DischargeBy
from middleware.domain.trouble import Trouble
from middleware.domain.visit import Visit, VisitState
from middleware.flow.due import still_to_come
from middleware.flow.guards import held, money_is_free, recent_enough
from middleware.flow.step import LATE, At, Row, Step, plus

S = ErrandState
# Of these the centre can be asked whether they were done; of charges nobody can: their numbers are never used twice. A
# change says how things are: told twice it says the same.
_ASKABLE = frozenset({Matter.DISCHARGE, Matter.UNDO_DISCHARGE, Matter.WITHDRAW_VISIT})
LEFT_AGAIN_S = 24 * 3600.0  # what a person put right at the centre's own screen is noticed after so long at most


def begin(visit: Visit, event: ErrandRequested, at: At) -> Step[Errand]:
    """An errand comes into being, when the visit allows it: its first call leaves."""
    _allowed(visit, event, at)
    errand = Errand(
        errand_id=event.errand_id,
        matter=event.matter,
        state=S.ASKED,
        owner=event.caller,
        created_at=at.now,
        visit_number=visit.visit_number,
        total=event.total,
        lines=event.lines,
        ended_at=event.ended_at,
        way=event.way,
        department_code=event.department_code,
        department_name=event.department_name,
        bed=event.bed,
        doctor_code=event.doctor_code,
        doctor_name=event.doctor_name,
    )
    return _send(errand, at, visit)


def withdrawal(visit: Visit, visit_number: str, at: At) -> Step[Errand]:
    """An errand of the flow's own: a registration that came to nothing is taken back."""
    errand = Errand(
        errand_id=f"W{visit.visit_id[1:]}{len(visit.errands):03d}",
        matter=Matter.WITHDRAW_VISIT,
        state=S.ASKED,
        owner=visit.owner,
        created_at=at.now,
        by_itself=True,
        visit_number=visit_number,
    )
    return _send(errand, at, visit)


def look(visit: Visit, at: At) -> Step[Errand]:
    """An errand of the flow's own: registrations that got no answer are looked for, once none can be under way any more."""
    due = plus(at, at.policy.processing_limit_s)
    errand = Errand(
        errand_id=f"L{visit.visit_id[1:]}{len(visit.errands):03d}",
        matter=Matter.LOOK,
        state=S.ASKED,
        owner=visit.owner,
        created_at=at.now,
        by_itself=True,
        next_due=due,
    )
    return Step(errand, (WakeAt("", due, errand.errand_id),))


def _allowed(visit: Visit, event: ErrandRequested, at: At) -> None:
    matter, calls = event.matter, CALLS[visit.order.kind]
    if visit.state is not VisitState.REGISTERED or visit.withdrawn:
        raise Fault("visit.not_registered", f"visit is {'withdrawn' if visit.withdrawn else visit.state}")
    if (matter is not Matter.WITHDRAW_VISIT and visit.order.kind is not VisitKind.INPATIENT) or not calls.undo_register:
        raise Fault("visit.category", f"a visit of kind {visit.order.kind} has no {matter}")
    money_is_free(visit)
    if visit.busy or any(one.awaiting for one in visit.settlements):
        raise Fault("visit.busy")
    if len(visit.errands) >= MAX_ERRANDS:
        raise Fault("system.busy", f"a visit has at most {MAX_ERRANDS} errands")
    after = matter is Matter.DISCHARGE and at.policy.rules(visit.order.kind).discharge is DischargeBy.AFTER
    if held(visit) is not after:
        raise Fault("visit.order", "settle first" if after else "a settlement of the visit stands: cancel it first")
    if (visit.discharge is not None) is not (matter is Matter.UNDO_DISCHARGE) and matter is not Matter.WITHDRAW_VISIT:
        raise Fault("visit.order", "not discharged" if visit.discharge is None else "discharged: undo the discharge first")
    if matter is Matter.CHARGE:
        if sum(one.lines for one in visit.charges) + event.lines > MAX_STAY_LINES:
            raise Fault("settlement.limit", f"a stay has at most {MAX_STAY_LINES} lines that are not settled")
        recent_enough(visit, event.oldest, at)


def _send(errand: Errand, at: At, visit: Visit, call: Call | None = None) -> Step[Errand]:
    """The errand's next call."""
    chosen = call or _next_call(errand, visit)
    known = evolve(errand, awaiting=chosen, attempts=errand.attempts + 1, trouble=None, next_due=None)
    return Step(known, (CallCentre(chosen, at.message_id(), errand_id=errand.errand_id),))


def _next_call(errand: Errand, visit: Visit) -> Call:
    calls = CALLS[visit.order.kind]
    # What was uploaded was uploaded to the registration that stands: another one that is withdrawn has no charges.
    standing = errand.visit_number == visit.visit_number
    uploaded = standing and (any(one.batches for one in visit.settlements) or bool(visit.charges))
    chosen = {
        Matter.CHARGE: calls.upload_charges,
        Matter.WITHDRAW_CHARGES: calls.withdraw_charges,
        Matter.DISCHARGE: calls.discharge,
        Matter.UNDO_DISCHARGE: calls.undo_discharge,
        Matter.CHANGE: calls.change,
        Matter.LOOK: Call.QUERY_VISITS,
        Matter.WITHDRAW_VISIT: calls.withdraw_charges if uploaded and not errand.emptied else calls.undo_register,
    }[errand.matter]
    if chosen is None:
        raise AssertionError(f"a visit of kind {visit.order.kind} has no {errand.matter}")
    return chosen


def _done(errand: Errand) -> Step[Errand]:
    return Step(evolve(errand, state=S.DONE, awaiting=None, doubtful=False, trouble=None, next_due=None))


def _emptied(errand: Errand, at: At, visit: Visit) -> Step[Errand]:
    """The charges are gone; what follows is not in doubt."""
    return _send(evolve(errand, emptied=True, doubtful=False, attempts=0), at, visit)


def charges_gone(errand: Errand, event: object, at: At) -> bool:
    """Whether that answer shows that the centre holds no charges: a refusal alone shows it only of what was in doubt."""
    if isinstance(event, CentreRefusedCall):
        return errand.doubtful and event.code in at.policy.already_done_codes
    return isinstance(event, CentreDidErrand)


def _empties(errand: Errand, call: Call | None, visit: Visit) -> bool:
    return errand.matter is Matter.WITHDRAW_VISIT and call is CALLS[visit.order.kind].withdraw_charges


def did(errand: Errand, event: CentreDidErrand, at: At, visit: Visit) -> Step[Errand]:
    """-> Done; or stays, when there is another call to make."""
    if _empties(errand, event.call, visit):
        return _emptied(errand, at, visit)
    return _done(errand)


def found(errand: Errand, event: CentreFoundVisits, at: At, visit: Visit) -> Step[Errand]:
    """-> Done, when the centre shows that it was; or stays, and it is sent again."""
    ours = next((one for one in event.visits if one.visit_number == errand.visit_number), None)
    shown = {
        Matter.DISCHARGE: ours is not None and ours.in_hospital is False,
        Matter.UNDO_DISCHARGE: ours is not None and ours.in_hospital is True,
        Matter.WITHDRAW_VISIT: ours is None,
        Matter.LOOK: True,
    }
    if shown.get(errand.matter, False):
        return _done(errand)
    return _send(errand, at, visit)


def refused(errand: Errand, event: CentreRefusedCall, at: At, visit: Visit) -> Step[Errand]:
    """-> Declined; Left, when nobody asked for it; Done, when it was done before; or stays: that was not the matter."""
    if event.call is Call.QUERY_VISITS and errand.matter is not Matter.LOOK:
        return _send(errand, at, visit)  # nothing was learned
    if _empties(errand, event.call, visit):
        return _emptied(errand, at, visit)  # there was nothing to withdraw; if there is, the next call is refused
    if errand.doubtful and event.code in at.policy.already_done_codes:
        return _done(errand)
    doubt = ", after an attempt without an answer" if errand.doubtful else ""
    trouble = Trouble("centre.refused", f"{event.call} {event.code}{doubt}", event.message)
    if errand.by_itself:
        return _leave(evolve(errand, awaiting=None, trouble=trouble), at)
    return Step(evolve(errand, state=S.DECLINED, awaiting=None, trouble=trouble))


def _rest(errand: Errand, trouble: Trouble, at: At) -> Step[Errand]:
    """Until the caller asks again; what the flow began by itself it also repeats, a bounded number of times."""
    resting = evolve(errand, awaiting=None, trouble=trouble)
    if not errand.by_itself:
        return Step(resting)
    if errand.attempts >= at.policy.max_attempts:
        return _leave(resting, at)
    wait_s = min(at.policy.repeat_max_s, at.policy.repeat_s * 2 ** max(0, errand.attempts - 1))
    due = plus(at, wait_s * (1 + at.jitter / 4))
    return Step(evolve(resting, next_due=due), (WakeAt("", due, errand.errand_id),))


def _leave(errand: Errand, at: At) -> Step[Errand]:
    """To a person; and it is looked at again in a day, so that it ends by itself once the centre was put right."""
    due = plus(at, LEFT_AGAIN_S)
    return Step(evolve(errand, state=S.LEFT, next_due=due), (WakeAt("", due, errand.errand_id),))


def waits(errand: Errand, now: dt.datetime) -> bool:
    """Whether one that was left still waits for its next try; a day further away was noted by a clock set back since."""
    longest = dt.timedelta(seconds=LEFT_AGAIN_S)
    return errand.state is S.LEFT and errand.next_due is not None and now < errand.next_due <= now + longest


def once_more(errand: Errand, event: DueTimePassed, at: At, visit: Visit) -> Step[Errand]:
    """-> Asked, for one more try, each day; or stays, when its time has not come."""
    if errand.next_due is None:
        return Step(errand)
    if waits(errand, at.now):
        return Step(errand, (WakeAt("", errand.next_due, errand.errand_id),))
    last = evolve(errand, state=S.ASKED, next_due=None, attempts=max(1, at.policy.max_attempts - 1))
    return repeated(last, event, at, visit)


def not_sent(errand: Errand, event: CallNotSent, at: At, visit: Visit) -> Step[Errand]:
    """-> Left, after too many tries of its own; or stays: nothing happened, it may be sent again."""
    return _rest(errand, Trouble(event.fault, event.detail), at)


def unanswered(errand: Errand, event: CallUnanswered, at: At, visit: Visit) -> Step[Errand]:
    """-> Left, after too many tries of its own; or stays: whether it was done is not known, and no money is involved."""
    return _in_doubt(errand, f"{event.call} {event.cause}", at)


def restarted(errand: Errand, event: DaemonRestarted, at: At, visit: Visit) -> Step[Errand]:
    """-> Left, after too many tries of its own; or stays: whether the call arrived is not known."""
    if errand.awaiting is None:
        return Step(errand)
    return _in_doubt(errand, f"{errand.awaiting} crash", at)


def _in_doubt(errand: Errand, what: str, at: At) -> Step[Errand]:
    doubtful = errand.doubtful or errand.awaiting is not Call.QUERY_VISITS
    return _rest(evolve(errand, doubtful=doubtful), Trouble("centre.no_answer", what), at)


def repeated(errand: Errand, event: RequestRepeated | DueTimePassed, at: At, visit: Visit) -> Step[Errand]:
    """Stays, and goes on: what may have been done is asked about first, where the region lets that be asked."""
    if errand.awaiting is not None:
        return Step(errand)
    if errand.doubtful and errand.matter in _ASKABLE and at.policy.query_visits and not _emptying(errand, visit):
        return _send(errand, at, visit, Call.QUERY_VISITS)
    return _send(errand, at, visit)


def _emptying(errand: Errand, visit: Visit) -> bool:
    return _empties(errand, _next_call(errand, visit), visit)


def due(errand: Errand, event: DueTimePassed, at: At, visit: Visit) -> Step[Errand]:
    """Stays, and goes on when its time has come."""
    if errand.next_due is None:
        return Step(errand)
    if errand.matter is Matter.LOOK and errand.attempts == 0:
        return _look_when_sure(errand, at, visit)
    if still_to_come(errand.next_due, at):
        return Step(errand, (WakeAt("", errand.next_due, errand.errand_id),))
    return repeated(errand, event, at, visit)


def _look_when_sure(errand: Errand, at: At, visit: Visit) -> Step[Errand]:
    """The centre's limit in seconds that certainly passed: a clock that stepped, or a restart, begins it anew (22)."""
    since = errand.created_at
    if at.trusted_since is not None and not at.trusted_since <= since <= at.now:
        since = at.trusted_since
    due = since + dt.timedelta(seconds=at.policy.processing_limit_s)
    if at.now < due:
        return Step(evolve(errand, next_due=due), (WakeAt("", due, errand.errand_id),))
    return _send(errand, at, visit)


def window(visit: Visit, now: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """Between which times the centre is asked for a visit: a day each way, for clocks differ and people write dates."""
    day = dt.timedelta(days=1)
    return visit.order.begun_at - day, max(now, visit.order.begun_at) + day


_ENDED = dict.fromkeys((S.DONE, S.DECLINED), "the errand has ended")
_LEFT = {**_ENDED, S.LEFT: "nothing of it is under way"}
_OURS = "the centre answers a call only while that call is awaited"

_ROWS: tuple[Row[Errand], ...] = (
    Row(CentreDidErrand, {S.ASKED: did}, {}, _OURS),
    Row(CentreFoundVisits, {S.ASKED: found}, {}, _OURS),
    Row(CentreRefusedCall, {S.ASKED: refused}, {}, _OURS),
    Row(CallNotSent, {S.ASKED: not_sent}, {}, _OURS),
    Row(CallUnanswered, {S.ASKED: unanswered}, {}, _OURS),
    Row(CallAnsweredLate, {}, dict.fromkeys(S, LATE), ""),
    Row(RequestRepeated, {S.ASKED: repeated}, _LEFT, ""),
    Row(DueTimePassed, {S.ASKED: due, S.LEFT: once_more}, _ENDED, ""),
    Row(DaemonRestarted, {S.ASKED: restarted}, _LEFT, ""),
)
ROWS: dict[type, Row[Errand]] = {row.event: row for row in _ROWS}
