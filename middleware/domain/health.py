"""How a part is, in words that one page can show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from attrs import frozen

from middleware.domain.fault import FAULTS


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


_WORSE = (Condition.GOOD, Condition.DEGRADED, Condition.DOWN)


def overall(parts: Sequence[PartHealth]) -> Condition:
    """The worst of the parts; no parts are good."""
    return max((part.condition for part in parts), key=_WORSE.index, default=Condition.GOOD)


def asked(questions: Sequence[Callable[[], PartHealth]]) -> tuple[PartHealth, ...]:
    """Every part's answer; a part that cannot even answer is down, and the others are still heard."""
    return tuple(_asked(question) for question in questions)


def described(part: PartHealth) -> dict[str, str]:
    """One part as every page shows it: its condition, and for a fault its texts and what to do."""
    spec = FAULTS.get(part.fault)
    return {
        "part": part.part, "condition": part.condition.value, "fault": part.fault, "detail": part.detail,
        "zh": spec.zh if spec else "", "en": spec.en if spec else "",
        "do_zh": spec.do_zh if spec else "", "do_en": spec.do_en if spec else "",
    }  # fmt: skip


def _asked(question: Callable[[], PartHealth]) -> PartHealth:
    try:
        return question()
    except Exception as exc:  # noqa: BLE001 - health must answer for a broken part, whatever broke it
        owner = getattr(question, "__self__", None)
        name = type(owner).__name__ if owner is not None else getattr(question, "__name__", "part")
        return PartHealth(name, Condition.DOWN, "system.internal", type(exc).__name__)
