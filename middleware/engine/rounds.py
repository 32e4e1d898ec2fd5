"""Work that waits in the database and that nobody awaits: done when there is something, and looked for now and then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from middleware.domain.fault import Fault
from middleware.engine.tasks import spawn
from middleware.ports import Clock

log = structlog.get_logger()


class Rounds:
    """One ``round`` at a time, after each :meth:`kick` and at the latest ``every_s`` after the one before.

    A ``Fault`` ends a round, and the next one tries again.
    """

    def __init__(self, name: str, clock: Clock, round_: Callable[[], Awaitable[None]], every_s: float) -> None:
        self._name = name
        self._clock = clock
        self._round = round_
        self._every_s = every_s
        self._timer: Any = None
        self._busy = self._again = False
        self.running = False

    def start(self) -> None:
        """From now on."""
        self.running = True
        self.kick()

    def stop(self) -> None:
        """Begin no further round."""
        self.running = False
        self._rest()

    def kick(self) -> None:
        """There is something to do; also while a round goes on."""
        self._again = True
        if self.running and not self._busy:
            self._busy = True
            spawn(self._rounds(), self._name)

    async def _rounds(self) -> None:
        self._rest()
        try:
            while self._again and self.running:
                self._again = False
                await self._round()
        except Fault as fault:
            if fault.code != "system.stopping":
                log.warning("rounds.deferred", work=self._name, code=fault.code)
        finally:
            self._busy = False
            if self.running:
                self._timer = self._clock.callLater(self._every_s, self.kick)

    def _rest(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
