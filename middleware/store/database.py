"""Opening the database so that an acknowledged commit survives a power cut (invariant 30)."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy.pool import NullPool, QueuePool

from middleware.domain.fault import Fault
from middleware.store import postgres
from middleware.store.prepared import straight

_MIGRATIONS = Path(__file__).parent / "migrations"
_FULL = 2  # PRAGMA synchronous


def open_database(url: str, *, readers: int = 2) -> sa.Engine:
    """An engine whose every connection is durable at commit. Raises ``Fault("system.journal")`` when it cannot be so.

    For SQLite: WAL with synchronous=FULL, set and asserted on each connection, and a file that only its owner reads.
    For PostgreSQL: see ``postgres.require_durable``; a connection that died in the pool is found before it is used.
    """
    pool: dict[str, Any] = {"poolclass": QueuePool, "pool_size": readers + 2, "max_overflow": 0, "pool_timeout": 30}
    return _engine(url, pool)


def scratch_engine(url: str) -> sa.Engine:
    """A plain engine without a pool, for tools that look at a database and leave."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return sa.create_engine(parsed, poolclass=NullPool)
    return _engine(url, {"poolclass": NullPool})


def _engine(url: str, pool: dict[str, Any]) -> sa.Engine:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "postgresql":
        engine = sa.create_engine(
            parsed,
            connect_args=postgres.arguments(parsed),
            pool_pre_ping=pool["poolclass"] is QueuePool,
            hide_parameters=True,  # a patient's data must not stand in an error's text
            **pool,
        )
        sa.event.listen(engine, "connect", postgres.require_durable)
        return engine
    if not parsed.database:
        raise Fault("system.config", "an in-memory database keeps nothing")
    _keep_private(Path(parsed.database))
    engine = sa.create_engine(parsed, connect_args={"check_same_thread": False}, hide_parameters=True, **pool)
    sa.event.listen(engine, "connect", _make_durable)
    # We begin our own transactions: the driver's late BEGIN would let a read see what a write then changes.
    sa.event.listen(engine, "begin", lambda connection: straight(connection, "BEGIN"))
    return engine


@contextlib.contextmanager
def snapshot(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction whose every read is of one moment, on either database."""
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


def _keep_private(path: Path) -> None:
    """Personal data: nobody else's business, and a file that was there before is no exception."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
    except OSError as exc:
        raise Fault("system.journal", f"the database file cannot be used: {exc.strerror}") from exc


def _make_durable(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    mode = cursor.fetchone()[0]
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA synchronous")
    level = cursor.fetchone()[0]
    cursor.execute("PRAGMA encoding")
    encoding = cursor.fetchone()[0]
    cursor.close()
    if mode != "wal" or level != _FULL:
        raise Fault("system.journal", f"journal_mode={mode} synchronous={level}: not durable")
    if encoding != "UTF-8":  # ours always is; what is written as bytes would be another text in it
        raise Fault("system.journal", f"the database keeps texts as {encoding}, not as UTF-8")


def _config(engine: sa.Engine) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["engine"] = engine
    return config


@functools.cache
def _newest() -> str:
    """The newest of this program's migrations; to find it reads them all."""
    return ScriptDirectory(str(_MIGRATIONS)).get_current_head() or ""


def revisions(engine: sa.Engine) -> tuple[str, str]:
    """(what the database is at, what this program needs); "" = an empty database."""
    with engine.connect() as connection:
        at = MigrationContext.configure(connection).get_current_revision() or ""
    return at, _newest()


def migrate(engine: sa.Engine) -> None:
    """Bring the schema to what this program needs, in one transaction. Raises ``Fault("system.journal")``."""
    try:
        command.upgrade(_config(engine), "head")
    except CommandError as exc:
        at, needed = revisions(engine)
        why = f"the database is at schema {at}, this program knows no way from there to {needed}: install its newer version"
        raise Fault("system.journal", why) from exc
    except sa.exc.DBAPIError as exc:
        raise Fault("system.journal", f"the schema was left as it was: {type(exc.orig).__name__}") from exc


def ready(engine: sa.Engine) -> None:
    """Make a new, empty database ready; refuse an old one: a schema is changed by ``run.py migrate``, never at start.

    Raises ``Fault("system.journal")``.
    """
    try:
        at, needed = revisions(engine)
    except sa.exc.DBAPIError as exc:
        raise Fault("system.journal", f"the database cannot be opened: {type(exc.orig).__name__}") from exc
    if not at:
        migrate(engine)
    elif at != needed:
        raise Fault("system.journal", f"the database is at schema {at}, this program needs {needed}: run migrate")
