"""Each planted defect of a terminal's batches is caught, and by invariant 16 itself."""

from __future__ import annotations

import pytest

from tests.simulation import planted_shifts

SEEDS = range(1, 21)
NEAR = {planted_shifts.an_undoing_is_no_row: 9}  # where it is known to happen, so that the search is short


@pytest.mark.parametrize("plant", planted_shifts.ALL, ids=lambda plant: plant.__name__)
def test_invariant_16_a_planted_defect_of_batches_is_caught(plant, play, monkeypatch):
    plant(monkeypatch)
    broken = next(found for seed in (NEAR.get(plant, 1), *SEEDS) if (found := play(seed).broken) is not None)

    assert broken.number == "16"
