"""Messages written by hand, byte for byte as zeep writes them, at a sixth of zeep's CPU.

zeep stays the judge. It writes the first message of each shape - which fields are there, which of them are empty - and
only when our bytes equal its bytes are later messages of that shape written here (envelope.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from lxml import etree

from adapters.insurance.schema import FieldSpec, Input, Row
from adapters.insurance.soap.contract import NAMESPACE
from adapters.insurance.transactions import REQUEST_HEAD, TRANSACTIONS

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_FULL, _EMPTY, _ABSENT, _ODD = "x", "e", "-", "?"


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


@frozen(slots=True)
class _Node:
    """A part of ``input``: its fields as (name, tag), in the contract's order."""

    name: str
    tag: str
    many: bool
    fields: tuple[tuple[str, str], ...]


def _fields(specs: Sequence[FieldSpec]) -> tuple[tuple[str, str], ...]:
    return tuple((spec.name, _tag(spec.name)) for spec in specs)


_HEAD = _fields(REQUEST_HEAD)
_NODES = {
    code: tuple(_Node(node.name, _tag(node.name), node.many, _fields(node.fields)) for node in transaction.input)
    for code, transaction in TRANSACTIONS.items()
}


def shape_of(code: str, head: Row, nodes: Input) -> str | None:
    """What decides how a message is written, apart from its values; None for one that only zeep may judge.

    Rows of a list stand in it as the set of their shapes: each is written by itself, whatever its neighbours are.
    """
    if len(nodes) != len(_NODES[code]):
        return None
    parts = [code, _row_shape(head, _HEAD)]
    for node in _NODES[code]:
        rows = nodes.get(node.name)
        if not rows or (len(rows) != 1 and not node.many):
            return None
        parts.append(",".join(sorted({_row_shape(row, node.fields) for row in rows})))
    shape = "|".join(parts)
    return None if _ODD in shape else shape


def _row_shape(row: Row, fields: tuple[tuple[str, str], ...]) -> str:
    """A letter a field; odd when there is a field that the contract has not, or a value that is no text."""
    letters, seen = [], 0
    for name, _ in fields:
        if name not in row:
            letters.append(_ABSENT)
            continue
        value: object = row[name]
        if not isinstance(value, str):
            return _ODD
        seen += 1
        letters.append(_FULL if value else _EMPTY)
    return "".join(letters) if seen == len(row) else _ODD


def write(code: str, head: Row, nodes: Input) -> bytes:
    """The message's bytes, for a shape that zeep agreed to. ``ValueError`` for text that XML cannot carry."""
    envelope = etree.Element(f"{{{_SOAP}}}Envelope", nsmap={"soap-env": _SOAP})
    body = etree.SubElement(envelope, f"{{{_SOAP}}}Body")
    request = etree.SubElement(body, _tag(f"request{code}"), nsmap={"ns0": NAMESPACE})
    _write_row(request, head, _HEAD)
    given = etree.SubElement(request, _tag("input"))
    for node in _NODES[code]:
        for row in nodes[node.name]:
            _write_row(etree.SubElement(given, node.tag), row, node.fields)
    written: bytes = etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")
    return written


def _write_row(parent: etree._Element, row: Row, fields: tuple[tuple[str, str], ...]) -> None:
    for name, tag in fields:
        if name in row:
            etree.SubElement(parent, tag).text = row[name]
