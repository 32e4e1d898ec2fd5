"""Backup and restore on PostgreSQL, with the promises of ``backup.py``: checked by being restored, swapped in one step.

A backup is pg_dump's custom format: one snapshot, taken while the daemons go on. It gets its name when it was restored
into a scratch database and found whole there. A restore works the same way and then changes two databases' names in one
transaction; what was in place is kept under another name. The account needs CREATEDB, and owns the database.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import sqlalchemy as sa
from psycopg.conninfo import make_conninfo

from middleware.domain.fault import Fault
from middleware.store.comparing import (
    Present,
    Restored,
    cause,
    lost_rows,
    mark,
    present_in,
    refuse_early,
    refuse_loss,
    unmark,
)
from middleware.store.database import scratch_engine
from middleware.store.inspection import Findings, inspect
from middleware.store.lock import hold_database

_MAGIC = b"PGDMP"
_MADE = "TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"
_ROOM = 30  # characters of a database's name that stay when more is put behind it; PostgreSQL knows 63
_OTHERS = sa.text("SELECT count(*) FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()")
_THERE = sa.text("SELECT count(*) FROM pg_database WHERE datname = :name")


def back_up(url: str, target: Path, institution: str) -> Findings:
    """Write a consistent copy of the running database to ``target`` (0600), checked. Raises ``Fault("system.backup")``.

    The name appears only when the copy is on the disk and could be restored, and never in place of another file.
    """
    tool = _tool("pg_dump")
    if target.exists():
        raise Fault("system.backup", f"{target} is there already")
    partial = target.with_name(target.name + ".partial")
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError as exc:
        raise Fault("system.backup", f"{partial} is there: another backup is under way, or was cut short") from exc
    except OSError as exc:
        raise Fault("system.backup", f"{target} cannot be written: {exc.strerror}") from exc
    try:
        _run(tool, "--format=custom", "--no-owner", "--no-privileges", f"--file={partial}", url=url)
        with _restored(url, partial, "check") as copy:
            findings = _inspected(copy, institution)
        _to_disk(partial)
        os.link(partial, target)
        _to_disk(target.parent)
    except FileExistsError as exc:
        raise Fault("system.backup", f"{target} is there already") from exc
    except OSError as exc:
        raise Fault("system.backup", f"{target} cannot be written: {exc.strerror}") from exc
    finally:
        partial.unlink(missing_ok=True)
    return findings


def restore(
    url: str,
    source: Path,
    institution: str,
    now: dt.datetime,
    *,
    also: Callable[[sa.Engine], str] = lambda _engine: "",
    accept_loss: bool = False,
) -> Restored:
    """Put a checked copy of ``source`` in the database's place; whatever was there is kept under another name.

    Raises ``Fault("system.in_use")`` while anybody is connected to the database and ``Fault("system.backup")`` for a file
    that is broken, foreign, of another schema or, without ``accept_loss``, older than what is known to have been; all of
    that before a name is changed. ``also`` says why the copy is older than an anchor, or "".
    """
    _refuse_in_use(url)
    with _restored(url, source, "restoring") as copy:
        findings = _inspected(copy, institution)
        present = _present(url)
        engine = scratch_engine(copy)
        try:
            refuse_loss(engine, present, also, accept_loss=accept_loss)
            refuse_early(findings, present, now)
            since = mark(engine, findings, present, now)
        finally:
            engine.dispose()
        kept = _swapped(url, copy, now)
    return Restored(findings, since, kept, lost_rows(present, findings))


def reconciled(url: str) -> str:
    """Take away the mark that a restore left: a person has compared. What the mark said, "" when there was none."""
    with hold_database(url):
        engine = scratch_engine(url)
        try:
            return unmark(engine)
        finally:
            engine.dispose()


# -- databases


@contextlib.contextmanager
def _restored(url: str, source: Path, what: str) -> Iterator[str]:
    """The url of a scratch database that holds the backup; it is gone afterwards, unless it got another name."""
    tool = _tool("pg_restore")
    try:
        with source.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as exc:
        raise Fault("system.backup", f"there is no file {source} that can be read: {exc.strerror}") from exc
    if magic != _MAGIC:
        raise Fault("system.backup", f"{source} cannot be read as a database: it is no dump in pg_dump's custom format")
    name = f"{_name(url)[:_ROOM]}_{what}"
    with _administration(url) as server:
        if what == "restoring":  # left by a restore that was cut short
            server.exec_driver_sql(f"DROP DATABASE IF EXISTS {_quoted(server, name)}")
        server.exec_driver_sql(f"CREATE DATABASE {_quoted(server, name)} {_MADE}")
    copy = sa.make_url(url).set(database=name).render_as_string(hide_password=False)
    try:
        _run(tool, "--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", str(source), url=copy)
        yield copy
    finally:
        with _administration(url) as server:
            server.exec_driver_sql(f"DROP DATABASE IF EXISTS {_quoted(server, name)}")


@contextlib.contextmanager
def _administration(url: str) -> Iterator[sa.Connection]:
    """A session beside the database, where each statement is a transaction. Its refusals become ``Fault``."""
    engine = scratch_engine(sa.make_url(url).set(database="postgres").render_as_string(hide_password=False))
    try:
        with engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql("SET statement_timeout = 0")
            yield connection
    except sa.exc.DBAPIError as exc:
        raise _refusal(exc) from exc
    finally:
        engine.dispose()


def _refusal(exc: sa.exc.DBAPIError) -> Fault:
    match exc.orig:
        case psycopg.errors.InsufficientPrivilege():
            return Fault("system.backup", "the account needs CREATEDB (ALTER ROLE ... CREATEDB) and must own the database")
        case psycopg.errors.DuplicateDatabase():
            return Fault(
                "system.backup", "a scratch database is there: another backup is under way, or was cut short: drop it"
            )
        case psycopg.errors.ObjectInUse():
            return Fault("system.in_use", "somebody is connected to the database")
    return Fault("system.backup", f"the server refuses: {cause(exc)}")


def _refuse_in_use(url: str) -> None:
    with _administration(url) as server:
        if server.scalar(_OTHERS, {"name": _name(url)}):
            raise Fault("system.in_use", _name(url))


def _present(url: str) -> Present | None:
    with _administration(url) as server:
        if not server.scalar(_THERE, {"name": _name(url)}):
            return None
    engine = scratch_engine(url)
    try:
        with engine.connect():  # one that cannot be reached is not the same as one that cannot be read
            pass
        return present_in(engine)
    except sa.exc.DBAPIError as exc:
        raise Fault("system.backup", f"the database in place cannot be reached: {cause(exc)}") from exc
    finally:
        engine.dispose()


def _swapped(url: str, copy: str, now: dt.datetime) -> tuple[str, ...]:
    """Both names in one transaction. It is refused while anybody is connected to either: no daemon loses its database."""
    old = _name(url)
    aside = f"{old[:_ROOM]}_before_{now.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}"
    with _administration(url) as server:
        there = server.scalar(_THERE, {"name": old})
        server.exec_driver_sql("BEGIN")
        if there:
            server.exec_driver_sql(f"ALTER DATABASE {_quoted(server, old)} RENAME TO {_quoted(server, aside)}")
        server.exec_driver_sql(f"ALTER DATABASE {_quoted(server, _name(copy))} RENAME TO {_quoted(server, old)}")
        server.exec_driver_sql("COMMIT")
    return (aside,) if there else ()


def _inspected(copy: str, institution: str) -> Findings:
    engine = scratch_engine(copy)
    try:
        return inspect(engine, institution)
    finally:
        engine.dispose()


def _name(url: str) -> str:
    return sa.make_url(url).database or ""


def _quoted(connection: sa.Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)


# -- PostgreSQL's own programs


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise Fault("system.backup", f"{name} is not installed: apt-get install postgresql-client-15")
    return found


def _run(tool: str, *arguments: str, url: str) -> None:
    """Run it to its end. A password goes by the environment, which only this account sees, never by the arguments."""
    engine = scratch_engine(url)
    _, given = engine.dialect.create_connect_args(sa.make_url(url))
    given.pop("context", None)  # psycopg's own, not libpq's
    password = given.pop("password", None)
    environment = os.environ | ({"PGPASSWORD": password} if password else {})
    where = make_conninfo("", **given)
    done = subprocess.run(  # noqa: S603 - a program of PostgreSQL's with arguments of ours, no shell
        [tool, "--no-password", f"--dbname={where}", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        # What stands behind ERROR may quote a row, and with it a person.
        said = next((line for line in done.stderr.splitlines() if "error:" in line), "")
        raise Fault("system.backup", f"{said.partition('ERROR:')[0].strip()[:200] or tool} (exit {done.returncode})")


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
