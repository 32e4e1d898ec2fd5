"""Undoing a finished settlement (2103, 2208, 2305). A cancel is a money call of its own and can be unknown itself."""

from __future__ import annotations

import datetime as dt

from attrs import evolve

from middleware.domain.centre import CANCEL_CALLS
from middleware.domain.command import CallCentre, HisMatter, TellHis
from middleware.domain.event import (
    CancelConfirmed,
    CancelNotSent,
    CancelUnanswered,
    CentreCancelled,
    CentreRefusedCancel,
    DaemonRestarted,
)
from middleware.domain.fault import Fault
from middleware.domain.visit import Settlement, SettlementState, Trouble, Visit
from middleware.flow import ordering
from middleware.flow.doubt import doubt
from middleware.flow.guards import clock_is_right, money_is_free, not_now
from middleware.flow.payer_guard import payer_is_free
from middleware.flow.step import At, Row, Step

S = SettlementState


def intend(settlement: Settlement, reason: str, at: At, visit: Visit) -> Step[Settlement]:
    """-> CancelIntended."""
    message_id = at.message_id()
    intended = evolve(
        settlement,
        state=S.CANCEL_INTENDED,
        cancel_message_id=message_id,
        cancel_reason=reason,
        next_due=None,
        mobile=ordering.refunding(settlement.mobile),
    )
    return Step(intended, (CallCentre(visit.cancel_call(settlement), message_id, settlement.settlement_id),))


def confirmed(settlement: Settlement, event: CancelConfirmed, at: At, visit: Visit) -> Step[Settlement]:
    """-> CancelIntended, when no other money of the visit is open."""
    clock_is_right(at)
    money_is_free(visit, but=settlement.settlement_id)
    payer_is_free(settlement)
    if visit.busy:
        raise Fault("visit.busy")
    _in_time(settlement, at, visit)
    return intend(evolve(settlement, trouble=None), event.reason, at, visit)


def called_off(settlement: Settlement, event: CancelConfirmed, at: At, visit: Visit) -> Step[Settlement]:
    """Stays Ordered: 6301 asks at once what of the order is paid, and that goes back."""
    clock_is_right(at)
    return ordering.call_off(settlement, event.reason, at)


def _in_time(settlement: Settlement, at: At, visit: Visit) -> None:
    days = at.policy.rules(visit.order.kind).cancel_days
    if days and settlement.settled is not None and at.now - settlement.settled.settled_at > dt.timedelta(days=days):
        raise Fault("settlement.limit", f"a settlement is cancelled within {days} days here")


def not_possible(settlement: Settlement, event: object, at: At, visit: Visit) -> Step[Settlement]:
    """Refused to the asker: there is nothing to cancel in this state."""
    raise not_now(settlement)


def cancelled(settlement: Settlement, event: CentreCancelled, at: At, visit: Visit) -> Step[Settlement]:
    """-> Cancelled; tell the HIS, if it heard of the settlement. A late answer to an earlier cancel is evidence."""
    if event.message_id != settlement.cancel_message_id:
        return Step(settlement)
    known = evolve(settlement, state=S.CANCELLED, cancelled=event.reply, trouble=None, unknown_call=None, next_due=None)
    unheard = settlement.mobile is not None and settlement.mobile.unwanted
    if unheard or not at.policy.rules(visit.order.kind).tell_charges:
        return Step(known)
    control_id = "C" + settlement.settlement_id[1:]
    return Step(known, (TellHis(HisMatter.CANCELLED, control_id, settlement.settlement_id),))


def cancelled_late(settlement: Settlement, event: CentreCancelled, at: At, visit: Visit) -> Step[Settlement]:
    """-> Cancelled, when no reversal of the cancel was ever tried; else kept as evidence."""
    if (
        settlement.unknown_call not in CANCEL_CALLS
        or settlement.reversal_attempts
        or settlement.written_off == event.message_id
    ):
        return Step(settlement)
    return cancelled(settlement, event, at, visit)


def approved_after_all(settlement: Settlement, event: CentreCancelled, at: At, visit: Visit) -> Step[Settlement]:
    """-> Unknown of kind cancel, due at once: what we called not done was done after all (invariant 13, for a cancel)."""
    if event.message_id != settlement.cancel_message_id:
        return Step(settlement)
    return doubt(evolve(settlement, written_off=event.message_id), visit.calls.cancel, at, "approved after all", wait_s=0)


