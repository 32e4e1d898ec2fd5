"""Defects of the confirming call to plant, as in ``planted.py``."""

from __future__ import annotations

from middleware.domain import event as e
from middleware.domain.visit import SettlementState as S
from middleware.flow import settlement
from middleware.flow.step import Step
from tests.simulation.planted import SENT, _move

CONFIRMING = (S.CONFIRM_INTENDED, S.CONFIRM_SENT)


def a_yes_is_taken_for_settled(patch):
    def holds(s, event, at, visit):
        return settlement.holds(s, event.reply, at, visit)

    _move(patch, e.CentreSettled, SENT, holds)


def a_confirmation_without_an_answer_is_a_yes(patch):
    def holds(s, event, at, visit):
        return settlement.holds(s, s.approved, at, visit)

    _move(patch, e.ConfirmUnanswered, CONFIRMING, holds)


def a_refused_confirmation_is_a_yes(patch):
    def holds(s, event, at, visit):
        return settlement.holds(s, s.approved, at, visit)

    _move(patch, e.CentreRefusedConfirm, CONFIRMING, holds)


def a_confirmation_in_flight_is_forgotten_at_a_restart(patch):
    _move(patch, e.DaemonRestarted, CONFIRMING, lambda s, event, at, visit: Step(s))


ALL = (
    a_yes_is_taken_for_settled,
    a_confirmation_without_an_answer_is_a_yes,
    a_refused_confirmation_is_a_yes,
    a_confirmation_in_flight_is_forgotten_at_a_restart,
)
