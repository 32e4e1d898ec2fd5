"""Who may use a reader: one at a time, the others in the order in which they came, none without limit."""

from __future__ import annotations

from collections import deque
from typing import Any

from twisted.internet.defer import Deferred

from middleware.domain.fault import Fault

MAX_WAITING = 4  # behind the one who has it: more cashiers than that never stand at one reader


class Turns:
    """The turns of one reader. ``clock``: callLater. Reactor thread only."""

    def __init__(self, clock: Any, wait_s: float) -> None:
        self._clock = clock
        self._wait_s = wait_s
        self._waiting: deque[Deferred[None]] = deque()
        self.taken = False

    async def take(self) -> None:
        """Have the reader, now or when all who came before have given it back; then ``give`` must follow.

        Raises ``reader.busy`` after ``wait_s``, at once where that is 0 or too many wait; and what ``end`` gave.
        """
        if not self.taken:
            self.taken = True
            return
        if self._wait_s <= 0 or len(self._waiting) >= MAX_WAITING:
            raise Fault("reader.busy", f"{len(self._waiting)} wait for it already" if self._waiting else "")
        mine: Deferred[None] = Deferred(self._leave)
        self._waiting.append(mine)
        limit = self._clock.callLater(self._wait_s, self._refuse, mine)
        try:
            await mine
        finally:
            if limit.active():
                limit.cancel()

    def give(self) -> None:
        """Hand it to whoever waits longest."""
        if self._waiting:
            self._waiting.popleft().callback(None)
        else:
            self.taken = False

    def end(self, fault: Fault) -> None:
        """Tell all who wait that nothing comes any more."""
        while self._waiting:
            self._waiting.popleft().errback(fault)

    def _refuse(self, mine: Deferred[None]) -> None:
        self._leave(mine)
        mine.errback(Fault("reader.busy", "it was not given back in time"))

    def _leave(self, mine: Deferred[None]) -> None:
        self._waiting.remove(mine)
