"""Pursuing an unknown outcome: one evidence after another in the region's order, then a person.

What ends the doubt is the centre's clear answer or its file. 5201 shows visits and no settlements: it is kept for the
desk, and the pursuit goes on as if nothing had been heard.
"""

from __future__ import annotations

import datetime as dt

from attrs import evolve

from middleware.domain.centre import Call
from middleware.domain.command import CallCentre, WakeAt
from middleware.domain.event import CentreShowedVisits, DueTimePassed, VisitQueryFailed
from middleware.domain.pursuit import Pursuit, Shown, Source
from middleware.domain.visit import Settlement, SettlementState, Visit
from middleware.flow import ordering, reversal
from middleware.flow.comparing import days_of
from middleware.flow.doubt import pursued
from middleware.flow.due import longest_wait_s
from middleware.flow.settlement import his_silent
from middleware.flow.step import At, Policy, Row, Step, plus

S = SettlementState

MAX_QUERIES = 3  # 5201s without an answer; it is weak evidence
MAX_SHOWN = 20  # visits kept of one answer
FILE_GRACE = dt.timedelta(hours=6)  # so long after the last night that can tell, a comparison may still be under way
_DAY = dt.timedelta(days=1)
_FILE_LONGEST = _DAY + FILE_GRACE


def waits(settlement: Settlement, now: dt.datetime, policy: Policy) -> bool:
    """Whether its next step is still to come; see ``due.still_to_come`` for what a clock that was set back leaves."""
    if settlement.next_due is None:
        return False
    longest = dt.timedelta(seconds=longest_wait_s(policy))
    if settlement.pursuit is not None and settlement.pursuit.asking is Source.FILE:
        longest = max(longest, _FILE_LONGEST)
    return now < settlement.next_due <= now + longest


def due(settlement: Settlement, event: DueTimePassed, at: At, visit: Visit) -> Step[Settlement]:
    """-> ReversalIntended; or Manual, at its limits; or stays, while 5201 is asked or the day's file waited for."""
    if settlement.next_due is not None and waits(settlement, at.now, at.policy):
        return Step(settlement, (WakeAt(settlement.settlement_id, settlement.next_due),))
    pursuit = settlement.pursuit or pursued(at)  # of a version that kept none
    # A limit further away than any was given by a clock that was set back since.
    until = min(pursuit.until, plus(at, at.policy.doubt_limit_s))
    known = evolve(settlement, pursuit=evolve(pursuit, until=until))
    if at.now >= until:
        hours = at.policy.doubt_limit_s / 3600
        return reversal.hand_over(known, f"not established within {hours:g} hours; {_told(known, at, visit)}")
    return onward(known, at, visit)


def onward(settlement: Settlement, at: At, visit: Visit) -> Step[Settlement]:
    """The next evidence of the order that may be asked; a person, when there is none."""
    known, pursuit = settlement, settlement.pursuit or pursued(at)
    for source in order(at.policy, visit, settlement):
        if source in pursuit.through:
            continue
        step = _ask(evolve(known, pursuit=evolve(pursuit, asking=source)), source, at, visit)
        if step is not None:
            return step
        pursuit = evolve(pursuit, through=(*pursuit.through, source))
        known = evolve(known, pursuit=pursuit)
    return reversal.hand_over(known, _told(known, at, visit))


def order(policy: Policy, visit: Visit, settlement: Settlement) -> tuple[Source, ...]:
    """The region's order for such a visit; an order of mobile payment can be asked about, and by nothing else."""
    if settlement.mobile is not None:
        return (Source.ORDER, Source.FILE)
    own = policy.rules(visit.order.kind).evidence
    return policy.cross.evidence or own if visit.cross_region else own


def _ask(settlement: Settlement, source: Source, at: At, visit: Visit) -> Step[Settlement] | None:
    """Ask it; None when it may not be asked here, or has been asked often enough."""
    policy = at.policy
    match source:
        case Source.REVERSAL:
            allowed = policy.may_reverse(settlement.unknown_call, cross_region=visit.cross_region)
            if allowed and settlement.reversal_attempts < policy.max_attempts:
                return reversal.intend(settlement, at)
        case Source.ORDER:
            if settlement.mobile is not None and settlement.mobile.queries < policy.max_attempts:
                return ordering.ask(settlement, at)
        case Source.VISITS:
            if policy.query_visits and settlement.pursuit and settlement.pursuit.queries < MAX_QUERIES:
                return _query(settlement, settlement.pursuit, at)
        case Source.FILE:
            if (when := next_file(settlement, at)) is not None:
                return _rest(settlement, when)
    return None


def _query(settlement: Settlement, pursuit: Pursuit, at: At) -> Step[Settlement]:
    """5201. It has a due time of its own, so that a crash or a lost journal line leaves nothing that nobody wakes."""
    message_id = at.message_id()
    asked = evolve(pursuit, queries=pursuit.queries + 1, query_message_id=message_id)
    resting = _rest(evolve(settlement, pursuit=asked), plus(at, at.policy.repeat_max_s))
    return Step(resting.state, (*resting.commands, CallCentre(Call.QUERY_VISITS, message_id, settlement.settlement_id)))


