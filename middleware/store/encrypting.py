"""From a database in clear to a sealed one: by the page, each page one transaction, so that it can be killed at any point.

What is sealed is left alone, so that a second run goes on where the first one ended. The persons come last: while one of
them is in clear nothing is called sealed. The old pages of the file are overwritten in the end.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from attrs import frozen

from middleware.domain.fault import Fault
from middleware.store import tables as t
from middleware.store.codec import decode_holder, decode_visit
from middleware.store.keyring import DESTROYED, Pending
from middleware.store.personal import SEALED, part_answer, part_visit
from middleware.store.vault import Vault, key_of, row_name
from middleware.store.walk import read_meta, write_meta

SEALED_MARK = "sealed"
PAGE = 500
_CLEAR = "{%"  # JSON; a sealed value begins with its key's id

Values = dict[str, Any]
Seal = Callable[[Any, Vault, dt.datetime], Values | None]  # the row's new values, None when nothing in it is in clear


@frozen(slots=True)
class Encrypted:
    """How many rows were sealed, and how many journal rows hold a stranger's words in clear, which a chain cannot lose."""

    rows: int
    words_in_chain: int


def check_keys(engine: sa.Engine, vault: Vault) -> None:
    """Refuse to work: with personal data in clear, and with a master key that does not open the newest data key.

    Raises ``Fault("system.keys")``. Marks a database without clear data, for the look at all persons is long.
    """
    query = sa.select(t.data_key.c.id).where(t.data_key.c.state != DESTROYED)
    with engine.connect() as connection:
        newest = connection.scalar(query.order_by(t.data_key.c.made_at.desc(), t.data_key.c.id).limit(1))
    if newest is not None:
        vault.keys.by_id(newest)
    with engine.connect() as connection:
        if read_meta(connection, SEALED_MARK):
            return
        clear = connection.scalar(sa.select(t.person.c.person_ref).where(t.person.c.body.like(_CLEAR)).limit(1))
    if clear is not None:
        raise Fault("system.keys", "the database holds personal data in clear: run.py keys encrypt --config FILE")
    with engine.begin() as connection:
        write_meta(connection, SEALED_MARK, "1")


def check_opens(engine: sa.Engine, vault: Vault) -> None:
    """Whether the master key opens all of it: each data key, and the first value of each sealed column. Reads only.

    Raises ``Fault("system.keys")`` that says which master key is missing. The vault is closed afterwards.
    """
    with engine.connect() as connection:
        ids = connection.scalars(sa.select(t.data_key.c.id).where(t.data_key.c.state != DESTROYED)).all()
        first = [(place, sa.select(*place.key, place.column).where(place.column != "").limit(1)) for place in SEALED]
        rows = [(place, connection.execute(query).one_or_none()) for place, query in first]
    try:
        for key_id in ids:
            vault.keys.by_id(key_id)
        for place, row in rows:
            if row is not None and (key_of(row[-1]) in ids or not key_of(row[-1])):
                vault.open_bytes(place.table.name, row_name(*row[:-1]), place.name, row[-1])
    finally:
        vault.dispose()


def encrypt(engine: sa.Engine, vault: Vault, now: dt.datetime, progress: Callable[[str, int], object]) -> Encrypted:
    """Seal all that is in clear; nobody else may have the database. ``progress(table, rows sealed)`` after each page."""
    done = 0
    for table, seal in _TABLES:
        sealed, after = 0, None
        while True:
            count, after = _page(engine, vault, table, seal, now, after)
            sealed += count
            progress(table.name, sealed)
            if after is None:
                break
        done += sealed
    with engine.begin() as connection:
        write_meta(connection, SEALED_MARK, "1")
    _overwrite_old_pages(engine)
    return Encrypted(done, _words_in_chain(engine))


