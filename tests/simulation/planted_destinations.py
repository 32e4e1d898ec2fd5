"""Defects about several destinations; each is caught by what the second one hears, or does not."""

from __future__ import annotations

from attrs import evolve

from middleware.domain.command import HisMatter
from middleware.engine import runner
from middleware.store.reader import Reader


def cancels_are_copied_to_nobody(patch):
    real = runner.addressed

    def planted(destinations, matter, control_id):
        for one in real(destinations, matter, control_id):
            if not (one.copy and matter is HisMatter.CANCELLED):
                yield one

    patch.setattr(runner, "addressed", planted)


def a_fact_is_copied_twice(patch):
    real = runner.addressed

    def planted(destinations, matter, control_id):
        for one in real(destinations, matter, control_id):
            yield one
            if one.copy:
                yield evolve(one, control_id=one.control_id[:-1] + "x")

    patch.setattr(runner, "addressed", planted)


def registrations_are_not_copied(patch):
    patch.setattr(runner, "copies", lambda *_args: iter(()))


def copies_leave_in_any_order(patch):
    real = Reader.waiting_letters

    def planted(self, after, limit, destination="his"):
        page = real(self, after, limit, destination)
        return [evolve(one, lane=one.letter.control_id) if one.letter.copy else one for one in page]

    patch.setattr(Reader, "waiting_letters", planted)


ALL = (
    cancels_are_copied_to_nobody,
    a_fact_is_copied_twice,
    registrations_are_not_copied,
    copies_leave_in_any_order,
)
