"""Regions with different orders of evidence: sound seeds stay sound, and each planted defect is caught."""

from __future__ import annotations

import pytest

from tests.simulation import planted_pursuit as planted

SEEDS = range(1, 41)
# Where it is known to happen, so that the search is short; the search itself decides.
NEAR = {
    planted.the_file_is_skipped: 2,
    planted.the_limit_in_time_is_forgotten: 4,
    planted.every_region_has_the_same_order: 8,
}


@pytest.mark.parametrize("plant", planted.ALL, ids=lambda plant: plant.__name__)
def test_a_planted_defect_is_caught(plant, play, monkeypatch):
    plant(monkeypatch)

    assert any(play(seed, "evidence").broken is not None for seed in (NEAR.get(plant, 1), *SEEDS))


def test_weak_evidence_is_asked_for_and_no_order_breaks_a_rule(play):
    results = [play(seed, "evidence") for seed in range(1, 3)]

    assert [(r.seed, str(r.broken)) for r in results if r.broken] == []
    assert sum(r.checked["weak"] for r in results) > 0
