"""The bureau's feed, read side: rows in the order they were sealed, and their chain."""

from __future__ import annotations

from typing import Protocol

from attrs import frozen


@frozen(slots=True)
class FeedRow:
    r"""One sealed row. ``line`` is the row's canonical JSON exactly as it was hashed; ``hash`` chains it to ``previous``.

    hash = SM3(previous (hex, ASCII) + "\\n" + line (UTF-8)), hex. The first row's ``previous`` is 64 zeros.
    """

    sequence: int
    previous: str
    hash: str
    line: str


@frozen(slots=True)
class FeedPage:
    """Rows after a cursor, and the head of the chain at the moment of reading."""

    rows: tuple[FeedRow, ...]
    head_sequence: int
    head_hash: str


class Feed(Protocol):
    """Gapless and monotonic; a page read again gives the same rows (invariant 24)."""

    async def page(self, after: int, limit: int) -> FeedPage:
        """At most ``limit`` rows with sequence > ``after``."""
