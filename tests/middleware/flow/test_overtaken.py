"""A reversal whose answer comes when the doubt has ended already (found by the simulator)."""

from __future__ import annotations

import pytest

from middleware.domain.event import ReversalNotSent, ReversalUnanswered
from middleware.domain.visit import SettlementState as S
from middleware.flow.visit import SETTLEMENT_ROWS


@pytest.mark.parametrize("event", [ReversalNotSent, ReversalUnanswered])
@pytest.mark.parametrize("state", [S.REFUSED, S.REVERSED, S.SETTLED, S.DELIVERED, S.UNKNOWN, S.MANUAL])
def test_a_sign_in_demand_that_answers_an_old_reversal_late_is_evidence_not_a_mistake(event, state):
    assert state in SETTLEMENT_ROWS[event].ignored
