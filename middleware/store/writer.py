"""The one writer of a node: many units, one durable transaction, sealed in order.

It runs in the journal's own thread. Whoever writes takes the lock of all who write first, so that it is also the sealer:
journal and feed numbers and hashes are given here, inside the same transaction as the state (SETTLEMENT.md, traps), and
whether this life still goes on and each visit is still the one it was judged by is asked under the same lock.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import groupby
from typing import Any, TypeVar

import sqlalchemy as sa
from attrs import evolve
from sqlalchemy.dialects import postgresql, sqlite

from middleware.domain.fault import Fault
from middleware.store import nodes
from middleware.store import tables as t
from middleware.store.batch import Batch, Row
from middleware.store.bulk import Bulk
from middleware.store.chain import START, Head
from middleware.store.inbox import Id, TakenIds
from middleware.store.nodes import Claimed, Life, Membership, Seen
from middleware.store.postgres import without_time_limit
from middleware.store.units import (
    FencedError,
    Incoming,
    KeyTakenError,
    RepeatedError,
    StaleError,
    StoreError,
    WorkRefusedError,
    Write,
)
from middleware.store.vault import NoVault, Vault
from middleware.store.walk import hash_at

T = TypeVar("T")

FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 5.0  # between two tries to reach a database that is gone
ALONE = Membership()


class Writer:
    """Writes units; used by one thread only. Its opening begins a life with an epoch of its own (invariant 17).

    ``trouble`` says why nothing is answered while the outcome of a COMMIT is being looked up, "" otherwise; other threads
    may read it. ``pause(seconds)`` waits, and is true once nobody wants to wait any longer.
    """

    def __init__(
        self,
        engine: sa.Engine,
        pause: Callable[[float], bool] | None = None,
        membership: Membership = ALONE,
        *,
        vault: Vault | None = None,
    ) -> None:
        self._engine = engine
        self._vault = vault or NoVault()
        self._membership = membership
        self._over = threading.Event()
        self._pause = pause or self._over.wait
        self._misses = 0  # tries in a row that did not reach the database
        self.trouble = ""
        insert: Callable[[sa.Table], Any] = sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert
        self._taken = TakenIds()
        self._into = {table.name: sa.insert(table) for table in t.metadata.sorted_tables}
        self._put_visit = _upsert(insert, t.visit)
        self._put_settlement = _upsert(insert, t.settlement)
        self._put_meta = _upsert(insert, t.meta)
        self._bulk = Bulk(engine.dialect, distinct=(self._put_visit, self._put_settlement, self._put_meta))
        self._puts = {table.name: _upsert(insert, table) for table in (*t.RECONCILIATION, t.audit_event, t.letter_note)}
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
        self._forget_card = sa.delete(t.payer).where(t.payer.c.card_ref == sa.bindparam("b_card_ref"))
        self._answer = (
            sa.update(t.request)
            .where(
                t.request.c.account == sa.bindparam("b_account"),
                t.request.c.key == sa.bindparam("b_key"),
                t.request.c.answer == sa.literal_column("''"),  # the first is the answer for ever
            )
            .values(answer=sa.bindparam("answer"), sealed=sa.bindparam("sealed"))
        )
        # Nothing when it is there: the COMMIT before may have taken effect although nobody could say so.
        self._put_key = insert(t.data_key).on_conflict_do_nothing()
        self._reserve = (
            sa.update(t.data_key)
            .where(t.data_key.c.id == sa.bindparam("b_id"))
            .values(values_reserved=t.data_key.c.values_reserved + sa.bindparam("b_count"))
        )
        self._connection = self._connected()
        with self._connection.begin():
            self.life = nodes.join(self._connection, membership)
        self.journal, self.feed = self._heads()
        self._known = True  # whether the heads are those on disk

    @property
    def epoch(self) -> int:
        """The epoch of this life."""
        return self.life.epoch

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def give_up(self) -> None:
        """From another thread: a database that cannot be reached is no longer waited for."""
        self._over.set()

    def _connected(self) -> sa.Connection:
        connection = self._engine.connect()
        without_time_limit(connection)
        if self._membership.shared:
            nodes.not_longer_than_a_lease(connection, self._membership)
        return connection

    def _heads(self) -> tuple[Head, Head]:
        with self._connection.begin():
            return self._chains()

    def _chains(self) -> tuple[Head, Head]:
        return read_head(self._connection, t.journal), read_head(self._connection, t.feed)

    def write(self, units: Sequence[Write]) -> list[Exception | None]:
        """Write all in one transaction; one result a unit: None, or why nothing of that unit was written.

        A unit whose key is taken, or that cannot be written, spoils the common transaction; then each is written alone, in
        order. A unit that brings ``work``, which may refuse it, always is. A COMMIT of which nobody knows whether it took
        effect is answered when the database has said so.
        """
        if len(units) > 1 and any(unit.work is not None for unit in units):
            return [result for part in _parts(units) for result in self.write(part)]
        try:
            return self._write(units)
        except (WorkRefusedError, FencedError) as exc:  # a unit with work is here alone
            return [exc for _ in units]
        except sa.exc.IntegrityError as exc:
            return self._conflicting(units, exc)
        except sa.exc.DataError as exc:
            if len(units) == 1:
                return [StoreError(_cause(exc))]
            return [result for unit in units for result in self.write([unit])]
        except Fault as exc:
            return self._unsealed(units, exc)
        except (sa.exc.SQLAlchemyError, OSError) as exc:
            return [StoreError(_cause(exc)) for _ in units]
        except Exception as exc:  # noqa: BLE001 - a value that cannot be written must not end the only thread that writes
            if len(units) == 1:
                return [StoreError(_cause(exc))]
            return [result for unit in units for result in self.write([unit])]

    def _conflicting(self, units: Sequence[Write], exc: sa.exc.IntegrityError) -> list[Exception | None]:
        """Something that must be new is there already: whose it is."""
        if _table_of(exc) == t.inbox.name and self._taken.doubted():
            return self.write(units)
        if len(units) == 1:
            return [KeyTakenError() if _is_of_the_unit(exc) else StoreError("the chain went on without us")]
        return [result for unit in units for result in self.write([unit])]

    def _unsealed(self, units: Sequence[Write], fault: Fault) -> list[Exception | None]:
        """No key can be had. A message that was taken before needs none: whether one is, the table is asked once."""
        if any(isinstance(unit, Incoming) for unit in units) and self._taken.doubted():
            return self.write(units)
        return [StoreError(_cause(fault)) for _ in units]

    def _write(self, units: Sequence[Write]) -> list[Exception | None]:
        if not self._known:
            self._reopen()
        try:
            transaction = self._begun()
            results, batch = self._execute(units)
        except BaseException:
            self._known = False  # COMMIT was not said: nothing was written, wherever the connection is now
            begun = self._connection.get_transaction()  # also one in which the lock told that this life is over
            if begun is not None:
                with contextlib.suppress(sa.exc.SQLAlchemyError, OSError):
                    begun.rollback()
            raise
        try:
            transaction.commit()
        except (sa.exc.SQLAlchemyError, OSError):
            self._known = False
            if not self._took_effect(batch):
                raise
        self.journal, self.feed = batch.journal, batch.feed
        self._taken.saved([unit for unit in units if isinstance(unit, Incoming)])
        self._vault.saved(batch.keys)
        return results

    def _begun(self) -> sa.RootTransaction:
        """A transaction that has the lock; a session that died while nobody wrote is made anew, and nobody hears of it."""
        try:
            transaction = self._connection.begin()
            self._lock()
        except sa.exc.DBAPIError as exc:
            if not exc.connection_invalidated:
                raise
            self._reopen()
            transaction = self._connection.begin()
            self._lock()
        return transaction

    def _execute(self, units: Sequence[Write]) -> tuple[list[Exception | None], Batch]:
        if self._membership.shared:
            self.journal, self.feed = self._chains()  # another node may have gone on
        results = self._judged(units)
        batch = Batch(self.epoch, self.journal, self.feed, self._vault)
        came: list[Incoming] = []  # since the last unit
        for unit, why_not in zip(units, results, strict=True):
            if why_not is not None:
                continue
            if isinstance(unit, Incoming):
                came.append(unit)
                continue
            if came:
                batch.receive(came)
                came = []
            if unit.work is not None:
                unit.work(self._connection)
            batch.add(unit)
        if came:
            batch.receive(came)
        batch.close()
        for statement, rows in self._plan(batch):
            if rows:
                self._bulk.execute(self._connection, statement, rows)
        return results, batch

    def _plan(self, batch: Batch) -> tuple[tuple[Any, list[Row]], ...]:
        return (
            (self._put_key, batch.keys.made),
            (self._reserve, batch.keys.reserved),
            (self._into[t.request.name], batch.requests),
            (self._into[t.message.name], batch.intents),
            (self._into[t.person.name], batch.persons),
            (self._into[t.bill.name], batch.bills),
            (self._into[t.payer.name], batch.cards),
            (self._forget_card, batch.forgotten),
            (self._into[t.outbox.name], batch.letters),
            (self._into[t.journal.name], batch.journal_rows),
            (self._into[t.feed.name], batch.feed_rows),
            (self._into[t.words.name], batch.words),
            (self._into[t.shift_row.name], batch.shift_rows),
            (self._into[t.shift_batch.name], batch.closed_shifts),
            (self._into[t.inbox.name], batch.incoming),
            (self._put_visit, list(batch.visits.values())),
            (self._put_settlement, list(batch.settlements.values())),
            (self._end_message, batch.endings),
            (self._close_letter, batch.closed),
            (self._answer, batch.answers),
            (self._put_meta, list(batch.meta.values())),
            *((self._puts[name], rows) for name, rows in batch.puts.items()),
        )

    def _took_effect(self, batch: Batch) -> bool:
        """Whether the database has what a COMMIT that ended in an error was to write. Asks until it is told.

        Whoever is told "not written" writes it again under the next number: a bill twice in the feed. So a database that
        is gone is waited for, and others wait behind. Our own row says it, not the head: another may have gone on.
        """
        while True:
            try:
                if not self._connection.closed:
                    self._connection.invalidate()  # its session may hear of the old COMMIT, or of nothing any more
                self._reopen()
                with self._connection.begin():
                    # Waits for the end of the old session's transaction, if that still runs. And where standbys must
                    # have a COMMIT before it counts, ours is behind the one that we ask about.
                    nodes.lock(self._connection)
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

    def _lock(self) -> None:
        """Inside a transaction: nobody else writes until it ends, and this life goes on (invariant 17)."""
        newest = nodes.lock(self._connection, shared=self._membership.shared)
        if not nodes.lives(self._connection, self.epoch):
            raise FencedError(f"epoch {self.epoch} is over, the newest is {newest}")

    def _judged(self, units: Sequence[Write]) -> list[Exception | None]:
        """Which of them were made by another life, of a visit that is another by now, or of a message taken before."""
        incoming = [unit for unit in units if isinstance(unit, Incoming)]
        there = nodes.versions(self._connection, {unit.visit.visit_id for unit in units if unit.visit is not None})
        taken = self._taken.among(self._connection, incoming)
        results: list[Exception | None] = []
        for unit in units:
            if isinstance(unit, Incoming):
                results.append(None if _is_first(unit, taken) else RepeatedError())
            elif unit.epoch not in {0, self.epoch}:
                results.append(FencedError(f"made in epoch {unit.epoch}, this is {self.epoch}"))
            elif unit.visit is not None and there.get(unit.visit.visit_id, 0) != unit.version:
                results.append(StaleError(f"version {there.get(unit.visit.visit_id, 0)}, not {unit.version}"))
            else:
                results.append(None)
                if unit.visit is not None:
                    there[unit.visit.visit_id] = unit.version + 1
        return results

    # -- this life among the others; every call is a transaction of its own. Raises ``Fault("system.journal")``

    def renew(self, tasks: Collection[str] = ()) -> Seen:
        """Live on; take over what the dead held. ``Seen.renewed`` is False when this life is over."""
        seen = self._within(lambda c: nodes.renew(c, self._membership, self.epoch, tasks), locked=False)
        if not seen.to_take:
            return seen
        try:
            taken = self._within(lambda c: nodes.take_over(c, self._membership, self.epoch, tasks))
        except FencedError:
            return Seen(renewed=False)
        return evolve(seen, tasks=seen.tasks | taken)

    def rejoin(self) -> Life:
        """Begin the next life; what was made in the one before is not written any more."""
        self.life = self._within(lambda c: nodes.join(c, self._membership, self.epoch), locked=False)
        self._known = False
        return self.life

    def claim(self, since: str, after: str, limit: int, *, mine: bool) -> list[Claimed]:
        """See ``nodes.claim``. Raises ``FencedError``."""
        return self._within(lambda c: nodes.claim(c, self.epoch, since, after, limit, mine=mine))

    def clear(self, at: str) -> bool:
        """See ``nodes.clear``. Raises ``FencedError``."""
        return self._within(lambda c: nodes.clear(c, at))

    def leave(self) -> None:
        """Others need not wait for the lease's end. Nothing can be written afterwards."""
        with contextlib.suppress(FencedError):
            self._within(lambda c: nodes.leave(c, self.epoch))

    def _within(self, work: Callable[[sa.Connection], T], *, locked: bool = True) -> T:
        try:
            if not self._known:
                self._reopen()
            with self._connection.begin():
                if locked:
                    self._lock()
                return work(self._connection)
        except (sa.exc.SQLAlchemyError, OSError) as exc:
            self._known = False
            raise Fault("system.journal", _cause(exc)) from exc

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


