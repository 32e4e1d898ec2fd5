"""A simulator that catches nothing is a check that cannot fail: each planted defect is caught by a few fixed seeds."""

from __future__ import annotations

import pytest

from tests.simulation import planted

SEEDS = range(1, 101)
# Where a rare accident is known to happen, so that the search is short; the search itself decides.
NEAR = {
    planted.giving_up_is_called_reversed: 80,
    planted.the_wall_clock_says_how_long_it_took: 57,
    planted.a_late_approval_settles_in_spite_of_a_reversal: 16,
    planted.an_unanswered_reversal_is_a_reversal: 13,
    planted.an_unanswered_cancel_never_happened: 2,
    planted.a_letter_without_an_answer_is_called_accepted: 7,
    planted.due_times_are_not_armed_again_after_a_restart: 7,
    planted.a_late_approval_settles_what_was_reversed: 2,
    planted.a_restart_calls_a_reversal_in_flight_done: 33,
    planted.not_found_ends_a_reversal_at_once: 7,
    planted.any_refused_reversal_is_a_reversal: 7,
    planted.letters_of_a_patient_overtake_one_another: 70,
    planted.the_visit_is_not_locked: 2,
}


NEAR_NODES = {
    planted.an_older_epoch_still_writes: 2,
    planted.two_nodes_deliver_at_once: 2,
    planted.message_ids_are_everybodys: 6,
    planted.another_nodes_clock_is_believed: 52,
}


def test_there_are_enough_defects_and_each_is_planted_once():
    assert len(set(planted.ALL)) == len(planted.ALL) >= 30


@pytest.mark.parametrize("plant", planted.ALL, ids=lambda plant: plant.__name__)
def test_a_planted_defect_is_caught(plant, play, monkeypatch):
    plant(monkeypatch)

    assert any(play(seed).broken is not None for seed in (NEAR.get(plant, 1), *SEEDS))


@pytest.mark.parametrize("plant", planted.NODES, ids=lambda plant: plant.__name__)
def test_a_defect_of_several_nodes_is_caught(plant, play, monkeypatch):
    plant(monkeypatch)

    assert any(play(seed, "nodes").broken is not None for seed in (NEAR_NODES.get(plant, 1), *range(1, 41)))
