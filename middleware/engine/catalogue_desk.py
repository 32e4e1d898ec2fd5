"""What people ask of the catalogues: which there are, how a download is, what an item is."""

from __future__ import annotations

from typing import Protocol

from middleware.domain.catalogue import CATALOGUES, CatalogueRow
from middleware.domain.fault import FAULTS, Fault
from middleware.domain.order import Caller
from middleware.engine.catalogue import Downloader
from middleware.engine.counter import Answer
from middleware.engine.pools import Pool
from middleware.engine.runner import Means
from middleware.store.catalogue import RUNNING, Catalogues, Load, Standing


class CatalogueBusiness(Protocol):
    """The centre's catalogues; the shapes stand in the door's results."""

    async def all(self) -> Answer:
        """Every catalogue that the region offers or that was downloaded, with its version and age."""

    async def show(self, name: str, code: str, after: str, limit: int) -> Answer:
        """Rows of one that count: of one code, or a page by code."""

    async def download(self, caller: Caller, name: str, *, full: bool) -> Answer:
        """Begin a download; the answer is its state now."""

    async def status(self, load_id: str, name: str) -> Answer:
        """How far that download is, or how it ended; "" = the newest of that catalogue."""


class CatalogueDesk:
    """Implements ``CatalogueBusiness``."""

    def __init__(self, means: Means, downloader: Downloader, store: Catalogues) -> None:
        self._means = means
        self._pool: Pool = means.pool
        self._downloader = downloader
        self._store = store

    async def all(self) -> Answer:
        """See ``CatalogueBusiness.all``."""
        standing = await self._pool.run(self._store.all)
        loads = await self._pool.run(self._store.newest_loads)
        offered = self._downloader.rules.offered
        names = [name for name in CATALOGUES if name in offered or name in standing]
        return {"catalogues": [self._view(standing.get(name, Standing(name)), loads.get(name)) for name in names]}

    async def show(self, name: str, code: str, after: str, limit: int) -> Answer:
        """See ``CatalogueBusiness.show``."""
        if code:
            rows = (await self._pool.run(self._store.find, (name,), (code,))).get(name, {}).get(code, [])[:limit]
            complete = True
        else:
            code_after, _, record_after = after.partition("\t")
            rows = await self._pool.run(self._store.page, name, (code_after, record_after), limit + 1)
            complete, rows = len(rows) <= limit, rows[:limit]
        standing = await self._pool.run(self._store.standing, name)
        view = {"catalogue": self._view(standing, None), "rows": [self._row(row) for row in rows]}
        return view | {"next_after": f"{rows[-1].code}\t{rows[-1].record}" if rows else after, "complete": complete}

    async def download(self, caller: Caller, name: str, *, full: bool) -> Answer:
        """See ``CatalogueBusiness.download``."""
        return load_view(await self._downloader.begin(name, caller.account, again=full))

    async def status(self, load_id: str, name: str) -> Answer:
        """See ``CatalogueBusiness.status``."""
        if load_id:
            load = await self._pool.run(self._store.load, load_id)
        else:
            load = (await self._pool.run(self._store.newest_loads)).get(name)
        if load is None:
            raise Fault("request.not_found", "load")
        return load_view(load)

    def _view(self, one: Standing, load: Load | None) -> Answer:
        spec = CATALOGUES[one.name]
        view: Answer = {
            "catalogue": one.name,
            "zh": spec.zh,
            "en": spec.en,
            "way": str(spec.way),
            "offered": one.name in self._downloader.rules.offered,
            "version": one.version,
            "rows": one.rows,
        }
        view |= {name: getattr(one, name) for name in ("published_at", "checked_at") if getattr(one, name)}
        return view | ({"newest": load_view(load)} if load is not None else {})

    def _row(self, row: CatalogueRow) -> Answer:
        view: Answer = {
            "code": row.code,
            "name": row.name,
            "valid": row.valid,
            "holds": row.holds(self._means.now().date()),
            "limited": row.limited,
            "version": row.version,
            "raw": row.raw,
        }
        more = {"since": row.since, "until": row.until, "level": row.level, "other": row.other}
        numbers = {"limit": row.limit, "share": row.share}
        view |= {name: value for name, value in more.items() if value}
        return view | {name: format(value, "f") for name, value in numbers.items() if value is not None}


def load_view(load: Load) -> Answer:
    """One download."""
    names = (
        "load_id",
        "catalogue",
        "way",
        "account",
        "begun_at",
        "state",
        "step",
        "version",
        "versions",
        "rows",
        "of",
        "odd",
    )
    view: Answer = {name: getattr(load, name) for name in names}
    if load.state != RUNNING:
        view["ended_at"] = load.ended_at
    if load.digest:
        view["digest"] = load.digest
    if load.fault:
        spec = FAULTS[load.fault]
        view["fault"] = {"code": load.fault, "zh": spec.zh, "en": spec.en, "detail": load.detail}
    return view
