"""Whether a due time is still to come, by a wall clock that may have been set meanwhile (invariant 22)."""

from __future__ import annotations

import datetime as dt

from middleware.flow.step import At, Policy

_SPREAD = 2  # jitter makes no wait longer than twice what the policy says


def longest_wait_s(policy: Policy) -> float:
    """Nothing that pursues an outcome waits longer than this, in seconds."""
    waits = (policy.first_check_s, policy.repeat_max_s, policy.processing_limit_s)
    return _SPREAD * max(waits)


def still_to_come(due: dt.datetime | None, at: At, longest_s: float = 0) -> bool:
    """Whether to wait for it. False for None.

    A time further away than anything here waits was set by a clock that was set back since: waiting for it would keep a
    visit locked for as long as the clock was wrong. ``longest_s`` when this one may be longer than the pursuit's.
    """
    if due is None:
        return False
    longest = max(longest_s, longest_wait_s(at.policy))
    return at.now < due <= at.now + dt.timedelta(seconds=longest)
