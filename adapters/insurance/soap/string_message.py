"""The string of BUSINESS_HANDLE: parts apart by ^, cells by |, rows by $. Pure.

Source: insurance.md 3, "Neusoft". In: code^institution^operator^cycle^our serial^centre^cells^1^. Out: code^serial or
cycle^cells^words. Cells stand in the order of the tables; where a message has several tables, each row begins with the
name of its own. Such strings cannot carry a separator that is meant as text, so a value that holds one is refused before
it is sent; and a reply whose cells are not exactly as many as its table's is unreadable, for one too many shifts amounts.
"""

from __future__ import annotations

import re
from typing import Any

from adapters.insurance.profile_soap import SoapForm
from adapters.insurance.schema import Input, Node, Row
from adapters.insurance.soap.plain_cells import cell
from adapters.insurance.soap.stack import SoapFault, Tokens, Unreadable
from adapters.insurance.transactions import TRANSACTIONS
from middleware.domain.fault import Fault

PART, CELL, ROW = "^", "|", "$"
ONLINE = "1"
SIGN_IN, SIGN_NODE, SIGN_FIELD = "9001", "signinoutb", "sign_no"
# The library under these strings answered -2 for "refused" and -1 for "something went wrong": that is no refusal.
WENT_WRONG = "-1"
MIN_PARTS, MAX_PARTS = 3, 5  # code, serial, cells; then words, and nothing after the last ^
_SEPARATORS = re.compile(r"[\^|$]")
_SUCCESS = re.compile(r"0+\Z", re.ASCII)


class StringMessages:
    """Written and read by a region's codes."""

    def __init__(self, form: SoapForm) -> None:
        self._codes = {code: form.code_of(code) for code in TRANSACTIONS}

    def write(self, code: str, head: Row, nodes: Input) -> str:
        """The string. ``Fault("centre.field")`` names the field that holds a separator."""
        parts = {name: head.get(name, "") for name in ("fixmedins_code", "opter", "sign_no", "msgid", "insuplc_admdvs")}
        for name, value in parts.items():
            _carried(value, f"{code} head.{name}")
        cells = self._cells(code, nodes)
        return PART.join([self._codes[code], *parts.values(), cells, ONLINE, ""])

    def _cells(self, code: str, nodes: Input) -> str:
        tables = TRANSACTIONS[code].input
        rows = []
        for node in tables:
            for index, row in enumerate(nodes.get(node.name, ())):
                where = f"{code} {node.name}[{index}]" if node.many else f"{code} {node.name}"
                values = [self._value(spec.name, row.get(spec.name, ""), where) for spec in node.fields]
                rows.append(CELL.join([node.name, *values] if len(tables) > 1 else values))
        return ROW.join(rows)

    def _value(self, name: str, value: str, where: str) -> str:
        if name == "oinfno":
            value = self._codes.get(value, value)
        return _carried(value, f"{where}.{name}")

    def read(self, code: str, text: str, message_id: str) -> Tokens | SoapFault:  # noqa: ARG002 - gives none back
        """The reply's fields, a ``SoapFault`` for "something went wrong", or ``Unreadable``."""
        parts = text.strip().split(PART)
        verdict = parts[0].strip()
        if verdict == WENT_WRONG:
            return SoapFault(WENT_WRONG)
        if not _SUCCESS.match(verdict):
            return Tokens(verdict, PART.join(parts[3:]).rstrip(PART), None)
        if not MIN_PARTS <= len(parts) <= MAX_PARTS or any(parts[4:]):
            raise Unreadable(f"{len(parts)} parts")
        output = _output(TRANSACTIONS[code].output, parts[2])
        if code == SIGN_IN and not output:
            output = {SIGN_NODE: {SIGN_FIELD: parts[1].strip() or None}}
        return Tokens(verdict, parts[3] if len(parts) > MIN_PARTS else "", output or None)


def _carried(value: str, where: str) -> str:
    if _SEPARATORS.search(value):
        raise Fault("centre.field", f"{where}: holds {PART}, {CELL} or {ROW}, which this centre's strings cannot carry")
    return value


def _output(nodes: tuple[Node, ...], cells: str) -> dict[str, Any]:
    if not cells.strip() or not nodes:
        return {}
    output: dict[str, Any] = {}
    tables = {node.name: node for node in nodes}
    for line in cells.split(ROW):
        values = line.split(CELL)
        node = nodes[0]
        if len(nodes) > 1:
            name = values.pop(0).strip()
            if name not in tables:
                raise Unreadable("a row of no table of this transaction")
            node = tables[name]
        row = _row(node, values)
        if node.many:
            output.setdefault(node.name, []).append(row)
        elif not node.name:
            output |= row
        elif node.name in output:
            raise Unreadable(f"{node.name} stands there more than once")
        else:
            output[node.name] = row
    return output


def _row(node: Node, values: list[str]) -> dict[str, Any]:
    if len(values) != len(node.fields):
        raise Unreadable(f"{node.name or 'the row'} has {len(values)} cells, its table {len(node.fields)}")
    return {spec.name: cell(spec, value) for spec, value in zip(node.fields, values, strict=True)}
