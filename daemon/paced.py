"""The daemon's reactor: epoll, timed by the monotonic clock, and never long deaf to who asks it something.

Twisted carries out whatever threads handed over before it looks at a socket again, and then all of every socket that is
ready. When hundreds of the centre's answers come at one moment that is a second of work, and whoever asks for a status
meanwhile waits for all of it. Here each kind of work has a slice of each turn, and who waits for us comes first.
"""

# Twisted annotates parts of itself only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from select import EPOLLOUT
from typing import Any

import structlog
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import installReactor
from twisted.internet.tcp import BaseClient
from twisted.python.log import callWithLogger

log = structlog.get_logger()

ASKING_S = 0.005  # of a turn for who asks us: reading what they want is short, and what they want to know often is
TURN_S = 0.002  # for what threads handed over, and again for the answers of those whom we asked


class PacedReactor(EPollReactor):
    """Slices: what threads handed over, in its order; who connected to us; whom we connected to. Timers come between.

    A slice ends with the first piece of work that ends after its time. What had no time has its place in the next turn,
    before what came later. What waits has no bound here: each call was admitted by the bounded queue of the thread that
    hands it over, each socket by the bound of its door or link.
    """

    def __init__(self) -> None:
        self._handed: deque[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = deque()
        self._woken = False  # a turn is on its way that will see whatever is handed over until it begins
        self._left: list[int] = []  # sockets that were ready and had no time, in their order
        super().__init__()

    def seconds(self) -> float:
        """Twisted times its calls by the wall clock; a clock set back would stretch every deadline (invariant 22)."""
        return time.monotonic()

    def callFromThread(self, f: Callable[..., Any], *args: Any, **kwargs: Any) -> None:  # noqa: N802 - Twisted's name
        """See ``IReactorFromThreads``; one wake-up for all that is handed over before the reactor gets to it."""
        self._handed.append((f, args, kwargs))
        if not self._woken:
            self._woken = True  # two threads at once may both wake it, which costs an empty turn; none is forgotten
            super().callFromThread(self._turn)

    def _turn(self) -> None:
        self._woken = False  # before the first look: what comes later wakes again
        end = time.monotonic() + TURN_S
        while self._handed:
            f, args, kwargs = self._handed.popleft()
            try:
                f(*args, **kwargs)
            except Exception:
                log.exception("reactor.call_failed")
            if time.monotonic() >= end:
                break
        if self._handed and not self._woken:
            self._woken = True
            super().callFromThread(self._turn)

    def doPoll(self, timeout: float | None) -> None:  # noqa: N802 - Twisted's name
        """Look at all sockets, then carry out a slice of each kind; what is left is ready at the next look too."""
        found = dict(self._poller.poll(-1 if timeout is None else timeout, max(1, len(self._selectables))))
        asking: list[int] = []
        asked: list[int] = []
        for fd in dict.fromkeys((*self._left, *found)):
            if fd in found:
                (asked if isinstance(self._selectables.get(fd), BaseClient) else asking).append(fd)
        self._left = [*self._carry_out(asking, found, ASKING_S), *self._carry_out(asked, found, TURN_S)]

    doIteration = doPoll  # noqa: N815 - Twisted's name

    def _carry_out(self, fds: list[int], found: dict[int, int], seconds: float) -> list[int]:
        """A slice; which of them had no time."""
        end = time.monotonic() + seconds
        for place, fd in enumerate(fds, 1):
            selectable = self._selectables.get(fd)  # gone when another's work ended it
            if selectable is not None:
                callWithLogger(selectable, self._doReadOrWrite, selectable, fd, found[fd])
                if fd in self._writes and not found[fd] & EPOLLOUT and self._selectables[fd] is selectable:
                    # What it was read for was answered at once: the answer need not wait for the next turn.
                    callWithLogger(selectable, self._doReadOrWrite, selectable, fd, EPOLLOUT)
            if time.monotonic() >= end:
                return fds[place:]
        return []


def install() -> PacedReactor:
    """Make it this process's reactor; nothing may have asked for one before."""
    reactor = PacedReactor()
    installReactor(reactor)
    return reactor
