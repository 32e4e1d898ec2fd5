"""Regions that ask for evidence in different orders, and the rules of pursuing a doubt, as checks over the journal.

Times are those of the journal's lines: the profile that plays these regions leaves the wall clocks right.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping
from typing import Any

from attrs import define

from daemon.simulate.checks import Books
from daemon.simulate.dials import Dials
from middleware.domain.pursuit import ORDER, Source

HOUR = 3600.0
FILE_AT = dt.time(2, 30)
SLACK = dt.timedelta(hours=1)  # the longest wait between two attempts, a crash, a call that is never answered
_FILE, _REVERSAL, _VISITS = Source.FILE, Source.REVERSAL, Source.VISITS
_IN_DOUBT = {"Unknown", "ReversalIntended", "ReversalSent"}
# After these the centre is known to hold it: it is reversed, and nothing else is asked.
_HELD = {"CentreSettled", "CentreCancelled", "CentreListed", "CentreListedOtherwise"}
_BY_ITSELF = {"DueTimePassed", "CentreShowedVisits", "VisitQueryFailed"}

# How regions differ: what 2601 may name, whether files come, what is asked first, how long at most.
_REGIONS: tuple[Mapping[str, Any], ...] = (
    {"order": ORDER, "files": True, "limit_s": 40 * HOUR},
    {"order": (_FILE, _REVERSAL), "files": True, "limit_s": 40 * HOUR},
    {"order": (_VISITS, _REVERSAL, _FILE), "files": True, "limit_s": 40 * HOUR},
    {"order": ORDER, "named": False, "limit_s": 40 * HOUR},
    {"order": ORDER, "named": False, "files": True, "limit_s": 6 * HOUR},
    {"order": ORDER, "named": False, "files": True, "limit_s": 40 * HOUR},
)


def region(seed: int) -> Mapping[str, Any]:
    """One of them."""
    return random.Random(f"region/{seed}").choice(_REGIONS)  # noqa: S311 - seeded randomness is the point


@define
class _Doubt:
    since: dt.datetime
    held: bool


def doubts_are_pursued_in_order(b: Books, dials: Dials) -> None:
    """Invariant 10: in the region's order, for no longer than its limit; weak evidence decides nothing."""
    open_: dict[str, _Doubt] = {}
    for line in b.lines():
        sid, event, before, after = line["settlement"], line["event"], line["before"], line["after"]
        at = dt.datetime.fromisoformat(line["at"])
        if event == "CentreShowedVisits":
            good = before == after or after in {"ReversalIntended", "Manual"}
            b.story.require("weak", f"5201 made {before} {after}", holds=good, about=sid)
        if before in _IN_DOUBT and (doubt := open_.get(sid)) is not None:
            no_doubt_outlives_its_limit(b, dials, sid, doubt, at)
            if event in _BY_ITSELF and not doubt.held:
                nothing_is_asked_before_its_turn(b, dials, sid, doubt, at, after)
        if after == "Unknown" and (before not in _IN_DOUBT or event in _HELD):
            open_[sid] = _Doubt(at, event in _HELD)


def no_doubt_outlives_its_limit(b: Books, dials: Dials, sid: str, doubt: _Doubt, at: dt.datetime) -> None:
    """Invariant 10: it is known, or a person's, by then."""
    late = at - doubt.since - dt.timedelta(seconds=dials.limit_s)
    b.story.require("10", f"in doubt {late} longer than the limit", holds=late <= SLACK, about=sid)


def nothing_is_asked_before_its_turn(b: Books, dials: Dials, sid: str, doubt: _Doubt, at: dt.datetime, after: str) -> None:
    """Invariant 10: what comes after the file does not come before its night, nor a person before the limit."""
    if not dials.files or _FILE not in dials.order:
        return
    night = dt.datetime.combine(doubt.since.date(), FILE_AT, doubt.since.tzinfo)
    night += dt.timedelta(days=1) if night <= doubt.since else dt.timedelta(0)
    first = min(night, doubt.since + dt.timedelta(seconds=dials.limit_s))
    reverses = after == "ReversalIntended" and _REVERSAL in dials.order[dials.order.index(_FILE) :]
    if after == "Manual" or reverses:
        b.story.require("10", f"{after} before the file of the night", holds=at >= first, about=sid)
