"""What a terminal's batches ask of the store. Each function is one short read, in the reader pool's threads.

A batch is a stretch of the journal: the rows of one terminal with numbers in (after, last]. Numbers are given in the order
of the commits and by one writer at a time, so nothing can ever be added to a stretch that a snapshot has seen to its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from attrs import frozen

from middleware.domain.fault import Fault
from middleware.domain.payment import LEG_OPEN
from middleware.domain.shift import RowKind
from middleware.domain.visit import MONEY_OPEN
from middleware.store import tables as t
from middleware.store.codec import decode_json
from middleware.store.database import snapshot
from middleware.store.writer import read_head

MAX_NAMED = 200  # of those whose outcome is unknown; all are counted
SUMS = ("count", "total", "fund", "account", "cash", "bank")
_DONE = (RowKind.SETTLED, RowKind.CAPTURED)
_UNDONE = (RowKind.CANCELLED, RowKind.REFUNDED)
_IN_DOUBT = sa.or_(
    t.settlement.c.state.in_(sorted(map(str, MONEY_OPEN))), t.settlement.c.leg.in_(sorted(map(str, LEG_OPEN)))
)
_PAGE = 200


@frozen(slots=True)
class Tally:
    """Counts and sums of a stretch. Sums are in fen; what was undone is counted and summed without its sign."""

    rows: int
    settled: dict[str, int]
    cancelled: dict[str, int]


@frozen(slots=True)
class Stretch:
    """What a close would close: number, journal numbers (after, last], counts and sums, and what is unknown."""

    number: int
    after: int
    last: int
    tally: Tally
    unknown: int
    named: tuple[str, ...]  # settlements, the oldest ``MAX_NAMED``


class Shifts:
    """Reads; safe to use from several threads."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def open(self, account: str, terminal: str) -> Stretch:
        """The batch that is open now, all of one moment."""
        b, s = t.shift_batch, t.settlement.c
        newest = (
            sa.select(b.c.number, b.c.last)
            .where(b.c.account == account, b.c.terminal == terminal)
            .order_by(b.c.number.desc())
            .limit(1)
        )
        doubtful = sa.and_(s.account == account, s.terminal == terminal, _IN_DOUBT)
        named = sa.select(s.settlement_id).where(doubtful).order_by(s.settlement_id).limit(MAX_NAMED)
        with snapshot(self._engine) as connection:
            before = connection.execute(newest).one_or_none()
            number, after = (before.number + 1, before.last) if before else (1, 0)
            last = read_head(connection, t.journal).sequence
            return Stretch(
                number=number,
                after=after,
                last=last,
                tally=_tally(connection, account, terminal, after, last),
                unknown=connection.scalar(sa.select(sa.func.count()).where(doubtful)) or 0,
                named=tuple(connection.scalars(named)),
            )

    def closed(self, account: str, terminal: str, number: int) -> Any | None:
        """A closed batch; 0 is the newest."""
        b = t.shift_batch
        query = sa.select(b).where(b.c.account == account, b.c.terminal == terminal)
        query = query.where(b.c.number == number) if number else query.order_by(b.c.number.desc()).limit(1)
        with self._engine.connect() as connection:
            return connection.execute(query).one_or_none()

    def rows(self, batch: Any, after: int, limit: int) -> Sequence[Any]:
        """The batch's rows in the journal's order, from the one with number ``after`` + 1."""
        r = t.shift_row
        query = sa.select(r).where(_within(batch.account, batch.terminal, batch.after, batch.last))
        query = query.order_by(r.c.sequence, r.c.place).offset(after).limit(limit)
        with self._engine.connect() as connection:
            return connection.execute(query).all()


def shifts_agree(engine: sa.Engine) -> None:
    """Each closed batch says what its rows say; numbers have no gap, stretches neither gap nor overlap (invariant 16).

    Raises ``Fault("system.backup")`` at the first that does not.
    """
    b, at = t.shift_batch, ("", "", 0)
    end = 0
    while True:
        key = sa.tuple_(b.c.account, b.c.terminal, b.c.number)
        query = sa.select(b).where(key > sa.tuple_(*map(sa.literal, at)))
        query = query.order_by(b.c.account, b.c.terminal, b.c.number).limit(_PAGE)
        with snapshot(engine) as connection:
            found = connection.execute(query).all()
            for batch in found:
                number, end = (at[2] + 1, end) if (batch.account, batch.terminal) == at[:2] else (1, 0)
                tally = _tally(connection, batch.account, batch.terminal, batch.after, batch.last)
                if (batch.number, batch.after) != (number, end) or not says(batch.body, tally):
                    why = f"batch {batch.number} of terminal {batch.terminal!r} is not what its rows are"
                    raise Fault("system.backup", why)
                at, end = (batch.account, batch.terminal, batch.number), batch.last
        if len(found) < _PAGE:
            return


def says(body: str, tally: Tally) -> bool:
    """Whether a batch's text has these counts and sums."""
    told = decode_json(body)
    return all(
        told["rows"] == tally.rows
        and {name: value if name == "count" else _fen(value) for name, value in told[side].items()} == sums
        for side, sums in (("settled", tally.settled), ("cancelled", tally.cancelled))
    )


def _fen(yuan: str) -> int:
    return int(yuan.replace(".", ""))


def _within(account: str, terminal: str, after: int, last: int) -> Any:
    r = t.shift_row.c
    return sa.and_(r.account == account, r.terminal == terminal, r.sequence > after, r.sequence <= last)


def _tally(connection: sa.Connection, account: str, terminal: str, after: int, last: int) -> Tally:
    r = t.shift_row.c
    columns = (r.total_fen, r.fund_fen, r.account_fen, r.cash_fen, r.bank_fen)
    # PostgreSQL's sum of whole numbers is a decimal; fen are whole.
    sums = [sa.cast(sa.func.coalesce(sa.func.sum(column), 0), sa.BigInteger) for column in columns]
    query = sa.select(r.kind, sa.func.count(), *sums).where(_within(account, terminal, after, last)).group_by(r.kind)
    by_kind = {row[0]: tuple(row[1:]) for row in connection.execute(query)}
    return Tally(
        rows=sum(one[0] for one in by_kind.values()),
        settled=_side(by_kind, _DONE, 1),
        cancelled=_side(by_kind, _UNDONE, -1),
    )


def _side(by_kind: dict[str, tuple[int, ...]], kinds: tuple[RowKind, RowKind], sign: int) -> dict[str, int]:
    """The centre's and the bank's rows of one direction together; only the centre's are counted."""
    none = (0,) * len(SUMS)
    of_centre, of_bank = (by_kind.get(str(kind), none) for kind in kinds)
    amounts = [sign * (one + other) for one, other in zip(of_centre[1:], of_bank[1:], strict=True)]
    return dict(zip(SUMS, (of_centre[0], *amounts), strict=True))
