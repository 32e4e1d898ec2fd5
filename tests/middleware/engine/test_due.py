"""Timers and a wall clock that is set back while something is in doubt: found by chaos, clock steps under load."""

from __future__ import annotations

import datetime as dt

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred

from middleware.domain.centre import Call
from middleware.domain.fault import Fault
from middleware.domain.outcome import Unknown
from tests.support.counter import HIS, order_of, quoted, until
from tests.support.rig import Rig

HOUR = dt.timedelta(hours=1)
QUICK = {"first_check_s": 0.3, "repeat_s": 0.05, "repeat_max_s": 0.05}


async def _in_doubt_an_hour_ahead(r):
    r.offset = HOUR
    quote = await quoted(r)
    r.centre.script[Call.SETTLE] = [Unknown("time-out")]
    with pytest.raises(Fault, match="outcome_unknown"):
        await r.counter.settle(HIS, "s1", order_of(quote))
    r.offset = dt.timedelta(0)
    return quote["settlement_id"]


@pytest_twisted.ensureDeferred
async def test_invariant_22_a_doubt_of_an_hour_ahead_is_pursued_when_the_clock_is_right_again(store_url):
    r = await Rig(store_url, **QUICK).start()
    try:
        settlement_id = await _in_doubt_an_hour_ahead(r)
        found = await ensureDeferred(until(r, settlement_id, "Reversed")).addTimeout(5, reactor)
    finally:
        await r.stop()

    assert found.state == "Reversed"


@pytest_twisted.ensureDeferred
async def test_invariant_22_a_start_after_the_clock_was_set_back_waits_no_hour_for_a_doubt(store_url):
    first = await Rig(store_url, **QUICK).start()
    settlement_id = await _in_doubt_an_hour_ahead(first)
    await first.crash()

    r = await Rig(store_url, beside=first, **QUICK).start()
    try:
        found = await ensureDeferred(until(r, settlement_id, "Reversed")).addTimeout(5, reactor)
    finally:
        await r.stop()

    assert found.state == "Reversed"
