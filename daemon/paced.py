"""The daemon's reactor: epoll, timed by the monotonic clock, and never long deaf to its sockets.

Twisted carries out whatever threads handed over before it looks at a socket again. When hundreds of the centre's answers
come at one moment that is a second of work, and whoever asks for a status meanwhile waits for all of it.
"""

# Twisted annotates parts of itself only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import structlog
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import installReactor

log = structlog.get_logger()

TURN_S = 0.005


class PacedReactor(EPollReactor):
    """Calls from threads keep their order and run for ``TURN_S`` a turn at most; then sockets and timers have theirs.

    What waits has no bound here: each call was admitted by the bounded queue of the thread that hands it over.
    """

    def __init__(self) -> None:
        self._handed: deque[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = deque()
        self._woken = False  # a turn is on its way that will see whatever is handed over until it begins
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


def install() -> PacedReactor:
    """Make it this process's reactor; nothing may have asked for one before."""
    reactor = PacedReactor()
    installReactor(reactor)
    return reactor
