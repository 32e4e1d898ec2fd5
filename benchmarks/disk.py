"""What this disk can do at most: the yardstick for the journal, taken in the same run on the same file system.

``python -m benchmarks.disk DIRECTORY SECONDS`` prints it as one line of JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from benchmarks.machine import median

ROW = b"x" * 1024
ROUNDS = 3
ROWS_TOGETHER = 100


FLUSH_US = 370  # with it, a disk whose single-row commits are near the 2,681 a second that issue 3 names


def slow_flush(directory: Path, flush_us: int = FLUSH_US) -> dict[str, str] | None:
    """The environment of a process in which each flush takes so many microseconds; None where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    library = (directory / "slow_flush.so").resolve()
    source = Path(__file__).with_name("slow_flush.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"], check=True)
    return {"LD_PRELOAD": str(library), "FLUSH_US": str(flush_us)}


def run(directory: Path, seconds: float) -> dict[str, float]:
    """Medians of three rounds, by name.

    ``fdatasync_per_s``       append 1 KB, fdatasync
    ``sqlite_commits_per_s``  WAL, FULL: one row of 1 KB, with a unique index, a commit
    ``sqlite_rows_per_s``     the same with a hundred rows a commit
    """
    share = seconds / (3 * ROUNDS)
    tests: dict[str, Callable[[Path, float], float]] = {
        "fdatasync_per_s": _plain,
        "sqlite_commits_per_s": lambda path, length: _sqlite(path, length, 1),
        "sqlite_rows_per_s": lambda path, length: _sqlite(path, length, ROWS_TOGETHER),
    }
    figures: dict[str, list[float]] = {name: [] for name in tests}
    for number in range(ROUNDS):  # in turns: a neighbour's burst does not fall on one test alone
        for name, test in tests.items():
            figures[name].append(test(directory / f"{name}-{number}", share))
    return {name: median(values) for name, values in figures.items()}


def _plain(path: Path, seconds: float) -> float:
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:

        def append(_count: int) -> None:
            os.write(descriptor, ROW)
            os.fdatasync(descriptor)

        return _rate(seconds, 1, append)
    finally:
        os.close(descriptor)
        path.unlink()


def _sqlite(path: Path, seconds: float, rows: int) -> float:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, body BLOB)")

        def commit(count: int) -> None:
            connection.execute("BEGIN")
            names = ((f"{count * rows + n:020d}", ROW) for n in range(rows))
            connection.executemany("INSERT INTO t (name, body) VALUES (?, ?)", names)
            connection.execute("COMMIT")

        rate = _rate(seconds, rows, commit)
        # Every row that was counted is there: the yardstick counts nothing that it did not write.
        assert connection.execute("SELECT count(*) % ? FROM t", (rows,)).fetchone() == (0,)
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return rate


def _rate(seconds: float, each: int, work: Callable[[int], object]) -> float:
    began = time.perf_counter()
    count = 0
    while (took := time.perf_counter() - began) < seconds:
        work(count)
        count += 1
    return count * each / took


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), float(sys.argv[2]))))
