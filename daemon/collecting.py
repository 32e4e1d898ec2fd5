"""Python's full garbage collections, at a moment when nobody waits.

A full collection looks at every object there is and holds every thread up: 0.1-0.2 s with some hundred visits in memory, in
the midst of the busiest second, for that is when objects are made. Nearly all garbage here ends without it, by its count.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

from middleware.ports import Clock

LOOK_S = 0.5
LONGEST_S = 600.0
YOUNGEST, MIDDLE, NEVER = 700, 10, 1 << 30  # Python's own, some milliseconds each; only the oldest generation is ours
DUE = 20  # collections of the middle generation: at most 140,000 objects were kept since


class Collecting:
    """Full collections when one is due and ``quiet()``, and after ``LONGEST_S`` in any case: garbage has a bound.

    What the process was built of stays for ever and is not looked at again.
    """

    def __init__(self, clock: Clock, quiet: Callable[[], bool]) -> None:
        self._clock = clock
        self._quiet = quiet
        self._collected_s = 0.0
        self._timer: Any = None

    def start(self) -> None:
        """From now on. What is there now is what the process is built of."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNGEST, MIDDLE, NEVER)
        self._collected_s = self._clock.seconds()
        self._timer = self._clock.callLater(LOOK_S, self._look)

    def stop(self) -> None:
        """Nothing of it runs afterwards."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _look(self) -> None:
        kept = gc.get_count()[2]
        late = self._clock.seconds() - self._collected_s >= LONGEST_S
        if (kept >= DUE and self._quiet()) or (kept and late):
            gc.collect()
            self._collected_s = self._clock.seconds()
        self._timer = self._clock.callLater(LOOK_S, self._look)
