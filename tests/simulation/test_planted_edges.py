"""Each planted defect of the adapters' pure parts, of the cards and of the desk is caught by a few fixed seeds."""

from __future__ import annotations

import pytest

from tests.simulation import planted_edges as planted

SEEDS = range(1, 101)
# Where it is known to happen, so that the search is short; the search itself decides.
NEAR = {
    planted.another_persons_reply_is_ours: 17,
    planted.a_reply_without_a_code_is_a_yes: 8,
    planted.a_refusal_that_carries_a_settlement_is_a_refusal: 20,
    planted.a_missing_amount_is_nothing: 21,
    planted.any_acknowledgement_is_a_yes: 8,
    planted.a_pulled_card_is_the_one_before: 3,
    planted.one_person_is_enough_at_the_desk: 66,
    planted.what_is_stale_is_approved: 80,
    planted.a_decision_by_hand_is_forgotten: 13,
    planted.a_lost_card_is_not_asked_about_again: 4,
}


@pytest.mark.parametrize("plant", planted.ALL, ids=lambda plant: plant.__name__)
def test_a_planted_defect_is_caught(plant, play, monkeypatch):
    plant(monkeypatch)

    assert any(play(seed).broken is not None for seed in (NEAR.get(plant, 1), *SEEDS))
