"""Each planted defect of the reconciliation is caught by a few fixed nights."""

from __future__ import annotations

import pytest

from tests.simulation import planted_reconciliation as planted

SEEDS = range(1, 41)
# Where it is known to happen, so that the search is short; the search itself decides.
NEAR = {planted.the_day_is_our_clocks: 2, planted.absent_after_half_a_file: 2, planted.rows_are_joined_by_person: 2}


@pytest.mark.parametrize("plant", planted.ALL, ids=lambda plant: plant.__name__)
def test_a_planted_defect_is_caught(plant, play, monkeypatch):
    plant(monkeypatch)

    assert any(play(seed, "nights").broken is not None for seed in (NEAR.get(plant, 1), *SEEDS))


def test_some_nights_of_days_that_go_over_midnight_balance(play):
    results = [play(seed, "nights") for seed in range(1, 3)]

    assert [result.broken for result in results] == [None] * len(results)
    assert all(result.checked["15"] for result in results)
