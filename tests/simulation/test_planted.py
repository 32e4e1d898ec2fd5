"""A simulator that catches nothing is a check that cannot fail: each planted defect is caught by a few fixed seeds."""

from __future__ import annotations

import pytest

from tests.simulation import planted

SEEDS = range(1, 101)
# Where a rare accident is known to happen, so that the search is short; the search itself decides.
NEAR = {
    planted.giving_up_is_called_reversed: 53,
    planted.the_wall_clock_says_how_long_it_took: 50,
    planted.a_restart_calls_a_reversal_in_flight_done: 23,
    planted.due_times_are_not_armed_again_after_a_restart: 7,
    planted.a_late_approval_settles_what_was_reversed: 6,
}


def test_there_are_enough_defects_and_each_is_planted_once():
    assert len(set(planted.ALL)) == len(planted.ALL) >= 30


@pytest.mark.parametrize("plant", planted.ALL, ids=lambda plant: plant.__name__)
def test_a_planted_defect_is_caught(plant, play, monkeypatch):
    plant(monkeypatch)

    assert any(play(seed).broken is not None for seed in (NEAR.get(plant, 1), *SEEDS))
