"""The trace numbers (STAN) of our terminal at the bank: six digits, no two alike among what a bank still remembers.

Nodes that share a database share the terminal, so that any of them can go on with what another began; each has a tenth of
the numbers. A number used twice for all that, after a node lost its place, gets a "duplicate" from the bank, which no move
of ``flow/payer.py`` takes for a yes unless the very same message left before.
"""

from __future__ import annotations

SLOTS = 10
NUMBERS = 99_999  # of each slot; then it begins anew
AHEAD = 1000  # more than can be on their way at one time: a start goes on behind what an earlier life may have used
_NAME = "bank.trace"


class TraceNumbers:
    """Numbers of one node. ``mark`` is written with each message, so that a restart does not use one again."""

    def __init__(self, last: str = "", slot: int = 0) -> None:
        if not 0 <= slot < SLOTS:
            raise ValueError(f"at most {SLOTS} nodes share a terminal")
        self._slot = slot
        self._last = (int(last) + AHEAD) % NUMBERS if last.isdecimal() else 0

    def next(self) -> str:
        """The next one."""
        self._last = self._last % NUMBERS + 1
        return f"{self._slot * NUMBERS + self._last:06d}"

    @property
    def mark(self) -> tuple[str, str]:
        """Name and value for the meta table."""
        return name_of(self._slot), str(self._last)


def name_of(slot: int) -> str:
    """Under which the meta table has the last number of a slot."""
    return f"{_NAME}.{slot}"