def _is_first(incoming: Incoming, taken: set[Id]) -> bool:
    """Whether nothing was taken under that id, before this batch or in it; what is only kept has no say."""
    key = incoming.link, incoming.control_id
    if incoming.why:
        return True
    first = key not in taken
    taken.add(key)
    return first


def _parts(units: Sequence[Write]) -> Iterator[Sequence[Write]]:
    """The same units in order: one with work alone, those between together."""
    for alone, some in groupby(units, lambda unit: unit.work is not None):
        part = list(some)
        yield from ([unit] for unit in part) if alone else [part]


def _is_of_the_unit(exc: sa.exc.IntegrityError) -> bool:
    """Whether the unit's own key was taken; a number of a chain that is taken is nobody's but another writer's doing."""
    return _table_of(exc) not in {t.journal.name, t.feed.name}


def _table_of(exc: sa.exc.IntegrityError) -> str:
    told = getattr(getattr(exc.orig, "diag", None), "table_name", None)
    return told or str(exc.orig).rpartition(": ")[2].partition(".")[0]  # SQLite: "UNIQUE constraint failed: table.column"


def _cause(exc: Exception) -> str:
    """One word without data: which error it was."""
    return exc.detail if isinstance(exc, Fault) else type(getattr(exc, "orig", exc)).__name__


def _upsert(insert: Callable[[sa.Table], Any], table: sa.Table) -> Any:
    statement = insert(table)
    keys = [column.name for column in table.primary_key]
    values = {column.name: statement.excluded[column.name] for column in table.c if column.name not in keys}
    if not values:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_=values)


def read_head(connection: sa.Connection, table: sa.Table) -> Head:
    """The newest row of a chain, or its start."""
    row = connection.execute(
        sa.select(table.c.sequence, table.c.hash).order_by(table.c.sequence.desc()).limit(1)
    ).one_or_none()
    return Head(row.sequence, row.hash) if row else START
