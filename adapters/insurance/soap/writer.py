"""Messages written by hand, byte for byte as zeep writes them, at an eighth of zeep's CPU.

zeep stays the judge. It writes the first message of each shape - which fields are there, which of them are empty - and
only when our bytes equal its bytes are later messages of that shape written here (envelope.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import frozen

from adapters.insurance.schema import FieldSpec, Input, Row
from adapters.insurance.soap.contract import NAMESPACE
from adapters.insurance.transactions import REQUEST_HEAD, TRANSACTIONS

_FULL, _EMPTY, _ABSENT, _ODD = "x", "e", "-", "?"
_BEGIN = """<?xml version='1.0' encoding='UTF-8'?>
<soap-env:Envelope xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/"><soap-env:Body>"""
_END = "</soap-env:Body></soap-env:Envelope>"
_NOT_PLAIN = re.compile("[&<>\r]")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")

Fields = tuple[tuple[str, str, str], ...]  # name, and what stands before and behind its value, in the contract's order


def _marks(name: str) -> tuple[str, str]:
    return f"<ns0:{name}>", f"</ns0:{name}>"


@frozen(slots=True)
class _Node:
    """A part of ``input``."""

    name: str
    begin: str
    end: str
    many: bool
    fields: Fields


def _fields(specs: Sequence[FieldSpec]) -> Fields:
    return tuple((spec.name, *_marks(spec.name)) for spec in specs)


_HEAD = _fields(REQUEST_HEAD)
_NODES = {
    code: tuple(_Node(node.name, *_marks(node.name), node.many, _fields(node.fields)) for node in transaction.input)
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


def _row_shape(row: Row, fields: Fields) -> str:
    """A letter a field; odd when there is a field that the contract has not, or a value that is no text."""
    letters, seen = [], 0
    for name, _, _ in fields:
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
    parts = [_BEGIN, f'<ns0:request{code} xmlns:ns0="{NAMESPACE}">']
    _write_row(parts, head, _HEAD)
    parts.append("<ns0:input>")
    for node in _NODES[code]:
        for row in nodes[node.name]:
            parts.append(node.begin)
            _write_row(parts, row, node.fields)
            parts.append(node.end)
    parts += ("</ns0:input>", f"</ns0:request{code}>", _END)
    text = "".join(parts)
    if _NO_XML.search(text):
        raise ValueError("a character that XML has not")
    return text.encode()


def _write_row(parts: list[str], row: Row, fields: Fields) -> None:
    for name, begin, end in fields:
        if name in row:
            value = row[name]
            parts += (begin, _escaped(value) if _NOT_PLAIN.search(value) else value, end)


def _escaped(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
