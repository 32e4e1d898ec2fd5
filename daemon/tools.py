"""What is done to a database from the command line."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from middleware.domain.fault import Fault
from middleware.store.database import migrate, open_database, revisions
from middleware.store.lock import hold_database

Say = Callable[[str], object]


def migrate_database(url: str, say: Say) -> int:
    """Upgrade the schema; 0 done. Not while a daemon has it."""
    return guarded(lambda: _migrate(url, say), say)


def _migrate(url: str, say: Say) -> int:
    hold = hold_database(url)
    database = open_database(url)
    before, needed = revisions(database)
    migrate(database)
    database.dispose()
    if hold is not None:
        hold.dispose()
    say(f"{before or 'empty'} -> {needed}")
    return 0


def guarded(work: Callable[[], int], say: Say) -> int:
    """A database that cannot be used is an answer, not a traceback."""
    try:
        return work()
    except Fault as fault:
        say(f"{fault.spec.zh} / {fault}")
    except sa.exc.DBAPIError as exc:
        # The library's text quotes the statement; the driver's own word is enough.
        say(f"数据库不可用 / the database cannot be used: {type(exc.orig).__name__}: {exc.orig}")
    return 1
