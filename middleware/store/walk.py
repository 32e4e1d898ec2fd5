"""Walking a chain: by the piece, so that a start, a person and a running daemon can each afford it.

A row is whole when it follows the row before it, gives its hash, and its copied columns say what its line says: queries
look at the columns, and a column that was changed behind the line's back would lie to everybody who asks (invariant 19).
"""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from attrs import frozen
from sqlalchemy.dialects import postgresql, sqlite

from middleware.store import tables as t
from middleware.store.chain import START, Head, first_break

PIECE = 5000
CHAINS = (t.journal, t.feed)
COPIES = {"journal": ("visit_id", "settlement_id", "event"), "feed": ("settlement_id", "kind"), "flag": ("rule",)}
_MARK = "verified."


class _JournalLine(msgspec.Struct):
    sequence: int
    visit: str
    settlement: str
    event: str


class _FeedLine(msgspec.Struct):
    sequence: int
    settlement: str
    kind: str


class _FlagLine(msgspec.Struct):
    sequence: int
    rule: str


_journal_lines = msgspec.json.Decoder(_JournalLine)
_feed_lines = msgspec.json.Decoder(_FeedLine)
_flag_lines = msgspec.json.Decoder(_FlagLine)


@frozen(slots=True)
class Break:
    """The first row of a chain that is not whole, and why."""

    table: str
    sequence: int
    why: str

    def __str__(self) -> str:
        return f"{self.table}, row {self.sequence}: {self.why}"


class Walk:
    """One walk along one chain, from behind ``head`` to its end or to ``until``. ``piece`` until it says False.

    ``head`` is how far all was whole; ``broken`` is what ended the walk, if something did.
    """

    def __init__(self, engine: sa.Engine, table: sa.Table, head: Head = START, until: int | None = None) -> None:
        self._engine = engine
        self.table = table
        self._until = until
        self.head = head
        self.broken: Break | None = None

    def piece(self, rows: int = PIECE) -> bool:
        """Walk at most so many rows in one short read; whether there may be more."""
        table, copies = self.table, COPIES[self.table.name]
        after = table.c.sequence > self.head.sequence
        if self._until is not None:
            after &= table.c.sequence <= self._until
        with self._engine.connect() as connection:
            columns = [_bytes(connection, table.c[name]) for name in ("previous", "line", "hash", *copies)]
            query = sa.select(table.c.sequence, *columns).where(after).order_by(table.c.sequence).limit(rows)
            found = [(number, *map(_text, rest)) for number, *rest in connection.execute(query)]
        self.broken = _first_bad(table.name, found, self.head)
        if self.broken is not None:
            before = [row for row in found if row[0] < self.broken.sequence]
            self.head = Head(before[-1][0], before[-1][3]) if before else self.head
            return False
        if found:
            self.head = Head(found[-1][0], found[-1][3])
        return len(found) == rows

    def whole(self) -> bool:
        """Walk to the end; whether nothing was broken."""
        while self.piece():
            pass
        return self.broken is None


def _first_bad(table: str, rows: list[Any], head: Head) -> Break | None:
    broken = first_break((row[:4] for row in rows), head)
    for row in rows:
        if broken is not None and row[0] >= broken[0]:
            break
        if not _copies_agree(table, row):
            return Break(table, row[0], "its columns do not say what its line says")
    return Break(table, *broken) if broken else None


def _copies_agree(table: str, row: Any) -> bool:
    sequence, line, copies = row[0], row[2], row[4:]
    said: tuple[Any, ...]
    try:
        if table == "journal":
            record = _journal_lines.decode(line)
            said = (record.sequence, record.visit, record.settlement, record.event)
        elif table == "flag":
            found = _flag_lines.decode(line)
            said = (found.sequence, found.rule)
        else:
            entry = _feed_lines.decode(line)
            said = (entry.sequence, entry.settlement, entry.kind)
    except (msgspec.MsgspecError, UnicodeError):
        return False
    return said == (sequence, *copies)


def _bytes(connection: sa.Connection, column: sa.Column[Any]) -> Any:
    """The column as it lies on the disk: a flipped bit can break UTF-8, which SQLite's driver then refuses to read."""
    return sa.cast(column, sa.LargeBinary) if connection.dialect.name == "sqlite" else column


def _text(raw: bytes | str) -> str:
    """What was written; "", which no row's hash is made of, when it is not even text any more."""
    if isinstance(raw, str):
        return raw
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return ""


def hash_at(connection: sa.Connection, table: sa.Table, sequence: int) -> str:
    """The hash that the row with that number has now, or "" when there is no such row."""
    column = _bytes(connection, table.c.hash)
    raw = connection.scalar(sa.select(column).where(table.c.sequence == sequence))
    return "" if raw is None else _text(raw)


def holds(connection: sa.Connection, table: sa.Table, head: Head) -> bool:
    """Whether the chain still goes through ``head``: a cut-off or rewritten one does not."""
    return head == START or hash_at(connection, table, head.sequence) == head.hash


def read_meta(connection: sa.Connection, name: str) -> str:
    """A value of the meta table, or ""."""
    return connection.scalar(sa.select(t.meta.c.value).where(t.meta.c.name == name)) or ""


def write_meta(connection: sa.Connection, name: str, value: str) -> None:
    """Set a value of the meta table; "" takes it away."""
    if not value:
        connection.execute(sa.delete(t.meta).where(t.meta.c.name == name))
        return
    # In one statement: two nodes may start in the same moment.
    insert: Any = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    put = insert(t.meta).values(name=name, value=value)
    connection.execute(put.on_conflict_do_update(index_elements=["name"], set_={"value": put.excluded.value}))


def read_mark(connection: sa.Connection, table: sa.Table) -> Head:
    """How far an earlier walk found the chain whole. A mark that is no mark counts as none: all is walked."""
    sequence, _, digest = read_meta(connection, _MARK + table.name).partition(":")
    return Head(int(sequence), digest) if sequence.isdecimal() and digest else START


def mark_of(table: sa.Table, head: Head) -> tuple[str, str]:
    """Name and value of the mark in the meta table: so far the chain was whole."""
    return _MARK + table.name, f"{head.sequence}:{head.hash}"
