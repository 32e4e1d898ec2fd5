"""The call that some regions want after a settle's yes: to confirm it, or to ask whether it stands. Sent once.

Until it is answered with yes nothing is settled: the HIS hears nothing and the bank takes nothing. No text says what
becomes of a yes that was never confirmed, so the call is never sent again: without an answer the settle itself is in doubt
and pursued in the region's order, and what the centre does not stand by is undone.
"""

from __future__ import annotations

from attrs import evolve

from middleware.domain.centre import SETTLE_CALLS
from middleware.domain.event import (
    CentreConfirmed,
    CentreRefusedConfirm,
    ConfirmNotSent,
    ConfirmUnanswered,
    DaemonRestarted,
)
from middleware.domain.visit import Settlement, SettlementState, Visit
from middleware.flow.doubt import doubt
from middleware.flow.settlement import holds
from middleware.flow.step import At, IllegalEvent, Row, Step

S = SettlementState


def _ours(settlement: Settlement, event: CentreConfirmed | CentreRefusedConfirm | ConfirmNotSent) -> None:
    if event.message_id != settlement.confirm_message_id:
        raise IllegalEvent("the outcome of a confirming call that is not this settlement's")


def confirmed(settlement: Settlement, event: CentreConfirmed, at: At, visit: Visit) -> Step[Settlement]:
    """-> Settled; tell the HIS."""
    _ours(settlement, event)
    if settlement.approved is None:
        raise AssertionError("a confirming call without the yes that it confirms")
    return holds(settlement, settlement.approved, at, visit)


def confirmed_late(settlement: Settlement, event: CentreConfirmed, at: At, visit: Visit) -> Step[Settlement]:
    """-> Settled, when no reversal was ever tried; else kept as evidence, for the reversal may have undone it."""
    if (
        settlement.unknown_call not in SETTLE_CALLS
        or settlement.reversal_attempts
        or settlement.written_off == settlement.settle_message_id
        or event.message_id != settlement.confirm_message_id
    ):
        return Step(settlement)
    return confirmed(settlement, event, at, visit)


def confirmed_after_all(settlement: Settlement, event: CentreConfirmed, at: At, visit: Visit) -> Step[Settlement]:
    """-> Unknown, due at once: what we called undone is reversed, never adopted (invariant 13)."""
    _ours(settlement, event)
    known = evolve(settlement, written_off=settlement.settle_message_id)
    return doubt(known, visit.calls.settle, at, "confirmed after all", wait_s=0)


def refused(settlement: Settlement, event: CentreRefusedConfirm, at: At, visit: Visit) -> Step[Settlement]:
    """-> Unknown, due at once: the centre does not stand by its yes, and only undoing it is left."""
    _ours(settlement, event)
    known = evolve(settlement, written_off=settlement.settle_message_id)
    return doubt(known, visit.calls.settle, at, f"{at.policy.finish} refused with {event.code}", wait_s=0)


def not_sent(settlement: Settlement, event: ConfirmNotSent, at: At, visit: Visit) -> Step[Settlement]:
    """-> Unknown: the centre said yes, and what makes it final did not leave."""
    _ours(settlement, event)
    return doubt(settlement, visit.calls.settle, at, f"{at.policy.finish} {event.fault}")


def unanswered(settlement: Settlement, event: ConfirmUnanswered, at: At, visit: Visit) -> Step[Settlement]:
    """-> Unknown: it may be final. Of an earlier message: evidence."""
    if event.message_id != settlement.confirm_message_id:
        return Step(settlement)
    return doubt(settlement, visit.calls.settle, at, f"{at.policy.finish} {event.cause}")


def restarted(settlement: Settlement, event: DaemonRestarted, at: At, visit: Visit) -> Step[Settlement]:
    """-> Unknown: after a crash nobody knows whether it was confirmed."""
    return doubt(settlement, visit.calls.settle, at, f"{at.policy.finish} crash")


_FLYING = (S.CONFIRM_INTENDED, S.CONFIRM_SENT)
_HELD = dict.fromkeys(
    (S.SETTLED, S.DELIVERED, S.CANCEL_INTENDED, S.CANCEL_SENT, S.CANCELLED), "the outcome is known already"
)
_EVIDENCE = dict.fromkeys((S.REVERSAL_INTENDED, S.REVERSAL_SENT, S.MANUAL), "what is under way decides; this is evidence")
_OURS = "only a confirming call has such an outcome"

_ROWS: tuple[Row[Settlement], ...] = (
    Row(
        CentreConfirmed,
        {
            **dict.fromkeys(_FLYING, confirmed),
            S.UNKNOWN: confirmed_late,
            **dict.fromkeys((S.REVERSED, S.REFUSED), confirmed_after_all),
        },
        {**_HELD, **_EVIDENCE},
        _OURS,
    ),
    Row(
        CentreRefusedConfirm,
        dict.fromkeys(_FLYING, refused),
        {**_HELD, **_EVIDENCE, **dict.fromkeys((S.UNKNOWN, S.REVERSED, S.REFUSED), "what is under way decides")},
        _OURS,
    ),
    Row(ConfirmNotSent, dict.fromkeys(_FLYING, not_sent), {}, _OURS),
    # Written late, because the journal could not be: a late answer may have been written before it.
    Row(
        ConfirmUnanswered,
        dict.fromkeys(_FLYING, unanswered),
        {**_HELD, **_EVIDENCE, **dict.fromkeys((S.UNKNOWN, S.REVERSED, S.REFUSED), "a late answer was written before it")},
        _OURS,
    ),
)
ROWS: dict[type, Row[Settlement]] = {row.event: row for row in _ROWS}
RESTART_MOVES = dict.fromkeys(_FLYING, restarted)
