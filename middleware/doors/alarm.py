"""One pending call that a connection can set, move and switch off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from middleware.ports import Clock


class Timer(Protocol):
    """What ``callLater`` gives."""

    def active(self) -> bool:
        """Not yet called, not cancelled."""

    def cancel(self) -> None:
        """Never call it."""


class Alarm:
    """At most one pending call, that can be set, moved and switched off."""

    def __init__(self, clock: Clock, action: Callable[[], None]) -> None:
        self._clock = clock
        self._action = action
        self._timer: Timer | None = None

    @property
    def is_set(self) -> bool:
        """Whether it will ring."""
        return self._timer is not None and self._timer.active()

    def set(self, seconds: float) -> None:
        """Ring once, so many seconds from now."""
        self.off()
        self._timer = self._clock.callLater(seconds, self._action)

    def off(self) -> None:
        """Do not ring."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
