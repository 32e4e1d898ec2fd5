"""Full garbage collections: when nobody waits, and never later than the bound."""

from __future__ import annotations

import gc

import pytest
from twisted.internet.task import Clock

from daemon import collecting
from daemon.collecting import DUE, LONGEST_S, LOOK_S, Collecting


@pytest.fixture
def kept(monkeypatch):
    """Python's collector as a fake: how often the middle generation was collected since the last full collection."""
    seen = {"count": 0, "full": 0, "frozen": 0, "thresholds": None}

    class Collector:
        def collect(self):
            seen["full"] += 1
            seen["count"] = 0

        def freeze(self):
            seen["frozen"] += 1

        def set_threshold(self, *thresholds):
            seen["thresholds"] = thresholds

        def get_count(self):
            return 0, 0, seen["count"]

    monkeypatch.setattr(collecting, "gc", Collector())
    return seen


def test_a_full_collection_waits_until_nobody_does(kept):
    clock, busy = Clock(), [1]
    part = Collecting(clock, lambda: not busy)
    part.start()
    kept["count"] = DUE
    clock.advance(LOOK_S)
    assert kept["full"] == 1  # the first, before any door opens

    busy.clear()
    clock.advance(LOOK_S)

    assert kept["full"] == 2


def test_in_a_day_without_a_quiet_moment_it_comes_all_the_same(kept):
    clock = Clock()
    Collecting(clock, lambda: False).start()
    kept["count"] = DUE
    clock.pump([LOOK_S] * int(LONGEST_S / LOOK_S))

    assert kept["full"] == 2


def test_where_nothing_was_made_nothing_is_looked_at(kept):
    clock = Clock()
    Collecting(clock, lambda: True).start()
    clock.pump([LOOK_S] * 10)

    assert kept["full"] == 1


def test_python_starts_none_by_itself_and_what_was_built_is_frozen(kept):
    clock = Clock()
    part = Collecting(clock, lambda: True)
    part.start()
    part.stop()

    assert kept["frozen"] == 1
    assert kept["thresholds"][:2] == gc.get_threshold()[:2]
    assert kept["thresholds"][2] >= 1 << 30
    assert clock.getDelayedCalls() == []
