"""The maker of message ids: institution (12) + yyyyMMddHHmmss (14) + serial (4), the one key that survives a lost reply."""

from __future__ import annotations

import datetime as dt
import re

from middleware.domain.fault import Fault

SERIALS_A_SECOND = 10_000
_INSTITUTION = re.compile(r"[0-9A-Za-z]{12}\Z", re.ASCII)
_STAMP = "%Y%m%d%H%M%S"


class MessageIds:
    """Ids that only ever rise, for one institution; no two are equal, whatever the clock or a restart does (invariant 23).

    ``institution`` is the centre's twelve-character code. ``last`` is the greatest id that is durable, or None at the very
    first start; ids handed out but never made durable may come again, which is why the journal comes before the wire. A
    ``last`` of another institution is no bound for this one. ``ValueError`` when either cannot be an id.

    ``slot`` of ``slots``: this node's part of each second's serials, so that no two nodes that live at the same time give
    the same id; ``last`` is then the greatest of that part.
    """

    def __init__(self, institution: str, last: str | None, slot: int = 0, slots: int = 1) -> None:
        if not _INSTITUTION.match(institution):
            raise ValueError("an institution code has twelve letters or digits")
        self._institution = institution
        self._slots = slots
        self._last = ("", 0)
        self.resume(last, slot)

    @property
    def slot(self) -> int:
        """This node's part."""
        return self._first * self._slots // SERIALS_A_SECOND

    def resume(self, last: str | None, slot: int) -> None:
        """Go on in that part, behind ``last`` and behind whatever was given here before."""
        size = SERIALS_A_SECOND // self._slots
        if not 0 <= slot < self._slots:
            raise ValueError("there is no such part")
        self._first, self._end = slot * size, (slot + 1) * size
        if last is not None and last.startswith(self._institution):
            self._last = max(self._last, _parts(last))

    def next(self, at: dt.datetime) -> str:
        """A new id, greater than every earlier one.

        ``at`` is the hospital's wall clock. While it stands still or runs behind the last id, the serial goes on in that
        id's second. When its 10,000 are used up: ``Fault("system.clock")`` while it is that second, for waiting, never
        repeating, is the way out; behind a clock that was set back the ids go on in the next second, for that wait could
        last as long as the step was.
        """
        stamp = at.strftime(_STAMP)
        if len(stamp) != len("yyyyMMddHHmmss"):
            raise Fault("system.clock", "the year has fewer than four digits")
        used, serial = self._last
        if stamp > used:
            serial = self._first
        else:
            now, (stamp, serial) = stamp, (used, max(serial + 1, self._first))
            if serial >= self._end and now < used:
                stamp, serial = _second_after(used), self._first
        if serial >= self._end:
            raise Fault("system.clock", f"the {self._end - self._first} message ids of second {stamp} are used up")
        self._last = stamp, serial
        return f"{self._institution}{stamp}{serial:04d}"


def _second_after(stamp: str) -> str:
    try:
        return (dt.datetime.strptime(stamp, _STAMP) + dt.timedelta(seconds=1)).strftime(_STAMP)  # noqa: DTZ007 - a stamp
    except (ValueError, OverflowError) as exc:
        raise Fault("system.clock", f"there is no second after {stamp}") from exc


def _parts(message_id: str) -> tuple[str, int]:
    """Stamp and serial of one of our own ids."""
    stamp, serial = message_id[12:26], message_id[26:]
    if len(message_id) != 30 or not (stamp + serial).isdecimal() or not message_id.isascii():  # noqa: PLR2004 - C30
        raise ValueError("the last message id is not one of ours")
    return stamp, int(serial)
