"""The centre's clock: what its answers say of ours (invariant 22)."""

from __future__ import annotations

import datetime as dt

import pytest

from adapters.insurance.clock import CentreClock

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.timezone(dt.timedelta(hours=8)))


class Clocks:
    """Our two clocks, set by hand."""

    def __init__(self):
        self.seconds = 1000.0
        self.wall = NOON
        self.centre = CentreClock(lambda: self.wall, lambda: self.seconds)

    def pass_(self, seconds):
        self.seconds += seconds
        self.wall += dt.timedelta(seconds=seconds)

    def hear(self, ahead_s, *, took_s=0.0, layout="%Y%m%d%H%M%S%f"):
        """An answer that took so long, written at its end by a centre that our clock is ahead of."""
        sent = self.seconds
        self.pass_(took_s)
        text = (self.wall - dt.timedelta(seconds=ahead_s)).strftime(layout)[: 17 if layout.endswith("f") else None]
        self.centre.heard(text, sent)


@pytest.fixture
def clocks():
    return Clocks()


def test_before_any_answer_nothing_is_known(clocks):
    assert clocks.centre.ahead_s() is None


@pytest.mark.parametrize("layout", ["%Y%m%d%H%M%S%f", "%Y%m%d%H%M%S", "%Y-%m-%d %H:%M:%S"])
@pytest.mark.parametrize("ahead_s", [-3600, 0, 400])
def test_an_answer_says_how_far_our_clock_is_ahead(clocks, layout, ahead_s):
    clocks.hear(ahead_s, layout=layout)

    assert clocks.centre.ahead_s() == ahead_s


def test_a_slow_answer_is_no_difference_of_the_clocks(clocks):
    sent = clocks.seconds
    written = clocks.wall.strftime("%Y%m%d%H%M%S%f")[:17]
    clocks.pass_(90)

    clocks.centre.heard(written, sent)

    assert clocks.centre.ahead_s() == 0


def test_only_what_the_waiting_cannot_explain_is_a_difference(clocks):
    clocks.hear(-100, took_s=30)

    assert clocks.centre.ahead_s() == -100


def test_a_step_of_our_own_clock_counts_at_once(clocks):
    clocks.hear(0)
    clocks.wall += dt.timedelta(hours=1)

    assert clocks.centre.ahead_s() == 3600


def test_time_that_passes_is_no_step(clocks):
    clocks.hear(7)
    clocks.pass_(86_400)

    assert clocks.centre.ahead_s() == 7


@pytest.mark.parametrize("said", ["", "yesterday", "99999999999999", "20260302120000000000", "\u0662" * 14])
def test_what_cannot_be_read_is_passed_over(clocks, said):
    clocks.hear(5)

    clocks.centre.heard(said, clocks.seconds)

    assert clocks.centre.ahead_s() == 5
