"""``python -m benchmarks.catalogue WHERE ROWS LOOKUPS``: a catalogue's file written as a download does, then looked up.

WHERE is a folder for a file of SQLite's, or ``postgresql``: a private cluster, made for it and removed again.

The file is packed and has the 92 columns of 1301; its reader, the parts of 500 rows, the one writer and the works are the
engine's own. Then a tenth of it comes once more as a newer version, whose rows replace the old ones. A look-up is that of a
quote: the five codes of a bill in one question. One line of JSON.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import random
import sys
import time
import zipfile
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from attrs import evolve
from twisted.internet.defer import ensureDeferred
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure

from adapters.insurance.catalogue.file import read
from adapters.insurance.catalogue.form import CatalogueForm
from benchmarks.machine import cpu_s, percentile
from middleware.domain.catalogue import CatalogueRow
from middleware.engine.catalogue import PART_ROWS
from middleware.engine.journal import Journal
from middleware.store import catalogue as stored
from middleware.store.catalogue import Catalogues, Load, Standing
from middleware.store.ciphers import AES
from middleware.store.database import open_database, ready
from middleware.store.masters import KeptMaster, KeptMasters
from middleware.store.units import Unit
from middleware.store.vault import Vault
from middleware.store.writer import Writer
from simulators.postgres import Cluster

NAME, COLUMNS, CODES, TENTH = "1301", 92, 5, 10
NOW = dt.datetime(2026, 11, 21, 3, 30, tzinfo=dt.timezone(dt.timedelta(hours=8)))
FORM = CatalogueForm()


def packed(numbers: Sequence[int], version: str) -> bytes:
    """The file of these items, as 9102 gives it."""
    places = FORM.places(NAME)
    lines = []
    for number in numbers:
        cells = [""] * COLUMNS
        facts = {
            "code": f"XA{number:018d}", "name": f"示例药品{number}", "since": "20200101", "until": "99991231",
            "limited": "0", "valid": "1", "record": f"{number:020d}", "version": version,
        }  # fmt: skip
        for column, text in facts.items():
            cells[places[column] - 1] = text
        lines.append("\t".join(cells))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as whole:
        whole.writestr("1301.txt", "\n".join(lines))
    return out.getvalue()


def _part(rows: Iterator[CatalogueRow]) -> tuple[CatalogueRow, ...]:
    return tuple(islice(rows, PART_ROWS))


class Shelf:
    """A catalogue on one database."""

    def __init__(self, journal: Journal, store: Catalogues) -> None:
        self._journal, self._store = journal, store

    async def load(self, file: bytes, edition: int) -> dict[str, float]:
        """rows_per_s, cpu_us of the whole process a row, p99_ms of a part: so long others wait for the writer."""
        load = Load(f"G{edition:06d}", NAME, "", "bench", NOW.isoformat())
        await self._work(stored.begin(load))
        count, took, rows = 0, [], read(file, NAME, "", FORM)
        spent, began = cpu_s(os.getpid()), time.perf_counter()
        while part := await deferToThread(_part, rows):
            at = time.perf_counter()
            await self._work(stored.add(load, 1, edition, part))
            took.append(time.perf_counter() - at)
            count += len(part)
        took_s = time.perf_counter() - began
        cpu = cpu_s(os.getpid()) - spent
        await self._work(stored.stand(load, Standing(NAME, "v", 1, edition, count, checked_at=NOW.isoformat())))
        await self._work(stored.progress(evolve(load, state=stored.LOADED)))
        return {"rows_per_s": count / took_s, "cpu_us": cpu / count * 1e6, "p99_ms": percentile(took, 0.99) * 1e3}

    def look_up(self, rows: int, times: int) -> dict[str, float]:
        """p50_ms and p99_ms of a quote's question, in a thread of the pool; each code has its one row."""
        chosen = random.Random(1)
        took = []
        for _ in range(times):
            codes = {f"XA{chosen.randrange(rows):018d}" for _ in range(CODES)}
            at = time.perf_counter()
            found = self._store.find((NAME,), codes)
            took.append(time.perf_counter() - at)
            assert set(found[NAME]) == codes
            assert all(len(one) == 1 for one in found[NAME].values())
        return {"p50_ms": percentile(took, 0.5) * 1e3, "p99_ms": percentile(took, 0.99) * 1e3}

    async def _work(self, work: stored.Work) -> None:
        await self._journal.commit(Unit(records=(), now=NOW, work=work))


async def _measured(reactor: Any, url: str, rows: int, times: int) -> dict[str, dict[str, float]]:
    database = open_database(url)
    ready(database)
    vault = Vault(database, KeptMasters([KeptMaster(AES, random.randbytes(32))]))
    journal = Journal(reactor, Writer(database, vault=vault))
    journal.start()
    shelf = Shelf(journal, Catalogues(database))
    whole = await shelf.load(packed(range(rows), "20260101000000"), 1)
    before = await deferToThread(shelf.look_up, rows, times)
    tenth = await shelf.load(packed(range(0, rows, TENTH), "20260201000000"), 2)
    after = await deferToThread(shelf.look_up, rows, times)
    await journal.stop()
    database.dispose()
    return {"whole": whole, "look_up": before, "newer": tenth, "look_up_after": after}


def main(url: str, rows: int, times: int) -> int:
    """Measure on that database; 0 when every look-up found what was loaded."""
    from twisted.internet import reactor as installed

    reactor: Any = installed
    ends: list[Any] = []

    def begin() -> None:
        done = ensureDeferred(_measured(reactor, url, rows, times))
        done.addBoth(ends.append)
        done.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()
    if isinstance(ends[0], Failure):
        ends[0].printTraceback()  # type: ignore[no-untyped-call]  # Twisted's
        return 1
    print(json.dumps(ends[0]), flush=True)
    return 0


def run(where: str, rows: int, times: int) -> int:
    """See the module."""
    if where != "postgresql":
        return main(f"sqlite:///{where}/catalogue.db", rows, times)
    cluster = Cluster()
    try:
        cluster.make()
        return main(cluster.url(cluster.create()), rows, times)
    finally:
        cluster.remove()


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
