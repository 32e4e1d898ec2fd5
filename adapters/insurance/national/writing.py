"""A message's fields to the platform's JSON. Pure.

A number is written by its own digits, checked before (``schema.check_input``): no amount is ever a float here.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from adapters.insurance.schema import FieldSpec, Input, Row, Type
from adapters.insurance.transactions import DECLARED
from middleware.domain.fault import Fault


class Writing:
    """Messages of every declared transaction; ``numbers_as_text`` puts amounts and counts into quotation marks."""

    def __init__(self, *, numbers_as_text: bool) -> None:
        self._numbers = {
            (code, node.name): frozenset() if numbers_as_text else _numbers_of(node.fields)
            for code, one in DECLARED.items()
            for node in one.input
        }
        self._lists = {code: frozenset(node.name for node in one.input if node.many) for code, one in DECLARED.items()}

    def body(self, code: str, head: Row, nodes: Input) -> bytes:
        """The bytes, the same for the same fields. ``Fault("centre.field")`` for what no JSON can carry."""
        lists = self._lists[code]
        given: dict[str, Any] = {}
        for name, rows in nodes.items():
            numbers = self._numbers[code, name]
            written = [_row(row, numbers) for row in rows]
            given[name] = written if name in lists else written[0]
        try:
            return msgspec.json.encode({**head, "input": given})
        except (UnicodeEncodeError, TypeError) as exc:  # the text of these may hold the value
            raise Fault("centre.field", f"{code}: {type(exc).__name__} in the message") from None


def _numbers_of(fields: Sequence[FieldSpec]) -> frozenset[str]:
    return frozenset(spec.name for spec in fields if spec.type is Type.NUMBER)


def _row(row: Row, numbers: frozenset[str]) -> dict[str, Any]:
    if not numbers:
        return dict(row)
    return {name: _number(value) if name in numbers else value for name, value in row.items()}


def _number(value: str) -> msgspec.Raw:
    """The digits as JSON has them: no plus sign and no zeros before them; an empty number is 0 (insurance.md 1.3)."""
    return msgspec.Raw(format(Decimal(value or "0"), "f").encode())
