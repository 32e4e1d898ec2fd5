"""Walks the chains beside the work: first the old rows for which the start had no time, then now and then what is new."""

from __future__ import annotations

from collections import deque
from typing import Any

import sqlalchemy as sa
import structlog

from daemon.opening import Opened
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.engine.journal import Journal
from middleware.engine.pools import Pool
from middleware.engine.tasks import spawn
from middleware.store.units import Unit
from middleware.store.walk import CHAINS, Walk, mark_of, read_mark

log = structlog.get_logger()

ROWS = 500  # a piece: some milliseconds of a reader's thread
PAUSE_S = 0.05
EVERY_S = 300.0


class ChainWatch:
    """A part of its own: ``chain``.

    A broken row does not stop the counters, for what is in flight must still end; it is told at once and for good, and
    the mark is put before it, so that the next start refuses.
    """

    def __init__(self, opened: Opened, journal: Journal, pool: Pool, clock: Any) -> None:
        self._database = opened.database
        self._restored = opened.restored
        self._journal = journal
        self._pool = pool
        self._clock = clock
        self._todo: deque[Walk] = deque(opened.rest)
        self._marks: dict[str, int] = {}
        self._timer: Any = None
        self._running = False
        self._broken = ""
        self._trouble = ""

    def start(self) -> None:
        """Begin to walk."""
        self._running = True
        self._again(PAUSE_S)

    def stop(self) -> None:
        """Walk no more."""
        self._running = False
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def health(self) -> PartHealth:
        """DOWN when a row is broken; DEGRADED after a restore until somebody has compared, or when it cannot be read."""
        if self._broken:
            return PartHealth("chain", Condition.DOWN, "system.chain", self._broken)
        if self._restored:
            return PartHealth("chain", Condition.DEGRADED, "system.restored", self._restored)
        if self._trouble:
            return PartHealth("chain", Condition.DEGRADED, "system.journal", self._trouble)
        walking = sum(1 for walk in self._todo if walk.head.sequence)
        return PartHealth("chain", Condition.GOOD, "", f"old rows are being walked: {walking}" if walking else "")

    def _again(self, delay: float) -> None:
        if self._running and not self._broken:
            self._timer = self._clock.callLater(delay, lambda: spawn(self._step(), "chain-watch"))

    async def _step(self) -> None:
        try:
            if not self._todo:
                self._todo.extend(await self._pool.run(self._tails))
            walk = self._todo[0]
            if not await self._pool.run(walk.piece, ROWS):
                self._todo.popleft()
                await self._ended(walk)
            self._trouble = ""
        except (Fault, sa.exc.SQLAlchemyError) as exc:
            self._trouble = type(getattr(exc, "orig", exc)).__name__
        self._again(PAUSE_S if self._todo and not self._trouble else EVERY_S)

    def _tails(self) -> list[Walk]:
        with self._database.connect() as connection:
            marks = {table.name: read_mark(connection, table) for table in CHAINS}
        self._marks = {name: head.sequence for name, head in marks.items()}
        return [Walk(self._database, table, marks[table.name]) for table in CHAINS]

    async def _ended(self, walk: Walk) -> None:
        """Remember how far the chain is whole: before the broken row when there is one. By the one writer, as all else."""
        if walk.broken is not None:
            self._broken = str(walk.broken)
            log.error("chain.broken", table=walk.broken.table, row=walk.broken.sequence, why=walk.broken.why)
        if walk.broken is not None or walk.head.sequence > self._marks.get(walk.table.name, walk.head.sequence):
            await self._journal.commit(Unit(meta=(mark_of(walk.table, walk.head),)))
