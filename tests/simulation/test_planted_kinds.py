"""Each defect of the other kinds of visit is caught by a few fixed seeds."""

from __future__ import annotations

import pytest

from tests.simulation import planted_kinds

SEEDS = range(1, 101)
# Where it is known to happen, so that the search is short; the search itself decides.
NEAR = {
    planted_kinds.a_withdrawal_is_forgotten_by_the_books: 4,
    planted_kinds.a_2304_is_treated_as_repeatable: 14,
    planted_kinds.orphans_are_not_looked_for: 15,
    planted_kinds.a_2305_without_an_answer_is_resolved_as_settled: 11,
    planted_kinds.a_2102_is_treated_as_repeatable: 10,
    planted_kinds.a_2103_without_an_answer_is_resolved_as_settled: 2,
    planted_kinds.a_lost_registration_is_not_in_doubt: 2,
}
# Where nothing else goes wrong: what was tried again the check lets be, for then a late message may have added lines.
CALM = {planted_kinds.a_withdrawal_is_forgotten_by_the_books}


@pytest.mark.parametrize("plant", planted_kinds.KINDS, ids=lambda plant: plant.__name__)
def test_a_planted_defect_is_caught(plant, play, monkeypatch):
    plant(monkeypatch)

    profile = "calm" if plant in CALM else "hostile"

    assert any(play(seed, profile).broken is not None for seed in (NEAR.get(plant, 1), *SEEDS))
