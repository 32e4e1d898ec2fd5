"""Defects of an old centre's business cycles to plant. Each takes pytest's monkeypatch; the product knows nothing of them."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from middleware.domain.centre import SignedOut, SignOut
from middleware.domain.outcome import Answered, Unknown
from middleware.engine import cycles, runner
from middleware.engine.asking import Asker
from middleware.engine.books import _booked
from middleware.engine.comparison import Found
from middleware.engine.cycles import CycleComparison
from middleware.store import tables as t
from middleware.store.cycles import Cycle, Cycles
from middleware.store.units import Intent


async def _sign_out(self, cycle):
    await self._asker.ask(SignOut(cycle.sign_number, "op"), SignedOut)
    await self._end(cycle, "SignedOut")


def a_cycle_that_differs_is_signed_out(patch):
    real = CycleComparison._compare

    async def compare(self, cycle, found):
        if await real(self, cycle, found):
            await _sign_out(self, cycle)
        return 0

    patch.setattr(CycleComparison, "_compare", compare)


def a_cycle_is_signed_out_before_it_is_compared(patch):
    real = CycleComparison._compare

    async def compare(self, cycle, found):
        await _sign_out(self, cycle)
        return await real(self, cycle, Found())

    patch.setattr(CycleComparison, "_compare", compare)


def a_message_forgets_its_cycle(patch):
    patch.setattr(runner, "Intent", lambda **told: Intent(**{**told, "sign_number": ""}))


def a_refund_is_booked_in_its_settlements_cycle(patch):
    real = cycles.booked_by

    def booked_by(visits, messages):
        cancels = {s.cancel_message_id for v in visits for s in v.settlements if s.settle_message_id in messages}
        settles = {s.settle_message_id for v in visits for s in v.settlements}
        return real(visits, (messages & settles) | cancels)

    patch.setattr(cycles, "booked_by", booked_by)


def a_cycle_ends_at_midnight(patch):
    """What was done after the midnight that follows the first of its rows is counted to no cycle."""

    def booked_by(visits, messages):
        days = [row.settled.settled_at.date() for v in visits for row in v.settlements if row.settled is not None]
        first = min(days, default=dt.date.min)
        return _booked(visits, lambda message_id, at: message_id in messages and at.date() == first)

    patch.setattr(cycles, "booked_by", booked_by)


def a_lost_sign_out_is_taken_for_done(patch):
    real = Asker._once

    async def once(self, request, beside):
        outcome = await real(self, request, beside)
        return Answered(SignedOut()) if isinstance(request, SignOut) and isinstance(outcome, Unknown) else outcome

    patch.setattr(Asker, "_once", once)


def a_sign_out_is_not_written_down(patch):
    async def end(self, cycle, event):
        """Nothing."""

    patch.setattr(CycleComparison, "_end", end)


def a_sign_in_that_was_not_written_down_is_no_cycle(patch):
    """As it was: a late answer, or a disk that did not take one, left a cycle that nobody compared and nobody ended."""

    def known(self):
        c = t.cycle.c
        ended = sa.select(c.sign_number).where(c.way == "out")
        query = sa.select(c.sign_number, sa.func.min(c.at).label("began")).where(c.way == "in")
        with self._engine.connect() as connection:
            rows = connection.execute(query.where(c.sign_number.not_in(ended)).group_by(c.sign_number))
            return [Cycle(row.sign_number, dt.datetime.fromisoformat(row.began)) for row in rows]

    patch.setattr(Cycles, "open", known)


def a_settlement_is_told_in_every_open_cycle(patch):
    """Whatever was settled and stands is told again with each cycle."""
    real = cycles.booked_by

    def booked_by(visits, messages):
        every = [s for visit in visits for s in visit.settlements]
        return real(visits, {one for s in every for one in (s.settle_message_id, s.cancel_message_id)})

    patch.setattr(cycles, "booked_by", booked_by)


ALL = (
    a_cycle_that_differs_is_signed_out,
    a_cycle_is_signed_out_before_it_is_compared,
    a_message_forgets_its_cycle,
    a_refund_is_booked_in_its_settlements_cycle,
    a_cycle_ends_at_midnight,
    a_lost_sign_out_is_taken_for_done,
    a_sign_out_is_not_written_down,
    a_sign_in_that_was_not_written_down_is_no_cycle,
    a_settlement_is_told_in_every_open_cycle,
)
