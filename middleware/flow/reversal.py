"""Reversing exactly one message (2601), and what its answers establish; when they do not, handing it to a person."""

from __future__ import annotations

import datetime as dt

from attrs import evolve

from middleware.domain.centre import CANCEL_CALLS, Call
from middleware.domain.command import CallCentre, WakeAt
from middleware.domain.event import (
    CentreRefusedReversal,
    CentreReversed,
    DaemonRestarted,
    ReversalNotSent,
    ReversalUnanswered,
)
from middleware.domain.visit import Settlement, SettlementState, Trouble, Undoing, Visit
from middleware.flow.step import At, Row, Step, plus

S = SettlementState
MAX_UNDOINGS = 32


def intend(settlement: Settlement, at: At) -> Step[Settlement]:
    """-> ReversalIntended: a 2601 that names the one message in doubt."""
    message_id = at.message_id()
    intended = evolve(
        settlement,
        state=S.REVERSAL_INTENDED,
        reversal_message_id=message_id,
        undoings=(*settlement.undoings, Undoing(message_id, settlement.doubted))[-MAX_UNDOINGS:],
        reversal_attempts=settlement.reversal_attempts + 1,
        reversal_intended_at=at.now,
        next_due=None,
    )
    return Step(intended, (CallCentre(Call.REVERSE, message_id, settlement.settlement_id),))


def hand_over(settlement: Settlement, why: str, foreign: str = "") -> Step[Settlement]:
    """-> Manual: a person must decide."""
    trouble = Trouble("settlement.manual", why, foreign)
    return Step(evolve(settlement, state=S.MANUAL, next_due=None, trouble=trouble))


def undone(settlement: Settlement) -> Step[Settlement]:
    """-> Reversed; or, when it was a cancel that is undone, the settlement stands as before."""
    if settlement.unknown_call in CANCEL_CALLS:
        return Step(
            evolve(
                settlement,
                state=settlement.standing,
                unknown_call=None,
                next_due=None,
                reversal_attempts=0,
                trouble=Trouble("settlement.wrong_state", "the cancel did not happen; the settlement stands"),
            )
        )
    return Step(evolve(settlement, state=S.REVERSED, unknown_call=None, next_due=None, trouble=None))


def reversed_(settlement: Settlement, event: CentreReversed, at: At, visit: Visit) -> Step[Settlement]:
    """-> Reversed (or, for a cancel, Settled/Delivered again). Of another message than the one in doubt: evidence.

    A cancel's reversal can be answered when that cancel is long known not to stand and the next one is in doubt.
    """
    original = next((one.original for one in settlement.undoings if one.message_id == event.message_id), None)
    if original is None:  # intended by a release before this one, which kept the newest alone
        original = settlement.doubted if event.message_id == settlement.reversal_message_id else ""
    return undone(settlement) if original == settlement.doubted else Step(settlement)


def refused(settlement: Settlement, event: CentreRefusedReversal, at: At, visit: Visit) -> Step[Settlement]:
    """-> Reversed (a cancel: Settled/Delivered again) if proven absent; Unknown while it is too early to say; else Manual.

    What "not found" proves is judged by when the question left, not by when its answer came (invariant 12), and never by a
    wall clock that stepped meanwhile (22). A late answer to an earlier question is evidence; the newest one decides.
    """
    if event.message_id != settlement.reversal_message_id:
        return Step(settlement)
    if not event.not_found:
        return hand_over(settlement, f"{Call.REVERSE} refused with {event.code}", event.message)
    if waited_s(settlement, settlement.reversal_intended_at, at) >= at.policy.processing_limit_s:
        return undone(settlement)
    return again(settlement, at, f"{Call.REVERSE} not found yet", at.policy.processing_limit_s)


