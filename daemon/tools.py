"""What is done to a database from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
import sqlalchemy as sa

from middleware.domain.fault import Fault
from middleware.store.database import migrate, open_database, revisions
from middleware.store.lock import hold_database

if TYPE_CHECKING:
    from daemon.settings import Settings

Say = Callable[[str], object]


def settings_of(path: Path) -> Settings:
    """Read it, or say every problem and leave with 2."""
    from config.load import ConfigError, load
    from daemon.settings import Settings

    try:
        return load(Settings, path)
    except ConfigError as exc:
        click.echo(f"配置有误 / the configuration has {len(exc.problems)} problem(s): {path}", err=True)
        for problem in exc.problems:
            click.echo(f"  {problem}", err=True)
        raise SystemExit(2) from None


def migrate_database(url: str, say: Say) -> int:
    """Upgrade the schema; 0 done. Not while a daemon has it."""
    return guarded(lambda: _migrate(url, say), say)


def _migrate(url: str, say: Say) -> int:
    hold = hold_database(url)
    database = open_database(url)
    before, needed = revisions(database)
    migrate(database)
    database.dispose()
    hold.dispose()
    say(f"{before or 'empty'} -> {needed}")
    return 0


def said_of(exc: sa.exc.DBAPIError) -> str:
    """The driver's own word. Its text only where no row can stand in it: a server quotes rows behind the first line."""
    text = str(exc.orig).partition("\n")[0] if isinstance(exc, sa.exc.OperationalError) else ""
    return f"{type(exc.orig).__name__}: {text}".removesuffix(": ")


def guarded(work: Callable[[], int], say: Say) -> int:
    """A database that cannot be used is an answer, not a traceback."""
    try:
        return work()
    except Fault as fault:
        say(f"{fault.spec.zh} / {fault}")
    except sa.exc.DBAPIError as exc:
        say(f"数据库不可用 / the database cannot be used: {said_of(exc)}")
    return 1
