"""One process at a time on one database.

The epoch keeps a second writer from harm after the fact; the lock keeps it from starting at all. For a file it is the
kernel's (flock), so that it ends with the process, however that ends; the file ``NAME.lock`` itself stays and means
nothing. On PostgreSQL it is the server's (a session's advisory lock), which ends with the session; the nodes share it, and
what must be alone, a migration or the end of a restore, has it for itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Self

import sqlalchemy as sa

from middleware.domain.fault import Fault
from middleware.store.database import scratch_engine

_ONE_DAEMON = 0x59494B41  # with one more number beside it: not the lock of a migration
_ALONE = sa.select(sa.func.pg_try_advisory_lock(_ONE_DAEMON, 1))
_GIVE_BACK = sa.select(sa.func.pg_advisory_unlock_all())
_SHARED = sa.select(sa.func.pg_try_advisory_lock_shared(_ONE_DAEMON, 1))


class Hold:
    """Held from its making until ``dispose``. Raises ``Fault("system.in_use")`` when another process has it."""

    def __init__(self, database: Path) -> None:
        path = database.with_name(database.name + ".lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # A file object, so that a hold that nobody keeps any more is given up.
            self._file = os.fdopen(os.open(path, os.O_CREAT | os.O_RDWR, 0o600), "r+b")
        except OSError as exc:
            raise Fault("system.journal", f"the lock file cannot be used: {exc.strerror}") from exc
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            self._file.close()
            raise Fault("system.in_use", database.name) from exc

    def dispose(self) -> None:
        """Let others have it; again does nothing."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.dispose()


class SessionHold(Hold):
    """The same on PostgreSQL, by a session of its own; not ``alone``: together with other nodes."""

    def __init__(self, url: str, *, alone: bool) -> None:
        try:
            self._session = scratch_engine(url).connect()
            held = self._session.scalar(_ALONE if alone else _SHARED)
            self._session.commit()  # the lock is the session's; an open transaction would be ended as idle
        except sa.exc.DBAPIError as exc:
            raise Fault("system.journal", f"the database cannot be reached: {type(exc.orig).__name__}") from exc
        if not held:
            self._session.close()
            raise Fault("system.in_use", sa.make_url(url).database or "")

    def dispose(self) -> None:
        """Let others have it; again does nothing.

        Said to the server before we hang up: it notices a session's end in its own time, and whoever comes next is refused
        until then.
        """
        with contextlib.suppress(sa.exc.SQLAlchemyError):
            if not self._session.closed:
                self._session.execute(_GIVE_BACK)
        self._session.close()


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite URL; None for another kind of database."""
    parsed = sa.make_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def hold_database(url: str, *, alone: bool = True) -> Hold:
    """Hold the database of that URL for this process alone; or, where nodes can share one, as one of them."""
    path = sqlite_file(url)
    return Hold(path) if path else SessionHold(url, alone=alone)
