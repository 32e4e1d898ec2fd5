"""Many rows by one statement, straight to the driver.

SQLAlchemy writes each statement once, for its database; after that the rows go to the driver's ``executemany``. Left to
itself it makes every row's parameters anew, which cost the writer more than the database did (benchmarks).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from attrs import frozen

Row = dict[str, Any]


@frozen(slots=True)
class _Text:
    """A statement as the driver takes it: with rows by name, or by place where ``in_order`` gives their values."""

    sql: str
    in_order: Callable[[Row], tuple[Any, ...]] | None


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
        in_order = text.in_order
        given: Any = list(rows) if in_order is None else [in_order(row) for row in rows]
        connection.exec_driver_sql(text.sql, given)

    def _written(self, statement: Any, columns: list[str]) -> _Text:
        compiled = statement.compile(dialect=self._dialect, column_keys=columns)
        names = compiled.positiontup
        if names is None:
            return _Text(str(compiled), None)
        get = itemgetter(*names)
        return _Text(str(compiled), get if len(names) > 1 else lambda row: (get(row),))
