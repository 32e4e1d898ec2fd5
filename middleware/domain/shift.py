"""A terminal's batches: what became certain there, numbered and closed; a closed batch is never changed (invariant 16)."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from middleware.domain.money import ZERO, Money


class RowKind(StrEnum):
    """What became certain."""

    SETTLED = "settled"  # the centre holds it
    CANCELLED = "cancelled"  # the centre undid it: every amount negative
    CAPTURED = "captured"  # the bank took the own share, or a part of it
    REFUNDED = "refunded"  # the bank gave it back: negative


@frozen(slots=True)
class ShiftRow:
    """One row of a batch, of the terminal that owns the settlement. Amounts have the sign of what they do to the till.

    ``bank`` stands in rows of its own: the bank says yes later than the centre, and another batch may be open by then.
    """

    account: str
    terminal: str
    settlement_id: str
    kind: RowKind
    total: Money = ZERO
    fund: Money = ZERO
    of_account: Money = ZERO  # paid from the insured's personal account
    cash: Money = ZERO
    bank: Money = ZERO


@frozen(slots=True)
class ShiftOrder:
    """What a caller says who closes. Without ``allow_empty`` a batch without rows is refused."""

    allow_empty: bool = False


@frozen(slots=True)
class ClosedShift:
    """A batch as it is kept. Its rows are the terminal's rows of the journal numbers ``after`` < n <= ``last``.

    ``body`` is what is told of it, as JSON, for ever: its number, when, counts, sums, what was unknown at that moment.
    """

    account: str
    terminal: str
    number: int
    after: int
    last: int
    closed_at: str
    key: str
    body: str
