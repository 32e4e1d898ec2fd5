"""New keys for old: each function is work for one transaction of the one writer, beside everything else that it does.

A value stays in its own period: what is rewritten is sealed by another key of the same period, or the period could never be
destroyed. Whatever is interrupted begins again where the database says that it stands.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import sqlalchemy as sa
from attrs import define, frozen

from middleware.domain.fault import Fault
from middleware.domain.visit import MONEY_OPEN
from middleware.store import tables as t
from middleware.store.keyring import DESTROYED, IN_USE, RETIRED, SEAL, DataKey, unwrapped, wrapped
from middleware.store.periods import last_day
from middleware.store.personal import SEALED, SealedColumn
from middleware.store.units import WorkRefusedError
from middleware.store.vault import Vault, key_of, row_name
from middleware.store.walk import read_meta, write_meta

Work = Callable[[sa.Connection], None]
RESEALING = "resealing"
UNCUT = "destroyed, not cut"  # what a destruction overwrote may still lie in the log
PAGE = 200
_c = t.data_key.c


@frozen(slots=True)
class KeyRow:
    """A data key as people see it."""

    id: str
    period: str
    purpose: str
    algorithm: str
    master_id: str
    state: str
    made_at: str
    retired_at: str
    destroyed_at: str


def list_keys(engine: sa.Engine) -> list[KeyRow]:
    """All data keys, by period; nothing of the keys themselves."""
    names = [column for column in _c if column.name not in {"wrapped", "values_reserved"}]
    with engine.connect() as connection:
        rows = connection.execute(sa.select(*names).order_by(_c.period, _c.made_at, _c.id)).all()
    return [KeyRow(*row) for row in rows]


def noted(engine: sa.Engine, name: str) -> str:
    """A note of the meta table, "" when there is none."""
    with engine.connect() as connection:
        return read_meta(connection, name)


def retire(at: dt.datetime) -> Work:
    """What is sealed from now on gets a new key; the old ones open what they sealed."""

    def work(connection: sa.Connection) -> None:
        used = sa.update(t.data_key).where(_c.purpose == SEAL, _c.state == IN_USE)
        connection.execute(used.values(state=RETIRED, retired_at=at.isoformat()))

    return work


@define
class Counted:
    """What a work did, for whoever asked for it."""

    rows: int = 0


def rewrap(vault: Vault, counted: Counted) -> Work:
    """Every data key under the current master key; all of them or none. Raises ``Fault("system.keys")``."""

    def work(connection: sa.Connection) -> None:
        master = vault.keys.masters.current()
        query = sa.select(t.data_key).where(_c.state != DESTROYED, _c.master_id != master.id)
        counted.rows = 0
        for row in connection.execute(query).mappings().all():
            try:
                columns = wrapped(master, row, unwrapped(vault.keys.masters, row))
            except Fault as fault:
                raise WorkRefusedError(fault) from fault
            connection.execute(sa.update(t.data_key).where(_c.id == row["id"]).values(**columns))
            counted.rows += 1

    return work


# -- rewriting what is sealed


class Progress(msgspec.Struct):
    """How far a rewriting is: the column, the last row, and how many values were rewritten."""

    column: int = 0
    after: list[Any] = []
    done: int = 0

    @property
    def complete(self) -> bool:
        """Whether the last page is written, and only the end is still to be recorded."""
        return self.column >= len(SEALED)

    @property
    def name(self) -> str:
        """The column that it is at, "" at the end."""
        return "" if self.complete else f"{SEALED[self.column].table.name}.{SEALED[self.column].name}"


def progress_in(text: str) -> Progress | None:
    """From the note of the meta table; None when there is none."""
    return msgspec.json.decode(text, type=Progress) if text else None


def progress_of(connection: sa.Connection) -> Progress | None:
    """The rewriting that is under way, None when there is none."""
    return progress_in(read_meta(connection, RESEALING))


def begin_resealing() -> Work:
    """From the first column on; one that is under way begins anew."""
    return lambda connection: write_meta(connection, RESEALING, msgspec.json.encode(Progress()).decode())


def reseal_page(vault: Vault, at: dt.datetime, page: int = PAGE) -> Work:
    """Rewrite ``page`` rows at most under the newest key of each value's own period; rows and progress together."""

    def work(connection: sa.Connection) -> None:
        now = progress_of(connection)
        if now is None or now.complete:
            return
        place = SEALED[now.column]
        rows = _rows(connection, place, now.after, page)
        newest = _Newest(vault, at)
        for row in rows:
            now.done += _resealed(connection, newest, place, row)
        if len(rows) < page:
            now.column, now.after = now.column + 1, []
        else:
            now.after = list(rows[-1][:-1])
        write_meta(connection, RESEALING, msgspec.json.encode(now).decode())

    return work


def end_resealing(shown: str) -> Work:
    """The note goes, in the transaction of the record that says so.

    Refused with ``Fault("desk.stale")`` when it is not ``shown`` any more: another node recorded the end, or began anew.
    """

    def work(connection: sa.Connection) -> None:
        if read_meta(connection, RESEALING) != shown:
            raise WorkRefusedError(Fault("desk.stale", "the rewriting is elsewhere by now"))
        write_meta(connection, RESEALING, "")

    return work


def _rows(connection: sa.Connection, place: SealedColumn, after: list[Any], page: int) -> list[Any]:
    query = sa.select(*place.key, place.column).order_by(*place.key).limit(page)
    if after:
        query = query.where(sa.tuple_(*place.key) > sa.tuple_(*(sa.literal(value) for value in after)))
    return list(connection.execute(query).all())


