"""Each defect of the other kinds of visit is caught by a few fixed seeds."""

from __future__ import annotations

import pytest

from tests.simulation import planted_kinds

SEEDS = range(1, 101)
NEAR: dict[object, int] = {}  # where it is known to happen, so that the search is short


@pytest.mark.parametrize("plant", planted_kinds.KINDS, ids=lambda plant: plant.__name__)
def test_a_planted_defect_is_caught(plant, play, monkeypatch):
    plant(monkeypatch)

    assert any(play(seed).broken is not None for seed in (NEAR.get(plant, 1), *SEEDS))
