"""Downloading the centre's catalogues: one at a time, version by version, each of them whole or not at all.

What a load has done is on the disk with every part, so that anybody can read how far it is, and the next life goes on where
this one ended: behind the last whole version. Increments count version by version; a load from the beginning counts as a
whole when it is through, and until then the catalogue is as it was.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice

import structlog
from attrs import define, evolve, field
from twisted.internet.defer import Deferred, DeferredLock

from middleware.domain.catalogue import (
    CATALOGUES,
    FULL,
    INCREMENT,
    AskCatalogue,
    AskList,
    AskPage,
    Catalogue,
    CatalogueFile,
    CatalogueOffered,
    CataloguePage,
    CatalogueRow,
    CatalogueRules,
    FetchCatalogue,
    Way,
    is_newer,
    version_key,
)
from middleware.domain.fault import Fault
from middleware.domain.statement import StatementRules
from middleware.engine.asking import Asker, Patience
from middleware.engine.comparison import record
from middleware.engine.identifiers import new_id
from middleware.engine.pools import Pool
from middleware.engine.runner import Engine
from middleware.engine.tasks import sleep, spawn
from middleware.store import catalogue as stored
from middleware.store.catalogue import FAILED, LOADED, NEWEST, Catalogues, Load, Standing, Work
from middleware.store.units import Record, Unit, WorkRefusedError

log = structlog.get_logger()

PART_ROWS = 500  # written in one transaction: some ten milliseconds of the one writer
MAX_VERSIONS = 200  # in one load; the next goes on behind them
MAX_PAGES = 9999  # page_num has four digits
TRIES = 3  # of a version whose file is wrong, or was changed meanwhile
_AGAIN = frozenset({"catalogue.file", "catalogue.changed"})
_NOTHING = CatalogueOffered("", "", 0)
Parts = AsyncIterator[tuple[CatalogueRow, ...]]


@define
class _Version:
    """One version on its way: what it is asked beyond, and what was written of it."""

    base: int
    edition: int
    known: str
    version: str = ""
    lines: int = 0
    expected: int | None = None


@define
class _Run:
    """A load here, and who waits for its end."""

    load: Load
    again: bool  # a person asked for all of it anew
    epoch: int
    waiters: list[Deferred[Load]] = field(factory=list)


class Downloader:
    """Runs loads, one after the other. ``ended(load)`` is told of each end; ``holds()``: of several nodes one may.

    ``threads`` reads the files. A load never cancels what is being written: ``stop`` lets it end at its next question.
    """

    def __init__(
        self,
        engine: Engine,
        store: Catalogues,
        rules: CatalogueRules,
        threads: Pool,
        patience: Patience,
        ended: Callable[[Load], None] = lambda _load: None,
        holds: Callable[[], bool] = lambda: True,
    ) -> None:
        self._engine = engine
        self._means = engine.means
        self._store = store
        self.rules = rules
        self._threads = threads
        self._patience = patience
        self._ended = ended
        self._holds = holds
        self._stopped = False
        asked = StatementRules(not_ready_codes=rules.not_ready_codes)
        self._asker = Asker(engine, asked, patience, lambda: self._stopped or engine.stopping)
        self._lock = DeferredLock()
        self._runs: dict[str, _Run] = {}

    def running(self, name: str) -> Load | None:
        """The load of that catalogue that is under way here, or waits for another's end."""
        return self._runs[name].load if name in self._runs else None

    def may(self, name: str) -> bool:
        """Whether a load of it could begin here."""
        return name in self.rules.offered and self._holds() and not self._stopped

    async def begin(self, name: str, account: str = "", *, again: bool = False) -> Load:
        """Begin a load; it goes on by itself. ``again``: all of it, from the beginning.

        Raises ``catalogue.not_offered``, ``catalogue.running`` or ``system.*``.
        """
        if self._stopped or self._engine.stopping:
            raise Fault("system.stopping")
        if name not in self.rules.offered:
            raise Fault("catalogue.not_offered", name if name in CATALOGUES else "no such catalogue")
        if not self._holds():
            raise Fault("catalogue.running", "another node downloads for all of them: ask that one")
        if name in self._runs:
            raise Fault("catalogue.running", self._runs[name].load.load_id)
        means, now = self._means, self._means.now()
        way = FULL if again else ""
        load = Load(new_id(means, "G"), name, way, account, now.isoformat(), step="waiting")
        run = self._runs[name] = _Run(load, again, means.journal.epoch)
        try:
            standing = await means.pool.run(self._store.standing, name)
            full = again or CATALOGUES[name].way is Way.LISTS or not standing.edition or bool(standing.next_base)
            run.load = evolve(load, way=FULL if full else INCREMENT)
            body = {"load_id": load.load_id, "catalogue": name, "way": run.load.way, "account": account}
            await self._commit(run, stored.begin(run.load), record(now, "CatalogueBegun", body))
        except BaseException:
            del self._runs[name]
            raise
        spawn(self._carry(run), "catalogue")
        return run.load

    async def run(self, name: str, account: str = "", *, again: bool = False) -> Load:
        """Begin it and wait for its end."""
        load = await self.begin(name, account, again=again)
        run = self._runs.get(name)
        if run is None:
            return load
        done: Deferred[Load] = Deferred()
        run.waiters.append(done)
        return await done

    def stop(self) -> None:
        """Ask nothing more; the next life goes on behind the last whole version."""
        self._stopped = True
        self._asker.wake()

    # -- one load

    async def _carry(self, run: _Run) -> None:
        name = run.load.catalogue
        state, fault, detail = FAILED, "", ""
        try:
            await self._lock.acquire()
            try:
                state = LOADED if await self._load(run) else NEWEST
            finally:
                self._lock.release()
        except Fault as exc:
            fault, detail = exc.code, exc.detail
        except WorkRefusedError as exc:
            fault, detail = exc.fault.code, exc.fault.detail
        except Exception:
            log.exception("catalogue.failed", load=run.load.load_id)
            fault = "system.internal"
        now = self._means.now()
        run.load = evolve(run.load, state=state, step="", fault=fault, detail=detail[:200], ended_at=now.isoformat())
        ended = run.load
        body = {"load_id": ended.load_id, "catalogue": name, "state": state, "version": ended.version, "fault": fault}
        try:
            await self._commit(run, stored.progress(ended), record(now, "CatalogueEnded", body))
        except (Fault, WorkRefusedError) as exc:  # the next begin of it ends it
            log.warning("catalogue.end_not_written", load=ended.load_id, why=str(exc))
        del self._runs[name]
        self._ended(ended)
        for waiter in run.waiters:
            waiter.callback(ended)

    async def _load(self, run: _Run) -> bool:
        """Whether anything new counts now."""
        catalogue, full = CATALOGUES[run.load.catalogue], run.load.way == FULL
        standing = await self._means.pool.run(self._store.standing, catalogue.name)
        if full and (run.again or not standing.next_base or catalogue.way is not Way.FILE):
            standing = evolve(standing, next_version="", next_base=standing.edition + 1, next_edition=0)
            await self._stand(run, standing)
        await self._tidy(run)
        await self._commit(run, stored.unmark(run.load))
        before = standing
        for _ in range(MAX_VERSIONS):
            newer = await self._tried(run, catalogue, standing, full=full)
            if newer is None:
                break
            standing = newer
            run.load = evolve(run.load, versions=run.load.versions + 1)
            await self._tell(run, step="asking")
            if catalogue.way is not Way.FILE:
                break  # pages and lists are told whole
        else:
            raise Fault("catalogue.changed", f"more than {MAX_VERSIONS} versions at once: the next download goes on")
        return await self._through(run, before, standing, full=full)

    async def _through(self, run: _Run, before: Standing, standing: Standing, *, full: bool) -> bool:
        """Nothing is newer: what was loaded from the beginning counts from now on."""
        now = self._means.now().isoformat()
        if full and standing.next_edition:
            rows = await self._counted(run.load.catalogue, standing.next_base, standing.next_edition)
            standing = evolve(
                standing, version=standing.next_version, base=standing.next_base, edition=standing.next_edition,
                rows=rows, published_at=now,
            )  # fmt: skip
        standing = evolve(standing, next_version="", next_base=0, next_edition=0, checked_at=now)
        await self._stand(run, standing)
        await self._tidy(run)
        return standing.edition != before.edition

    async def _tried(self, run: _Run, catalogue: Catalogue, standing: Standing, *, full: bool) -> Standing | None:
        """The next version, durable and whole; None when nothing is newer. A file that is wrong is asked for again."""
        for tried in range(TRIES):
            try:
                return await self._next(run, catalogue, standing, full=full)
            except Fault as fault:
                if fault.code not in _AGAIN or tried + 1 == TRIES:
                    raise
                log.warning("catalogue.again", load=run.load.load_id, code=fault.code, why=fault.detail)
            await sleep(self._means.clock, self._patience.repeat_s)
            await self._tidy(run)
            await self._commit(run, stored.unmark(run.load))
        raise AssertionError("tried, and neither had nor failed")

    async def _next(self, run: _Run, catalogue: Catalogue, standing: Standing, *, full: bool) -> Standing | None:
        base = standing.next_base if full else standing.base
        edition = max(standing.edition, standing.next_edition) + 1
        one = _Version(base, edition, standing.next_version if full else standing.version)
        parts = await self._source(run, catalogue, one)
        if parts is None:
            return None
        await self._tell(run, step="loading", rows=0, of=one.expected or 0)
        async for rows in parts:
            await self._write(run, one, rows)
        if not one.lines:
            if catalogue.way is Way.PAGES:
                return None  # no page has a row: nothing was changed since
            raise Fault("catalogue.changed", f"0 rows came, {one.expected or 'some'} were announced")
        if one.expected is not None and one.lines != one.expected:
            raise Fault("catalogue.changed", f"{one.lines} rows came, {one.expected} were announced")
        if catalogue.way is Way.FILE and one.known and not is_newer(one.version, one.known):
            return None  # the version that is here already, once more
        count = 0 if full else await self._counted(catalogue.name, base, edition)
        version = one.version if is_newer(one.version, one.known) else one.known
        if full:
            newer = evolve(standing, next_version=version, next_edition=edition)
        else:
            newer = evolve(
                standing, version=version, edition=edition, rows=count, published_at=self._means.now().isoformat()
            )
        run.load = evolve(run.load, version=version)
        await self._stand(run, newer)
        return newer

    async def _write(self, run: _Run, one: _Version, rows: tuple[CatalogueRow, ...]) -> None:
        one.lines += len(rows)
        one.version = max({one.version, *(row.version for row in rows)}, key=version_key)
        odd = run.load.odd + sum(row.odd for row in rows)
        run.load = evolve(run.load, rows=one.lines, of=one.expected or 0, odd=odd)
        await self._commit(run, stored.add(run.load, one.base, one.edition, rows))

    # -- where rows come from

    async def _source(self, run: _Run, catalogue: Catalogue, one: _Version) -> Parts | None:
        match catalogue.way:
            case Way.FILE:
                return await self._file(run, catalogue, one)
            case Way.PAGES:
                return self._pages(catalogue, one)
            case Way.LISTS:
                return self._lists()

    async def _file(self, run: _Run, catalogue: Catalogue, one: _Version) -> Parts | None:
        known = dict.fromkeys(self.rules.newest_codes, _NOTHING)
        offered = await self._asker.ask(AskCatalogue(catalogue, one.known), CatalogueOffered, known)
        if offered.rows == 0:
            return None
        one.expected = offered.rows
        await self._tell(run, step="fetching", rows=0, of=offered.rows or 0)
        request = FetchCatalogue(catalogue, one.known, offered.file_number, offered.file_name)
        file = await self._asker.ask(request, CatalogueFile)
        run.load = evolve(run.load, digest=file.digest)
        return self._read(file)

    async def _read(self, file: CatalogueFile) -> Parts:
        rows: Iterator[CatalogueRow] = file.rows()
        while part := await self._threads.run(_taken, rows):
            yield part

    async def _pages(self, catalogue: Catalogue, one: _Version) -> Parts:
        since, size = one.known or self.rules.first_day, self.rules.page_rows
        for number in range(1, MAX_PAGES + 1):
            page = await self._asker.ask(AskPage(catalogue, since, number, size), CataloguePage)
            if one.expected not in {None, page.total}:
                raise Fault("catalogue.changed", f"page {number}: {page.total} rows in all, {one.expected} before")
            one.expected = page.total
            if page.rows:
                yield page.rows
            if len(page.rows) < size or one.lines == one.expected:
                return
        raise Fault("catalogue.file", f"more than {MAX_PAGES} pages")

    async def _lists(self) -> Parts:
        day: dt.date = self._means.now().date()
        for name in self.rules.lists:
            page = await self._asker.ask(AskList(name, day), CataloguePage)
            if page.rows:
                yield page.rows

    # -- the store

    async def _tell(self, run: _Run, step: str, rows: int | None = None, of: int = 0) -> None:
        load = evolve(run.load, step=step)
        run.load = load if rows is None else evolve(load, rows=rows, of=of)
        await self._commit(run, stored.progress(run.load))

    async def _stand(self, run: _Run, standing: Standing) -> None:
        await self._commit(run, stored.stand(run.load, standing))

    async def _counted(self, name: str, base: int, edition: int) -> int:
        return await self._means.pool.run(self._store.count, name, base, edition)

    async def _tidy(self, run: _Run) -> None:
        """Rows that will never count any more, by pages, so that nobody waits long for the writer."""
        cleared = [1]
        while cleared[-1]:
            await self._commit(run, stored.clear(run.load.catalogue, cleared))

    async def _commit(self, run: _Run, work: Work, *records: Record) -> None:
        """By the life in which it was begun: another node may load by now."""
        unit = Unit(records=records, now=self._means.now(), work=work, epoch=run.epoch)
        await self._means.journal.commit(unit)


def _taken(rows: Iterator[CatalogueRow]) -> tuple[CatalogueRow, ...]:
    return tuple(islice(rows, PART_ROWS))
