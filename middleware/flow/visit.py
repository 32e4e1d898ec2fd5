"""The order of a visit: which machine an event belongs to, and what one machine's step means for the others.

``step`` is pure: the same visit, event and ``At`` give the same state and commands. ``begin`` is the first step.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeVar

from attrs import evolve

from middleware.domain.errand import Errand, ErrandState, Matter
from middleware.domain.event import (
    CentreFoundVisits,
    CentreTookVisit,
    DaemonRestarted,
    ErrandRequested,
    Event,
    QuoteRequested,
    RegistrationRequested,
)
from middleware.domain.fault import Fault
from middleware.domain.payment import Leg
from middleware.domain.visit import Settlement, SettlementState, Trouble, Visit, VisitState
from middleware.flow import (
    cancel,
    desk,
    errand,
    finishing,
    mobile,
    paying,
    pursuit,
    quote,
    reconciliation,
    registration,
    reversal,
    settlement,
)
from middleware.flow.guards import is_locked, money_is_free
from middleware.flow.step import At, IllegalEvent, Row, Step

State = TypeVar("State", Visit, Settlement, Errand)

MAX_SETTLEMENTS = 64  # bills of one visit: a bound, not a rule of the trade

_AFTER_A_RESTART = {
    **settlement.RESTART_MOVES,
    **finishing.RESTART_MOVES,
    **reversal.RESTART_MOVES,
    **cancel.RESTART_MOVES,
    **mobile.RESTART_MOVES,
}
_RESTARTED: Row[Settlement] = Row(
    DaemonRestarted,
    _AFTER_A_RESTART,
    {s: "nothing was in flight" for s in SettlementState if s not in _AFTER_A_RESTART},
    "",
)
REGISTRATION_ROWS = registration.ROWS
PAYER_ROWS = paying.ROWS
ERRAND_ROWS = errand.ROWS
SETTLEMENT_ROWS: dict[type, Row[Settlement]] = {
    **quote.ROWS,
    **settlement.ROWS,
    **finishing.ROWS,
    **reversal.ROWS,
    **pursuit.ROWS,
    **cancel.ROWS,
    **desk.ROWS,
    **reconciliation.ROWS,
    **mobile.ROWS,
    DaemonRestarted: _RESTARTED,
}


def begin(event: RegistrationRequested, at: At) -> Step[Visit]:
    """A visit begins with a registration."""
    return registration.begin(event, at)


def step(visit: Visit, event: Event, at: At) -> Step[Visit]:
    """What follows from ``event``. Raises ``Fault`` when it is an asker's wish that the state does not allow.

    Raises ``IllegalEvent`` for what only a mistake of ours can bring.
    """
    if isinstance(event, QuoteRequested):
        return _begin_quote(visit, event, at)
    if isinstance(event, ErrandRequested):
        begun = errand.begin(visit, event, at)
        return Step(evolve(visit, errands=(*visit.errands, begun.state)), begun.commands)
    if errand_id := getattr(event, "errand_id", ""):
        return _step_errand(visit, errand_id, event, at)
    settlement_id = getattr(event, "settlement_id", "")
    if not settlement_id:
        moved: Step[Visit] = _move(REGISTRATION_ROWS, visit.state, visit, event, at)
        return moved
    before = visit.settlement(settlement_id)
    if (leg := paying.leg_of(before, event)) is not None:
        return _step_leg(visit, before, leg, event, at)
    after: Step[Settlement] = _move(SETTLEMENT_ROWS, before.state, before, event, at, visit)
    if isinstance(event, CentreTookVisit):
        visit = evolve(visit, diagnoses_digest=before.diagnoses_digest)
    kept = reconciliation.ended(before, pursuit.ended(desk.outdated(after.state, event)))
    if not kept.legs:
        return Step(_with(visit, kept), after.commands)
    return _pay(visit, before, Step(kept, after.commands), event, at)


def _step_leg(visit: Visit, before: Settlement, leg: Leg, event: Event, at: At) -> Step[Visit]:
    """A leg's step; when it is the yes for which the 2207 waited, that goes out now."""
    moved: Step[Leg] = _move(PAYER_ROWS, leg.state, leg, event, at, before)
    now = paying.with_leg(before, moved.state)
    commands = moved.commands
    if paying.may_settle(leg, now):
        if now.expires_at is None or at.now >= now.expires_at:
            now = evolve(now, trouble=Trouble("settlement.quote_expired"))
        else:
            sent = settlement.send(now, at, visit)
            now, commands = sent.state, (*commands, *sent.commands)
    return _pay(visit, before, Step(now, commands), event, at)


