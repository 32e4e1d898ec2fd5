"""Holds: a message stopped at one moment of its way through the centre, until whoever asked lets it go or loses it.

A test that must act at an exact moment (kill the daemon, stop it, look at its database) waits for ``reached`` and never
for a time.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from twisted.internet.defer import Deferred

MAX_HOLDS = 1000


class Moment(StrEnum):
    """Where a message can be held."""

    ARRIVED = "arrived"  # the whole message is here; nothing was done, nothing is in the ledger
    PROCESSED = "processed"  # carried out and in the ledger; nothing of the answer was sent


class Hold:
    """One message that will be held, or is. ``reached`` fires once, with its msgid."""

    def __init__(self, call: str, moment: Moment) -> None:
        self.call = call
        self.moment = moment
        self.reached: Deferred[str] = Deferred()
        self._go_on: Callable[[], None] | None = None
        self._lose: Callable[[], None] | None = None

    def stop(self, message_id: str, go_on: Callable[[], None], lose: Callable[[], None]) -> None:
        """The message is here (called by the centre)."""
        self._go_on, self._lose = go_on, lose
        self.reached.callback(message_id)

    def release(self) -> None:
        """It goes on as if it had never been held - also when its sender is gone, as a late message does."""
        self._end(self._go_on)

    def lose(self) -> None:
        """It ends here: its connection is cut; what had not been done never is."""
        self._end(self._lose)

    def _end(self, how: Callable[[], None] | None) -> None:
        self._go_on = self._lose = None
        if how is not None:
            how()


class Holds:
    """The holds that wait for their message, oldest first."""

    def __init__(self) -> None:
        self._waiting: list[Hold] = []

    def next(self, call: str, moment: Moment | str) -> Hold:
        """Hold the next message of that transaction at that moment. ``ValueError`` for an unknown moment."""
        if len(self._waiting) >= MAX_HOLDS:
            raise ValueError("too many holds are set")
        hold = Hold(call, Moment(moment))
        self._waiting.append(hold)
        return hold

    def take(self, call: str, moment: Moment) -> Hold | None:
        """The hold for a message that is at that moment, used up by this call; None for none."""
        for index, hold in enumerate(self._waiting):
            if (hold.call, hold.moment) == (call, moment):
                return self._waiting.pop(index)
        return None
