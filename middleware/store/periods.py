"""Periods of data keys: what is sealed in one period is forgotten together. Pure."""

from __future__ import annotations

import calendar
import datetime as dt
import re

KINDS = ("month", "quarter", "year")
_SHAPE = re.compile(r"(\d{4})(?:-(?:(0[1-9]|1[0-2])|Q([1-4])))?", re.ASCII)
_MONTHS = 12


def period_of(at: dt.datetime, kind: str) -> str:
    """The period of a moment, in the moment's own zone: "2026-11", "2026-Q4" or "2026"."""
    if kind == "month":
        return f"{at.year:04d}-{at.month:02d}"
    return f"{at.year:04d}-Q{(at.month + 2) // 3}" if kind == "quarter" else f"{at.year:04d}"


def last_day(period: str) -> dt.date:
    """The last day of a period of any kind. ``ValueError`` for what is none."""
    found = _SHAPE.fullmatch(period)
    if found is None:
        raise ValueError("a period is YYYY-MM, YYYY-Qn or YYYY")
    year = int(found[1])
    month = int(found[2]) if found[2] else 3 * int(found[3]) if found[3] else _MONTHS
    return dt.date(year, month, calendar.monthrange(year, month)[1])
