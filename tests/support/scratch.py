"""Where the tests' databases and scratch folders lie: in memory when the machine has room, for most of their time was a disk's.

Every commit still asks for its fsync, and what is killed still leaves exactly what it left on a disk: memory only answers at once.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from middleware.store.database import open_database, ready

_MEMORY = Path("/dev/shm")  # Linux's own memory file system
_ROOM = 4 * 2**30  # bytes: two clusters with their logs, and what the tests of two workers write


def _has_room() -> bool:
    """Whether memory has room for a test run, as a file system and as memory."""
    if not os.access(_MEMORY, os.W_OK) or shutil.disk_usage(_MEMORY).free < _ROOM:
        return False
    words = Path("/proc/meminfo").read_text(encoding="ascii").split()
    return int(words[words.index("MemAvailable:") + 1]) * 1024 > _ROOM


IN_MEMORY = _has_room()
ROOT = _MEMORY if IN_MEMORY else Path(tempfile.gettempdir())


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory(dir=ROOT) as folder:
        engine = open_database(f"sqlite:///{folder}/y.db")
        ready(engine)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        engine.dispose()
        return Path(folder, "y.db").read_bytes()


def put_migrated(path: Path) -> None:
    """A file of SQLite's, migrated as the program migrates it, where there is none yet; the migrations run once a process."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_migrated())


def opened(url: str):
    """``open_database`` and ``ready`` for a test's database, which a file of SQLite's need not be migrated for."""
    if url.startswith("sqlite:///"):
        put_migrated(Path(url.removeprefix("sqlite:///")))
    engine = open_database(url)
    ready(engine)
    return engine
