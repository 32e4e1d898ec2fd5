"""A serial line as a pseudo-terminal under a name that stays, as /dev/serial/by-id has it."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import tty
from pathlib import Path


class SerialLine:
    """The far end of a line, on a thread of its own. ``path`` is what the daemon opens.

    Whoever derives from it overrides ``received``; it is called in that thread.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._master = -1
        self._slave = -1
        self._wake: tuple[int, int] = (-1, -1)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def plug(self) -> None:
        """Be there."""
        if self._thread is not None:
            return
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self._wake = os.pipe()
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        self.path.symlink_to(os.ttyname(self._slave))
        self._thread = threading.Thread(target=self._run, name=f"serial {self.path.name}", daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        """Be gone, with whatever was on the way."""
        if self._thread is None:
            return
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        os.write(self._wake[1], b"x")
        self._thread.join(10)
        self._thread = None
        with self._lock:
            for descriptor in (self._master, self._slave, *self._wake):
                os.close(descriptor)
            self._master = -1

    def send(self, data: bytes) -> None:
        """Say something."""
        with self._lock:
            while data and self._master >= 0:
                data = data[os.write(self._master, data) :]

    def received(self, data: bytes) -> None:
        """Something was said to us."""

    def _run(self) -> None:
        while True:
            ready, _, _ = select.select([self._master, self._wake[0]], [], [])
            if self._wake[0] in ready:
                return
            try:
                data = os.read(self._master, 4096)
            except OSError:
                return
            self.received(data)