def _rest(settlement: Settlement, when: dt.datetime) -> Step[Settlement]:
    due_at = min(when, settlement.pursuit.until) if settlement.pursuit else when
    return Step(evolve(settlement, next_due=due_at), (WakeAt(settlement.settlement_id, due_at),))


def next_file(settlement: Settlement, at: At) -> dt.datetime | None:
    """The next night whose comparison can tell, or the moment when the last of them is over; None after that.

    None also where no comparison runs by the clock or the region's has no rows.
    """
    if at.policy.file_at is None:
        return None
    zone = at.now.tzinfo or dt.UTC
    days = days_of(settlement.unknown_since or settlement.created_at, at.policy.processing_limit_s, zone)
    last = dt.datetime.combine(days[-1] + _DAY, at.policy.file_at, zone) + FILE_GRACE
    if at.now >= last:
        return None
    tonight = dt.datetime.combine(at.now.date(), at.policy.file_at, zone)
    return min(tonight if tonight > at.now else tonight + _DAY, last)


def _told(settlement: Settlement, at: At, visit: Visit) -> str:
    """Why a person: what was asked in vain, and what could not be."""
    sources, call = order(at.policy, visit, settlement), settlement.unknown_call
    through = settlement.pursuit.through if settlement.pursuit else ()
    words = []
    if Source.REVERSAL in sources and not at.policy.may_reverse(call, cross_region=visit.cross_region):
        words.append(f"{call} may not be reversed in this region")
    elif settlement.reversal_attempts:
        words.append(f"{settlement.reversal_attempts} reversals without a clear answer")
    if settlement.mobile is not None:
        words.append(f"{settlement.mobile.queries} questions ({Call.QUERY_ORDER}) without a clear answer")
    if settlement.shown is not None:
        words.append(f"{Call.QUERY_VISITS} showed {len(settlement.shown.visits)} visits")
    if Source.FILE in sources and Source.FILE in through and at.policy.file_at is not None:
        words.append("the day's file does not tell")
    return "; ".join(words) or f"nothing may be asked about {call} in this region"


def shown(settlement: Settlement, event: CentreShowedVisits, at: At, visit: Visit) -> Step[Settlement]:
    """-> ReversalIntended or Manual, by the order; or stays. What 5201 showed is kept and decides nothing."""
    kept = noted(settlement, event, at, visit).state
    pursuit = kept.pursuit
    if pursuit is None or event.message_id != pursuit.query_message_id:
        return Step(kept)
    through = evolve(pursuit, through=(*pursuit.through, Source.VISITS), query_message_id="")
    return onward(evolve(kept, pursuit=through), at, visit)


def noted(settlement: Settlement, event: CentreShowedVisits, at: At, visit: Visit) -> Step[Settlement]:
    """Stays; what 5201 showed is kept for the desk."""
    return Step(evolve(settlement, shown=Shown(event.message_id, at.now, event.visits[:MAX_SHOWN])))


def query_failed(settlement: Settlement, event: VisitQueryFailed, at: At, visit: Visit) -> Step[Settlement]:
    """Stays: nothing was learned; it is asked again a few times, then the order goes on."""
    pursuit = settlement.pursuit
    if pursuit is None or event.message_id != pursuit.query_message_id:
        return Step(settlement)
    policy = at.policy
    wait_s = min(policy.repeat_max_s, policy.repeat_s * 2 ** max(0, pursuit.queries - 1))
    known = evolve(settlement, pursuit=evolve(pursuit, query_message_id=""))
    return _rest(known, plus(at, wait_s * (1 + at.jitter / 4)))


def ended(after: Settlement) -> Settlement:
    """The same without a pursuit, when there is no doubt any more."""
    if after.pursuit is None or after.state in _DOUBTFUL:
        return after
    return evolve(after, pursuit=None)


_DOUBTFUL = frozenset({S.UNKNOWN, S.REVERSAL_INTENDED, S.REVERSAL_SENT, S.MANUAL})
_KNOWN = dict.fromkeys(
    (
        S.CONFIRM_INTENDED,
        S.CONFIRM_SENT,
        S.ORDERED,
        S.SETTLED,
        S.DELIVERED,
        S.CANCEL_INTENDED,
        S.CANCEL_SENT,
        S.CANCELLED,
        S.REFUSED,
        S.REVERSED,
    ),
    "the outcome was established meanwhile",
)
_UNDER_WAY = dict.fromkeys((S.REVERSAL_INTENDED, S.REVERSAL_SENT), "a reversal is under way by now")
_OURS = "5201 is asked only of a settlement in doubt"

_ROWS: tuple[Row[Settlement], ...] = (
    Row(
        DueTimePassed,
        {S.UNKNOWN: due, S.SETTLED: his_silent, S.ORDERED: ordering.due},
        {s: "nothing is due any more" for s in S if s not in {S.UNKNOWN, S.SETTLED, S.ORDERED}},
        "",
    ),
    Row(
        CentreShowedVisits,
        {S.UNKNOWN: shown, **dict.fromkeys((S.MANUAL, *_UNDER_WAY), noted)},
        _KNOWN,
        _OURS,
    ),
    Row(
        VisitQueryFailed,
        {S.UNKNOWN: query_failed},
        {**_KNOWN, **_UNDER_WAY, S.MANUAL: "a person decides"},
        _OURS,
    ),
)
ROWS: dict[type, Row[Settlement]] = {row.event: row for row in _ROWS}
