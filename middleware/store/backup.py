"""A backup is one finished file that was checked; a restore checks first, keeps the old file, and says what is lost."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from middleware.domain.fault import Fault
from middleware.store.comparing import Present, Restored, lost_rows, mark, present_in, refuse_early, refuse_loss, unmark
from middleware.store.inspection import Findings, inspect, still_engine
from middleware.store.lock import Hold

_BESIDE = ("", "-wal", "-shm")


def back_up(database: Path, target: Path, institution: str) -> Findings:
    """Write a consistent copy of the running database to ``target`` (0600), checked. Raises ``Fault("system.backup")``.

    ``VACUUM INTO`` reads one snapshot while the daemon goes on writing; the name appears only when the copy is on the
    disk and was found whole, and never in place of another file.
    """
    if not database.is_file():
        raise Fault("system.backup", f"there is no database {database}")
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
        source = sqlite3.connect(f"file:{quote(str(database))}?mode=rw", uri=True, timeout=10, isolation_level=None)
        try:
            source.execute("VACUUM INTO ?", (str(partial),))
        finally:
            source.close()
        findings = _inspected(partial, institution)
        _to_disk(partial)
        os.link(partial, target)
        _to_disk(target.parent)
    except FileExistsError as exc:
        raise Fault("system.backup", f"{target} is there already") from exc
    except sqlite3.Error as exc:
        raise Fault("system.backup", f"the database cannot be read: {type(exc).__name__}: {exc}") from exc
    except OSError as exc:
        raise Fault("system.backup", f"{target} cannot be written: {exc.strerror}") from exc
    finally:
        partial.unlink(missing_ok=True)
    return findings


def restore(
    database: Path,
    source: Path,
    institution: str,
    now: dt.datetime,
    *,
    also: Callable[[sa.Engine], str] = lambda _engine: "",
    accept_loss: bool = False,
) -> Restored:
    """Put a checked copy of ``source`` in the database's place; whatever was there is kept beside it.

    Raises ``Fault("system.in_use")`` while a daemon has the database and ``Fault("system.backup")`` for a file that is
    broken, foreign, of another schema or, without ``accept_loss``, older than what is known to have been; all of that
    before anything is moved. ``also`` says why the copy is older than an anchor, or "".
    """
    with Hold(database):
        copy = restoring(database)
        _copy(database, source, copy)
        try:
            findings = _inspected(copy, institution)
            present = _present(database)
            _refuse_loss(copy, present, also, accept_loss=accept_loss)
            refuse_early(findings, present, now)
            since = _mark(copy, findings, present, now)
        except BaseException:
            copy.unlink(missing_ok=True)
            raise
        try:
            kept = _put_aside(database, now)
            copy.replace(database)
            _to_disk(database.parent)
        except OSError as exc:
            raise Fault("system.journal", f"the files cannot be moved: {exc.strerror}; run restore again") from exc
    return Restored(findings, since, tuple(map(str, kept)), lost_rows(present, findings))


def restoring(database: Path) -> Path:
    """The checked copy, while a restore moves files: when it is there, a restore was cut short."""
    return database.with_name(database.name + ".restoring")


def reconciled(database: Path) -> str:
    """Take away the mark that a restore left: a person has compared. What the mark said, "" when there was none."""
    if not database.is_file():
        raise Fault("system.backup", f"there is no database {database}")
    with Hold(database):
        engine = _plain(database)
        try:
            return unmark(engine)
        finally:
            engine.dispose()


def _copy(database: Path, source: Path, copy: Path) -> None:
    if not source.is_file():
        raise Fault("system.backup", f"there is no file {source}")
    if database.exists() and source.samefile(database):
        raise Fault("system.backup", "the backup is the database itself")
    wal = source.with_name(source.name + "-wal")
    if wal.exists() and wal.stat().st_size:
        raise Fault("system.backup", f"{source} is no finished backup: {wal.name} holds more of it")
    try:
        copy.unlink(missing_ok=True)
        descriptor = os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as target, source.open("rb") as reading:
            shutil.copyfileobj(reading, target, 1 << 20)
    except OSError as exc:
        copy.unlink(missing_ok=True)
        raise Fault("system.backup", f"the backup cannot be copied: {exc.strerror}") from exc


def _inspected(path: Path, institution: str) -> Findings:
    engine = still_engine(path)
    try:
        return inspect(engine, institution)
    finally:
        engine.dispose()


def _present(database: Path) -> Present | None:
    if not database.is_file():
        return None
    engine = _plain(database)
    try:
        return present_in(engine)
    finally:
        engine.dispose()


def _refuse_loss(copy: Path, present: Present | None, also: Callable[[sa.Engine], str], *, accept_loss: bool) -> None:
    engine = still_engine(copy)
    try:
        refuse_loss(engine, present, also, accept_loss=accept_loss)
    finally:
        engine.dispose()


def _mark(copy: Path, findings: Findings, present: Present | None, now: dt.datetime) -> str:
    engine = _plain(copy)
    try:
        since = mark(engine, findings, present, now)
    finally:
        engine.dispose()
    _to_disk(copy)
    return since


def _put_aside(database: Path, now: dt.datetime) -> tuple[Path, ...]:
    """Rename, never delete. The database first: without it nothing starts on what would be left."""
    stamp = now.astimezone(dt.UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    kept = []
    for suffix in _BESIDE:
        old = database.with_name(database.name + suffix)
        if old.exists():
            kept.append(old.rename(database.with_name(f"{database.name}.before-{stamp}{suffix}")))
    return tuple(kept)


def _plain(path: Path) -> sa.Engine:
    uri = f"file:{quote(str(path))}?mode=rw"
    return sa.create_engine("sqlite://", creator=lambda: sqlite3.connect(uri, uri=True, timeout=10), poolclass=NullPool)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
