"""Since when the wall clock can be believed about how much time has passed (invariant 22)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from middleware.ports import Clock

MAX_SEEN = 10_000
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


class FirstSight:
    """Since when this life has known a version of a visit that another node wrote: from then on our clock tells its times.

    Bounded; what is forgotten is seen for the first time again, and only waits longer.
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, dt.datetime]] = {}

    def since(self, visit_id: str, version: int, now: dt.datetime) -> dt.datetime:
        """The moment at which that version was first asked about here; now, for the first time."""
        known = self._seen.get(visit_id)
        if known is not None and known[0] == version:
            return known[1]
        while len(self._seen) >= MAX_SEEN:
            del self._seen[next(iter(self._seen))]
        self._seen[visit_id] = (version, now)
        return now
