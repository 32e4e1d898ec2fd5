"""Messages as texts, for a centre with one operation that takes a text: a document with MSGNO, or a string with ^ and |.

Written by string work and lxml and none of the adapter's codec, so that it cannot agree with the adapter's mistakes; only
the tables are shared. What a region calls its codes and fields is told to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from attrs import field, frozen
from lxml import etree

from adapters.insurance.schema import Node
from adapters.insurance.transactions import REQUEST_HEAD, TRANSACTIONS
from simulators.centre.wire import Request

PLACE = "999900"
_SIGN_IN = "9001"
_HEAD = {
    "MSGNO": "infno",
    "MSGID": "msgid",
    "GRANTID": "fixmedins_code",
    "OPERID": "opter",
    "BATNO": "sign_no",
    "OPTTIME": "inf_time",
}


class Text(Protocol):
    """A text in, a text out."""

    def read(self, text: str) -> Request:
        """The message, or ``ValueError`` that says what is wrong."""

    def write(self, request: Request, head: Mapping[str, str], output: Any) -> str:
        """Its answer."""


@frozen(slots=True)
class ProcessText:
    """<ROOT> with MSGNO, MSGID, ORGMSGID, BATNO and so on, and INPUT; answered with CODE, ERRMSG and OUTPUT."""

    codes: Mapping[str, str] = field(factory=dict)
    fields: Mapping[str, str] = field(factory=dict)
    head: Mapping[str, str] = field(factory=lambda: dict(_HEAD))  # the envelope's elements, and our field in each
    names: Mapping[str, str] = field(factory=dict)

    def _name(self, part: str, usual: str) -> str:
        return self.names.get(part, usual)

    def _field(self, name: str) -> str:
        return self.fields.get(name, name)

    def read(self, text: str) -> Request:
        """See ``Text``."""
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        try:
            root = etree.fromstring(text.encode(), parser)
        except etree.XMLSyntaxError as exc:
            raise ValueError("no document inside") from exc
        if root.tag != self._name("root", "ROOT"):
            raise ValueError("another root")
        given = {child.tag: child.text or "" for child in root if not len(child)}
        meant = {ours: given[theirs] for theirs, ours in self.head.items() if theirs in given}
        call = _ours(self.codes, meant.get("infno", ""))
        if call not in TRANSACTIONS:
            raise ValueError("no such MSGNO")
        nodes: dict[str, list[Mapping[str, str]]] = {}
        ours = {theirs: name for name, theirs in self.fields.items()}
        inside = root.find(self._name("input", "INPUT"))
        for node in () if inside is None else inside:
            row = {ours.get(cell.tag, cell.tag): cell.text or "" for cell in node}
            nodes.setdefault(ours.get(node.tag, node.tag), []).append(self._original(row))
        return Request(call, _whole(meant | {"infno": call}), nodes)

    def _original(self, row: dict[str, str]) -> dict[str, str]:
        return row | {"oinfno": _ours(self.codes, row["oinfno"])} if "oinfno" in row else row

    def write(self, request: Request, head: Mapping[str, str], output: Any) -> str:
        """See ``Text``."""
        root = etree.Element(self._name("root", "ROOT"))
        for part, usual, value in (
            ("message_id", "MSGID", request.head["msgid"]),
            ("code", "CODE", head["infcode"]),
            ("message", "ERRMSG", head.get("err_msg", "")),
            ("said_at", "RETTIME", head.get("respond_time", "")),
        ):
            etree.SubElement(root, self._name(part, usual)).text = value
        out = etree.SubElement(root, self._name("output", "OUTPUT"))
        for node, rows in _tables(request.call, output):
            for row in rows:
                element = etree.SubElement(out, self._field(node.name or "ROW")) if node.name or node.many else out
                for spec in node.fields:
                    if spec.name in row:
                        etree.SubElement(element, self._field(spec.name)).text = row[spec.name]
        return f'<?xml version="1.0" encoding="GBK"?>\n{etree.tostring(root, encoding="unicode")}'


@frozen(slots=True)
class StringText:
    """code^institution^operator^cycle^serial^centre^cells^1^; answered with code^serial or cycle^cells^words^."""

    codes: Mapping[str, str] = field(factory=dict)

    def read(self, text: str) -> Request:
        """See ``Text``."""
        parts = text.split("^")
        if len(parts) != 9 or parts[7:] != ["1", ""]:  # noqa: PLR2004 - eight parts, and nothing after the last ^
            raise ValueError("not eight parts")
        call = _ours(self.codes, parts[0])
        if call not in TRANSACTIONS:
            raise ValueError("no such code")
        head = dict(zip(("fixmedins_code", "opter", "sign_no", "msgid", "insuplc_admdvs"), parts[1:6], strict=True))
        return Request(call, _whole(head | {"infno": call}), self._nodes(call, parts[6]))

    def _nodes(self, call: str, cells: str) -> dict[str, list[Mapping[str, str]]]:
        tables = {node.name: node for node in TRANSACTIONS[call].input}
        nodes: dict[str, list[Mapping[str, str]]] = {}
        for line in cells.split("$"):
            values = line.split("|")
            name = values.pop(0) if len(tables) > 1 else next(iter(tables))
            if name not in tables or len(values) != len(tables[name].fields):
                raise ValueError("not the cells of that table")
            row = {spec.name: value for spec, value in zip(tables[name].fields, values, strict=True)}
            if "oinfno" in row:
                row["oinfno"] = _ours(self.codes, row["oinfno"])
            nodes.setdefault(name, []).append(row)
        return nodes

    def write(self, request: Request, head: Mapping[str, str], output: Any) -> str:
        """See ``Text``."""
        serial, tables = head.get("inf_refmsgid", ""), _tables(request.call, output)
        if request.call == _SIGN_IN and output is not None:
            serial, tables = output["signinoutb"]["sign_no"], []
        several = len(TRANSACTIONS[request.call].output) > 1
        lines = []
        for node, rows in tables:
            for row in rows:
                cells = [row.get(spec.name) or "" for spec in node.fields]
                lines.append("|".join([node.name, *cells] if several else cells))
        return "^".join((head["infcode"], serial, "$".join(lines), head.get("err_msg", ""), ""))


def _ours(codes: Mapping[str, str], theirs: str) -> str:
    return next((ours for ours, called in codes.items() if called == theirs), theirs)


def _whole(head: Mapping[str, str]) -> dict[str, str]:
    """What the national envelope must have and these have not."""
    known = {spec.name: "-" for spec in REQUEST_HEAD if spec.need} | {"mdtrtarea_admvs": PLACE}
    return known | dict(head)


def _tables(call: str, output: Any) -> list[tuple[Node, list[Mapping[str, str | None]]]]:
    """Each table of the answer with its rows."""
    found = []
    for node in TRANSACTIONS[call].output if output is not None else ():
        given = output.get(node.name) if node.name and isinstance(output, Mapping) else output
        rows = given if isinstance(given, list) else [] if given is None else [given]
        found.append((node, rows))
    return found
