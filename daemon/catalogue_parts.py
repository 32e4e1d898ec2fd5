"""What belongs to the centre's catalogues, wired: the download, its clock, what people ask, what a quote asks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from daemon.cataloguing import Cataloguing
from daemon.settings import Settings
from middleware.domain.catalogue import CatalogueRules
from middleware.engine.asking import Patience
from middleware.engine.catalogue import Downloader
from middleware.engine.catalogue_desk import CatalogueDesk
from middleware.engine.item_check import ItemCheck
from middleware.engine.pools import Pool
from middleware.engine.runner import Engine
from middleware.engine.service import CounterService
from middleware.store.catalogue import Catalogues, Load

MAX_WAITING = 8  # one load at a time asks for one part at a time


def catalogues_of(
    settings: Settings,
    rules: CatalogueRules,
    engine: Engine,
    counter: CounterService,
    database: Any,
    holds: Callable[[], bool],
    reactor: Any,
) -> tuple[Cataloguing, CatalogueDesk]:
    """By the clock, and for people; the counter's quotes look into them from now on."""
    options, means = settings.catalogue, counter.means
    store = Catalogues(database)
    threads = Pool(reactor, "catalogue-files", 1, MAX_WAITING)
    patience = Patience(repeat_s=options.repeat_s, ready_within_s=options.ready_within_s)
    parts: list[Cataloguing] = []

    def ended(load: Load) -> None:
        parts[0].ended(load)

    downloader = Downloader(engine, store, rules, threads, patience, ended, holds)
    zone = dt.timezone(dt.timedelta(minutes=settings.engine.utc_offset_minutes))
    parts.append(Cataloguing(options, downloader, store, means.pool, threads, means.clock, means.now, zone))
    counter.items = ItemCheck(means, store, rules)
    return parts[0], CatalogueDesk(means, downloader, store)
