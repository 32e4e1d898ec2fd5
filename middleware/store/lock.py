"""One process at a time on one SQLite file.

The epoch keeps a second writer from harm after the fact; the lock keeps it from starting at all. It is the kernel's
(flock), so that it ends with the process, however that ends; the file ``NAME.lock`` itself stays and means nothing.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

import sqlalchemy as sa

from middleware.domain.fault import Fault


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


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite URL; None for another kind of database, whose nodes are kept apart by the epoch."""
    parsed = sa.make_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def hold_database(url: str) -> Hold | None:
    """Hold the database of that URL for this process alone, where it is a file."""
    path = sqlite_file(url)
    return Hold(path) if path else None
