"""A catalogue's file, row by row: every row keeps the rules, or the whole file is refused by one ``Fault("catalogue.*")``.

The columns that we understand must make sense where a wrong one would mislead: a row without its code, an order of versions
that goes back. What is only odd - a date that is none - is left empty, counted and kept as it came.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from attrs import field, frozen

from adapters.insurance.catalogue.form import CatalogueForm
from adapters.insurance.files import archive, table
from middleware.domain.catalogue import MAX_CODE, MAX_NAME, MAX_VERSION, CatalogueRow, is_newer
from middleware.domain.fault import Fault

BOUNDS = archive.Bounds(48 << 20, 1 << 30, 400)  # rows of which most columns are empty shrink to a hundredth
LONG = table.LongFile(1_000_000, 64 << 10)
NO, YES = "0", "1"
_DAY = re.compile(r"(\d{4})[-/]?(0[1-9]|1[0-2])[-/]?(0[1-9]|[12]\d|3[01])(?!\d)", re.ASCII)
_FOREVER = "9999"


@frozen(slots=True)
class _Reading:
    name: str  # of the file
    places: Mapping[str, int]
    asked: str  # the version that was known
    ordered: bool
    widest: int
    newest: list[str] = field(factory=list)

    def row(self, number: int, text: str) -> CatalogueRow:
        cells = text.split("\t")
        if len(cells) < self.widest:
            raise Fault("catalogue.file", f"{table.place(self.name, number)}: only {len(cells)} columns")
        version = self._must(number, cells, "version", MAX_VERSION)
        self._in_order(number, version)
        since, until = day_of(self._cell(cells, "since")), day_of(self._cell(cells, "until"))
        odd = (since is None) + (until is None)
        return CatalogueRow(
            code=self._must(number, cells, "code", MAX_CODE),
            record=self._must(number, cells, "record", MAX_CODE),
            version=version,
            name=self._cell(cells, "name")[:MAX_NAME],
            valid=self._cell(cells, "valid") != NO,
            since=since or "",
            until=until or "",
            limited=self._cell(cells, "limited") == YES,
            raw=text,
            odd=odd,
        )

    def _cell(self, cells: list[str], column: str) -> str:
        place = self.places.get(column)
        found = cells[place - 1].strip() if place is not None else ""
        return "" if found == table.NULL else found

    def _must(self, number: int, cells: list[str], column: str, longest: int) -> str:
        found = self._cell(cells, column)
        if not found or len(found) > longest:
            rule = f"longer than {longest} characters" if found else "is required"
            where = table.place(self.name, number, self.places[column] - 1, column)
            raise Fault("catalogue.file", f"{where}: {rule}")
        return found

    def _in_order(self, number: int, version: str) -> None:
        before = self.newest[0] if self.newest else self.asked
        if version == before:
            return
        if is_newer(version, before):
            self.newest[:] = [version]
        elif is_newer(before if self.ordered else self.asked, version):
            where = table.place(self.name, number, self.places["version"] - 1, "version")
            raise Fault("catalogue.file", f"{where}: older than what came before it")


def read(packed: bytes, catalogue: str, asked: str, form: CatalogueForm) -> Iterator[CatalogueRow]:
    """Its rows. ``Fault("catalogue.file")`` may come with any of them."""
    places = form.places(catalogue)
    try:
        name, chunks = archive.stream(packed, BOUNDS)
        reading = _Reading(name, places, "" if asked == form.first_version else asked, form.ordered, max(places.values()))
        for number, text in table.read_long(name, chunks, form.encoding, LONG):
            yield reading.row(number, text)
    except Fault as fault:
        raise Fault("catalogue.file", fault.detail) from None


def day_of(text: str) -> str | None:
    """A day as yyyy-MM-dd; "" for none, or for one that never comes; None for what is no day."""
    if not text or text.startswith(_FOREVER):
        return ""
    found = _DAY.match(text)
    return "-".join(found.groups()) if found else None
