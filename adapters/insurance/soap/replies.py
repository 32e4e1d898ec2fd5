"""Replies taken apart by hand, value for value as zeep takes them, at a fifth of zeep's CPU.

Only what the contract has written down to the letter is read here: its elements by their whole names, in its order, with
no attribute but that of an empty value, and numbers that are some. Everything else is zeep's to judge, and so is the first
reply of each shape: only when both made the same of it are later ones of that shape read here (envelope.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from attrs import frozen
from lxml import etree

from adapters.insurance.schema import FieldSpec, Node, Transaction, Type
from adapters.insurance.soap.contract import NAMESPACE
from adapters.insurance.transactions import REPLY_HEAD, TRANSACTIONS

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_ENVELOPE, _BODY = f"{{{_SOAP}}}Envelope", f"{{{_SOAP}}}Body"

_NIL = {"{http://www.w3.org/2001/XMLSchema-instance}nil": "true"}

Shape = tuple[str, frozenset[tuple[int, ...]]]


class _Unlike(Exception):  # noqa: N818 - it says what is so
    """Not written down to the letter."""


@frozen(slots=True)
class _Part:
    """An element that may stand in another, at its place among its neighbours; without ``inner`` it holds a value."""

    name: str
    place: int
    many: bool
    number: bool
    inner: _Table | None


@frozen(slots=True)
class _Table:
    """What may stand in an element: parts by tag, and all names with nothing."""

    number: int
    parts: Mapping[str, _Part]
    nothing: Mapping[str, None]
    lists: tuple[str, ...]


@frozen(slots=True)
class Straight:
    """A reply's fields, as zeep's own value as a dict would be; and what decides how one is read, apart from its values."""

    shape: Shape
    fields: dict[str, Any]


def read(code: str, document: etree._Element) -> Straight | None:
    """The reply that the whole document is; None for one that only zeep may judge."""
    table = _REPLIES.get(code)
    try:
        if table is None or document.tag != _ENVELOPE:
            return None
        reply = _only(_only(document, _BODY), f"{{{NAMESPACE}}}reply{code}")
        seen: set[tuple[int, ...]] = set()
        fields = _fields(reply, table, seen)
    except (_Unlike, InvalidOperation):
        return None
    return Straight((code, frozenset(seen)), fields)


def _only(parent: etree._Element, tag: str) -> etree._Element:
    """The one element that stands there."""
    if len(parent) != 1 or parent[0].tag != tag or parent[0].attrib:
        raise _Unlike
    return parent[0]


def _fields(element: etree._Element, table: _Table, seen: set[tuple[int, ...]]) -> dict[str, Any]:
    fields: dict[str, Any] = dict(table.nothing)
    for name in table.lists:
        fields[name] = []
    at, marks = -1, [table.number]
    for child in element:
        part = table.parts.get(child.tag)
        if part is None or part.place < at or (part.place == at and not part.many):
            raise _Unlike
        value = _value(child, part, seen)
        marks.append(part.place * 2 + (value is None))
        at = part.place
        if part.many:
            fields[part.name].append(value)
        else:
            fields[part.name] = value
    seen.add(tuple(marks))
    return fields


def _value(element: etree._Element, part: _Part, seen: set[tuple[int, ...]]) -> Any:
    attributes, text = element.attrib, element.text
    if part.inner is not None:
        if attributes:
            raise _Unlike
        return _fields(element, part.inner, seen) if len(element) else None
    if len(element) or (attributes and (text is not None or attributes != _NIL)):
        raise _Unlike
    if text is None or not part.number:
        return text
    number = Decimal(text)
    if not number.is_finite():
        raise _Unlike
    return number


def _tables() -> dict[str, _Table]:
    """Of every reply without a file in it."""
    numbers = iter(range(10_000))
    found = {code: _table_of(transaction, numbers) for code, transaction in TRANSACTIONS.items()}
    return {code: table for code, table in found.items() if table is not None}


def _table_of(transaction: Transaction, numbers: Iterator[int]) -> _Table | None:
    specs = [spec for node in transaction.output for spec in node.fields]
    if any(spec.type is Type.BINARY for spec in specs):
        return None
    inside = [part for node in transaction.output for part in _of_node(node, numbers)]
    output = _table(inside, numbers) if inside else None
    return _table([*_leaves(REPLY_HEAD), ("output", transaction.is_list, False, output)], numbers)


_Wanted = tuple[str, bool, bool, _Table | None]  # name, many, number, inner


def _of_node(node: Node, numbers: Iterator[int]) -> list[_Wanted]:
    if not node.name:
        return list(_leaves(node.fields))
    return [(node.name, node.many, False, _table(_leaves(node.fields), numbers))]


def _leaves(specs: Iterable[FieldSpec]) -> Iterator[_Wanted]:
    return ((spec.name, False, spec.type is Type.NUMBER, None) for spec in specs)


def _table(wanted: Iterable[_Wanted], numbers: Iterator[int]) -> _Table:
    parts = [_Part(name, place, many, number, inner) for place, (name, many, number, inner) in enumerate(wanted)]
    return _Table(
        next(numbers),
        {f"{{{NAMESPACE}}}{part.name}": part for part in parts},
        {part.name: None for part in parts},
        tuple(part.name for part in parts if part.many),
    )


_REPLIES = _tables()
