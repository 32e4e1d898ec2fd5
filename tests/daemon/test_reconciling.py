"""By the clock: which days are compared, when again, and what health says; and the command's lines."""

from __future__ import annotations

import datetime as dt

import pytest
from twisted.internet.defer import succeed
from twisted.internet.task import Clock

from daemon.reconcile_command import row_line, totals_line
from daemon.reconciling import LOOK_S, ReconcileOptions, Reconciling
from middleware.domain.health import Condition
from middleware.domain.statement import Slice
from middleware.engine.comparison import Run

ZONE = dt.timezone(dt.timedelta(hours=8))
FIRST = dt.date(2026, 11, 18)


class FakeStore:
    """The states of days, as runs left them."""

    def __init__(self):
        self.states, self.first = {}, FIRST

    def states_of(self, days):
        return {day: self.states[day] for day in days if day in self.states}

    def balanced_since(self):
        return max((day for day, state in self.states.items() if state == "balanced"), default=None)

    def first_day(self, zone):
        assert zone is ZONE
        return self.first


class FakeReconciler:
    """Each run ends at once, as ``ends`` says."""

    zone, current = ZONE, None

    def __init__(self, store, now):
        self.store, self.now, self.ends, self.days = store, now, {}, []

    async def run(self, day):
        self.days.append(day)
        state = self.ends.get(day, "balanced")
        self.store.states[day] = state
        return Run("R1", day, "", self.now(), state)

    def stop(self):
        self.days.append("stopped")


class InlinePool:
    def run(self, function, *args):
        return succeed(function(*args))


class Night:
    def __init__(self, start, **options):
        self.clock, self.start_at = Clock(), start
        self.store = FakeStore()
        self.reconciler = FakeReconciler(self.store, self.now)
        self.holds = True
        self.part = Reconciling(
            ReconcileOptions(**options), self.reconciler, self.store, InlinePool(), self.clock, self.now, lambda: self.holds
        )
        self.part.start()

    def now(self):
        return self.start_at + dt.timedelta(seconds=self.clock.seconds())

    def until(self, hours):
        for _ in range(int(hours * 3600 / LOOK_S)):
            self.clock.advance(LOOK_S)


def at(day, hour, minute=0):
    return dt.datetime.combine(FIRST + dt.timedelta(days=day), dt.time(hour, minute), ZONE)


def test_yesterday_is_compared_at_its_time_and_once():
    night = Night(at(1, 1))
    assert night.reconciler.days == []
    night.until(1)
    assert night.reconciler.days == []
    night.until(20)

    assert night.reconciler.days == [FIRST]


def test_a_day_that_does_not_balance_is_looked_at_again_each_night_the_oldest_first():
    night = Night(at(1, 2))
    night.reconciler.ends[FIRST] = "open"
    night.until(72)

    second = FIRST + dt.timedelta(days=1)
    assert night.reconciler.days == [FIRST, FIRST, second, FIRST, second + dt.timedelta(days=1)]
    health = night.part.health()
    assert (health.condition, health.fault) == (Condition.DEGRADED, "reconcile.open")
    assert str(FIRST) in health.detail


def test_a_night_that_could_not_be_finished_is_tried_again_after_a_quarter_of_an_hour():
    night = Night(at(1, 2))
    night.reconciler.ends[FIRST] = "failed"
    night.until(1.1)

    assert night.reconciler.days == [FIRST] * 3


def test_a_daemon_that_was_down_at_the_time_makes_up_for_it_and_nothing_before_our_first_day_is_compared():
    night = Night(at(3, 10))

    assert night.reconciler.days == [FIRST + dt.timedelta(days=n) for n in range(3)]


def test_of_several_nodes_the_one_that_holds_it_compares():
    night = Night(at(1, 1))
    night.holds = False
    night.until(5)
    assert night.reconciler.days == []
    night.holds = True
    night.until(1)

    assert night.reconciler.days == [FIRST]


def test_switched_off_nothing_is_compared_by_the_clock():
    night = Night(at(1, 1), enabled=False)
    night.until(30)

    assert night.reconciler.days == []
    assert night.part.health().condition is Condition.GOOD


def test_a_yesterday_that_is_not_compared_in_time_is_overdue():
    night = Night(at(1, 1))
    night.holds = False
    night.until(6)
    assert night.part.health().condition is Condition.GOOD
    night.until(3)

    assert night.part.health().fault == "reconcile.overdue"


def test_before_anything_was_ever_sent_there_is_nothing_to_compare():
    night = Night(at(1, 1))
    night.store.first = None
    night.until(30)

    assert night.reconciler.days == []
    assert night.part.health().condition is Condition.GOOD


def test_a_stop_ends_the_looking():
    night = Night(at(1, 1))
    night.part.stop()
    night.until(30)

    assert night.reconciler.days == ["stopped"]


@pytest.mark.parametrize("wrong", ["25:00", "2:30", "01:59", "noon"])
def test_a_time_at_which_a_day_is_not_surely_over_is_refused(wrong):
    with pytest.raises(ValueError, match="time_of_day"):
        ReconcileOptions(time_of_day=wrong)


def test_keys_are_written_as_three_parts():
    assert ReconcileOptions(slices=("310/11/999900",)).keys == (Slice("310", "11", "999900"),)
    with pytest.raises(ValueError, match="insurance/clearing_type/agency"):
        ReconcileOptions(slices=("310/11",))


def test_the_commands_lines_say_class_amounts_and_where_it_is_written():
    row = {
        "difference": "only-there", "resolution": "person", "refund": True, "settlement_id": "", "message_id": "M9",
        "ours": {}, "theirs": {"total": "-5.00"}, "file_digest": "ab" * 32, "line": 7,
    }  # fmt: skip
    totals = {
        "equal": False, "insurance": "310", "clearing_type": "11", "agency": "999900", "count": 3, "total": "9.00",
        "fund": "5.00", "account": "0.00",
    }  # fmt: skip

    line = row_line(row)
    assert all(word in line for word in ("only-there", "退费", "person", "非本系统", "M9", "-5.00", "abababababab:7"))
    assert totals_line(totals).startswith("≠ 310/11/999900  3 ")
