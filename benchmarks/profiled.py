"""``python -m benchmarks.profiled FILE COMMAND...``: ``run.py COMMAND`` with cProfile in each of its threads.

With ``--only-names`` before FILE nothing is profiled: the snapshots just tell the threads' names, for /proc knows none.

The clock of each profile is the CPU time of its own thread, so waiting for the network, for the disk and for the
interpreter lock costs nothing. Each SIGUSR2 writes what was counted so far to ``FILE.1``, ``FILE.2`` and so on: the load
lies between two of them, start and stop outside.
"""

from __future__ import annotations

import cProfile
import marshal
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any


class Profiles:
    """One profile a thread, from each thread's first call on."""

    def __init__(self, file: Path, *, only_names: bool) -> None:
        self._file = file
        self._only_names = only_names
        self._all: list[tuple[str, int, cProfile.Profile]] = []
        self._written = 0

    def begin(self) -> None:
        """From now on: this thread, and every thread to come."""
        threading.setprofile(self._in_thread)
        self._enable("reactor")

    def _in_thread(self, *_call: object) -> None:
        """A new thread's first call: the profile takes this function's place."""
        sys.setprofile(None)
        self._enable(threading.current_thread().name)

    def _enable(self, name: str) -> None:
        profile = cProfile.Profile(time.thread_time)
        self._all.append((name, threading.get_native_id(), profile))
        if not self._only_names:
            profile.enable()

    def write(self, *_signal: object) -> None:
        """Add one snapshot file; whoever waits sees it whole or not at all. Its own work is not counted."""
        reactor = self._all[0][2]
        reactor.disable()
        self._written += 1
        snapshot = [(name, number, _counted(profile)) for name, number, profile in tuple(self._all)]
        target = self._file.with_suffix(f".{self._written}")
        scratch = target.with_name(target.name + ".part")
        scratch.write_bytes(marshal.dumps(snapshot))
        scratch.replace(target)
        if not self._only_names:
            reactor.enable()


def _counted(profile: cProfile.Profile) -> dict[Any, Any]:
    """The profile's table without stopping it (``create_stats`` would)."""
    profile.snapshot_stats()
    table: dict[Any, Any] = profile.stats
    return table


def main() -> None:
    """Take the place of run.py."""
    only_names = sys.argv[1] == "--only-names"
    file, *command = sys.argv[2:] if only_names else sys.argv[1:]
    profiles = Profiles(Path(file), only_names=only_names)
    sys.argv = ["run.py", *command]
    signal.signal(signal.SIGUSR2, profiles.write)
    from daemon.cli import main as run

    profiles.begin()
    run()


if __name__ == "__main__":
    main()
