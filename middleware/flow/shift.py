"""What belongs into a terminal's batch (invariant 16): each thing that a step of the flow made certain, once. Pure.

The rule is by what is known before and after, not by event, so that no way to a certainty can forget it: a late answer, a
file of the centre's and two persons' decision make the same row as an answer in time. What is unknown makes none; it
falls into the batch that is open when it becomes certain.
"""

from __future__ import annotations

from typing import Literal

from middleware.domain.money import ZERO, Money
from middleware.domain.payment import Leg
from middleware.domain.shift import RowKind, ShiftRow
from middleware.domain.split import Split
from middleware.domain.visit import Settlement, Visit


def became_certain(before: Visit | None, after: Visit) -> tuple[ShiftRow, ...]:
    """The rows of a step; most have none. A settlement stands and is undone once at most, as in the bureau's feed."""
    known = {s.settlement_id: s for s in before.settlements} if before else {}
    return tuple(
        row for s in after.settlements if s is not known.get(s.settlement_id) for row in _of(known.get(s.settlement_id), s)
    )


def _of(before: Settlement | None, after: Settlement) -> list[ShiftRow]:
    rows = []
    if after.settled is not None:
        if before is None or before.settled is None:
            rows.append(_row(after, RowKind.SETTLED, after.settled.split, 1))
        if after.cancelled is not None and (before is None or before.cancelled is None):
            # What was settled goes back: the centre's own amounts of a cancel may lack parts.
            rows.append(_row(after, RowKind.CANCELLED, after.settled.split, -1))
    was = {leg.number: leg.charged for leg in before.legs} if before else {}
    return rows + [row for leg in after.legs for row in _bank_rows(after, leg, was.get(leg.number, ZERO))]


def _bank_rows(settlement: Settlement, leg: Leg, was: Money) -> list[ShiftRow]:
    moved = leg.charged - was
    if not moved:
        return []
    kind = RowKind.CAPTURED if moved > ZERO else RowKind.REFUNDED
    owner = settlement.owner
    return [ShiftRow(owner.account, owner.terminal, settlement.settlement_id, kind, bank=moved)]


def _row(settlement: Settlement, kind: RowKind, split: Split, sign: Literal[1, -1]) -> ShiftRow:
    total, fund, of_account, cash = (
        amount if sign > 0 else -amount for amount in (split.total, split.fund, split.account, split.cash)
    )
    owner = settlement.owner
    return ShiftRow(owner.account, owner.terminal, settlement.settlement_id, kind, total, fund, of_account, cash)
