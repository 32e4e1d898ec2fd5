"""Since when the wall clock can be believed about how much time has passed (invariant 22)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from middleware.ports import Clock

STEP_S = 1.0  # less than this is a clock being disciplined, not a step


class Elapsed:
    """Notices, whenever it is asked, that the wall clock stepped against the monotonic one.

    Durable times are the wall clock's. A difference of two of them is time that passed only when no step and no restart
    lies between them: across a restart nothing says how long it took.
    """

    def __init__(self, now: Callable[[], dt.datetime], clock: Clock) -> None:
        self._now = now
        self._clock = clock
        self._since = now()
        self._began = clock.seconds()

    def trusted_since(self) -> dt.datetime:
        """The wall time from which on differences are true: this life's start, or the moment a step was noticed."""
        now, monotonic = self._now(), self._clock.seconds()
        if abs((now - self._since).total_seconds() - (monotonic - self._began)) > STEP_S:
            self._since, self._began = now, monotonic
        return self._since