def refused(settlement: Settlement, event: CentreRefusedCancel, at: At, visit: Visit) -> Step[Settlement]:
    """-> Settled or Delivered again: the centre said no, it stands. Of an earlier cancel: evidence. Of an order: stays."""
    if event.message_id != settlement.cancel_message_id:
        return Step(settlement)
    trouble = Trouble("centre.refused", f"{visit.cancel_call(settlement)} {event.code}", event.message)
    if settlement.mobile is not None:
        return ordering.refused(settlement, trouble, at)
    return Step(evolve(settlement, state=settlement.standing, trouble=trouble))


def refused_late(settlement: Settlement, event: CentreRefusedCancel, at: At, visit: Visit) -> Step[Settlement]:
    """-> Settled or Delivered again: the cancel never happened. Of a mobile order: stays, and 6301 asks."""
    if settlement.unknown_call not in CANCEL_CALLS or event.message_id != settlement.cancel_message_id:
        return Step(settlement)
    if settlement.mobile is not None:
        return refused(settlement, event, at, visit)
    return refused(evolve(settlement, unknown_call=None, next_due=None), event, at, visit)


def not_sent(settlement: Settlement, event: CancelNotSent, at: At, visit: Visit) -> Step[Settlement]:
    """-> Settled or Delivered again: no byte left. Of an order that is not wanted: Unknown, it is given back anew."""
    if settlement.mobile is not None and settlement.mobile.unwanted:
        return ordering.still_paid(settlement, at, event.fault)
    return Step(evolve(settlement, state=settlement.standing, trouble=Trouble(event.fault, event.detail)))


def unanswered(settlement: Settlement, event: CancelUnanswered, at: At, visit: Visit) -> Step[Settlement]:
    """-> Unknown, of kind cancel: the money may have come back. Of an earlier message: evidence."""
    if event.message_id != settlement.cancel_message_id:
        return Step(settlement)
    return doubt(settlement, visit.cancel_call(settlement), at, event.cause)


def sent_and_not_sent(settlement: Settlement, event: CancelNotSent, at: At, visit: Visit) -> Step[Settlement]:
    """-> Unknown, of kind cancel: bytes left, so "not sent" proves nothing."""
    return doubt(settlement, visit.cancel_call(settlement), at, event.fault)


def restarted(settlement: Settlement, event: DaemonRestarted, at: At, visit: Visit) -> Step[Settlement]:
    """-> Unknown, of kind cancel."""
    return doubt(settlement, visit.cancel_call(settlement), at, "crash")


_HELD = (S.SETTLED, S.DELIVERED)
_FLYING = (S.CANCEL_INTENDED, S.CANCEL_SENT)
_EVIDENCE = dict.fromkeys((S.REVERSAL_INTENDED, S.REVERSAL_SENT, S.MANUAL), "what is under way decides; this is evidence")
_KNOWN = dict.fromkeys((*_HELD, S.CANCELLED), "the outcome is known already")
_OURS = "only a cancel in flight has such an outcome"

_ROWS: tuple[Row[Settlement], ...] = (
    Row(
        CancelConfirmed,
        {
            **dict.fromkeys(_HELD, confirmed),
            S.ORDERED: called_off,
            **{s: not_possible for s in S if s not in {*_HELD, S.ORDERED}},
        },
        {},
        "",
    ),
    Row(
        CentreCancelled,
        {
            **dict.fromkeys(_FLYING, cancelled),
            **dict.fromkeys(_HELD, approved_after_all),
            S.UNKNOWN: cancelled_late,
        },
        {**_EVIDENCE, S.CANCELLED: _KNOWN[S.CANCELLED]},
        _OURS,
    ),
    Row(
        CentreRefusedCancel,
        {**dict.fromkeys(_FLYING, refused), S.UNKNOWN: refused_late},
        {**_EVIDENCE, **_KNOWN},
        _OURS,
    ),
    Row(CancelNotSent, {S.CANCEL_INTENDED: not_sent, S.CANCEL_SENT: sent_and_not_sent}, {}, _OURS),
    # Written late, because the journal could not be: a late answer may have been written before it.
    Row(
        CancelUnanswered,
        dict.fromkeys(_FLYING, unanswered),
        {**_EVIDENCE, **_KNOWN, **dict.fromkeys((S.UNKNOWN, S.REVERSED), "a late answer was written before it")},
        _OURS,
    ),
)
ROWS: dict[type, Row[Settlement]] = {row.event: row for row in _ROWS}
RESTART_MOVES = dict.fromkeys(_FLYING, restarted)