def waited_s(settlement: Settlement, asked_at: dt.datetime | None, at: At) -> float:
    """How long after the doubt began the newest question left, in seconds that certainly passed.

    A time before ``At.trusted_since``, or in the future, was read from a clock that stepped since, or in an earlier life.
    """
    since = settlement.unknown_since or settlement.created_at
    asked = asked_at or since
    trusted = at.trusted_since or min(since, asked)
    if not trusted <= asked <= at.now:
        return 0
    if not trusted <= since <= at.now:
        since = trusted  # the limit is waited for anew
    return (asked - since).total_seconds()


def again(settlement: Settlement, at: At, why: str, at_most_s: float = 0) -> Step[Settlement]:
    """-> Unknown, due after a delay that doubles with each attempt."""
    policy = at.policy
    wait_s = min(policy.repeat_max_s, policy.repeat_s * 2 ** max(0, settlement.reversal_attempts - 1))
    if at_most_s:
        wait_s = min(wait_s, at_most_s)
    when = plus(at, wait_s * (1 + at.jitter / 4))
    doubtful = evolve(
        settlement,
        state=S.UNKNOWN,
        next_due=when,
        trouble=Trouble("settlement.outcome_unknown", why),
    )
    return Step(doubtful, (WakeAt(settlement.settlement_id, when),))


def not_sent(settlement: Settlement, event: ReversalNotSent, at: At, visit: Visit) -> Step[Settlement]:
    """-> Unknown: to be tried again."""
    if event.message_id != settlement.reversal_message_id:
        return Step(settlement)
    return again(settlement, at, f"{Call.REVERSE} {event.fault}")


def unanswered(settlement: Settlement, event: ReversalUnanswered, at: At, visit: Visit) -> Step[Settlement]:
    """-> Unknown: it reversed nothing that we know of; to be tried again. Of an earlier one: evidence."""
    if event.message_id != settlement.reversal_message_id:
        return Step(settlement)
    return again(settlement, at, f"{Call.REVERSE} {event.cause}")


def restarted(settlement: Settlement, event: DaemonRestarted, at: At, visit: Visit) -> Step[Settlement]:
    """-> Unknown: to be tried again."""
    return again(settlement, at, f"{Call.REVERSE} crash")


_FLYING = (S.REVERSAL_INTENDED, S.REVERSAL_SENT)
_OURS = "only a 2601 in flight has such an outcome"
_RESOLVED = dict.fromkeys(
    (S.SETTLED, S.DELIVERED, S.CANCELLED, S.REFUSED, S.REVERSED, S.CANCEL_INTENDED, S.CANCEL_SENT),
    "the outcome was established meanwhile",
)
# A late answer can end the doubt while a reversal is still out: an earlier reversal's, or the 2207's own.
_OVERTAKEN = dict.fromkeys(
    (S.SETTLED, S.DELIVERED, S.REVERSED, S.REFUSED, S.UNKNOWN, S.MANUAL, S.CANCEL_INTENDED, S.CANCEL_SENT, S.CANCELLED),
    "a late answer established the outcome meanwhile",
)
_PERSON = {S.MANUAL: "a person decides; this is evidence"}

_ROWS: tuple[Row[Settlement], ...] = (
    Row(
        CentreReversed,
        {**dict.fromkeys(_FLYING, reversed_), S.UNKNOWN: reversed_},
        {**_RESOLVED, **_PERSON},
        _OURS,
    ),
    Row(
        CentreRefusedReversal,
        dict.fromkeys(_FLYING, refused),
        {**_RESOLVED, **_PERSON, S.UNKNOWN: "the next reversal will ask again"},
        _OURS,
    ),
    Row(ReversalNotSent, dict.fromkeys(_FLYING, not_sent), _OVERTAKEN, _OURS),
    Row(ReversalUnanswered, dict.fromkeys(_FLYING, unanswered), _OVERTAKEN, _OURS),
)
ROWS: dict[type, Row[Settlement]] = {row.event: row for row in _ROWS}
RESTART_MOVES = dict.fromkeys(_FLYING, restarted)