def _page(
    engine: sa.Engine, vault: Vault, table: sa.Table, seal: Seal, now: dt.datetime, after: tuple[Any, ...] | None
) -> tuple[int, tuple[Any, ...] | None]:
    """One page in one transaction, with the keys that it needs: how many rows were sealed, and where to go on."""
    keys = tuple(table.primary_key.columns)
    query = sa.select(table).order_by(*keys).limit(PAGE)
    if after is not None:
        query = query.where(sa.tuple_(*keys) > sa.tuple_(*(sa.literal(value) for value in after)))
    with engine.begin() as connection:
        rows = connection.execute(query).all()
        changes = [(row, values) for row in rows if (values := seal(row, vault, now)) is not None]
        pending = vault.pending()
        write_pending(connection, pending)
        for row, values in changes:
            same = [column == getattr(row, column.name) for column in keys]
            connection.execute(sa.update(table).where(*same).values(**values))
    vault.saved(pending)
    last = tuple(getattr(rows[-1], column.name) for column in keys) if len(rows) == PAGE else None
    return len(changes), last


def write_pending(connection: sa.Connection, pending: Pending) -> None:
    """What the writer does with its own transactions: the keys that the values in this one are sealed with."""
    for made in pending.made:
        connection.execute(sa.insert(t.data_key), made)
    for one in pending.reserved:
        more = t.data_key.c.values_reserved + one["b_count"]
        connection.execute(sa.update(t.data_key).where(t.data_key.c.id == one["b_id"]).values(values_reserved=more))


def _person(row: Any, vault: Vault, now: dt.datetime) -> Values | None:
    if key_of(row.body):
        return None
    at, ref, holder = _of_id(row.person_ref, now), row.person_ref, decode_holder(row.body)
    return {
        "body": vault.seal("person", ref, "body", row.body, at),
        "id_digest": vault.digest("id_number", holder.id_number.reveal(), at),
        "card_digest": vault.digest("card_number", holder.card_number.reveal(), at),
    }


def _bill(row: Any, vault: Vault, now: dt.datetime) -> Values | None:
    if key_of(row.body):
        return None
    return {"body": vault.seal("bill", row.settlement_id, "body", row.body, _of_id(row.settlement_id, now))}


def _visit(row: Any, vault: Vault, now: dt.datetime) -> Values | None:
    clear, personal = part_visit(decode_visit(row.body))
    if not personal:
        return None
    at = dt.datetime.fromisoformat(row.updated_at) if row.updated_at else now
    return {"body": clear.decode(), "sealed": vault.seal_bytes("visit", row.visit_id, "sealed", personal, at)}


def _request(row: Any, vault: Vault, now: dt.datetime) -> Values | None:
    clear, personal = part_answer(row.answer)
    if not personal:
        return None
    at = dt.datetime.fromisoformat(row.created_at) if row.created_at else now
    return {"answer": clear, "sealed": vault.seal("request", row_name(row.account, row.key), "sealed", personal, at)}


_TABLES: tuple[tuple[sa.Table, Seal], ...] = (
    (t.visit, _visit), (t.request, _request), (t.bill, _bill), (t.person, _person),
)  # fmt: skip


def _of_id(name: str, now: dt.datetime) -> dt.datetime:
    """When an id of ours was given: a letter and the fourteen digits of a second. Now, for another one."""
    try:
        return dt.datetime.strptime(name[1:15], "%Y%m%d%H%M%S").replace(tzinfo=now.tzinfo)
    except ValueError:
        return now


def _words_in_chain(engine: sa.Engine) -> int:
    silent = t.journal.c.line.not_like('%"message":""%')
    query = sa.select(sa.func.count()).select_from(t.journal).where(t.journal.c.line.like('%"message":"%'), silent)
    with engine.connect() as connection:
        return connection.scalar(query) or 0


def _overwrite_old_pages(engine: sa.Engine) -> None:
    """What was changed still lies in free pages and in the WAL: the file is written anew, the WAL cut to nothing."""
    raw = engine.raw_connection()  # VACUUM wants to be in no transaction
    try:
        if engine.dialect.name == "sqlite":
            statements = ["VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"]
        else:
            raw.driver_connection.autocommit = True  # type: ignore[union-attr]
            statements = ["SET statement_timeout = 0", *(f'VACUUM FULL "{table.name}"' for table, _ in _TABLES)]
        cursor = raw.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()
    finally:
        raw.invalidate()
        raw.close()
