"""Many rows by one statement, straight to the driver.

SQLAlchemy writes each statement once, for its database; after that the rows go to the driver's ``executemany``. Left to
itself it makes every row's parameters anew, which cost the writer more than the database did (benchmarks). PostgreSQL's
driver is Python too, and asks each value of each row for its type: new rows go to the server as one JSON text instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import msgspec
import sqlalchemy as sa
from attrs import frozen

Row = dict[str, Any]


@frozen(slots=True)
class _Text:
    """A statement as the driver takes it: ``given`` makes what goes with it of the rows."""

    sql: str
    given: Callable[[Sequence[Row]], Any]


class Bulk:
    """Statements by identity: who makes one keeps it. Every row of a statement has the same columns."""

    def __init__(self, dialect: sa.Dialect) -> None:
        self._dialect = dialect
        self._texts: dict[int, _Text] = {}

    def execute(self, connection: sa.Connection, statement: Any, rows: Sequence[Row]) -> None:
        """Do it for each row. Values are of types that the driver knows itself: text, whole numbers, yes and no, bytes."""
        text = self._texts.get(id(statement))
        if text is None:
            text = self._texts[id(statement)] = self._written(statement, list(rows[0]))
        connection.exec_driver_sql(text.sql, text.given(rows))

    def _written(self, statement: Any, columns: list[str]) -> _Text:
        if self._dialect.name == "postgresql" and type(statement) is sa.Insert:
            return self._of_json(statement.table, columns)
        compiled = statement.compile(dialect=self._dialect, column_keys=columns)
        names = compiled.positiontup
        if names is None:
            return _Text(str(compiled), list)
        get = itemgetter(*names)
        if len(names) == 1:
            return _Text(str(compiled), lambda rows: [(get(row),) for row in rows])
        return _Text(str(compiled), lambda rows: [get(row) for row in rows])

    def _of_json(self, table: Any, columns: list[str]) -> _Text:
        """An INSERT that reads its rows from one JSON text by the types of its table; bytes as the server writes them."""
        write = self._dialect.identifier_preparer
        names, into = ", ".join(map(write.quote, columns)), write.format_table(table)
        binary = [name for name in columns if isinstance(table.c[name].type, sa.LargeBinary)]

        def plain(row: Row) -> Row:
            return row | {name: f"\\x{row[name].hex()}" for name in binary}

        def given(rows: Sequence[Row]) -> tuple[str]:
            return (msgspec.json.encode([plain(row) for row in rows] if binary else rows).decode(),)

        read = f"json_populate_recordset(NULL::{into}, %s::json)"
        return _Text(f"INSERT INTO {into} ({names}) SELECT {names} FROM {read}", given)  # noqa: S608 - names of our tables