class _Newest:
    """The newest key of each period, asked once for a page: inside its transaction nobody retires one."""

    def __init__(self, vault: Vault, at: dt.datetime) -> None:
        self.vault = vault
        self._at = at
        self._known: dict[str, DataKey] = {}

    def of(self, period: str) -> DataKey:
        """See ``Keyring.newest_of``."""
        if period not in self._known:
            self._known[period] = self.vault.keys.newest_of(period, self._at)
        return self._known[period]

    def counted(self, period: str) -> DataKey:
        """The same, one value counted."""
        self._known[period] = key = self.vault.keys.counted(self.of(period), self._at)
        return key


def _resealed(connection: sa.Connection, newest: _Newest, place: SealedColumn, row: Any) -> int:
    """1 when the value was rewritten; 0 when it was new enough, empty, or of a destroyed period."""
    *key, sealed = row
    if not sealed:
        return 0
    vault = newest.vault
    name = row_name(*key)
    try:
        period = vault.keys.by_id(key_of(sealed)).period
        if newest.of(period).id == key_of(sealed):
            return 0
        data = vault.open_bytes(place.table.name, name, place.name, sealed)
    except Fault as fault:
        if fault.code == "person.forgotten":
            return 0
        raise WorkRefusedError(fault) from fault
    fresh = vault.seal_with(newest.counted(period), place.table.name, name, place.name, data)
    same = [column == value for column, value in zip(place.key, key, strict=True)]
    # Another node may have written the row since: then it is as new as can be.
    connection.execute(sa.update(place.table).where(*same, place.column == sealed).values({place.name: fresh}))
    return 1


# -- forgetting


def destroy(period: str, now: dt.datetime, keep_days: int, proposed: tuple[str, str]) -> Work:
    """Overwrite the wrapped keys of a period. What was sealed by them is unreadable for ever.

    ``proposed`` is name and text of the proposal, which must still stand. Refused with ``Fault("keys.refused")`` while the
    period must be kept or something open still needs it; looked at inside the transaction that destroys.
    """

    def work(connection: sa.Connection) -> None:
        name, text = proposed
        if read_meta(connection, name) != text:
            raise WorkRefusedError(Fault("desk.stale", "another proposal waits, or none"))
        if (why := refusal(connection, period, now, keep_days)) is not None:
            raise WorkRefusedError(why)
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete=ON")  # what a page held before is zeroed in it
        for key_id, text in connection.execute(sa.select(_c.id, _c.wrapped).where(_c.period == period)).all():
            nothing = {"wrapped": "0" * len(text), "state": DESTROYED, "destroyed_at": now.isoformat()}
            connection.execute(sa.update(t.data_key).where(_c.id == key_id).values(**nothing))

    return work


def refusal(connection: sa.Connection, period: str, now: dt.datetime, keep_days: int) -> Fault | None:
    """Why the keys of a period cannot be destroyed now, None when they can."""
    try:
        until = last_day(period) + dt.timedelta(days=keep_days)
    except (ValueError, OverflowError) as exc:
        return Fault("keys.refused", str(exc))
    keys = connection.execute(sa.select(_c.id, _c.state).where(_c.period == period)).all()
    if not keys:
        return Fault("keys.refused", f"there is no key of {period}")
    if all(key.state == DESTROYED for key in keys):
        return Fault("keys.refused", f"{period} is destroyed already")
    if now.date() <= until:
        return Fault("keys.refused", f"{period} is to be kept until {until.isoformat()}")
    if progress_of(connection) is not None:
        return Fault("keys.refused", "a rewriting is under way: wait for its end")
    needed = next(_open_in(connection, {key.id for key in keys}), "")
    return Fault("keys.refused", f"{needed} is open and needs {period}") if needed else None


def _open_in(connection: sa.Connection, keys: set[str]) -> Iterator[str]:
    """What is not at rest and has personal data under these keys: an open visit, a letter that waits, a payer's card."""
    settling = sa.select(t.settlement.c.visit_id).where(t.settlement.c.state.in_(sorted(map(str, MONEY_OPEN))))
    waiting = sa.select(t.outbox.c.visit_id).where(t.outbox.c.outcome == "")
    v = t.visit.c
    query = sa.select(v.visit_id, v.person_ref, v.sealed).where(v.busy | v.visit_id.in_(settling) | v.visit_id.in_(waiting))
    for visit in connection.execute(query).all():
        person = sa.select(t.person.c.body).where(t.person.c.person_ref == visit.person_ref)
        mine = sa.select(t.settlement.c.settlement_id).where(t.settlement.c.visit_id == visit.visit_id)
        bills = sa.select(t.bill.c.body).where(t.bill.c.settlement_id.in_(mine))
        sealed = [visit.sealed, *connection.scalars(person), *connection.scalars(bills)]
        if keys & {key_of(one) for one in sealed}:
            yield f"visit {visit.visit_id}"
    if (payer := t.metadata.tables.get("payer")) is not None:
        cards = [card for card in connection.scalars(sa.select(payer.c.body)) if key_of(card) in keys]
        yield from (f"{len(cards)} payer's cards" for _ in cards[:1])


def cut_log(engine: sa.Engine) -> bool:
    """Take what was overwritten out of SQLite's log too; whether that could be done now. Not inside a transaction.

    PostgreSQL keeps old rows until VACUUM, and its archive for ever: that is its administrator's to clear.
    """
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        if engine.dialect.name != "sqlite":
            raw.driver_connection.autocommit = True  # type: ignore[union-attr]
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("VACUUM FULL data_key")
            return True
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        row = cursor.fetchone()
        return row is not None and int(row[0]) == 0
    finally:
        raw.invalidate()
        raw.close()
