"""A wall clock that steps must not be taken for time that passed."""

from __future__ import annotations

import datetime as dt

import pytest
from attrs import evolve
from twisted.internet.task import Clock

from middleware.domain.event import CentreRefusedReversal
from middleware.domain.visit import SettlementState as S
from middleware.engine.elapsed import Elapsed
from middleware.flow import reversal
from tests.middleware.flow.making import NOW, after, at, settlement

HOUR = dt.timedelta(hours=1)


def _wall(clock, offset):
    return NOW + dt.timedelta(seconds=clock.seconds()) + offset[0]


def test_differences_are_true_since_the_start_while_the_clock_goes_on():
    clock, offset = Clock(), [dt.timedelta(0)]
    elapsed = Elapsed(lambda: _wall(clock, offset), clock)
    clock.advance(86400)
    offset[0] += dt.timedelta(seconds=0.5)

    assert elapsed.trusted_since() == NOW


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_invariant_22_a_step_in_either_direction_starts_the_reckoning_anew(step):
    clock, offset = Clock(), [dt.timedelta(0)]
    elapsed = Elapsed(lambda: _wall(clock, offset), clock)
    clock.advance(10)
    offset[0] += step

    noticed = elapsed.trusted_since()
    clock.advance(100)

    assert noticed == NOW + dt.timedelta(seconds=10) + step
    assert elapsed.trusted_since() == noticed


def _not_found(since, asked, now, trusted):
    doubtful = evolve(
        settlement(S.REVERSAL_SENT), unknown_since=since, reversal_intended_at=asked, reversal_message_id="R1",
    )  # fmt: skip
    event = CentreRefusedReversal(doubtful.settlement_id, "R1", "NOTFOUND", "", not_found=True)
    when = evolve(at(now, processing_limit_s=120.0), trusted_since=trusted)
    return reversal.refused(doubtful, event, when, None).state.state


def test_invariant_12_an_hour_that_only_the_wall_clock_saw_does_not_end_a_reversal():
    jumped = after(3610)
    assert _not_found(NOW, jumped, jumped, jumped) is S.UNKNOWN
    assert _not_found(NOW, jumped, jumped, NOW) is S.REVERSED


def test_invariant_22_a_clock_set_back_does_not_keep_a_reversal_open_for_an_hour():
    assert _not_found(after(3600), after(200), after(200), NOW) is S.REVERSED
    assert _not_found(after(3600), after(60), after(60), NOW) is S.UNKNOWN


def test_invariant_12_a_question_asked_before_the_clock_stepped_proves_nothing():
    assert _not_found(NOW, after(3600), after(10), after(5)) is S.UNKNOWN
    assert _not_found(NOW, after(200), after(300), after(250)) is S.UNKNOWN
