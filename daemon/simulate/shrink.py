"""A failing seed made small: the shortest horizon and the fewest dials with which it still breaks the same rule.

Deterministic and bounded: each try is one whole run of the same seed, in a fixed order.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import fields, frozen

from daemon.simulate.bank import BankDials, draw_bank
from daemon.simulate.dials import BANK, SWITCHES
from daemon.simulate.seed import Result, day_of

MAX_TRIES = 40
LEAST_HOURS = 0.1

Again = Callable[[float, frozenset[str]], Result]


@frozen(slots=True)
class Small:
    """What is left of a failure: its run, and the horizon and dials that make it."""

    result: Result
    hours: float
    off: frozenset[str]
    tries: int


def shrunk(result: Result, hours: float, off: frozenset[str], again: Again, most: int = MAX_TRIES) -> Small:
    """The smallest that was found within ``most`` tries; the failure itself when nothing can be left out."""
    small = Small(result, hours, off, 0)
    while small.tries < most and small.hours / 2 >= LEAST_HOURS:
        tried = _tried(small, small.hours / 2, small.off, again)
        if tried.hours == small.hours:
            small = tried
            break
        small = tried
    for name in turned_on(result.seed, result.profile):
        if small.tries >= most:
            break
        if name not in small.off:
            small = _tried(small, small.hours, small.off | {name}, again)
    return small


def turned_on(seed: int, profile: str) -> list[str]:
    """The dials that this seed turned up and that can be left out, in a fixed order."""
    dials, bank = day_of(seed, profile), draw_bank(seed, profile)
    ours = [name for name in SWITCHES if getattr(dials, name)]
    theirs = [BANK + one.name for one in fields(BankDials) if getattr(bank, one.name)]
    return ours + theirs


def _tried(small: Small, hours: float, off: frozenset[str], again: Again) -> Small:
    """The smaller one when it breaks the same rule, else the same with one try more."""
    run = again(hours, off)
    same = run.broken is not None and small.result.broken is not None and run.broken.number == small.result.broken.number
    return Small(run, hours, off, small.tries + 1) if same else Small(small.result, small.hours, small.off, small.tries + 1)
