"""Questions that are asked again and again: SQLAlchemy writes each once, then it goes straight to the driver.

On SQLite, whose answer costs a tenth of what SQLAlchemy adds to it (benchmarks). PostgreSQL's own way is longer than that,
and is asked through SQLAlchemy. Reading only: what writes goes through SQLAlchemy, where a crash can be planted (chaos).
"""

from __future__ import annotations

import json
import re
from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from attrs import frozen

_LIST = re.compile(r"IN \(__\[POSTCOMPILE_(\w+)\]\)")
_OF_JSON = "IN (SELECT value FROM json_each(?))"


@frozen(slots=True)
class _Text:
    """As the driver takes it: names of the values in their order, those it has itself, and how a row is read."""

    sql: str
    names: tuple[str, ...]
    own: dict[str, Any]
    lists: frozenset[str]
    row: Callable[[Iterable[Any]], Any]


class Prepared:
    """One SELECT with bind parameters; an expanding one is a list of texts or whole numbers. Who makes it keeps it.

    Without a transaction that was begun before, a question is one moment of the database by itself.
    """

    def __init__(self, statement: sa.Select[Any]) -> None:
        self._statement = statement
        self._text: _Text | None = None

    def rows(self, connection: sa.Connection, /, **values: Any) -> Sequence[Any]:
        """All rows, with the columns by name."""
        if connection.dialect.name != "sqlite":
            return connection.execute(self._statement, values).all()
        text = self._text
        if text is None:
            text = self._text = _written(self._statement, connection.dialect)
        given = text.own | values
        for name in text.lists:
            given[name] = json.dumps(list(values[name]))
        found = straight(connection, text.sql, tuple([given[name] for name in text.names]))
        return [text.row(row) for row in found]

    def row(self, connection: sa.Connection, /, **values: Any) -> Any | None:
        """The first row, or None."""
        found = self.rows(connection, **values)
        return found[0] if found else None


def straight(connection: sa.Connection, sql: str, values: tuple[Any, ...] = ()) -> Sequence[Any]:
    """The rows of a text in the driver's own words. SQLite's errors are SQLAlchemy's, as if that had asked."""
    if connection.dialect.name != "sqlite":
        return connection.exec_driver_sql(sql, values).all()
    driver: Any = connection.connection.dbapi_connection
    try:
        found: list[Any] = driver.execute(sql, values).fetchall()
    except driver.Error as exc:
        gone = bool(connection.dialect.is_disconnect(exc, driver, None))
        if gone:
            connection.invalidate(exc)
        told = sa.exc.DBAPIError.instance(
            sql, None, exc, driver.Error, hide_parameters=True, connection_invalidated=gone, dialect=connection.dialect
        )
        raise told from exc
    return found


def _written(statement: sa.Select[Any], dialect: sa.Dialect) -> _Text:
    compiled = statement.compile(dialect=dialect)
    columns = list(statement.selected_columns)
    names = [column.key or "" for column in columns]
    sql, lists = str(compiled), frozenset(_LIST.findall(str(compiled)))
    found: Any = namedtuple("Found", tuple(names), rename=True)  # type: ignore[misc]  # noqa: PYI024 - its columns are the statement's
    make = found._make
    reads = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
    changed = [(place, read) for place, read in enumerate(reads) if read is not None]

    def row(given: Iterable[Any]) -> Any:
        values = list(given)
        for place, read in changed:
            values[place] = read(values[place])
        return make(values)

    return _Text(
        _LIST.sub(_OF_JSON, sql), tuple(compiled.positiontup or ()), dict(compiled.params), lists, row if changed else make
    )
