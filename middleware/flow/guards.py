"""What is refused to an asker, and the words for it: the settlement's state in a fault's terms."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator

from middleware.domain.fault import Fault
from middleware.domain.kind import VisitKind
from middleware.domain.pursuit import DOING, FIRST, PERSON, Source
from middleware.domain.visit import Settlement, SettlementState, Visit
from middleware.flow.step import At

S = SettlementState

_WORDS = {
    S.UNKNOWN: "settlement.outcome_unknown",
    S.REVERSAL_INTENDED: "settlement.outcome_unknown",
    S.REVERSAL_SENT: "settlement.outcome_unknown",
    S.MANUAL: "settlement.manual",
    S.REVERSED: "settlement.reversed",
    S.CANCELLED: "settlement.cancelled",
    S.SETTLE_INTENDED: "settlement.busy",
    S.SETTLE_SENT: "settlement.busy",
    S.CONFIRM_INTENDED: "settlement.busy",
    S.CONFIRM_SENT: "settlement.busy",
    S.ORDERED: "mobile.waiting",
    S.CANCEL_INTENDED: "settlement.busy",
    S.CANCEL_SENT: "settlement.busy",
}


def not_now(settlement: Settlement) -> Fault:
    """The fault that says why this settlement cannot do what is asked."""
    return Fault(_WORDS.get(settlement.state, "settlement.wrong_state"), f"state {settlement.state}{_next(settlement)}")


def doing(settlement: Settlement) -> str:
    """What is being done about an outcome that is not known, a key of ``pursuit.DOING``; "" when none is in doubt."""
    if settlement.state is S.MANUAL:
        return PERSON
    if settlement.state not in {S.UNKNOWN, S.REVERSAL_INTENDED, S.REVERSAL_SENT}:
        return ""
    if settlement.state is not S.UNKNOWN:
        return Source.REVERSAL
    asking = settlement.pursuit.asking if settlement.pursuit else None
    return asking or FIRST


def _next(settlement: Settlement) -> str:
    """The same for people and programs, with the time of the next step."""
    if not (code := doing(settlement)):
        return ""
    due = f", next step {settlement.next_due.isoformat(timespec='seconds')}" if settlement.next_due else ""
    return f", doing {code}: {DOING[code][1]}{due}"


def clock_is_right(at: At) -> None:
    """Raise ``system.clock_skew`` while our clock and the centre's disagree beyond the limit: no money is begun then.

    What was begun goes on: nothing of it is decided by the wall clock (invariant 22).
    """
    ahead = at.clock_ahead_s
    if ahead is not None and abs(ahead) > at.policy.max_clock_skew_s:
        raise Fault("system.clock_skew", f"{ahead:+.0f} s against the centre's clock")


def held(visit: Visit) -> bool:
    """Whether a settlement of the visit stands."""
    return any(one.state in {S.SETTLED, S.DELIVERED} for one in visit.settlements)


def recent_enough(visit: Visit, oldest: dt.datetime | None, at: At) -> None:
    """Raise ``settlement.limit`` when a charge is older than the region lets it be."""
    days = at.policy.rules(visit.order.kind).days_back
    if days and oldest is not None and at.now - oldest > dt.timedelta(days=days):
        raise Fault("settlement.limit", f"a charge is older than {days} days")


def charges_mark(visit: Visit) -> str:
    """What changes when the charges of a stay do: a quote is bound to it. Empty for what is no stay."""
    if visit.order.kind is not VisitKind.INPATIENT:
        return ""
    return hashlib.sha256(" ".join(one.errand_id for one in visit.charges).encode()).hexdigest()[:16]


def money_is_free(visit: Visit, but: str = "") -> None:
    """Raise ``visit.locked`` while another settlement of the visit has money moving or unaccounted for."""
    for other in _open(visit, but):
        raise Fault("visit.locked", f"settlement {other.settlement_id} is {other.state}{_next(other)}")


def is_locked(visit: Visit, but: str = "") -> bool:
    """The same as an answer."""
    return any(True for _ in _open(visit, but))


def _open(visit: Visit, but: str) -> Iterator[Settlement]:
    return (other for other in visit.settlements if other.settlement_id != but and other.is_open)
