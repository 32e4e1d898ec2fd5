"""Which column of a catalogue's file is what. Adding a catalogue is adding a table here and its transaction.

The files have no line of names, so that a column is known by its place, from 1. Only what we understand is named; all others
are kept as they come. Source: published programs of several provinces that read these files, which agree in every place that
two of them name; a region that has them otherwise says so in its profile, ``[catalogue.columns]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen

# What a column may be to us; the first three a file cannot do without.
NEEDED = ("code", "record", "version")
COLUMNS = (*NEEDED, "name", "valid", "since", "until", "limited")


@frozen(slots=True)
class FileTable:
    """The columns that we understand, by their places from 1, and how many the published files have."""

    places: Mapping[str, int]
    published: int


def _table(published: int, **places: int) -> FileTable:
    return FileTable(MappingProxyType(places), published)


# fmt: off
FILES: Mapping[str, FileTable] = MappingProxyType({
    "1301": _table(92, code=1, name=4, since=37, until=38, limited=58, valid=79, record=80, version=83),
    "1302": _table(29, code=1, name=2, since=12, until=13, valid=14, record=15, version=18),
    "1303": _table(78, code=1, name=2, valid=65, since=66, until=67, record=68, version=71),
    "1305": _table(16, code=1, valid=7, name=10, since=12, until=13, record=14, version=15),
    "1306": _table(71, code=1, name=2, limited=34, since=47, until=48, valid=68, record=69, version=70),
    "1307": _table(24, code=11, name=12, valid=19, record=20, version=23),
    "1308": _table(24, code=11, name=12, valid=19, record=20, version=23),
    "1309": _table(16, code=1, valid=6, record=7, version=10, name=15),
})
# fmt: on
