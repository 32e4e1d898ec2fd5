"""The order of a visit: which machine an event belongs to, and what one machine's step means for the others.

``step`` is pure: the same visit, event and ``At`` give the same state and commands. ``begin`` is the first step.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeVar

from attrs import evolve

from middleware.domain.errand import Errand, ErrandState, Matter
from middleware.domain.event import (
    CentreTookVisit,
    DaemonRestarted,
    ErrandRequested,
    Event,
    QuoteRequested,
    RegistrationRequested,
)
from middleware.domain.fault import Fault
from middleware.domain.visit import Settlement, SettlementState, Visit, VisitState
from middleware.flow import cancel, desk, quote, reconciliation, registration, reversal, settlement
from middleware.flow.guards import money_is_free
from middleware.flow.step import At, IllegalEvent, Row, Step

State = TypeVar("State", Visit, Settlement, Errand)

MAX_SETTLEMENTS = 64  # bills of one visit: a bound, not a rule of the trade

_RESTARTED: Row[Settlement] = Row(
    DaemonRestarted,
    {**settlement.RESTART_MOVES, **reversal.RESTART_MOVES, **cancel.RESTART_MOVES},
    {
        s: "nothing was in flight"
        for s in SettlementState
        if s not in {*settlement.RESTART_MOVES, *reversal.RESTART_MOVES, *cancel.RESTART_MOVES}
    },
    "",
)
REGISTRATION_ROWS = registration.ROWS
PAYER_ROWS = paying.ROWS
ERRAND_ROWS = errand.ROWS
SETTLEMENT_ROWS: dict[type, Row[Settlement]] = {
    **quote.ROWS,
    **settlement.ROWS,
    **reversal.ROWS,
    **cancel.ROWS,
    **desk.ROWS,
    **reconciliation.ROWS,
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
    after: Step[Settlement] = _move(SETTLEMENT_ROWS, before.state, before, event, at, visit)
    if isinstance(event, CentreTookVisit):
        visit = evolve(visit, diagnoses_digest=before.diagnoses_digest)
    kept = reconciliation.ended(before, desk.outdated(after.state, event))
    return Step(_with(visit, kept), after.commands)


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
