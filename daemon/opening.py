"""Opening the database for a life of the daemon: alone, of this institution, at this schema, and with whole chains."""

from __future__ import annotations

import time
from collections.abc import Callable

import sqlalchemy as sa
import structlog
from attrs import frozen

from daemon.settings import Settings
from middleware.domain.fault import Fault
from middleware.store.backup import restoring
from middleware.store.comparing import RESTORED
from middleware.store.database import open_database, ready
from middleware.store.encrypting import check_keys
from middleware.store.inspection import INSTITUTION
from middleware.store.lock import Hold, hold_database, sqlite_file
from middleware.store.providers import open_vault
from middleware.store.vault import Vault
from middleware.store.walk import CHAINS, Walk, holds, mark_of, read_mark, read_meta, write_meta

log = structlog.get_logger()


@frozen(slots=True)
class Opened:
    """An open database. ``rest`` are the walks that the start had no time for; ``restored`` is a restore's mark, or ""."""

    database: sa.Engine
    hold: Hold | None
    rest: tuple[Walk, ...]
    restored: str
    vault: Vault


def open_store(settings: Settings, seconds: Callable[[], float] = time.monotonic) -> Opened:
    """Open it, or raise ``Fault``; on a fault nobody is kept out and nothing was written into it."""
    url = settings.store.url
    hold = hold_database(url, alone=False)
    database: sa.Engine | None = None
    try:
        _refuse_half_restored(url)
        database = open_database(url, readers=settings.store.read_threads)
        ready(database)
        vault = open_vault(database, settings.keys)
        restored, rest = _checked(database, settings, seconds)
        check_keys(database, vault)
    except BaseException:
        if database is not None:
            database.dispose()
        if hold is not None:
            hold.dispose()
        raise
    return Opened(database, hold, rest, restored, vault)


def _checked(database: sa.Engine, settings: Settings, seconds: Callable[[], float]) -> tuple[str, tuple[Walk, ...]]:
    institution = settings.centre.institution_code
    try:
        restored = _belongs(database, institution)
        rest = check_chains(database, settings.store.start_check_s, seconds)
        with database.begin() as connection:
            write_meta(connection, INSTITUTION, institution)
    except sa.exc.SQLAlchemyError as exc:
        raise Fault("system.chain", f"it cannot be read: {type(getattr(exc, 'orig', exc)).__name__}") from exc
    return restored, rest


def _refuse_half_restored(url: str) -> None:
    path = sqlite_file(url)
    if path is not None and restoring(path).exists():
        raise Fault("system.backup", "a restore was cut short: run it again")


def _belongs(database: sa.Engine, institution: str) -> str:
    """Two institutions in one journal could never be told apart again. Returns the mark of a restore."""
    with database.connect() as connection:
        owner = read_meta(connection, INSTITUTION) or institution
        restored = read_meta(connection, RESTORED)
    if owner != institution:
        raise Fault("system.config", f"the database belongs to the institution {owner}, not to {institution}")
    return restored


def check_chains(database: sa.Engine, limit_s: float, seconds: Callable[[], float]) -> tuple[Walk, ...]:
    """Refuse a broken chain with ``Fault("system.chain")`` naming the row; what is left to walk in the background.

    Always: the rows since the last walk, whose end must still be there. Then the older rows from the beginning, for at
    most ``limit_s``: a change in an old row of a long journal does not keep the counters closed for minutes, it is found
    by the same walk, which goes on beside the work. The mark saves time and vouches for nothing: whoever moves it gains
    no more than that the row is found a little later.
    """
    began = seconds()
    older, marks = [], []
    for table in CHAINS:
        with database.connect() as connection:
            mark = read_mark(connection, table)
            there = holds(connection, table, mark)
        if not there:
            raise Fault("system.chain", f"{table.name}, row {mark.sequence}: it was there and whole, it is gone or changed")
        tail = Walk(database, table, mark)
        _refuse_broken(tail, tail.whole())
        marks.append((table, tail.head))
        older.append(Walk(database, table, until=mark.sequence))
    rest = []
    for walk in older:
        more = True
        while more and seconds() - began < limit_s:
            more = walk.piece()
        _refuse_broken(walk, walk.broken is None)
        if more:
            rest.append(walk)
    with database.begin() as connection:
        for table, head in marks:
            write_meta(connection, *mark_of(table, head))
    log.info("chain.checked", rows=sum(head.sequence for _, head in marks), whole=not rest, seconds=seconds() - began)
    return tuple(rest)


def _refuse_broken(walk: Walk, whole: bool) -> None:
    if not whole:
        raise Fault("system.chain", str(walk.broken))
