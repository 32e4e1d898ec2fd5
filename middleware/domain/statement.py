"""Reconciliation with the centre: what is compared and what comes back. Pure records; joining and classing are not here.

Units and signs: every amount is ``Money`` in whole fen. A refund (2208, 2103, 2305) is a row of its own with ``refund``
true and **negative** amounts; the settlement that it undoes keeps its positive row. A settlement that was undone by 2601
has no row at all: for the centre it never was. The day of a row is the day of the time **that the centre returned**
(``Settled.settled_at``; for a refund ``SettlementCancelled.cancelled_at``), never ours. Source: insurance.md 1.4, 1.9.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from enum import StrEnum

from attrs import evolve, field, frozen

from middleware.domain.money import ZERO, Money, total

MAX_STATEMENT_ROWS = 50_000  # rows of one file, either way; a day of the largest hospitals is a fifth of it


@frozen(slots=True, order=True)
class Slice:
    """One key of 3201, as the centre's answers to the settlements gave it. ``insurance`` "" = all kinds, as in 3202."""

    insurance: str  # insutype, of the visit
    clearing_type: str  # clr_type
    agency: str  # clr_optins of the settlement, setl_optins of 3201 and 3202

    @property
    def of_detail(self) -> Slice:
        """The wider slice that 3202 compares: its table has no insurance kind, so the file holds the rows of all kinds."""
        return evolve(self, insurance="")


@frozen(slots=True)
class Period:
    """Whole days of the centre's calendar (UTC+8), both included."""

    first: dt.date
    last: dt.date


class Refunds(StrEnum):
    """Which rows the totals of one 3201 are of; which of these a region wants says ``StatementRules.refunds_apart``."""

    TOGETHER = "together"  # settlements and refunds in one sum
    LEFT_OUT = "left-out"  # the settlements only (refd_setl_flag 0)
    ALONE = "alone"  # the refunds only (refd_setl_flag 1)


@frozen(slots=True)
class Totals:
    """Sums over rows, refunds negative; ``count`` counts rows, a settlement and its refund are two.

    3201 tells the centre ``account`` and 3202 ``cash``: the two steps do not check the same thing (insurance.md 1.9).
    """

    total: Money = ZERO
    fund: Money = ZERO
    account: Money = ZERO
    cash: Money = ZERO
    count: int = 0


@frozen(slots=True)
class DetailRow:
    """One settlement or refund as we hold it. Person numbers are personal: they show in no ``repr``.

    ``message_id`` is that of the 2207 (2102, 2304), of a refund that of the 2208; an eighth column may want it.
    """

    settlement_number: str  # setl_id; of a refund the one that the cancel's own answer gave
    visit_number: str  # mdtrt_id
    person_number: str = field(repr=False)  # psn_no
    total: Money
    fund: Money
    account: Money
    cash: Money
    refund: bool = False
    message_id: str = ""
    insurance: str = ""


def totals_of(rows: Iterable[DetailRow]) -> Totals:
    """What 3201 and 3202 say about these rows."""
    kept = list(rows)
    return Totals(
        total(row.total for row in kept),
        total(row.fund for row in kept),
        total(row.account for row in kept),
        total(row.cash for row in kept),
        len(kept),
    )


class Verdict(StrEnum):
    """What the centre says of one row; which code means what is the region's (``statement_verdicts`` of its profile)."""

    EQUAL = "equal"
    DIFFERS = "differs"  # not equal, and neither the region's code nor the row's own cells say how
    ONLY_HERE = "only-here"  # the institution has it, the centre has not
    ONLY_THERE = "only-there"  # the centre has it, the institution has not
    AMOUNTS = "amounts"  # both have it, the amounts differ


@frozen(slots=True)
class ResultRow:
    """One row of the result file, as the centre wrote it.

    A row that only the centre has comes with a ``message_id`` and with empty ``settlement_number`` and ``visit_number``: it
    is something of ours whose answer was lost. A row that only we have comes back as we sent it, ``message_id`` may be "".
    On refund rows the ``message_id`` may be the cancel's or the original's: no text says which, so a reader takes both.
    The amounts are the centre's, negative on refunds, None where it wrote none. ``memo`` is a stranger's text: it is
    shown as a quotation and decides nothing.
    """

    person_number: str = field(repr=False)
    visit_number: str
    settlement_number: str
    message_id: str
    verdict: Verdict
    verdict_code: str  # as it came
    refund: bool
    memo: str = field(repr=False)
    total: Money | None
    fund: Money | None
    account: Money | None


@frozen(slots=True)
class StatementRules:
    """What of a region's profile the comparison must know; made by the adapter's profile, given to the engine.

    ``detail``: whether 3202 is spoken. ``by_cycle``: an old centre that knows no message ids: totals are compared by
    business cycle (``CompareTotals.cycle`` = the sign-in number) before the ``SignOut`` that ends it. ``refunds_apart``:
    two 3201 a slice, one ``LEFT_OUT`` and one ``ALONE``, instead of one ``TOGETHER``. ``not_ready_codes``: refusals of 3202
    and 9102 that mean "ask again later"; ``signed_out_codes``: refusals of 9002, and of a 3201 of a cycle, that mean "that
    sign-in has ended".
    """

    detail: bool = True
    by_cycle: bool = False
    refunds_apart: bool = False
    not_ready_codes: frozenset[str] = frozenset()
    signed_out_codes: frozenset[str] = frozenset()
