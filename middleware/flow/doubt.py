"""Entering the state in which money may have moved: always with a time at which something will be done (invariant 10)."""

from __future__ import annotations

from attrs import evolve

from middleware.domain.centre import Call
from middleware.domain.command import WakeAt
from middleware.domain.pursuit import Pursuit, Source
from middleware.domain.visit import Settlement, SettlementState, Trouble
from middleware.flow.step import At, Step, plus


def doubt(settlement: Settlement, call: Call, at: At, cause: str, wait_s: float | None = None) -> Step[Settlement]:
    """-> Unknown: whether ``call`` happened is to be established, first after the policy's delay.

    With ``wait_s`` it is known that the centre holds it, and only undoing it is left.
    """
    delay = at.policy.first_check_s * (1 + at.jitter) if wait_s is None else wait_s
    due = plus(at, delay)
    doubtful = evolve(
        settlement,
        state=SettlementState.UNKNOWN,
        unknown_call=call,
        unknown_since=at.now,
        next_due=due,
        reversal_attempts=0,
        mobile=evolve(settlement.mobile, queries=0, query_id="") if settlement.mobile else None,
        pursuit=pursued(at, held=wait_s is not None),
        trouble=Trouble("settlement.outcome_unknown", f"{call} {cause}"),
    )
    return Step(doubtful, (WakeAt(settlement.settlement_id, due),))


def pursued(at: At, *, held: bool = False) -> Pursuit:
    """A pursuit that begins now; of what the centre is known to hold (``held``) only a reversal is asked."""
    through = (Source.FILE, Source.VISITS) if held else ()
    return Pursuit(plus(at, at.policy.doubt_limit_s), through=through)
