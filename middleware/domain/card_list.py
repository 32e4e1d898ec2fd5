"""A list of lost and blacklisted cards as a file says it: one line a card, read whole or refused whole. Pure.

``kind,number,region,reason,since``: kind ``card_id_code`` (32 hex digits, no region) or ``card_number`` (nine characters
with the six digits of the issuing region, for two regions may print the same number); reason ``lost`` or ``blacklisted``;
since a date or a time with offset. UTF-8, no header; a card that stands twice counts once, its first line wins.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable

from attrs import frozen

from middleware.domain.registry import ListReason

MAX_LINE = 200
_MEMBERS = 5
_CODE = re.compile(r"[0-9A-F]{32}", re.ASCII)
_NUMBER = re.compile(r"[0-9A-Z]{9}", re.ASCII)
_REGION = re.compile(r"[0-9]{6}", re.ASCII)


class ListRefusedError(Exception):
    """The line that is not as declared, and the rule that it breaks; never what stands in it."""

    def __init__(self, line: int, rule: str) -> None:
        self.line = line
        self.rule = rule
        super().__init__(f"line {line}: {rule}")


@frozen(slots=True, repr=False)
class ListedCard:
    """One line. ``name`` is what a digest is made of: see :func:`names_of`."""

    name: tuple[str, str]
    reason: ListReason
    since: dt.datetime


def names_of(card_id_code: str, card_number: str) -> tuple[tuple[str, str], ...]:
    """The names that a list may have for a card: by its identification code, and by its number with the issuer's region."""
    code = card_id_code.upper()
    by_code = ((_KIND_CODE, code),) if code else ()
    by_number = ((_KIND_NUMBER, f"{code[:6]}/{card_number.upper()}"),) if code and card_number else ()
    return by_code + by_number


_KIND_CODE, _KIND_NUMBER = "card_id_code", "card_number"


def read_list(lines: Iterable[str], first: int, zone: dt.tzinfo) -> list[ListedCard]:
    """The cards of these lines; ``first`` is the number of the first one. Raises ``ListRefusedError``."""
    return [_card(text, number, zone) for number, text in enumerate(lines, start=first)]


def _card(text: str, line: int, zone: dt.tzinfo) -> ListedCard:
    members = [member.strip() for member in text.split(",")]
    if len(text) > MAX_LINE or len(members) != _MEMBERS:
        raise ListRefusedError(line, f"a line has {_MEMBERS} members and at most {MAX_LINE} characters")
    kind, number, region, reason, since = members
    if reason not in set(ListReason):
        raise ListRefusedError(line, f"the reason is one of {', '.join(ListReason)}")
    return ListedCard(_name(kind, number.upper(), region, line), ListReason(reason), _moment(since, zone, line))


def _name(kind: str, number: str, region: str, line: int) -> tuple[str, str]:
    if kind == _KIND_CODE:
        if not _CODE.fullmatch(number) or region:
            raise ListRefusedError(line, "a card_id_code is 32 hex digits, without a region")
        return kind, number
    if kind != _KIND_NUMBER:
        raise ListRefusedError(line, f"the kind is {_KIND_CODE} or {_KIND_NUMBER}")
    if not _NUMBER.fullmatch(number) or not _REGION.fullmatch(region):
        raise ListRefusedError(line, "a card_number is nine letters or digits, with a region of six digits")
    return kind, f"{region}/{number}"


def _moment(text: str, zone: dt.tzinfo, line: int) -> dt.datetime:
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise ListRefusedError(line, "since is a date, or a time with offset") from None
    if found.tzinfo is None:
        if found.time() != dt.time.min:
            raise ListRefusedError(line, "since is a date, or a time with offset")
        found = found.replace(tzinfo=zone)
    return found
