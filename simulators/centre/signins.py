"""Who is signed in at the centre: by day, or at an old centre by business cycle."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from simulators.centre.refusals import Refusal

CYCLE = dt.timedelta(hours=24)


class SignIns:
    """By day every 9001 begins a sign-in that ends at midnight. ``by_cycle`` there is one, which 9002 ends.

    A cycle takes messages for 24 hours; after that nothing but its comparing and its sign-out, and until then no new one.
    """

    def __init__(self, clock: Callable[[], dt.datetime], *, by_cycle: bool = False) -> None:
        self._clock = clock
        self._by_cycle = by_cycle
        self._began: dict[str, dt.datetime] = {}

    def begin(self, new_number: Callable[[], str]) -> str:
        """9001's number: an old centre gives the open cycle's again. ``Refusal``: it has run out and was not ended."""
        now = self._clock()
        if self._by_cycle and self._began:
            (number,) = self._began
            if now - self._began[number] >= CYCLE:
                raise Refusal("9014")
            return number
        self._began = {number: at for number, at in self._began.items() if self._by_cycle or at.date() == now.date()}
        number = new_number()
        self._began[number] = now
        return number

    def end(self, number: str) -> None:
        """9002."""
        self.must_be_open(number)
        del self._began[number]

    def must_be_open(self, number: str) -> None:
        """``Refusal`` when that sign-in never was, or has been ended."""
        if number not in self._began:
            raise Refusal("9012")

    def must_take(self, number: str) -> None:
        """``Refusal`` when no message may come under that number now."""
        began, now = self._began.get(number), self._clock()
        if began is None or (now - began >= CYCLE if self._by_cycle else began.date() != now.date()):
            raise Refusal("9011")
