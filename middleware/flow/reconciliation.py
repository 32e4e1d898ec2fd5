"""What a comparison with the centre's books does to a settlement. The file is the surest evidence, of when it was asked.

What was learned after the centre was asked overtakes the file: then it is kept as evidence and the next comparison tells.
"""

from __future__ import annotations

import datetime as dt

from attrs import evolve

from middleware.domain.centre import CANCEL_CALLS, Call, Settled, SettlementCancelled
from middleware.domain.event import (
    CentreCancelled,
    CentreListed,
    CentreListedAbsent,
    CentreListedEqual,
    CentreListedOtherwise,
)
from middleware.domain.money import Money
from middleware.domain.reconciliation import Difference, Finding, Listing
from middleware.domain.split import Split
from middleware.domain.visit import Settlement, SettlementState, Visit
from middleware.flow import cancel, reversal
from middleware.flow import settlement as settling
from middleware.flow.comparing import CLOCK_DOUBT
from middleware.flow.desk import undoing
from middleware.flow.doubt import doubt
from middleware.flow.step import At, Row, Step

S = SettlementState
D = Difference
_OPEN = (S.UNKNOWN, S.MANUAL)
_PURSUED = (*_OPEN, S.REVERSAL_INTENDED, S.REVERSAL_SENT)


def listed(settlement: Settlement, event: CentreListed, at: At, visit: Visit) -> Step[Settlement]:
    """-> Settled or Cancelled where the region adopts what is listed; else Unknown, due at once; else Manual."""
    if not _is_about(settlement, event.message_id, event.seen, refund=event.refund):
        return Step(settlement)
    number, when = event.listing.settlement_number, _moment(settlement, event.listing, at)
    if _adoptable(settlement, event, at):
        known = evolve(settlement, finding=None)
        clearing = (event.listing.clearing_type, "", event.listing.agency)
        if event.refund and known.settled is not None:
            undone = SettlementCancelled(number, when, undoing(known.settled.split))
            return cancel.cancelled(known, CentreCancelled(known.settlement_id, known.cancel_message_id, undone), at, visit)
        if known.quoted is not None:
            reply = Settled(number, when, known.quoted, *clearing)
            return settling.holds(known, reply, at, visit)
    found = _finding(D.ONLY_THERE, event, at)
    call = visit.cancel_call(settlement) if event.refund else visit.settle_call(settlement)
    return _pursue(settlement, call, found, at, visit)


def orphan(settlement: Settlement, event: CentreListed, at: At, visit: Visit) -> Step[Settlement]:
    """-> Unknown, due at once: what we call not done is never adopted (invariant 13); else stays, with a finding."""
    if settlement.seen != event.seen or event.refund or event.message_id != settlement.settle_message_id:
        return Step(settlement)
    if settlement.awaiting is not None:
        return Step(settlement)  # what is on its way decides; the next comparison tells
    found = _finding(D.ONLY_THERE, event, at)
    if settlement.state is S.REVERSED and settlement.written_off == event.message_id:
        return Step(evolve(settlement, finding=found))  # undone for that very reason before: the centre contradicts itself
    return _write_off(settlement, visit.settle_call(settlement), event.message_id, found, at, visit)


def refund_listed(settlement: Settlement, event: CentreListed, at: At, visit: Visit) -> Step[Settlement]:
    """-> Unknown of kind cancel, due at once: a cancel that we call not done was done; a settlement's own row: stays."""
    if settlement.seen != event.seen or not event.refund or not settlement.cancel_message_id:
        return Step(settlement)
    found = _finding(D.ONLY_THERE, event, at)
    return _write_off(settlement, visit.cancel_call(settlement), settlement.cancel_message_id, found, at, visit)


