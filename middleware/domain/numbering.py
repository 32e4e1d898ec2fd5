"""The sequence numbers of one link, as HL7 2.5 chapter 2 (2.10.1) has them. Pure.

MSA-1 says what became of a message, MSA-4 what number the other side expects now. Where the two do not fit the link is
frozen: nothing more is sent over it until two persons have looked, for a message under a number that the other side counts
differently would be taken for another, or dropped as a repeat.
"""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from middleware.domain.his import HisAccepted
from middleware.domain.outcome import Answered, NotSent, Outcome, Refused, Unknown

START, RESYNC = 0, -1  # reserved values of MSH-13
NONE_YET = -1  # of MSA-4: the other side takes the next number that it sees
MAX_NUMBER = 10**15 - 1  # MSH-13 is an NM of 15
FAULT = "his.sequence"
# What two persons do with a link that is frozen, or with what waits for one that is not configured any more.
RESYNCHRONISE, START_AGAIN, HAND_OVER, DISCARD = ACTS = ("resynchronise", "start", "hand-over", "discard")


class LinkState(StrEnum):
    """What leaves next: a message; first a 0 (which number do you expect?); first a -1 (take the next one); nothing."""

    OPEN = "open"
    START = "start"
    RESYNC = "resync"
    FROZEN = "frozen"


@frozen(slots=True)
class Numbers:
    """How a link stands. ``open`` is the control id of the message that bears ``next - 1`` and has no answer, "" = none."""

    next: int = 1
    open: str = ""
    state: LinkState = LinkState.OPEN
    why: str = ""


@frozen(slots=True)
class Judged:
    """What an answer means for the message, its number (``counted``: it is used up) and the link ("" = it goes on)."""

    outcome: Outcome[HisAccepted]
    counted: bool = True
    frozen: str = ""


def judge(number: int, outcome: Outcome[HisAccepted], expected: int | None, *, repeated: bool, committed: bool) -> Judged:
    """Of the answer to a message under ``number``. ``repeated``: it may have been there before under the same number.

    ``committed``: a yes of this link says only that the message is there; its meaning is answered elsewhere.
    """
    if isinstance(outcome, NotSent | Unknown):
        return Judged(outcome)
    fits = expected in {None, number, number + 1}
    if isinstance(outcome, Answered):
        return Judged(outcome, frozen="" if fits else f"it took {number} and expects {expected}")
    if expected == number + 1:
        # 2.10.1 d 1: the answer before was lost. A first no under this number is a no, and it has used the number up.
        return Judged(Answered(HisAccepted(committed=committed)) if repeated else outcome)
    if fits:
        return Judged(outcome, counted=False)
    detail = f"{number} was sent, {expected} is expected"
    return Judged(NotSent(FAULT, detail), frozen=detail)


def judge_start(sent: int, numbers: Numbers, outcome: Outcome[HisAccepted], expected: int | None) -> tuple[LinkState, str]:
    """What the answer to a 0 or a -1 makes of the link, and why. Silence changes nothing: it is asked again."""
    if isinstance(outcome, NotSent | Unknown):
        return numbers.state, numbers.why
    if sent == RESYNC:
        if isinstance(outcome, Refused) or expected not in {None, NONE_YET}:
            return LinkState.FROZEN, f"-1 was answered by {_said(outcome)} and {expected}"
        return LinkState.OPEN, ""
    good = {NONE_YET, numbers.next} | ({numbers.next - 1} if numbers.open else set())
    if expected not in good:
        return LinkState.FROZEN, f"0 was answered by {_said(outcome)} and {expected}, ours is {numbers.next}"
    return LinkState.OPEN, ""


def _said(outcome: Outcome[HisAccepted]) -> str:
    return outcome.code[:2] if isinstance(outcome, Refused) else "a yes"
