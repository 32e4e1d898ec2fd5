"""Looks now and then at what is unknown and what waits for a person, for health and metrics."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable
from typing import Any

from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.engine.runner import Engine
from middleware.engine.tasks import spawn

INTERVAL_S = 5.0
FAR = dt.timedelta(hours=1)  # a doubt whose next step is further away waits for the day's file
OLD_S = 120.0  # an unknown outcome older than this deserves a look even before its tries are used up


class Watch:
    """A part of its own: ``settlements``."""

    def __init__(self, engine: Engine, clock: Any, now: Callable[[], dt.datetime]) -> None:
        self._engine = engine
        self._clock = clock
        self._now = now
        self._timer: Any = None
        self._running = False
        self.unknown = 0
        self.manual = 0
        self.held = 0
        self.resting = 0
        self.letters: dict[str, int] = {}  # that wait, by destination
        self.left = 0
        self._oldest: dt.datetime | None = None

    @property
    def oldest_s(self) -> float:
        """Age of the oldest unknown outcome."""
        return max(0.0, (self._now() - self._oldest).total_seconds()) if self._oldest else 0.0

    def start(self) -> None:
        """Begin to look."""
        self._running = True
        self._look()

    def stop(self) -> None:
        """Look no more."""
        self._running = False
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def health(self) -> PartHealth:
        """DOWN while a person must decide where money is.

        DEGRADED while an outcome stays unknown for long, or the HIS has refused what was settled.
        """
        detail = (
            f"unknown {self.unknown}, of them waiting for a file {self.resting}, manual {self.manual}, held {self.held}"
        )
        if self.manual:
            return PartHealth("settlements", Condition.DOWN, "settlement.manual", detail)
        if self.oldest_s > OLD_S:
            return PartHealth("settlements", Condition.DEGRADED, "settlement.outcome_unknown", detail)
        if self.held:
            return PartHealth("settlements", Condition.DEGRADED, "his.refused", detail)
        return PartHealth("settlements", Condition.GOOD, "", detail)

    def errands_health(self) -> PartHealth:
        """The part ``errands``: DEGRADED while a registration that should be taken back waits for a person."""
        detail = f"visits {self.left}"
        if self.left:
            return PartHealth("errands", Condition.DEGRADED, "visit.errand_left", detail)
        return PartHealth("errands", Condition.GOOD, "", detail)

    def _look(self) -> None:
        if self._running:
            spawn(self._count(), "watch")

    async def _count(self) -> None:
        means = self._engine.means
        with contextlib.suppress(Fault):  # the pool is full: the next look will tell
            self.unknown, self.manual, self._oldest = await means.pool.run(means.reader.open_questions)
            self.held = await means.pool.run(means.reader.held)
            self.resting = await means.pool.run(means.reader.resting, self._now() + FAR)
            self.left = await means.pool.run(means.reader.errands_left)
            self.letters = await means.pool.run(means.reader.letters_waiting)
        if self._running:
            self._timer = self._clock.callLater(INTERVAL_S, self._look)