def absent(settlement: Settlement, event: CentreListedAbsent, at: At, visit: Visit) -> Step[Settlement]:
    """-> Reversed (a cancel: Settled/Delivered again): proven never done; stays until the centre's limit is surely over."""
    since = settlement.unknown_since
    if settlement.approved is not None and not event.refund and since is not None:
        event = evolve(event, intended_at=max(since, event.intended_at))  # a confirming call left after the settle
    if not _is_about(settlement, event.message_id, event.seen, refund=event.refund) or not _late_enough(event, at):
        return Step(settlement)
    return reversal.undone(evolve(settlement, finding=None))


def otherwise(settlement: Settlement, event: CentreListedOtherwise, at: At, visit: Visit) -> Step[Settlement]:
    """Stays; the difference stands until the centre agrees or two persons decide. Nothing is overwritten."""
    if settlement.seen != event.seen:
        return Step(settlement)
    return Step(evolve(settlement, finding=_same_or(settlement, event.finding)))


def refund_missing(settlement: Settlement, event: CentreListedOtherwise, at: At, visit: Visit) -> Step[Settlement]:
    """-> Unknown, due at once, when the centre still holds what we call cancelled; any other difference: stays."""
    finding = event.finding
    if settlement.seen != event.seen or finding.difference is not D.REFUND_MISSING or settlement.finding is not None:
        return otherwise(settlement, event, at, visit)
    return _write_off(settlement, visit.settle_call(settlement), settlement.settle_message_id, finding, at, visit)


def equal(settlement: Settlement, event: CentreListedEqual, at: At, visit: Visit) -> Step[Settlement]:
    """Stays; the difference is gone."""
    finding = settlement.finding
    if finding is None or finding.message_id != event.message_id:
        return Step(settlement)
    return Step(evolve(settlement, finding=None))


def ended(before: Settlement, after: Settlement) -> Settlement:
    """The same without a finding that its own pursuit has brought to an end."""
    finding = after.finding
    if finding is None or before.state not in _PURSUED or after.state in _PURSUED:
        return after
    return evolve(after, finding=None) if finding.difference in {D.ONLY_THERE, D.REFUND_MISSING} else after


# -- parts


def _is_about(settlement: Settlement, message_id: str, seen: str, *, refund: bool) -> bool:
    """Whether this is what is in doubt, and nothing was learned of it since the centre was asked."""
    in_doubt = settlement.cancel_message_id if refund else settlement.settle_message_id
    of_refund = settlement.unknown_call in CANCEL_CALLS
    ids = {in_doubt, settlement.settle_message_id} if refund else {in_doubt}
    return settlement.seen == seen and of_refund is refund and message_id in ids


def _adoptable(settlement: Settlement, event: CentreListed, at: At) -> bool:
    """Whether it may be taken over: the region says so, no reversal was ever tried, and the file gives what is needed."""
    listing, split = event.listing, _split(settlement, refund=event.refund)
    if settlement.mobile is not None or split is None or not at.policy.adopt_listed or not listing.settlement_number:
        return False
    tried = settlement.reversal_attempts > 0 or bool(settlement.written_off) or bool(settlement.reversal_message_id)
    return not tried and (listing.total, listing.fund, listing.account) == _shares(split, refund=event.refund)


def _split(settlement: Settlement, *, refund: bool) -> Split | None:
    if refund:
        return settlement.settled.split if settlement.settled else None
    return settlement.quoted


def _shares(split: Split, *, refund: bool) -> tuple[Money, Money, Money]:
    shares = (split.total, split.fund, split.account)
    return (-shares[0], -shares[1], -shares[2]) if refund else shares


def _moment(settlement: Settlement, listing: Listing, at: At) -> dt.datetime:
    """A time on the file's day, which says the day only: our own intent's where it lies on it, else the nearest."""
    zone = at.now.tzinfo
    first = dt.datetime.combine(listing.proof.day, dt.time.min, zone)
    last = dt.datetime.combine(listing.proof.day, dt.time(23, 59, 59), zone)
    return min(max(settlement.unknown_since or settlement.created_at, first), last)


def _finding(difference: Difference, event: CentreListed, at: At) -> Finding:
    return Finding(difference, event.message_id, event.refund, event.listing, at.now)


