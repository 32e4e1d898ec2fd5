"""The one writer: many units, one durable transaction, sealed in order.

It runs in the journal's own thread. Because nobody else writes, it is also the sealer: journal and feed numbers and
hashes are given here, inside the same transaction as the state (SETTLEMENT.md, traps).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from attrs import define, field
from sqlalchemy.dialects import postgresql, sqlite

from middleware.domain.fault import Fault
from middleware.domain.visit import IN_FLIGHT, Settlement, Visit
from middleware.store import tables as t
from middleware.store.chain import START, Head, link
from middleware.store.codec import encode, encode_holder
from middleware.store.units import FeedEntry, KeyTakenError, Record, StoreError, Unit

Row = dict[str, Any]
_EPOCH = sa.select(t.meta.c.value).where(t.meta.c.name == "epoch")


def stamp(when: dt.datetime) -> str:
    """A time as text that sorts: UTC, whole seconds."""
    return when.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_busy(visit: Visit) -> bool:
    """Whether a restart must look at this visit: something is in flight, awaited, or due."""
    return visit.awaiting is not None or any(
        s.awaiting is not None or s.state in IN_FLIGHT or s.next_due is not None for s in visit.settlements
    )


@define
class _Batch:
    """The rows of many units, by table, so that each table is one executemany."""

    epoch: int
    journal: Head
    feed: Head
    requests: list[Row] = field(factory=list)
    persons: list[Row] = field(factory=list)
    bills: list[Row] = field(factory=list)
    journal_rows: list[Row] = field(factory=list)
    feed_rows: list[Row] = field(factory=list)
    visits: dict[str, Row] = field(factory=dict)
    settlements: dict[str, Row] = field(factory=dict)
    intents: list[Row] = field(factory=list)
    endings: list[Row] = field(factory=list)
    letters: list[Row] = field(factory=list)
    closed: list[Row] = field(factory=list)
    answers: list[Row] = field(factory=list)
    meta: dict[str, Row] = field(factory=dict)

    def add(self, unit: Unit) -> None:
        for record in unit.records:
            self._seal_record(record)
        for entry in unit.feed:
            self._seal_entry(entry)
        if unit.person is not None:
            self.persons.append({"person_ref": unit.person[0], "body": encode_holder(unit.person[1])})
        if unit.bill is not None:
            self.bills.append({"settlement_id": unit.bill[0], "body": encode(unit.bill[1])})
        if unit.request is not None:
            r = unit.request
            self.requests.append(
                {
                    "account": r.account,
                    "key": r.key,
                    "method": r.method,
                    "digest": r.digest,
                    "visit_id": r.visit_id,
                    "settlement_id": r.settlement_id,
                    "created_at": r.created_at.isoformat(),
                    "answer": r.answer,
                }
            )
        if unit.visit is not None:
            self._state(unit.visit, unit.now)
        self._messages(unit)
        self.letters.extend(
            {
                "control_id": letter.control_id,
                "visit_id": letter.visit_id,
                "settlement_id": letter.settlement_id,
                "matter": letter.matter,
                "created_at": letter.created_at.isoformat(),
                "outcome": "",
            }
            for letter in unit.letters
        )
        self.closed.extend({"b_control_id": control_id, "outcome": how} for control_id, how in unit.closed_letters)
        self.answers.extend({"b_account": a, "b_key": k, "answer": text} for a, k, text in unit.answers)
        self.meta.update({name: {"name": name, "value": value} for name, value in unit.meta})

    def _messages(self, unit: Unit) -> None:
        self.intents.extend(
            {
                "message_id": i.message_id,
                "visit_id": i.visit_id,
                "settlement_id": i.settlement_id,
                "call": i.call,
                "digest": i.digest,
                "amount_fen": i.amount_fen,
                "epoch": self.epoch,
                "intended_at": i.intended_at.isoformat(),
                "outcome": "",
                "ended_at": "",
            }
            for i in unit.intents
        )
        self.endings.extend(
            {"b_message_id": e.message_id, "outcome": e.outcome, "ended_at": e.ended_at.isoformat()} for e in unit.endings
        )

    def _seal_record(self, record: Record) -> None:
        sequence = self.journal.sequence + 1
        line = encode(
            {
                "sequence": sequence,
                "at": record.at.isoformat(),
                "epoch": self.epoch,
                "visit": record.visit_id,
                "settlement": record.settlement_id,
                "event": record.event,
                "before": record.before,
                "after": record.after,
                "body": msgspec.Raw(record.body.encode()),
            }
        )
        digest = link(self.journal.hash, line)
        self.journal_rows.append(
            {
                "sequence": sequence,
                "visit_id": record.visit_id,
                "settlement_id": record.settlement_id,
                "event": record.event,
                "previous": self.journal.hash,
                "hash": digest,
                "line": line,
            }
        )
        self.journal = Head(sequence, digest)

    def _seal_entry(self, entry: FeedEntry) -> None:
        sequence = self.feed.sequence + 1
        line = encode({"sequence": sequence, "kind": entry.kind, "at": entry.at.isoformat(), **entry.body})
        digest = link(self.feed.hash, line)
        self.feed_rows.append(
            {
                "sequence": sequence,
                "settlement_id": entry.settlement_id,
                "kind": entry.kind,
                "previous": self.feed.hash,
                "hash": digest,
                "line": line,
            }
        )
        self.feed = Head(sequence, digest)

    def _state(self, visit: Visit, now: dt.datetime | None) -> None:
        self.visits[visit.visit_id] = {
            "visit_id": visit.visit_id,
            "state": str(visit.state),
            "person_ref": visit.person_ref,
            "busy": is_busy(visit),
            "body": encode(visit),
            "updated_at": now.isoformat() if now else "",
        }
        for settlement in visit.settlements:
            self.settlements[settlement.settlement_id] = settlement_row(visit.visit_id, settlement)


def settlement_row(visit_id: str, s: Settlement) -> Row:
    """What the settlement table shows of a settlement."""
    split = s.settled.split if s.settled else s.quoted
    return {
        "settlement_id": s.settlement_id,
        "visit_id": visit_id,
        "state": str(s.state),
        "account": s.owner.account,
        "terminal": s.owner.terminal,
        "message_id": s.settle_message_id,
        "settlement_number": s.settled.settlement_number if s.settled else "",
        "total_fen": s.total.fen,
        "fund_fen": split.fund.fen if split else 0,
        "account_fen": split.account.fen if split else 0,
        "cash_fen": split.cash.fen if split else 0,
        "settled_at": stamp(s.settled.settled_at) if s.settled else "",
        "cancelled_at": stamp(s.cancelled.cancelled_at) if s.cancelled else "",
        "next_due": s.next_due.isoformat() if s.next_due else "",
    }


class Writer:
    """Writes units; used by one thread only. ``epoch`` grows by one at each opening (invariant 17)."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        insert: Callable[[sa.Table], Any] = sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert
        self._put_visit = _upsert(insert, t.visit)
        self._put_settlement = _upsert(insert, t.settlement)
        self._put_meta = _upsert(insert, t.meta)
        self._end_message = (
            sa.update(t.message)
            .where(t.message.c.message_id == sa.bindparam("b_message_id"))
            .values(outcome=sa.bindparam("outcome"), ended_at=sa.bindparam("ended_at"))
        )
        self._close_letter = (
            sa.update(t.outbox)
            .where(t.outbox.c.control_id == sa.bindparam("b_control_id"))
            .values(outcome=sa.bindparam("outcome"))
        )
        self._answer = (
            sa.update(t.request)
            .where(t.request.c.account == sa.bindparam("b_account"), t.request.c.key == sa.bindparam("b_key"))
            .values(answer=sa.bindparam("answer"))
        )
        self._connection = engine.connect()
        self.epoch = self._next_epoch()
        self.journal, self.feed = self._heads()
        self._known = True  # whether the heads are those on disk

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def _next_epoch(self) -> int:
        with self._connection.begin():
            text = self._connection.scalar(_EPOCH)
            epoch = int(text or 0) + 1
            if text is None:
                self._connection.execute(sa.insert(t.meta), {"name": "epoch", "value": str(epoch)})
            else:
                self._connection.execute(sa.update(t.meta).where(t.meta.c.name == "epoch").values(value=str(epoch)))
        return epoch

    def _heads(self) -> tuple[Head, Head]:
        with self._connection.begin():
            return read_head(self._connection, t.journal), read_head(self._connection, t.feed)

    def write(self, units: Sequence[Unit]) -> list[Exception | None]:
        """Write all in one transaction; one result a unit: None, or why nothing of that unit was written.

        A unit whose key is taken spoils the common transaction; then each is written alone, in order.
        """
        try:
            self._write(units)
        except sa.exc.IntegrityError:
            if len(units) == 1:
                return [KeyTakenError()]
            return [result for unit in units for result in self.write([unit])]
        except (sa.exc.SQLAlchemyError, OSError, Fault) as exc:
            return [StoreError(_cause(exc)) for _ in units]
        except Exception as exc:  # noqa: BLE001 - a value that cannot be written must not end the only thread that writes
            if len(units) == 1:
                return [StoreError(_cause(exc))]
            return [result for unit in units for result in self.write([unit])]
        return [None] * len(units)

    def _write(self, units: Sequence[Unit]) -> None:
        if not self._known:
            self._reopen()
        batch = _Batch(self.epoch, self.journal, self.feed)
        for unit in units:
            batch.add(unit)
        plan: tuple[tuple[Any, list[Row]], ...] = (
            (sa.insert(t.request), batch.requests),
            (sa.insert(t.message), batch.intents),
            (sa.insert(t.person), batch.persons),
            (sa.insert(t.bill), batch.bills),
            (sa.insert(t.outbox), batch.letters),
            (sa.insert(t.journal), batch.journal_rows),
            (sa.insert(t.feed), batch.feed_rows),
            (self._put_visit, list(batch.visits.values())),
            (self._put_settlement, list(batch.settlements.values())),
            (self._end_message, batch.endings),
            (self._close_letter, batch.closed),
            (self._answer, batch.answers),
            (self._put_meta, list(batch.meta.values())),
        )
        try:
            with self._connection.begin():
                self._refuse_if_stale()
                for statement, rows in plan:
                    if rows:
                        self._connection.execute(statement, rows)
        except BaseException as exc:
            # The COMMIT itself may have failed: what is on disk decides, not what we hoped.
            self._known = False
            if not (isinstance(exc, sa.exc.DBAPIError) and batch.journal_rows and self._holds(batch)):
                raise
        self.journal, self.feed = batch.journal, batch.feed

    def _holds(self, batch: _Batch) -> bool:
        """Whether the disk has what a COMMIT that ended in an error was to write: only that batch has that head."""
        try:
            self._reopen()
        except (sa.exc.SQLAlchemyError, OSError):
            return False
        return self.journal == batch.journal

    def _refuse_if_stale(self) -> None:
        """Inside the transaction: whoever opened the database after us is the writer now (invariant 17)."""
        newest = int(self._connection.scalar(_EPOCH) or 0)
        if newest != self.epoch:
            raise Fault("system.journal", f"epoch {newest} has the database, this is epoch {self.epoch}")

    def _reopen(self) -> None:
        """After a failed write: the heads as the disk has them, on a new connection when the old one is of no use."""
        try:
            self.journal, self.feed = self._heads()
        except (sa.exc.SQLAlchemyError, OSError):
            if not self._connection.closed:
                self._connection.invalidate()
                self._connection.close()
            self._connection = self._engine.connect()
            self.journal, self.feed = self._heads()
        self._known = True


def _cause(exc: Exception) -> str:
    """One word without data: which error it was."""
    return exc.detail if isinstance(exc, Fault) else type(getattr(exc, "orig", exc)).__name__


def _upsert(insert: Callable[[sa.Table], Any], table: sa.Table) -> Any:
    statement = insert(table)
    keys = [column.name for column in table.primary_key]
    values = {column.name: statement.excluded[column.name] for column in table.c if column.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=values)


def read_head(connection: sa.Connection, table: sa.Table) -> Head:
    """The newest row of a chain, or its start."""
    row = connection.execute(
        sa.select(table.c.sequence, table.c.hash).order_by(table.c.sequence.desc()).limit(1)
    ).one_or_none()
    return Head(row.sequence, row.hash) if row else START
