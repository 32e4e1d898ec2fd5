"""How far our wall clock is from the centre's, as the times in its answers say (invariant 22). Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from email.utils import parsedate_to_datetime

from attrs import frozen

_FORMATS = {14: "%Y%m%d%H%M%S", 17: "%Y%m%d%H%M%S%f", 19: "%Y-%m-%d %H:%M:%S"}  # respond_time is documented as C17


@frozen(slots=True)
class _Reading:
    ahead_s: float
    wall: dt.datetime
    seconds: float


class CentreClock:
    """The newest reading, and what our own clock did since.

    ``now`` is our wall clock in the hospital's zone, which is the centre's too; ``seconds`` is the monotonic one.
    """

    def __init__(self, now: Callable[[], dt.datetime], seconds: Callable[[], float]) -> None:
        self._now = now
        self._seconds = seconds
        self._reading: _Reading | None = None

    def heard(self, said: str, sent_s: float) -> None:
        """An answer to a message that left at ``sent_s`` (monotonic) says that time; what cannot be read is passed over.

        The centre wrote it at some moment between sending and now, so only what lies outside that interval is a
        difference of the clocks: a slow answer is none.
        """
        layout = _FORMATS.get(len(said))
        if layout is None:
            return
        try:
            told = dt.datetime.strptime(said, layout).replace(tzinfo=self._now().tzinfo)
        except ValueError:
            return
        self._note(told, sent_s)

    def heard_date(self, said: str, sent_s: float) -> None:
        """The same of the Date in an answer's head, in whole seconds: a gateway that refuses sends it, too."""
        try:
            told = parsedate_to_datetime(said)
        except ValueError:
            return
        if told.tzinfo is not None:
            self._note(told, sent_s)

    def _note(self, told: dt.datetime, sent_s: float) -> None:
        now, seconds = self._now(), self._seconds()
        latest = (now - told).total_seconds()
        earliest = latest - max(0.0, seconds - sent_s)
        self._reading = _Reading(max(earliest, min(latest, 0.0)), now, seconds)

    def ahead_s(self) -> float | None:
        """Seconds by which our clock is certainly ahead of the centre's (negative: behind); None before any reading.

        A step of our own clock since the reading counts at once: the monotonic clock did not make it.
        """
        reading = self._reading
        if reading is None:
            return None
        stepped = (self._now() - reading.wall).total_seconds() - (self._seconds() - reading.seconds)
        return reading.ahead_s + stepped
