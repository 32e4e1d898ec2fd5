"""Looks at the visits that somebody waits for and another node may write: polling, with a bounded back-off."""

from __future__ import annotations

from typing import Any

from middleware.domain.fault import Fault
from middleware.engine.memory import Visits
from middleware.engine.pools import Pool
from middleware.engine.tasks import spawn
from middleware.ports import Clock
from middleware.store.reader import Reader

FIRST_S, LONGEST_S = 0.05, 0.4
MOST = 500  # visits in one look


class Lookout:
    """One query a look for all who wait; it rests while nobody does."""

    def __init__(self, visits: Visits, pool: Pool, reader: Reader, clock: Clock) -> None:
        self._visits = visits
        self._pool = pool
        self._reader = reader
        self._clock = clock
        self._timer: Any = None
        self._pause_s = FIRST_S
        self._stopped = False
        self._looking: set[str] = set()
        visits.waited = self.kick

    def kick(self) -> None:
        """Somebody begins to wait."""
        self._pause_s = FIRST_S
        self._later()

    def stop(self) -> None:
        """Look no more."""
        self._stopped = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _later(self) -> None:
        if not self._stopped and (self._timer is None or not self._timer.active()):
            self._timer = self._clock.callLater(self._pause_s, self._begin)

    def _begin(self) -> None:
        spawn(self._look(), "lookout")

    async def _look(self) -> None:
        here = dict(list(self._visits.waited_for().items())[:MOST])
        if not here:
            return
        try:
            there = await self._pool.run(self._reader.versions, here)
        except Fault:
            there = {}  # the pool is full: the next look will tell
        newer = {visit_id for visit_id, version in here.items() if there.get(visit_id, 0) > version} - self._looking
        for visit_id in sorted(newer):
            self._looking.add(visit_id)
            spawn(self._look_again(visit_id), "look-again")
        self._pause_s = FIRST_S if newer else min(LONGEST_S, self._pause_s * 2)
        self._later()

    async def _look_again(self, visit_id: str) -> None:
        """It may have to wait for an event of our own: once is enough."""
        try:
            await self._visits.look_again(visit_id)
        finally:
            self._looking.discard(visit_id)
