"""The one writer: many units, one durable transaction, sealed in order.

It runs in the journal's own thread. Because nobody else writes, it is also the sealer: journal and feed numbers and
hashes are given here, inside the same transaction as the state (SETTLEMENT.md, traps).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from middleware.domain.fault import Fault
from middleware.store import tables as t
from middleware.store.batch import Batch, Row
from middleware.store.chain import START, Head
from middleware.store.postgres import without_time_limit
from middleware.store.units import KeyTakenError, StoreError, Unit
from middleware.store.walk import hash_at

FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 5.0  # between two tries to reach a database that is gone
# Locked by whoever writes: on PostgreSQL a second writer, and a look-up, waits for the end of the transaction before.
_EPOCH = sa.select(t.meta.c.value).where(t.meta.c.name == "epoch").with_for_update()


class Writer:
    """Writes units; used by one thread only. ``epoch`` grows by one at each opening (invariant 17).

    ``trouble`` says why nothing is answered while the outcome of a COMMIT is being looked up, "" otherwise; other threads
    may read it. ``pause(seconds)`` waits, and is true once nobody wants to wait any longer.
    """

    def __init__(self, engine: sa.Engine, pause: Callable[[float], bool] | None = None) -> None:
        self._engine = engine
        self._over = threading.Event()
        self._pause = pause or self._over.wait
        self._misses = 0  # tries in a row that did not reach the database
        self.trouble = ""
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
        self._connection = self._connected()
        self.epoch = self._next_epoch()
        self.journal, self.feed = self._heads()
        self._known = True  # whether the heads are those on disk

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def give_up(self) -> None:
        """From another thread: a database that cannot be reached is no longer waited for."""
        self._over.set()

    def _connected(self) -> sa.Connection:
        connection = self._engine.connect()
        without_time_limit(connection)
        return connection

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

        A unit whose key is taken, or that cannot be written, spoils the common transaction; then each is written alone,
        in order. A COMMIT of which nobody knows whether it took effect is answered when the database has said so.
        """
        try:
            self._write(units)
        except sa.exc.IntegrityError as exc:
            if len(units) == 1:
                return [KeyTakenError() if _is_of_the_unit(exc) else StoreError("the chain went on without us")]
            return [result for unit in units for result in self.write([unit])]
        except sa.exc.DataError as exc:
            if len(units) == 1:
                return [StoreError(_cause(exc))]
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
        batch = Batch(self.epoch, self.journal, self.feed)
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
        transaction: sa.RootTransaction | None = None
        try:
            transaction = self._connection.begin()
            self._refuse_if_stale()
            for statement, rows in plan:
                if rows:
                    self._connection.execute(statement, rows)
        except BaseException:
            self._known = False  # COMMIT was not said: nothing was written, wherever the connection is now
            if transaction is not None:
                with contextlib.suppress(sa.exc.SQLAlchemyError, OSError):
                    transaction.rollback()
            raise
        try:
            transaction.commit()
        except (sa.exc.SQLAlchemyError, OSError):
            self._known = False
            if not self._took_effect(batch):
                raise
        self.journal, self.feed = batch.journal, batch.feed

    def _took_effect(self, batch: Batch) -> bool:
        """Whether the database has what a COMMIT that ended in an error was to write. Asks until it is told.

        Whoever is told "not written" writes it again under the next number: a bill twice in the feed. So a database that
        is gone is waited for, and others wait behind. Our own row says it, not the head: another may have gone on.
        """
        while True:
            try:
                self._connection.invalidate()  # its session may hear of the old COMMIT, or of nothing any more
                self._reopen()
                with self._connection.begin():
                    # Waits for the end of the old session's transaction, if that still runs. And where standbys must
                    # have a COMMIT before it counts, ours is behind the one that we ask about.
                    self._connection.execute(_EPOCH).all()
                    there = self._finds(batch)
            except (sa.exc.SQLAlchemyError, OSError) as exc:
                self.trouble = f"the outcome of a COMMIT is not known: {_cause(exc)}"
                if self._pause(FIRST_WAIT_S):
                    return False  # the process ends: its next life reads what is there
            else:
                self.trouble = ""
                return there

    def _finds(self, batch: Batch) -> bool:
        if batch.journal_rows:
            return hash_at(self._connection, t.journal, batch.journal.sequence) == batch.journal.hash
        # What is in no chain may be written twice, for it is the same then; but for a message's id, which must be new.
        ids = [row["message_id"] for row in batch.intents[:1]]
        query = sa.select(t.message.c.message_id).where(t.message.c.message_id.in_(ids), t.message.c.epoch == self.epoch)
        return self._connection.scalar(query) is not None

    def _refuse_if_stale(self) -> None:
        """Inside the transaction: whoever opened the database after us is the writer now (invariant 17)."""
        newest = int(self._connection.scalar(_EPOCH) or 0)
        if newest != self.epoch:
            raise Fault("system.journal", f"epoch {newest} has the database, this is epoch {self.epoch}")

    def _reopen(self) -> None:
        """After a failed write: the heads as the disk has them, on a new connection when the old one is of no use."""
        if self._misses:
            self._pause(min(FIRST_WAIT_S * 2 ** (self._misses - 1), LONGEST_WAIT_S))
        try:
            self._read_heads()
        except (sa.exc.SQLAlchemyError, OSError):
            self._misses += 1
            raise
        self._misses = 0
        self._known = True

    def _read_heads(self) -> None:
        connection = self._connection
        if not (connection.closed or connection.invalidated):
            try:
                self.journal, self.feed = self._heads()
            except (sa.exc.SQLAlchemyError, OSError):
                connection.invalidate()
            else:
                return
        connection.close()
        self._connection = self._connected()
        self.journal, self.feed = self._heads()


def _is_of_the_unit(exc: sa.exc.IntegrityError) -> bool:
    """Whether the unit's own key was taken; a number of a chain that is taken is nobody's but another writer's doing."""
    told = getattr(getattr(exc.orig, "diag", None), "table_name", None)
    table = told or str(exc.orig).rpartition(": ")[2].partition(".")[0]  # SQLite: "UNIQUE constraint failed: table.column"
    return table not in {t.journal.name, t.feed.name}


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
