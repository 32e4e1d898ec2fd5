"""A simulator that catches nothing is a check that cannot fail: each planted defect is caught by a few fixed seeds."""

from __future__ import annotations

import pytest

from tests.simulation import near
from tests.simulation.groups import CASES

NEAR = near.known()


def test_there_are_enough_defects_each_is_planted_once_and_none_is_unknown():
    names = [case.name for case in CASES]

    assert len(set(names)) == len(names) >= 90
    assert set(NEAR) <= set(names)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_planted_defect_is_caught(case, play, monkeypatch):
    case.plant(monkeypatch)

    seeds = (NEAR.get(case.name, case.seeds[0]), *case.seeds)
    assert any(case.is_caught_by(play(seed, case.profile).broken) for seed in seeds)
