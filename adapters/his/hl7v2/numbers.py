"""Sequence numbers on the wire: MSH-13 out, MSA-4 in, and the message that only asks for them. Pure.

HL7 2.5, 2.10.1. A number is no part of what hl7apy judges: it is put into the header of a message that was judged.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from adapters.his.hl7v2.frame import escape

if TYPE_CHECKING:
    from adapters.his.hl7v2.dialect import Dialect

_PLACE = 12  # of MSH-13 after the split: MSH-1 is the bar itself
_NUMBER = re.compile(r"-1|[0-9]{1,15}")


def expected_number(text: str) -> int | None:
    """MSA-4, None where it says nothing that is a number."""
    text = text.strip()
    return int(text) if _NUMBER.fullmatch(text) and text.isascii() else None


def with_number(payload: bytes, number: int, codec: str) -> bytes:
    """The message with that MSH-13; nothing else of it changes."""
    header, mark, rest = payload.decode(codec).partition("\r")
    fields = header.split("|")
    fields += [""] * (_PLACE + 1 - len(fields))
    fields[_PLACE] = str(number)
    return ("|".join(fields) + mark + rest).encode(codec)


def number_message(dialect: Dialect, control_id: str, created_at: dt.datetime, number: int) -> bytes:
    """A message of a header alone, as 2.10.1 f allows for 0 and -1; it is answered in original mode."""
    zone = dt.timezone(dt.timedelta(minutes=dialect.utc_offset_minutes))
    parties = (
        dialect.sending_application, dialect.sending_facility, dialect.receiving_application, dialect.receiving_facility
    )  # fmt: skip
    fields = [
        "MSH", "^~\\&", *map(escape, parties), created_at.astimezone(zone).strftime("%Y%m%d%H%M%S"), "",
        "ADT^A08^ADT_A01", escape(control_id), dialect.processing_id, dialect.version, str(number), "", "", "",
        dialect.country, escape(dialect.charset_name),
    ]  # fmt: skip
    return ("|".join(fields) + "\r").encode(dialect.codec)
