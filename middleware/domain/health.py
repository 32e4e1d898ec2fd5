"""How a part is, in words that one page can show."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen


class Condition(StrEnum):
    """The three answers of every part."""

    GOOD = "good"
    DEGRADED = "degraded"  # works, but somebody should look
    DOWN = "down"


@frozen(slots=True)
class PartHealth:
    """One part's answer. ``fault`` is a code of the table when something is wrong; ``detail`` names it, without data."""

    part: str  # "readers", "his", "centre", "journal" ...
    condition: Condition
    fault: str = ""
    detail: str = ""
