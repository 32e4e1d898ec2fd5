"""What a transaction of the centre is made of, and the one check that every message we send must pass.

Standard library and attrs only: the adapters, the WSDL generator and the simulator read the same tables.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any

from attrs import field, frozen

from middleware.domain.fault import Fault

MOMENT_FORMAT = "%Y-%m-%d %H:%M:%S"
DATE_FORMAT = "%Y-%m-%d"
MAX_ROWS = 500  # rows of one list node in one message; equals the bill's own bound (domain.charge.MAX_LINES)

Row = Mapping[str, str]
Input = Mapping[str, Sequence[Row]]  # node name -> its rows

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\Z", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?\Z", re.ASCII)
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}\Z", re.ASCII)
# What XML 1.0 cannot carry, or would change on the way: a text with one of these never leaves (insurance.md 5.4).
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\r\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class Type(StrEnum):
    """The centre's five types; the value is how its own tables abbreviate them."""

    TEXT = "C"
    NUMBER = "N"
    DATE = "D"
    MOMENT = "DT"
    BINARY = "B"  # on the wire in base64


@frozen(slots=True)
class FieldSpec:
    """One row of a table of the interface specification.

    ``length`` is characters for text, digits in all for numbers, bytes before base64 for files. ``means`` is our own word
    for it, or "" when we do not use it. ``personal`` fields are never quoted in a fault.
    """

    name: str
    type: Type
    length: int
    decimals: int
    zh: str
    means: str
    need: bool
    codes: str
    personal: bool


def text(
    name: str, length: int, zh: str, means: str = "", *, need: bool = False, codes: str = "", personal: bool = False
) -> FieldSpec:
    """A C field; ``codes`` names its list in ``dictionaries``."""
    return FieldSpec(name, Type.TEXT, length, 0, zh, means, need, codes, personal)


def number(name: str, length: int, decimals: int, zh: str, means: str = "", *, need: bool = False) -> FieldSpec:
    """An N field: ``length`` digits in all, ``decimals`` of them after the point."""
    return FieldSpec(name, Type.NUMBER, length, decimals, zh, means, need, "", personal=False)


def date(name: str, zh: str, means: str = "", *, need: bool = False, personal: bool = False) -> FieldSpec:
    """A D field, yyyy-MM-dd."""
    return FieldSpec(name, Type.DATE, 10, 0, zh, means, need, "", personal)


def moment(name: str, zh: str, means: str = "", *, need: bool = False) -> FieldSpec:
    """A DT field, yyyy-MM-dd HH:mm:ss, the hospital's wall clock."""
    return FieldSpec(name, Type.MOMENT, 19, 0, zh, means, need, "", personal=False)


def binary(name: str, length: int, zh: str, means: str = "", *, need: bool = False) -> FieldSpec:
    """A B field of at most ``length`` bytes. A file holds people's rows, so it is never quoted."""
    return FieldSpec(name, Type.BINARY, length, 0, zh, means, need, "", personal=True)


@frozen(slots=True)
class Node:
    """One named table inside ``input`` or ``output``; a ``many`` node is a list.

    A name of "" is for the one table of an ``output`` whose fields stand in it without a node of their own; where that
    table is ``many``, the output itself is the list, and its rows are read under the name "".
    """

    name: str
    fields: tuple[FieldSpec, ...]
    many: bool = False


@frozen(slots=True)
class Transaction:
    """One transaction: its code, what goes in, what comes out."""

    code: str
    zh: str
    en: str
    input: tuple[Node, ...]
    output: tuple[Node, ...] = ()

    @property
    def is_list(self) -> bool:
        """Whether the output itself is a list of rows."""
        return any(node.many and not node.name for node in self.output)


@frozen(slots=True)
class SiteRules:
    """What a region changes in the tables: more codes in a list, other lengths of a field. Data, from its profile."""

    extra_codes: Mapping[str, frozenset[str]] = field(factory=dict)
    lengths: Mapping[str, int] = field(factory=dict)


