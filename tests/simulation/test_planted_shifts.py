"""Each planted defect of a terminal's batches is caught, and by invariant 16 itself."""

from __future__ import annotations

import pytest

from tests.simulation import planted_shifts

SEEDS = range(1, 21)


@pytest.mark.parametrize("plant", planted_shifts.ALL, ids=lambda plant: plant.__name__)
def test_invariant_16_a_planted_defect_of_batches_is_caught(plant, play, monkeypatch):
    plant(monkeypatch)
    broken = next(found for seed in SEEDS if (found := play(seed).broken) is not None)

    assert broken.number == "16"
