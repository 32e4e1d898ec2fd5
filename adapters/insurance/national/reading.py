"""The platform's JSON to a reply's parts: strict where bytes could mean two things, tolerant where centres differ. Pure.

Tolerated, since the platform's own text contradicts itself or centres were seen to do so (insurance.md 1.3): a code that is
a number or a text; an output that is an object, a text holding one, empty, null or missing; a list for an object and an
object for a list; numbers as texts, texts as numbers, nulls. Fields that no table knows stay; no value drops a field.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NoReturn

from attrs import field, frozen

from adapters.insurance.exchange.frame import GatewayRefusal, refusal_in
from adapters.insurance.schema import FieldSpec, Transaction, Type

MAX_NUMBER = 64  # characters of one number: N16 is the widest of any table
_NUMBER = re.compile(r"[+-]?\d{1,40}(\.\d{1,20})?\Z", re.ASCII)
# What a journal, a database or a log cannot carry, and XML could not have brought.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


class Unreadable(Exception):  # noqa: N818 - it says what is so; it never leaves the adapter
    """The text is no reply. What it says names a rule, never a byte of the reply."""


@frozen(slots=True)
class Tokens:
    """A reply: ``output`` maps node names to a row or a list of rows, None where it had none."""

    code: str
    message: str = field(repr=False)
    output: dict[str, Any] | None = field(repr=False)
    said_at: str = ""  # respond_time


def read(transaction: Transaction, text: str) -> Tokens | GatewayRefusal:
    """The reply's parts. ``Unreadable`` for what is none."""
    answer = _object(text)
    if "infcode" not in answer and (refusal := refusal_in(answer)) is not None:
        return refusal
    message = answer.get("err_msg")
    return Tokens(
        _code(answer.get("infcode")),
        message if isinstance(message, str) else "",
        _output(transaction, answer.get("output")),
        _plain(answer.get("respond_time")),
    )


# -- strict: what the bytes are -------------------------------------------------------------------------------------------


def _object(text: str) -> dict[str, Any]:
    found = _parsed(text)
    if not isinstance(found, dict):
        raise Unreadable("no object")
    return found


def _parsed(text: str) -> Any:
    try:
        found = json.loads(
            text, parse_float=_decimal, parse_int=_decimal, parse_constant=_refused, object_pairs_hook=_unique
        )
    except RecursionError:
        raise Unreadable("nested too deeply") from None
    except ValueError as exc:
        raise Unreadable(f"{type(exc).__name__} in parsing") from None
    if "\\u" in text:  # only an escape can bring in what the decoding of bytes and the parser refuse
        _check_texts(found)
    return found


def _decimal(digits: str) -> Decimal:
    if len(digits) > MAX_NUMBER:
        raise Unreadable("a number of too many digits")
    try:
        return Decimal(digits)
    except ArithmeticError:
        raise Unreadable("a number out of range") from None


def _refused(_word: str) -> NoReturn:
    raise Unreadable("NaN or Infinity")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two values under one name are no reply: which of them counts would be the parser's taste."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("a name stands twice")
    return found


def _check_texts(value: object) -> None:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if _FORBIDDEN.search(one):
                raise Unreadable("a control character or half a character")
        elif isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one


# -- tolerant: what centres make of the tables ----------------------------------------------------------------------------


def _code(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, Decimal, type(None))):
        raise Unreadable("infcode is neither text nor number")
    return _plain(value)


def _plain(value: object) -> str:
    """A text or number as text, anything else as nothing."""
    return str(value).strip() if isinstance(value, (str, Decimal)) else ""


def _output(transaction: Transaction, given: object) -> dict[str, Any] | None:
    if transaction.is_list:
        return _listed(transaction, _parsed(given) if isinstance(given, str) and given.strip() else given)
    if isinstance(given, str):
        given = _object(given) if given.strip() not in {"", "null", "[]"} else None
    if isinstance(given, list):
        given = _only(given)
    if given is None:
        return None
    if not isinstance(given, dict):
        raise Unreadable("output is no object")
    output = dict(given)
    for node in transaction.output:
        if not node.name:
            output = _row(node.fields, output)
        elif node.name in output:
            output[node.name] = _node(node.fields, output[node.name])
    return output


def _listed(transaction: Transaction, given: object) -> dict[str, Any] | None:
    """Rows where the output itself is the list: also inside an object with nothing else, and a row that came alone."""
    if isinstance(given, dict) and len(given) == 1:
        (inside,) = given.values()
        given = inside if isinstance(inside, (list, dict)) else given
    rows = _node(transaction.output[0].fields, [given] if isinstance(given, dict) and given else given)
    return {"": rows} if rows else None


def _only(rows: list[Any]) -> object:
    """An empty list is nothing, a list of one is that one; of two nobody could say which counts."""
    if len(rows) > 1:
        raise Unreadable("output is a list")
    return rows[0] if rows else None


def _node(fields: Sequence[FieldSpec], given: object) -> object:
    """A row, its rows, or nothing: what is neither object nor list says nothing that a table knows."""
    if isinstance(given, dict):
        return _row(fields, given)
    if isinstance(given, list):
        return [_row(fields, row) for row in given if isinstance(row, dict)]
    return None


def _row(fields: Sequence[FieldSpec], given: Mapping[str, Any]) -> dict[str, Any]:
    row = dict(given)
    for spec in fields:
        value = row.get(spec.name)
        if value is None:
            continue
        if spec.type is Type.NUMBER:
            row[spec.name] = _amount(value)
        elif spec.type is Type.BINARY:
            row[spec.name] = _bytes(value)
        elif isinstance(value, Decimal):
            row[spec.name] = _digits(value)
    return row


def _amount(value: object) -> object:
    """A number, also where a text holds it; any other text stays, and whoever needs the amount finds that it is none."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text in {"", "null"}:
        return None
    return Decimal(text) if _NUMBER.match(text) else value


def _digits(value: Decimal) -> str:
    """A code or number that came without quotation marks, by its digits."""
    return format(value, "f") if abs(value.adjusted()) < MAX_NUMBER else str(value)


def _bytes(value: object) -> object:
    """A file in base64; what is none stays what it is, and is found to be none where it is needed."""
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        return value
