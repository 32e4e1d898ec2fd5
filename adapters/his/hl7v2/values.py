"""Values to fields and segments, whichever message they are of. Pure.

Nothing here depends on the moment: the same value is the same field on every repeat, whatever zone its times were
stored in.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import lru_cache

from adapters.his.hl7v2 import tables
from adapters.his.hl7v2.dialect import Dialect
from adapters.his.hl7v2.frame import Field, Repetition, Segment
from middleware.domain.fault import Fault

EMPTY: Field = ()


def segment(name: str, values: dict[int, Field]) -> Segment:
    """The segment of these fields; a repetition without any text is no repetition, a field without any is absent."""
    present = {number: tuple(filter(_says_something, value)) for number, value in values.items()}
    last = max((number for number, value in present.items() if value), default=0)
    return Segment(name, tuple(present.get(number, EMPTY) for number in range(1, last + 1)))


def _says_something(repetition: Repetition) -> bool:
    first = repetition[0]
    if first and isinstance(first, str):  # nearly always
        return True
    return any(component if isinstance(component, str) else any(component) for component in repetition)


def one(text: str) -> Field:
    """A field of one text; absent when there is none."""
    return ((text,),) if text else EMPTY


def typed(number: str, kind: str) -> Repetition:
    """A number as CX: what kind it is stands in the fifth component."""
    return (number, "", "", "", kind)


def insured_by(kind: str) -> Field:
    """The centre's kind of insurance with its name, as CE."""
    return ((kind, tables.INSURANCE_NAMES.get(kind, ""), tables.CENTRE_SYSTEM),) if kind else EMPTY


def stamp(moment: dt.datetime, dialect: Dialect) -> str:
    """Local time of the site to the second, always in its own offset: the journal may give the moment back in UTC."""
    if moment.tzinfo is None:
        raise Fault("his.message", "a time without its zone")
    return _local(moment, dialect.utc_offset_minutes)


@lru_cache(maxsize=512)  # the lines of a bill share their times
def _local(moment: dt.datetime, offset_minutes: int) -> str:
    zone = dt.timezone(dt.timedelta(minutes=offset_minutes))
    return moment.astimezone(zone).strftime("%Y%m%d%H%M%S")


def number_text(value: Decimal) -> str:
    """A quantity or a price as NM: plain digits, no exponent, no zeros at either end, and never "-0"."""
    if not value.is_finite():
        raise Fault("his.message", "a number that is not finite")
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", "0", ""} else text
