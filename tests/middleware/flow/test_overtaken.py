"""A reversal whose answer comes when the doubt has ended already (found by the simulator)."""

from __future__ import annotations

import pytest

from middleware.domain.event import CancelUnanswered, ReversalNotSent, ReversalUnanswered, SettleUnanswered
from middleware.domain.visit import SettlementState as S
from middleware.flow.visit import SETTLEMENT_ROWS, step
from tests.middleware.flow.making import SID, at, settlement, visit


@pytest.mark.parametrize("event", [SettleUnanswered, CancelUnanswered])
@pytest.mark.parametrize("state", [S.SETTLED, S.DELIVERED, S.CANCELLED, S.UNKNOWN, S.MANUAL])
def test_a_time_out_that_the_journal_took_after_the_late_answer_is_evidence_not_a_mistake(event, state):
    assert state in SETTLEMENT_ROWS[event].ignored


def test_a_time_out_of_an_earlier_message_changes_nothing_of_the_newer_one():
    for before, happened in (
        (settlement(S.SETTLE_SENT), SettleUnanswered(SID, "M-earlier", "time-out")),
        (settlement(S.CANCEL_SENT), CancelUnanswered(SID, "M-earlier", "time-out")),
    ):
        assert step(visit(before), happened, at()).state.settlements[0] == before


@pytest.mark.parametrize("event", [ReversalNotSent, ReversalUnanswered])
@pytest.mark.parametrize("state", [S.REFUSED, S.REVERSED, S.SETTLED, S.DELIVERED, S.UNKNOWN, S.MANUAL])
def test_a_sign_in_demand_that_answers_an_old_reversal_late_is_evidence_not_a_mistake(event, state):
    assert state in SETTLEMENT_ROWS[event].ignored
