"""The centre's catalogues on the disk: reads for the pool's threads, and the works that the one writer does.

A version is written in parts under an edition that does not count yet; one small transaction lets it count, so that a
look-up sees all of a version or nothing. A row is replaced by its record: the old one stays as it is and is only marked,
so that a load which breaks off leaves what counts untouched. A load that ends or is broken off leaves rows that never count
any more: they are taken away by pages.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa
from attrs import frozen
from sqlalchemy.dialects import postgresql, sqlite

from middleware.domain.catalogue import DICTIONARY, CatalogueRow
from middleware.domain.fault import Fault
from middleware.store import tables as t
from middleware.store.prepared import Prepared
from middleware.store.units import WorkRefusedError

Work = Callable[[sa.Connection], None]
RUNNING, LOADED, NEWEST, FAILED = "running", "loaded", "newest", "failed"
KEPT_LOADS = 30  # of one catalogue
CLEAR_PAGE = 2000
MAX_FOUND = 4000  # rows of one question
_c, _l, _i = t.catalogue.c, t.catalogue_load.c, t.catalogue_item.c
# With "+ 0" no planner takes the primary key's range of editions, which is the whole catalogue, for the index of code or
# record (measured on SQLite: 90 ms a look-up); a literal 0 lets it see that the partial index of "gone" serves.
_edition, _replaced = _i.edition + sa.literal_column("0"), _i.gone > sa.literal_column("0")


def _within(name: Any, base: Any, edition: Any) -> Any:
    """The rows of a catalogue that count."""
    replaced_later = sa.or_(_i.gone == 0, _i.gone > edition)
    return sa.and_(_i.catalogue == name, _edition >= base, _edition <= edition, replaced_later)


_ASKED = _within(sa.bindparam("catalogue"), sa.bindparam("base"), sa.bindparam("last"))
_STANDING = Prepared(sa.select(t.catalogue).where(_c.name == sa.bindparam("name")))
_DOWNLOADED = Prepared(
    sa.select(t.catalogue).where(_c.name.in_(sa.bindparam("names", expanding=True)), _c.checked_at != "")
)
_OF_CODES = Prepared(
    sa.select(t.catalogue_item).where(_ASKED, _i.code.in_(sa.bindparam("codes", expanding=True))).limit(MAX_FOUND + 1)
)
_OF_LIST = Prepared(
    sa.select(_i.record).where(_ASKED, _i.record >= sa.bindparam("since"), _i.record < sa.bindparam("until")).limit(1)
)


@frozen(slots=True)
class Standing:
    """What counts of a catalogue, and a load whose versions are to count together. ``edition`` 0: nothing counts yet."""

    name: str
    version: str = ""
    base: int = 0
    edition: int = 0
    rows: int = 0
    next_version: str = ""
    next_base: int = 0
    next_edition: int = 0
    published_at: str = ""
    checked_at: str = ""


@frozen(slots=True)
class Load:
    """One download, as far as it is."""

    load_id: str
    catalogue: str
    way: str
    account: str
    begun_at: str
    state: str = RUNNING
    step: str = ""
    version: str = ""
    versions: int = 0
    rows: int = 0
    of: int = 0
    odd: int = 0
    digest: str = ""
    ended_at: str = ""
    fault: str = ""
    detail: str = ""


class Catalogues:
    """Reads; safe to use from several threads."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def standing(self, name: str) -> Standing:
        """How that catalogue stands."""
        with self._engine.connect() as connection:
            return _standing(connection, name)

    def all(self) -> dict[str, Standing]:
        """Every catalogue that was ever downloaded."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(t.catalogue)).all()
        return {row.name: Standing(*row) for row in rows}

    def newest_loads(self) -> dict[str, Load]:
        """The newest load of each catalogue."""
        newest = sa.select(sa.func.max(_l.load_id)).group_by(_l.catalogue)
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(t.catalogue_load).where(_l.load_id.in_(newest))).all()
        return {row.catalogue: _load(row) for row in rows}

    def load(self, load_id: str) -> Load | None:
        """One load."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(t.catalogue_load).where(_l.load_id == load_id)).one_or_none()
        return _load(row) if row is not None else None

    def running(self) -> list[Load]:
        """Loads that have not ended: under way, or left by a crash."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(t.catalogue_load).where(_l.state == RUNNING).order_by(_l.load_id)).all()
        return [_load(row) for row in rows]

    def find(self, names: Collection[str], codes: Collection[str]) -> dict[str, dict[str, list[CatalogueRow]]]:
        """By catalogue and code, the rows that count.

        There is no entry of a catalogue that was never downloaded whole, or that has too many rows of these codes.
        """
        found: dict[str, dict[str, list[CatalogueRow]]] = {}
        with self._engine.connect() as connection:
            connection.begin()  # what counts, and its rows, as they were at one moment
            for one in [Standing(*row) for row in _DOWNLOADED.rows(connection, names=sorted(names))]:
                rows = _OF_CODES.rows(connection, codes=sorted(codes), **_bounds(one))
                if len(rows) <= MAX_FOUND:
                    of_code: dict[str, list[CatalogueRow]] = {}
                    for row in rows:
                        of_code.setdefault(row.code, []).append(_row(row))
                    found[one.name] = of_code
        return found

    def lists(self, names: Collection[str]) -> frozenset[str]:
        """Of these code lists those of which the dictionaries that count tell anything."""
        with self._engine.connect() as connection:
            connection.begin()
            row = _STANDING.row(connection, name=DICTIONARY.name)
            if row is None:
                return frozenset()
            bounds = _bounds(Standing(*row))
            return frozenset(
                name for name in names if _OF_LIST.row(connection, since=f"{name} ", until=f"{name}!", **bounds) is not None
            )

    def page(self, name: str, after: tuple[str, str], limit: int) -> list[CatalogueRow]:
        """Rows that count, by code and record, from behind that code and record on."""
        behind = sa.tuple_(_i.code, _i.record) > sa.tuple_(*map(sa.literal, after))
        with self._engine.connect() as connection, connection.begin():
            one = _standing(connection, name)
            query = sa.select(t.catalogue_item).where(_counts(one), behind).order_by(_i.code, _i.record)
            return [_row(row) for row in connection.execute(query.limit(limit))]

    def count(self, name: str, base: int, edition: int) -> int:
        """How many rows would count with these bounds."""
        one = Standing(name, base=base, edition=edition)
        with self._engine.connect() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(t.catalogue_item).where(_counts(one))) or 0

    def newest_version(self, name: str, base: int, edition: int) -> str:
        """The greatest version of rows of these editions, as text: of catalogues whose versions are days."""
        query = sa.select(sa.func.max(_i.version)).where(_i.catalogue == name, _i.edition.between(base, edition))
        with self._engine.connect() as connection:
            return connection.scalar(query) or ""


# -- works: each in one transaction of the one writer, which may refuse it


def begin(load: Load) -> Work:
    """A load that is under way; another one of the same catalogue was broken off."""

    def work(connection: sa.Connection) -> None:
        broken = {"state": FAILED, "fault": "system.stopping", "ended_at": load.begun_at}
        of_it = sa.and_(_l.catalogue == load.catalogue, _l.state == RUNNING)
        connection.execute(sa.update(t.catalogue_load).where(of_it).values(**broken))
        connection.execute(sa.insert(t.catalogue_load).values(**_values(load)))
        kept = sa.select(_l.load_id).where(_l.catalogue == load.catalogue).order_by(_l.load_id.desc()).limit(KEPT_LOADS)
        newer = list(connection.scalars(kept))
        connection.execute(
            sa.delete(t.catalogue_load).where(_l.catalogue == load.catalogue, _l.load_id.not_in(newer), _l.state != RUNNING)
        )

    return work


def progress(load: Load) -> Work:
    """How far it is. Refused when it is not under way any more."""
    return lambda connection: _still(connection, load)


def unmark(load: Load) -> Work:
    """What a load that was broken off marked as replaced counts as before."""

    def work(connection: sa.Connection) -> None:
        _still(connection, load)
        last = _last(_standing(connection, load.catalogue))
        marked = sa.and_(_i.catalogue == load.catalogue, _i.gone > last, _replaced)
        connection.execute(sa.update(t.catalogue_item).where(marked).values(gone=0))

    return work


def add(load: Load, base: int, edition: int, rows: Sequence[CatalogueRow]) -> Work:
    """A part of an edition, and how far the load is by it. A record that comes twice counts as it came last."""
    values = list({row.record: _item(load.catalogue, edition, row) for row in rows}.values())

    def work(connection: sa.Connection) -> None:
        _still(connection, load)
        if base < edition:
            mine = _i.record.in_([one["record"] for one in values])
            old = sa.and_(_i.catalogue == load.catalogue, mine, _edition >= base, _edition < edition, _i.gone == 0)
            connection.execute(sa.update(t.catalogue_item).where(old).values(gone=edition))
        _insert(connection, values)

    return work


def stand(load: Load, standing: Standing) -> Work:
    """How the catalogue stands from now on, in one step."""

    def work(connection: sa.Connection) -> None:
        _still(connection, load)
        values = {column.name: getattr(standing, column.name) for column in t.catalogue.c}
        if connection.execute(sa.update(t.catalogue).where(_c.name == standing.name).values(**values)).rowcount == 0:
            connection.execute(sa.insert(t.catalogue).values(**values))

    return work


def clear(name: str, cleared: list[int]) -> Work:
    """Take away a page of rows that will never count any more; ``cleared`` hears how many."""

    def work(connection: sa.Connection) -> None:
        found: list[Any] = []
        for which in _left_over(_standing(connection, name)):
            query = sa.select(_i.edition, _i.record).where(_i.catalogue == name, which).limit(CLEAR_PAGE - len(found))
            found += connection.execute(query).all() if len(found) < CLEAR_PAGE else []
        gone = sa.delete(t.catalogue_item).where(
            _i.catalogue == name, _i.edition == sa.bindparam("b_edition"), _i.record == sa.bindparam("b_record")
        )
        if found:
            keys = {(row.edition, row.record) for row in found}
            connection.execute(gone, [{"b_edition": edition, "b_record": record} for edition, record in sorted(keys)])
        cleared.append(len(found))

    return work


def _insert(connection: sa.Connection, values: list[dict[str, Any]]) -> None:
    """Rows by their keys; one that is there is replaced.

    To PostgreSQL they go as one JSON text (as in ``bulk``): row by row its driver took three times the CPU, and a load
    had a fifth of SQLite's rate (benchmarks).
    """
    if connection.dialect.name == "sqlite":
        connection.execute(_replacing(sqlite.insert(t.catalogue_item)), values)
        return
    columns = [column.name for column in t.catalogue_item.c]
    text = sa.cast(sa.bindparam("rows", type_=sa.Text()), postgresql.JSON)
    shape: sa.ColumnElement[Any] = sa.literal_column(f"NULL::{t.catalogue_item.name}")
    told = sa.func.json_populate_recordset(shape, text).table_valued(*columns)
    insert = postgresql.insert(t.catalogue_item).from_select(columns, sa.select(*(told.c[name] for name in columns)))
    connection.execute(_replacing(insert), {"rows": msgspec.json.encode(values).decode()})


def _replacing(insert: Any) -> Any:
    keys = {column.name for column in t.catalogue_item.primary_key}
    fresh = {column.name: insert.excluded[column.name] for column in t.catalogue_item.c if column.name not in keys}
    return insert.on_conflict_do_update(index_elements=sorted(keys), set_=fresh)


def _still(connection: sa.Connection, load: Load) -> None:
    under_way = sa.and_(_l.load_id == load.load_id, _l.state == RUNNING)
    if connection.execute(sa.update(t.catalogue_load).where(under_way).values(**_values(load))).rowcount != 1:
        raise WorkRefusedError(Fault("catalogue.running", "another download of it was begun since"))


def _counts(one: Standing) -> Any:
    return _within(one.name, one.base, one.edition)


def _bounds(one: Standing) -> dict[str, Any]:
    """The values of a question that was prepared with ``_ASKED``."""
    return {"catalogue": one.name, "base": one.base, "last": one.edition}


def _left_over(one: Standing) -> tuple[Any, ...]:
    """Each by an index: of a load that was broken off, before the base, replaced."""
    return _i.edition > _last(one), _i.edition < one.base, sa.and_(_replaced, _i.gone <= one.edition)


def _last(one: Standing) -> int:
    return max(one.edition, one.next_edition)


def _standing(connection: sa.Connection, name: str) -> Standing:
    row = _STANDING.row(connection, name=name)
    return Standing(*row) if row is not None else Standing(name)


def _load(row: Any) -> Load:
    return Load(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name


def _values(load: Load) -> dict[str, Any]:
    return {column.name: getattr(load, column.name) for column in t.catalogue_load.c}


def _item(name: str, edition: int, row: CatalogueRow) -> dict[str, Any]:
    return {
        "catalogue": name, "edition": edition, "record": row.record, "code": row.code, "gone": 0, "name": row.name,
        "valid": row.valid, "since": row.since, "until": row.until, "limit": _text(row.limit), "share": _text(row.share),
        "level": row.level, "limited": row.limited, "other": row.other, "version": row.version, "raw": row.raw,
    }  # fmt: skip


def _text(value: Decimal | None) -> str:
    return "" if value is None else format(value, "f")


def _row(row: Any) -> CatalogueRow:
    return CatalogueRow(
        code=row.code, record=row.record, version=row.version, name=row.name, valid=row.valid, since=row.since,
        until=row.until, limit=Decimal(row.limit) if row.limit else None, share=Decimal(row.share) if row.share else None,
        level=row.level, limited=row.limited, other=row.other, raw=row.raw,
    )  # fmt: skip
