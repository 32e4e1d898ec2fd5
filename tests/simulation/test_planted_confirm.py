"""A region where a settlement's yes must be confirmed: sound seeds stay sound, and each planted defect is caught."""

from __future__ import annotations

import pytest

from tests.simulation import planted_confirm as planted

SEEDS = range(1, 31)
# Where it is known to happen, so that the search is short; the search itself decides.
NEAR = {
    planted.a_confirmation_without_an_answer_is_a_yes: 2,
    planted.a_refused_confirmation_is_a_yes: 6,
    planted.a_confirmation_in_flight_is_forgotten_at_a_restart: 17,
}


@pytest.mark.parametrize("plant", planted.ALL, ids=lambda plant: plant.__name__)
def test_a_planted_defect_of_the_confirming_call_is_caught(plant, play, monkeypatch):
    plant(monkeypatch)

    assert any(play(seed, "confirm").broken is not None for seed in (NEAR.get(plant, 1), *SEEDS))


def test_days_with_confirmations_break_no_rule_and_have_some(play):
    result = play(1, "confirm")

    assert result.broken is None, str(result.broken)
    assert result.states["ConfirmSent"] > 0
