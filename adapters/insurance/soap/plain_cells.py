"""Cells of a reply that comes as text: read by the tables, never guessed at, never through a float. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from decimal import Decimal

from adapters.insurance.schema import FieldSpec, Type
from adapters.insurance.soap.stack import Unreadable

NULL = "null"  # what some centres write for nothing (insurance.md 1.2)
MAX_DIGITS = 40
_NUMBER = re.compile(rf"[+-]?[0-9]{{1,{MAX_DIGITS}}}(\.[0-9]{{0,{MAX_DIGITS}}})?\Z", re.ASCII)


def cell(spec: FieldSpec, written: str) -> str | Decimal | bytes | None:
    """The value of one field; None where there is none. ``Unreadable`` names the field, never what stood there."""
    value = written.strip()
    if not value or value == NULL:
        return None
    match spec.type:
        case Type.NUMBER:
            if not _NUMBER.match(value):
                raise Unreadable(f"{spec.name} is no plain number")
            return Decimal(value)
        case Type.BINARY:
            try:
                return base64.b64decode(value, validate=True)
            except (binascii.Error, ValueError):
                raise Unreadable(f"{spec.name} is no base64") from None
        case _:
            return written
