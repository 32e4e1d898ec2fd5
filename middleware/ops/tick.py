"""How late the reactor is: the one figure that shows blocking work where none may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from middleware.ports import Clock


class TickProbe:
    """Tells ``observe`` each ``interval_s`` by how many seconds a call came after it was due."""

    def __init__(self, clock: Clock, observe: Callable[[float], None], interval_s: float = 1.0) -> None:
        self._clock = clock
        self._observe = observe
        self._interval_s = interval_s
        self._due = 0.0
        self._timer: Any = None

    def start(self) -> None:
        """Begin."""
        self._due = self._clock.seconds() + self._interval_s
        self._timer = self._clock.callLater(self._interval_s, self._tick)

    def stop(self) -> None:
        """End; nothing of it runs afterwards."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _tick(self) -> None:
        self._observe(self._clock.seconds() - self._due)
        self.start()
