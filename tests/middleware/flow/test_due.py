"""Due times and a wall clock that was set back: a doubt is pursued when its wait is over, not an hour later."""

from __future__ import annotations

import datetime as dt

import pytest
from attrs import evolve

from middleware.domain import event as e
from middleware.domain.command import CallCentre, WakeAt
from middleware.domain.visit import SettlementState as S
from middleware.flow.due import longest_wait_s, still_to_come
from middleware.flow.step import Policy
from middleware.flow.visit import step
from tests.middleware.flow.making import SID, after, at, settlement, visit

HOUR = dt.timedelta(hours=1)


def due(before, when):
    done = step(visit(before), e.DueTimePassed(SID), when)
    return done.state.settlements[0], done.commands


def test_invariant_22_a_clock_set_back_an_hour_does_not_put_a_doubt_off_for_an_hour():
    doubtful = settlement(S.UNKNOWN, next_due=after(0.5) + HOUR)  # noted while the clock was an hour ahead

    pursued, commands = due(doubtful, at(repeat_max_s=600))

    assert pursued.state is S.REVERSAL_INTENDED
    assert [type(command) for command in commands] == [CallCentre]


def test_a_due_time_that_is_still_to_come_is_waited_for():
    doubtful = settlement(S.UNKNOWN, next_due=after(300))

    waiting, commands = due(doubtful, at(repeat_max_s=600))

    assert waiting == doubtful
    assert commands == (WakeAt(SID, after(300)),)


@pytest.mark.parametrize("jitter", [0.0, 0.999])
@pytest.mark.parametrize(
    "policy", [{}, {"repeat_max_s": 5, "first_check_s": 700}, {"repeat_max_s": 1, "processing_limit_s": 9}]
)
def test_no_wait_of_the_pursuit_is_longer_than_the_longest(policy, jitter):
    when = evolve(at(**policy), jitter=jitter)
    sent = settlement(S.SETTLE_SENT)
    unanswered = step(visit(sent), e.SettleUnanswered(SID, sent.settle_message_id, "time-out"), when).state.settlements[0]
    asked = settlement(S.REVERSAL_SENT, reversal_attempts=20)
    again = step(visit(asked), e.ReversalUnanswered(SID, asked.reversal_message_id, "x"), when).state.settlements[0]

    for made in (unanswered, again):
        assert made.state is S.UNKNOWN
        assert (made.next_due - when.now).total_seconds() <= longest_wait_s(Policy(**policy))
        assert still_to_come(made.next_due, when)


def test_a_time_that_is_longer_than_the_pursuits_is_waited_for_too():
    when = at(repeat_max_s=1, first_check_s=1, processing_limit_s=1)

    assert not still_to_come(after(3600), when)
    assert still_to_come(after(3600), when, 3600)
    assert not still_to_come(None, when, 3600)
