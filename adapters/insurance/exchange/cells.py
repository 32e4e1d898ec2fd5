"""Cells of a reply: each is read by its rule, or one of three words says what is wrong with it. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from adapters.insurance.schema import MOMENT_FORMAT
from middleware.domain.centre import VisitFacts
from middleware.domain.money import MAX_FEN, ZERO, Money

Output = Mapping[str, Any]
_MAX_AMOUNT_DIGITS = len(str(MAX_FEN))


class Incomplete(Exception):  # noqa: N818 - it says what is so; the link makes an Unknown of it
    """A success without a part that it must have; the text names the field."""


class NotOurs(Exception):  # noqa: N818 - the same
    """The reply names another person, visit or message; the text names the field."""


class BadValue(Exception):  # noqa: N818 - the same
    """A field that cannot be read; the text names it, never its value."""


def one_row(nodes: Output, name: str) -> Output:
    """The node that must be there once."""
    found = nodes.get(name)
    if isinstance(found, list):
        found = found[0] if len(found) == 1 else None
    if not isinstance(found, Mapping):
        raise Incomplete(name)
    return found


def all_rows(nodes: Output, name: str) -> Iterable[Output]:
    """The rows of a list node; none is none."""
    rows = nodes.get(name) or []
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else [rows]


def text_of(row: Output, name: str) -> str:
    """The cell as text; null, and the word that some centres write for it, are empty (insurance.md 1.2)."""
    value = row.get(name)
    text = "" if value is None else str(value).strip()
    return "" if text == "null" else text


def required(row: Output, name: str) -> str:
    """The same; ``Incomplete`` when there is none."""
    text = text_of(row, name)
    if not text:
        raise Incomplete(name)
    return text


def echo(row: Output, name: str, ours: str) -> None:
    """``NotOurs`` when the centre gives back another value than ours; silence is no contradiction."""
    theirs = text_of(row, name)
    if theirs and theirs != ours:
        raise NotOurs(name)


def echo_visit(row: Output, visit: VisitFacts, message_id: str) -> None:
    """Person and visit are named and are ours; so is the message id, where the centre gives one of ours back."""
    if message_id:
        required(row, "psn_no")  # a cancel need not name the person (2208's table)
    required(row, "mdtrt_id")
    echo(row, "psn_no", visit.person_number)
    if visit.visit_number:  # a pharmacy's visit has its number from this very answer
        echo(row, "mdtrt_id", visit.visit_number)
    given_back = text_of(row, "medins_setl_id")
    if message_id and len(given_back) == len(message_id) and given_back.startswith(message_id[:12]):
        echo(row, "medins_setl_id", message_id)


def amount_of(row: Output, name: str) -> Money | None:
    """An exact amount, or None where there is none."""
    value = row.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, Decimal):
        raise BadValue(name)
    # Bounded before it is written out: 1E+999999999 is a Decimal of a few bytes.
    if not value.is_finite() or value.adjusted() > _MAX_AMOUNT_DIGITS or value.adjusted() < -_MAX_AMOUNT_DIGITS:
        if value == 0:
            return ZERO
        raise BadValue(name)
    if not value:
        return ZERO
    try:
        return Money.parse(value)
    except ValueError:
        raise BadValue(name) from None


def must_amount(row: Output, name: str) -> Money:
    """The same; ``Incomplete`` when there is none."""
    amount = amount_of(row, name)
    if amount is None:
        raise Incomplete(name)
    return amount


TIME_FORMATS = (MOMENT_FORMAT, "%Y-%m-%dT%H:%M:%S", "%Y%m%d%H%M%S")
CHINA = dt.timezone(dt.timedelta(hours=8))  # the platform's clocks have one zone and write none


def time_of(row: Output, name: str) -> dt.datetime:
    """A moment of the centre's clock."""
    written = required(row, name)
    for form in TIME_FORMATS:
        try:
            return dt.datetime.strptime(written[:19], form).replace(tzinfo=CHINA)
        except ValueError:
            continue
    raise BadValue(name)