def _pay(visit: Visit, before: Settlement, done: Step[Settlement], event: Event, at: At) -> Step[Visit]:
    """What a step means for the payer's legs, and they for the settlement."""
    now, commands = done.state, list(done.commands)
    for leg in now.legs if isinstance(event, DaemonRestarted) else ():
        moved: Step[Leg] = _move(PAYER_ROWS, leg.state, leg, event, at, now)
        now = paying.with_leg(now, moved.state)
        commands += moved.commands
    followed = paying.follow(now, at)
    now = followed.state
    commands += followed.commands
    if paying.is_to_cancel(before, now, at) and not is_locked(visit, now.settlement_id):
        cancelled = cancel.intend(now, "the bank did not pay", at, visit)
        now = cancelled.state
        commands += cancelled.commands
    return Step(_with(visit, now), tuple(commands))


def _step_errand(visit: Visit, errand_id: str, event: Event, at: At) -> Step[Visit]:
    """One errand's step; when charges of the registration that stands were withdrawn, the charges before it are marked."""
    before = visit.errand(errand_id)
    after: Step[Errand] = _move(ERRAND_ROWS, before.state, before, event, at, visit)
    emptied = after.state.emptied and not before.emptied and before.visit_number == visit.visit_number
    emptied = emptied and errand.charges_gone(before, event, at)
    if after.state.matter is Matter.WITHDRAW_CHARGES:
        emptied = after.state.state is ErrandState.DONE is not before.state
    kept = []
    for one in visit.errands:
        gone = emptied and one.matter is Matter.CHARGE and one.state is ErrandState.DONE
        kept.append(after.state if one.errand_id == errand_id else evolve(one, withdrawn=True) if gone else one)
    done = Step(evolve(visit, errands=tuple(kept)), after.commands)
    if isinstance(event, CentreFoundVisits) and before.matter is Matter.LOOK:
        ours = [one.visit_number for one in event.visits if one.our_number == visit.visit_id]
        standing = visit.visit_number if visit.state is not VisitState.REFUSED else ""
        return registration.found_later(done, event.visits, [number for number in ours if number != standing], at)
    return done


def _begin_quote(visit: Visit, event: QuoteRequested, at: At) -> Step[Visit]:
    if visit.state is not VisitState.REGISTERED:
        raise Fault("visit.not_registered", f"visit is {visit.state}")
    if visit.withdrawn:
        raise Fault("visit.not_registered", "visit is withdrawn")
    if visit.busy:
        raise Fault("visit.busy")
    money_is_free(visit)
    if len(visit.settlements) >= MAX_SETTLEMENTS:
        raise Fault("system.busy", f"a visit has at most {MAX_SETTLEMENTS} bills")
    begun = quote.begin(visit, event, at)
    return Step(evolve(visit, settlements=(*visit.settlements, begun.state)), begun.commands)


def _move(rows: dict[type, Row[Any]], state: StrEnum, before: Any, event: Event, at: At, *more: Any) -> Step[Any]:
    row = rows.get(type(event))
    if row is None:
        raise IllegalEvent(f"{type(event).__name__} has no row")
    if (move := row.moves.get(state)) is not None:
        return move(before, event, at, *more)
    if state in row.ignored:
        return Step(before)
    raise IllegalEvent(f"{type(event).__name__} in {state}: {row.illegal}")


def _with(visit: Visit, changed: Settlement) -> Visit:
    kept = tuple(changed if s.settlement_id == changed.settlement_id else s for s in visit.settlements)
    return evolve(visit, settlements=kept)
