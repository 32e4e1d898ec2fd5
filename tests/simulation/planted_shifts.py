"""Defects of batches to plant. Each takes pytest's monkeypatch; the product knows nothing of them."""

from __future__ import annotations

from attrs import evolve

from middleware.engine import runner, shifts
from middleware.store import batch
from middleware.store.shifts import Shifts


def an_undoing_is_no_row(patch):
    real = runner.became_certain
    patch.setattr(runner, "became_certain", lambda *ab: tuple(row for row in real(*ab) if row.kind != "cancelled"))


def what_is_sent_counts_as_settled(patch):
    def planted(before, after):
        known = {s.settlement_id: s for s in before.settlements} if before else {}
        rows = list(real(before, after))
        for s in after.settlements:
            if s.state == "Unknown" and known[s.settlement_id].state == "SettleSent" and s.quoted:
                told = evolve(s, settled=known[s.settlement_id].settled or _as_settled(s))
                rows += real(evolve(after, settlements=()), evolve(after, settlements=(told,)))
        return tuple(rows)

    def _as_settled(s):
        from middleware.domain.centre import Settled

        return Settled("", s.created_at, s.quoted, "", "", "")

    real = runner.became_certain
    patch.setattr(runner, "became_certain", planted)


def _changed(patch, change):
    real = Shifts.open
    patch.setattr(Shifts, "open", lambda self, *who: change(real(self, *who)))


def a_batch_ends_beyond_what_was_seen(patch):
    _changed(patch, lambda stretch: evolve(stretch, last=stretch.last + 5))


def a_batch_begins_anew_each_time(patch):
    _changed(patch, lambda stretch: evolve(stretch, after=0))


def a_number_is_left_out(patch):
    _changed(patch, lambda stretch: evolve(stretch, number=stretch.number + 1))


def what_is_kept_is_not_what_was_told(patch):
    real = shifts.ClosedShift
    patch.setattr(shifts, "ClosedShift", lambda **facts: real(**facts | {"body": facts["body"].replace(".00", ".01")}))


def rows_go_to_whoever_is_first(patch):
    real = batch.shift_row

    def planted(one, sequence, place, at):
        return real(one, sequence, place, at) | {"terminal": "till-1", "account": "pos-1"}

    patch.setattr(batch, "shift_row", planted)


ALL = (
    an_undoing_is_no_row,
    what_is_sent_counts_as_settled,
    a_batch_ends_beyond_what_was_seen,
    a_batch_begins_anew_each_time,
    a_number_is_left_out,
    what_is_kept_is_not_what_was_told,
    rows_go_to_whoever_is_first,
)