def _same_or(settlement: Settlement, finding: Finding) -> Finding:
    """The finding that stands already when it is the same but for the file: so a repeated run changes nothing."""
    old = settlement.finding
    if old is None:
        return finding
    same = evolve(finding, found_at=old.found_at, listing=evolve(finding.listing, proof=old.listing.proof))
    return old if same == old else finding


def _pursue(settlement: Settlement, call: Call, finding: Finding, at: At, visit: Visit) -> Step[Settlement]:
    """2601 once more, at once; a person when the region does not allow it, or it led to nothing before."""
    before = settlement.finding
    in_vain = settlement.state is S.MANUAL and before is not None and before.message_id == finding.message_id
    if not at.policy.may_reverse(call, cross_region=visit.cross_region) or in_vain:
        kept = evolve(settlement, finding=_same_or(settlement, finding))
        if settlement.state is S.MANUAL:
            return Step(kept)
        return reversal.hand_over(kept, f"the centre lists {call}, which may not be reversed in this region")
    return doubt(evolve(settlement, finding=finding), call, at, "the centre lists it", wait_s=0)


def _write_off(
    settlement: Settlement, call: Call, message_id: str, finding: Finding, at: At, visit: Visit
) -> Step[Settlement]:
    if not at.policy.may_reverse(call, cross_region=visit.cross_region):
        return Step(evolve(settlement, finding=_same_or(settlement, finding)))
    gone = evolve(settlement, written_off=message_id, finding=finding)
    return doubt(gone, call, at, "the centre still holds it", wait_s=0)


def _late_enough(event: CentreListedAbsent, at: At) -> bool:
    """Whether the centre was asked after its own limit (invariant 12), by time that surely passed (22)."""
    trusted = at.trusted_since or event.intended_at
    if trusted <= event.intended_at:
        waited = event.asked_at - event.intended_at
    else:
        waited = max(event.asked_at - trusted, event.asked_at - event.intended_at - CLOCK_DOUBT)
    return event.asked_at <= at.now and waited.total_seconds() >= at.policy.processing_limit_s


_FLYING = (
    S.SETTLE_INTENDED, S.SETTLE_SENT, S.CONFIRM_INTENDED, S.CONFIRM_SENT, S.REVERSAL_INTENDED, S.REVERSAL_SENT,
    S.CANCEL_INTENDED, S.CANCEL_SENT, S.ORDERED,
)  # fmt: skip
_EARLY = (S.RECEIVED, S.ITEMISED)
_TELLS = dict.fromkeys(_FLYING, "what is on its way decides; the next comparison tells")
_NEVER = "a bill that was never to be settled has no message that the centre could list"

_ROWS: tuple[Row[Settlement], ...] = (
    Row(
        CentreListed,
        {
            **dict.fromkeys(_OPEN, listed),
            **dict.fromkeys((S.QUOTED, S.REFUSED, S.REVERSED), orphan),
            **dict.fromkeys((S.SETTLED, S.DELIVERED), refund_listed),
        },
        {**_TELLS, S.CANCELLED: "both halves are known already"},
        _NEVER,
    ),
    Row(
        CentreListedAbsent,
        dict.fromkeys(_OPEN, absent),
        {
            **_TELLS,
            **dict.fromkeys(
                (S.QUOTED, S.SETTLED, S.DELIVERED, S.CANCELLED, S.REFUSED, S.REVERSED), "the outcome is known already"
            ),
        },
        _NEVER,
    ),
    Row(
        CentreListedOtherwise,
        {**dict.fromkeys([s for s in S if s not in _EARLY], otherwise), S.CANCELLED: refund_missing},
        {},
        _NEVER,
    ),
    Row(CentreListedEqual, dict.fromkeys([s for s in S if s not in _EARLY], equal), {}, _NEVER),
)
ROWS: dict[type, Row[Settlement]] = {row.event: row for row in _ROWS}
