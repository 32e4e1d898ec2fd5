"""What the catalogues say against a bill's lines. Pure: rows in, remarks out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

from middleware.domain.catalogue import CatalogueRow, Use, of_use
from middleware.domain.charge import ChargeLine
from middleware.domain.remark import Remark, RemarkKind

Found = Mapping[str, Mapping[str, Sequence[CatalogueRow]]]  # catalogue -> code -> its rows; no entry: it was not downloaded

_ITEMS, _LIMITS, _MAPPING, _VALUES = (of_use(use) for use in (Use.ITEMS, Use.LIMITS, Use.MAPPING, Use.VALUES))


def remarks(
    lines: Sequence[ChargeLine], values: Mapping[str, str], found: Found, offered: Sequence[str], today: dt.date
) -> tuple[Remark, ...]:
    """What is wrong with the lines, and with ``values`` (code list that the centre told -> our code), in order.

    Silence where a catalogue was not downloaded: an item is unknown only when every catalogue of items that the region
    offers is there. A price is over its limit when it is above the highest that counts on that day, for limits differ by
    kind and place.
    """
    return (*_of_values(values, found, today), *(one for line in lines for one in _of_line(line, found, offered)))


def _of_values(values: Mapping[str, str], found: Found, today: dt.date) -> Iterator[Remark]:
    for name in _VALUES:
        rows = found.get(name, {})
        for which, code in values.items():
            if code and name in found and not any(row.other == which and row.holds(today) for row in rows.get(code, ())):
                yield Remark("", RemarkKind.UNKNOWN_VALUE, name, f"{which} {code}")


def _of_line(line: ChargeLine, found: Found, offered: Sequence[str]) -> Iterator[Remark]:
    day = line.charged_at.date()
    yield from _item(line, found, [name for name in _ITEMS if name in offered], day)
    for name in _LIMITS:
        limits = [row.limit for row in found.get(name, {}).get(line.catalogue_code, ()) if row.holds(day)]
        known = [limit for limit in limits if limit is not None]
        if known and line.unit_price > max(known):
            yield Remark(line.line_id, RemarkKind.OVER_LIMIT, name, format(max(known).normalize(), "f"))
    for name in _MAPPING:
        if name in found:
            yield from _mapping(line, name, [row for row in found[name].get(line.hospital_code, ()) if row.holds(day)])


def _item(line: ChargeLine, found: Found, items: Sequence[str], day: dt.date) -> Iterator[Remark]:
    rows = [(name, row) for name in items for row in found.get(name, {}).get(line.catalogue_code, ())]
    if any(row.holds(day) for _, row in rows):
        return
    if not rows:
        if items and all(name in found for name in items):
            yield Remark(line.line_id, RemarkKind.UNKNOWN, "")
        return
    name, row = max(rows, key=lambda pair: (pair[1].valid, pair[1].until or "9", pair[1].since))
    written = day.isoformat()
    if not row.valid:
        yield Remark(line.line_id, RemarkKind.WITHDRAWN, name)
    elif row.since > written:
        yield Remark(line.line_id, RemarkKind.NOT_YET, name, row.since)
    else:
        yield Remark(line.line_id, RemarkKind.EXPIRED, name, row.until)


def _mapping(line: ChargeLine, name: str, rows: Sequence[CatalogueRow]) -> Iterator[Remark]:
    if not rows:
        yield Remark(line.line_id, RemarkKind.NOT_MAPPED, name)
    elif all(row.other != line.catalogue_code for row in rows):
        yield Remark(line.line_id, RemarkKind.MAPPED_OTHERWISE, name)