def check_input(
    transaction: Transaction, given: Input, dictionaries: Mapping[str, Mapping[str, str]], site: SiteRules
) -> None:
    """Every field that we are about to send keeps the centre's rules, or ``Fault("centre.field")`` names the first.

    The detail is "2204 feedetail[3].cnt: more than 4 decimals": transaction, node, row from 0, field, rule.
    """
    nodes = {node.name: node for node in transaction.input}
    for name in given:
        if name not in nodes:
            raise Fault("centre.field", f"{transaction.code} {name}: no such node")
    for node in transaction.input:
        rows = given.get(node.name, ())
        where = f"{transaction.code} {node.name}"
        if not rows:
            raise Fault("centre.field", f"{where}: is required")
        if len(rows) > (MAX_ROWS if node.many else 1):
            raise Fault("centre.field", f"{where}: too many rows")
        for index, row in enumerate(rows):
            check_row(node.fields, row, f"{where}[{index}]" if node.many else where, dictionaries, site)


def check_row(
    fields: Sequence[FieldSpec],
    row: Row,
    where: str,
    dictionaries: Mapping[str, Mapping[str, str]],
    site: SiteRules,
) -> None:
    """The same for one row; ``where`` is how its place is named in the fault."""
    known, broken = 0, ""
    for spec in fields:
        name = spec.name
        if name not in row:
            if spec.need and not broken:
                broken = f"{name}: is required"
            continue
        known += 1
        if not broken and (rule := _broken_rule(spec, row[name], dictionaries, site)):
            broken = f"{name}: {rule}"
    if known != len(row):  # said before anything else that is wrong
        names = {spec.name for spec in fields}
        strange = next(name for name in row if name not in names)
        raise Fault("centre.field", f"{where}.{strange}: no such field")
    if broken:
        raise Fault("centre.field", f"{where}.{broken}")


def _broken_rule(spec: FieldSpec, value: Any, dictionaries: Mapping[str, Mapping[str, str]], site: SiteRules) -> str:
    """What is wrong with the value, or ""."""
    if value is None or value == "":
        return "is required" if spec.need else ""
    if not isinstance(value, str):
        return "must be text"  # a number is sent as the text that was checked, never as a float
    kind, length = spec.type, site.lengths.get(spec.name, spec.length)
    if kind is Type.TEXT:
        return _broken_text(spec, value, length, dictionaries, site)
    if kind is Type.NUMBER:
        return _broken_number(value, length, spec.decimals)
    if kind is Type.DATE:
        return "" if _is_calendar(value, _DATE) else "must be yyyy-MM-dd"
    if kind is Type.BINARY:
        return _broken_binary(value, length)
    return "" if _is_calendar(value, _MOMENT) else "must be yyyy-MM-dd HH:mm:ss"


def _broken_text(
    spec: FieldSpec, value: str, length: int, dictionaries: Mapping[str, Mapping[str, str]], site: SiteRules
) -> str:
    if len(value) > length:
        return f"longer than {length} characters"
    if _FORBIDDEN.search(value):
        return "holds a control character"
    if spec.need and not value.strip():
        return "is required"
    if spec.codes and value not in dictionaries[spec.codes] and value not in site.extra_codes.get(spec.codes, ()):
        return f"not in the code list {spec.codes}"
    return ""


def _broken_number(value: str, length: int, decimals: int) -> str:
    if not _NUMBER.match(value):
        return "must be a plain decimal number"
    digits, _, fraction = value.lstrip("+-").partition(".")
    if len(fraction.rstrip("0")) > decimals:
        return f"more than {decimals} decimals" if decimals else "must be a whole number"
    if len(digits.lstrip("0")) > length - decimals:
        return f"more than {length - decimals} digits before the point"
    return ""


def _broken_binary(value: str, length: int) -> str:
    if len(value) % 4 or not _BASE64.match(value):
        return "must be base64"
    return f"more than {length} bytes" if len(value) // 4 * 3 - value.count("=") > length else ""


def _is_calendar(value: str, shape: re.Pattern[str]) -> bool:
    if not shape.match(value):
        return False
    try:
        dt.datetime.fromisoformat(value)  # whether the calendar has it
    except ValueError:
        return False
    return True


def exact_decimal(value: Decimal, decimals: int) -> str:
    """A number as the wire writes it: plain, no exponent, no needless zeros; ``Fault`` when it is not exact.

    Bounded first: a Decimal like 1E+1000000 would fill the memory when written out.
    """
    if not value.is_finite() or value.adjusted() > 16:  # noqa: PLR2004 - N16 is the widest number of any table
        raise Fault("centre.field", "a number is out of range")
    exact = value.quantize(Decimal(1).scaleb(-decimals))
    if exact != value:
        raise Fault("centre.field", f"a number has more than {decimals} decimals")
    written = format(exact, "f")
    return written.rstrip("0").rstrip(".") if "." in written else written
