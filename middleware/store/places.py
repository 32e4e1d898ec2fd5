"""Where anchors are kept: a thing that lines are added to and never taken from. Here the file; ``daemon`` has the URL."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from attrs import frozen

from middleware.domain.fault import Fault

MAX_LINE = 4096


class Pen(Protocol):
    """The right to add a line, while it is held."""

    def tail(self) -> bytes:
        """The last ``MAX_LINE`` bytes, all of them when there are fewer. Raises ``Fault("system.anchor")``."""

    def add(self, line: bytes) -> None:
        """The whole line durably, or none of it. Raises ``Fault("system.anchor")``."""


class Place(Protocol):
    """A place for anchors; ``str()`` of it is what people call it."""

    def pen(self) -> AbstractContextManager[Pen]:
        """Hold it for adding. Raises ``Fault("system.anchor")``."""

    def lines(self) -> Iterator[bytes]:
        """Every line with its end, at most ``MAX_LINE`` bytes of each. Raises ``Fault("system.anchor")``."""

    def missing(self) -> bool:
        """Whether there is surely nothing yet."""


@frozen(slots=True)
class _FilePen:
    descriptor: int

    def tail(self) -> bytes:
        size = os.fstat(self.descriptor).st_size
        return os.pread(self.descriptor, MAX_LINE, max(0, size - MAX_LINE))

    def add(self, line: bytes) -> None:
        """Half a line would stop every anchor after it."""
        before = os.fstat(self.descriptor).st_size
        if os.write(self.descriptor, line) != len(line):
            os.ftruncate(self.descriptor, before)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(self.descriptor)


@frozen(slots=True)
class FilePlace:
    """A file, best on another machine's disk."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @contextmanager
    def pen(self) -> Iterator[Pen]:
        """The file, locked."""
        try:
            descriptor = os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o644)
            with os.fdopen(descriptor, "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield _FilePen(file.fileno())
        except OSError as exc:
            raise Fault("system.anchor", f"the anchor file cannot be used: {exc.strerror}: {self.path}") from exc

    def lines(self) -> Iterator[bytes]:
        """From the first on."""
        try:
            with self.path.open("rb") as file:
                while raw := file.readline(MAX_LINE):
                    yield raw
        except OSError as exc:
            raise Fault("system.anchor", f"the anchor file cannot be read: {exc.strerror}: {self.path}") from exc

    def missing(self) -> bool:
        """There is no such file."""
        return not self.path.exists()
