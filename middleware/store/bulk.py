"""Many rows by one statement, straight to the driver.

SQLAlchemy writes each statement once, for its database; after that the rows go to the driver's ``executemany``. Left to
itself it makes every row's parameters anew, which cost the writer more than the database did (benchmarks). PostgreSQL's
driver is Python too, and asks each value of each row for its type: rows go to the server as one JSON text instead. SQLite's
lets go of the interpreter and takes it back at each execution: sixteen rows share one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import msgspec
import sqlalchemy as sa
from attrs import frozen

Row = dict[str, Any]
TOGETHER = 16


@frozen(slots=True)
class _Text:
    """A statement as the driver takes it: ``given`` makes what goes with it of the rows.

    ``several`` is the same for ``TOGETHER`` rows, "" where there is no such.
    """

    sql: str
    given: Callable[[Sequence[Row]], Any]
    several: str = ""


class Bulk:
    """Statements by identity: who makes one keeps it. Every row of a statement has the same columns.

    ``distinct``: those that write over a row which is there, and are never given two rows with one key at once.
    """

    def __init__(self, dialect: sa.Dialect, distinct: Collection[Any] = ()) -> None:
        self._dialect = dialect
        self._distinct = distinct
        self._texts: dict[int, _Text] = {}

    def execute(self, connection: sa.Connection, statement: Any, rows: Sequence[Row]) -> None:
        """Do it for each row. Values are of types that the driver knows itself: text, whole numbers, yes and no, bytes.

        New rows may have a ``sa.Text`` as the bytes of its UTF-8: what was just written is not read to be written again.
        """
        text = self._texts.get(id(statement))
        if text is None:
            text = self._texts[id(statement)] = self._written(statement, list(rows[0]))
        whole = len(rows) - len(rows) % TOGETHER if text.several else 0
        if whole:
            values = text.given(rows[:whole])
            some = [tuple(chain.from_iterable(values[at : at + TOGETHER])) for at in range(0, whole, TOGETHER)]
            connection.exec_driver_sql(text.several, some)
        if whole < len(rows):
            connection.exec_driver_sql(text.sql, text.given(rows[whole:]))

    def _written(self, statement: Any, columns: list[str]) -> _Text:
        compiled = statement.compile(dialect=self._dialect, column_keys=columns)
        if self._dialect.name == "postgresql":
            if type(statement) is sa.Insert or any(statement is one for one in self._distinct):
                return self._of_json(statement.table, columns, str(compiled))
            return _Text(str(compiled), list)
        sql, names = str(compiled), compiled.positiontup
        get = itemgetter(*names)
        if len(names) == 1:
            return _Text(sql, lambda rows: [(get(row),) for row in rows])
        several = ""
        if isinstance(statement, sa.Insert):
            before, _, after = sql.partition(f"({', '.join('?' * len(names))})")
            places = (_place(statement.table.c[name]) for name in names)
            values = f"({', '.join(places)})"
            sql, several = (before + ", ".join([values] * number) + after for number in (1, TOGETHER))
        return _Text(sql, lambda rows: [get(row) for row in rows], several)

    def _of_json(self, table: Any, columns: list[str], sql: str) -> _Text:
        """An INSERT that reads its rows from one JSON text by the types of its table; bytes as the server writes them."""
        write = self._dialect.identifier_preparer
        names, into = ", ".join(map(write.quote, columns)), write.format_table(table)
        binary = [name for name in columns if isinstance(table.c[name].type, sa.LargeBinary)]
        texts = [name for name in columns if isinstance(table.c[name].type, sa.Text)]

        def plain(row: Row) -> Row:
            written = {name: row[name].decode() for name in texts if type(row[name]) is bytes}
            return row | written | {name: f"\\x{row[name].hex()}" for name in binary}

        def given(rows: Sequence[Row]) -> tuple[str]:
            return (msgspec.json.encode([plain(row) for row in rows] if binary or texts else rows).decode(),)

        _, otherwise, what = sql.partition(" ON CONFLICT ")
        read = f"json_populate_recordset(NULL::{into}, %s::json)"
        return _Text(f"INSERT INTO {into} ({names}) SELECT {names} FROM {read}{otherwise}{what}", given)  # noqa: S608 - names of our tables


def _place(column: Any) -> str:
    """Where a value of that column stands. Bytes become text without a look at any of them: SQLite keeps UTF-8."""
    return "CAST(? AS TEXT)" if isinstance(column.type, sa.Text) else "?"
