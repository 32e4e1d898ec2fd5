"""Defects of the reconciliation to plant. Each takes pytest's monkeypatch; the product knows nothing of them."""

from __future__ import annotations

import datetime as dt

from attrs import evolve

from middleware.domain.reconciliation import Resolution
from middleware.engine import comparison
from middleware.engine.comparison import Comparison, _Day
from middleware.engine.reconcile import Reconciler
from middleware.flow import comparing


def the_day_is_our_clocks(patch):
    """A settlement stands on the day that a clock of ours shows, which is an hour behind the centre's."""
    real, behind = comparison.booked, dt.timedelta(hours=1)

    def ours(visit):
        known = tuple(
            evolve(s, settled=evolve(s.settled, settled_at=s.settled.settled_at - behind)) if s.settled else s
            for s in visit.settlements
        )
        return evolve(visit, settlements=known)

    patch.setattr(comparison, "booked", lambda visits, day, zone: real([ours(visit) for visit in visits], day, zone))


def absent_after_half_a_file(patch):
    """What a file does not list is called absent, wherever the file ends and whatever the totals say."""
    joined, details = comparison.joined, Comparison._details

    def half(ours, theirs, *rest):
        keys = comparing._Keys(ours)
        there = {keys.find(row) for row in theirs}
        return joined([one for n, one in enumerate(ours) if n in there], theirs, *rest)

    patch.setattr(_Day, "is_whole", lambda self, insurance: True)
    patch.setattr(comparison, "joined", half)
    patch.setattr(Comparison, "_details", lambda self, day, wanted, rows, unequal: details(self, day, wanted, rows, ()))


def rows_are_joined_by_person(patch):
    """A row of the centre's is ours when the person is."""

    def find(self, row):
        return next((n for n, one in enumerate(self.ours) if one.row.person_number == row.person_number), None)

    real = comparing._Keys.__init__

    def init(self, ours):
        real(self, ours)
        self.ours = ours

    patch.setattr(comparing._Keys, "__init__", init)
    patch.setattr(comparing._Keys, "find", find)


def what_only_the_centre_has_is_left_there(patch):
    """Orphans and lost answers are noted, and nothing follows."""
    real = Reconciler._act
    follow = {Resolution.REVERSE, Resolution.REVERSE_OR_ADOPT}
    patch.setattr(Reconciler, "_act", lambda self, row: None if row.resolution in follow else real(self, row))


ALL = (
    the_day_is_our_clocks,
    absent_after_half_a_file,
    rows_are_joined_by_person,
    what_only_the_centre_has_is_left_there,
)
