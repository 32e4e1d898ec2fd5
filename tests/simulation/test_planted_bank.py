"""Each planted defect of the payer's leg is caught by a few fixed seeds; the sound code breaks no rule on the same days."""

from __future__ import annotations

import pytest

from daemon.simulate.bank import draw_bank
from tests.simulation import planted_bank

# Days on which payers use cards; where a rare accident is known to happen comes first, so that the search is short.
SEEDS = [seed for seed in range(1, 61) if draw_bank(seed, "hostile").cards]
NEAR = {
    planted_bank.an_unanswered_hold_is_asked_for_again: 25,
    planted_bank.a_refund_without_an_answer_is_sent_again: 29,
    planted_bank.an_unanswered_hold_pays: 3,
    planted_bank.a_repeated_capture_is_a_new_one: 3,
    planted_bank.an_unanswered_capture_was_taken: 25,
    planted_bank.a_cancel_is_not_refunded: 29,
    planted_bank.an_unanswered_hold_is_no_hold: 3,
}


@pytest.mark.parametrize("plant", planted_bank.ALL, ids=lambda plant: plant.__name__)
def test_a_planted_defect_of_the_payers_leg_is_caught(plant, play, monkeypatch):
    plant(monkeypatch)

    assert any(play(seed).broken is not None for seed in (NEAR.get(plant, 1), *SEEDS))


def test_days_with_cards_break_no_rule_and_look_at_the_payers():
    assert len(SEEDS) > 20
    assert len(set(planted_bank.ALL)) == len(planted_bank.ALL) >= 4
