"""The heart-beat of a link, the same at both ends: who hears nothing for three beats lets go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MISSED = 3


class Beat:
    """Calls ``ping`` with a number each beat, and ``lost`` once when nothing was heard for three. ``clock``: callLater.

    ``seconds`` is monotonic; ``wall`` goes on while the machine sleeps: after a sleep the other side has let go long ago,
    and the link is lost at once instead of three beats later. ``round_trip_s`` is the last ping's, -1 before the first.
    """

    def __init__(
        self,
        clock: Any,
        seconds: Callable[[], float],
        wall: Callable[[], float],
        ping: Callable[[int], None],
        lost: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._wall = wall
        self._ping = ping
        self._lost = lost
        self._beat_s = 0.0
        self._heard_at = 0.0
        self._wall_at = 0.0
        self._sent_at = 0.0
        self._number = 0
        self._timer: Any = None
        self.round_trip_s = -1.0

    def start(self, beat_s: float) -> None:
        """Begin; the first ping leaves now."""
        self._beat_s = beat_s
        self._heard_at, self._wall_at = self._seconds(), self._wall()
        self._send()

    def heard(self) -> None:
        """Something came in."""
        self._heard_at = self._seconds()

    def pong(self, number: int) -> None:
        """The answer to a ping."""
        if number == self._number and self._sent_at:
            self.round_trip_s = self._seconds() - self._sent_at
            self._sent_at = 0.0

    def stop(self) -> None:
        """No more beats."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _turn(self) -> None:
        slept = self._wall() - self._wall_at > MISSED * self._beat_s
        self._wall_at = self._wall()
        if slept:
            self._lost("this machine slept")
        elif self._seconds() - self._heard_at > MISSED * self._beat_s:
            self._lost("no sign of life")
        else:
            self._send()

    def _send(self) -> None:
        self._number = (self._number + 1) & 0xFFFFFFFF
        self._sent_at = self._seconds()
        self._timer = self._clock.callLater(self._beat_s, self._turn)
        self._ping(self._number)
