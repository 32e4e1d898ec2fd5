"""How many of something nobody knows the end of: counted at the start, at each change, and now and then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog

from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.engine.runner import Means
from middleware.engine.tasks import spawn

log = structlog.get_logger()

LOOK_S = 60.0


class OpenCount:
    """``count`` blocks and runs in the readers' threads. As a part: DEGRADED by ``fault`` while there is one."""

    def __init__(self, means: Means, part: str, fault: str, count: Callable[[], int]) -> None:
        self._means = means
        self._part = part
        self._fault = fault
        self._of = count
        self._running = False
        self._timer: Any = None
        self.now = 0

    def start(self) -> None:
        """Count what earlier lives left, and go on counting."""
        self._running = True
        self.kick()

    def stop(self) -> None:
        """Count no more."""
        self._running = False
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def kick(self) -> None:
        """Something became open or certain."""
        if self._running:
            spawn(self._count(), self._part)

    def health(self) -> PartHealth:
        """DEGRADED while there is one."""
        if self.now:
            return PartHealth(self._part, Condition.DEGRADED, self._fault, str(self.now))
        return PartHealth(self._part, Condition.GOOD)

    async def _count(self) -> None:
        try:
            self.now = await self._means.pool.run(self._of)
        except Fault as fault:
            log.warning("open.not_counted", part=self._part, code=fault.code)
        if self._running:
            if self._timer is not None and self._timer.active():
                self._timer.cancel()
            self._timer = self._means.clock.callLater(LOOK_S, self.kick)
