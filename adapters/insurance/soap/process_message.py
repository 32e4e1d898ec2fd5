"""The text inside ``process(xml)``: a document with the MSGNO, MSGID and ORGMSGID envelope. Pure.

Source: insurance.md 3, "SOAP with XML". Elements are told apart by name, whatever its capitals; one that we do not know is
passed over, one that stands twice where it may stand once makes the reply unreadable, for then nobody knows which counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lxml import etree

from adapters.insurance.exchange.cells import NotOurs
from adapters.insurance.profile_soap import NAMES, ORIGINAL, SoapForm
from adapters.insurance.schema import Input, Node, Row, Transaction
from adapters.insurance.soap.plain_cells import cell
from adapters.insurance.soap.stack import Tokens, Unreadable
from adapters.insurance.transactions import TRANSACTIONS
from middleware.domain.fault import Fault

ROW = "row"  # some centres put the rows of a list into one node
MAX_ELEMENTS = 200_000
# The text came out of another document, which said the encoding: what this one declares was true before it was put there.
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]{0,400}\?>")


class ProcessMessages:
    """Written and read by a region's names."""

    def __init__(self, form: SoapForm) -> None:
        self._head = tuple(form.head.items())
        self._names = NAMES | form.names
        self._codes = {code: form.code_of(code) for code in TRANSACTIONS}
        self._fields = dict(form.fields)

    def write(self, code: str, head: Row, nodes: Input) -> str:
        """The text. ``Fault("centre.field")`` for one that XML cannot carry."""
        original = _original(nodes)
        known = {**head, **original, "infno": self._codes[code]}
        if original:
            known["oinfno"] = self._codes.get(original["oinfno"], original["oinfno"])
        root = etree.Element(self._names["root"])
        try:
            for theirs, ours in self._head:
                etree.SubElement(root, theirs).text = known.get(ours, "")
            given = etree.SubElement(root, self._names["input"])
            for node in TRANSACTIONS[code].input:
                for row in nodes.get(node.name, ()):
                    self._write_row(etree.SubElement(given, self._their(node.name)), node, row, known)
        except (ValueError, TypeError) as exc:
            raise Fault("centre.field", f"{code}: {type(exc).__name__} in the message") from None
        text: str = etree.tostring(root, encoding="unicode")
        return text

    def _write_row(self, element: Any, node: Node, row: Row, known: Mapping[str, str]) -> None:
        for spec in node.fields:
            if spec.name in row:
                value = known[spec.name] if spec.name == "oinfno" else row[spec.name]
                etree.SubElement(element, self._their(spec.name)).text = value

    def _their(self, name: str) -> str:
        return self._fields.get(name, name)

    def read(self, code: str, text: str, message_id: str) -> Tokens:
        """The reply's fields. ``Unreadable``, or ``NotOurs`` when it gives another message's id back."""
        parts = _children(_parsed(text))
        theirs = _text(parts, self._names["message_id"])
        if message_id and theirs and theirs != message_id:
            raise NotOurs(self._names["message_id"])
        found = parts.get(self._names["output"].casefold(), [])
        output = None
        if found:
            (container,) = _once(found, self._names["output"])
            output = self._output(TRANSACTIONS[code], container)
        return Tokens(
            _text(parts, self._names["code"]),
            _text(parts, self._names["message"]),
            output or None,
            _text(parts, self._names["said_at"]),
        )

    def _output(self, transaction: Transaction, container: Any) -> dict[str, Any]:
        inside = _children(container)
        output: dict[str, Any] = {}
        for node in transaction.output:
            if not node.name and not node.many:
                output |= self._row(node, container)
                continue
            found = inside.get(self._key(node.name), []) if node.name else [container]
            rows = [self._row(node, element) for one in found for element in _rows(one)]
            rows = [row for row in rows if any(value is not None for value in row.values())]
            if rows:
                output[node.name] = rows if node.many or len(rows) > 1 else rows[0]
        return output

    def _row(self, node: Node, element: Any) -> dict[str, Any]:
        inside = _children(element)
        row: dict[str, Any] = {}
        for spec in node.fields:
            found = inside.get(self._key(spec.name))
            if found:
                (one,) = _once(found, spec.name)
                if len(one):
                    raise Unreadable(f"{spec.name} is no text")
                row[spec.name] = cell(spec, one.text or "")
        return row

    def _key(self, name: str) -> str:
        return self._their(name).casefold()


def _original(nodes: Input) -> dict[str, str]:
    """Which message is undone: of a reversal it stands in the envelope, too."""
    row = next(iter(nodes.get("data", ())), {})
    return {name: row[name] for name in ORIGINAL if name in row}


def _parsed(text: str) -> Any:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True)
    try:
        root = etree.fromstring(_DECLARATION.sub("", text, count=1).strip().encode("utf-8"), parser)
    except (etree.XMLSyntaxError, ValueError):
        raise Unreadable("no document inside") from None
    if root.getroottree().docinfo.doctype:
        raise Unreadable("a DTD inside")
    if sum(1 for _ in zip(range(MAX_ELEMENTS + 1), root.iter(), strict=False)) > MAX_ELEMENTS:
        raise Unreadable(f"more than {MAX_ELEMENTS} elements inside")
    return root


def _children(element: Any) -> dict[str, list[Any]]:
    """Elements by name, whatever its capitals and namespace."""
    found: dict[str, list[Any]] = {}
    for child in element:
        if isinstance(child.tag, str):
            found.setdefault(etree.QName(child).localname.casefold(), []).append(child)
    return found


def _rows(element: Any) -> list[Any]:
    """The element itself, or the rows that are all that it has."""
    inside = _children(element)
    return inside[ROW] if set(inside) == {ROW} else [element]


def _once(found: list[Any], name: str) -> list[Any]:
    if len(found) != 1:
        raise Unreadable(f"{name} stands there {len(found)} times")
    return found


def _text(parts: Mapping[str, list[Any]], name: str) -> str:
    found = parts.get(name.casefold(), [])
    return (_once(found, name)[0].text or "").strip() if found else ""
