"""What is done to a database from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from middleware.domain.fault import Fault
from middleware.store import tables
from middleware.store.database import migrate, open_database, revisions
from middleware.store.reader import Reader

Say = Callable[[str], object]


def verify_chains(url: str, say: Say) -> int:
    """Walk both chains; 0 whole, 1 broken or not readable. Makes no database where there is none."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").exists():
        say(f"没有这个数据库 / there is no such database: {parsed.database}")
        return 1
    return _guarded(lambda: _walk(url, say), say)


def _walk(url: str, say: Say) -> int:
    database = open_database(url)
    reader = Reader(database)
    status = 0
    for table in (tables.journal, tables.feed):
        broken = reader.broken(table)
        head = reader.head(table)
        if broken is None:
            say(f"{table.name}: 完整 / whole, {head.sequence} rows, head {head.hash}")
        else:
            status = 1
            say(f"{table.name}: 断链 / BROKEN at row {broken[0]}: {broken[1]}. 请停止服务并从备份恢复 / stop and restore")
    database.dispose()
    return status


def migrate_database(url: str, say: Say) -> int:
    """Upgrade the schema; 0 done."""
    return _guarded(lambda: _migrate(url, say), say)


def _migrate(url: str, say: Say) -> int:
    database = open_database(url)
    before, needed = revisions(database)
    migrate(database)
    database.dispose()
    say(f"{before or 'empty'} -> {needed}")
    return 0


def _guarded(work: Callable[[], int], say: Say) -> int:
    """A database that cannot be used is an answer, not a traceback."""
    try:
        return work()
    except Fault as fault:
        say(f"{fault.spec.zh} / {fault}")
    except sa.exc.DBAPIError as exc:
        # The library's text quotes the statement; the driver's own word is enough.
        say(f"数据库不可用 / the database cannot be used: {type(exc.orig).__name__}: {exc.orig}")
    return 1
