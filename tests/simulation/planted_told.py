"""Defects of what the HIS tells: at the door, in the intake, in who owns a line."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace

import sqlalchemy as sa

from middleware.domain.fault import Fault
from middleware.domain.told import LineAct, LineTold, MergeTold
from middleware.doors.mllp import reading
from middleware.engine.inbox import Inbox
from middleware.engine.intake import Intake
from middleware.store import his_charges
from middleware.store import tables as t
from middleware.store.intake import passed
from middleware.store.units import Unit


def the_his_hears_yes_before_it_is_durable(patch):
    real = Inbox.take

    def take(self, incoming, told):
        real(self, incoming, lambda _result: None)
        told(True)

    patch.setattr(Inbox, "take", take)


def what_failed_is_passed_over(patch):
    real = Intake._act

    async def act(self, row, cursor):
        try:
            await real(self, row, cursor)
        except Fault:
            await self._write(Unit(now=self._means.now(), work=passed(cursor, row.sequence)))

    patch.setattr(Intake, "_act", act)


def a_line_is_another_one_after_a_crash(patch):
    real_init, real, lives = Intake.__init__, Intake._charges, count()

    def init(self, *args):
        real_init(self, *args)
        self._life = next(lives)

    async def charges(self, told, row):
        return await real(self, told, SimpleNamespace(link=f"{row.link}{self._life}", sequence=row.sequence))

    patch.setattr(Intake, "__init__", init)
    patch.setattr(Intake, "_charges", charges)


def a_changed_line_is_free_again(patch):
    real = his_charges._put
    c = t.his_charge.c

    def put(connection, values, *, withdraw):
        mine = sa.and_(c.link == values["link"], c.line_id == values["line_id"])
        before = connection.scalar(sa.select(c.version).where(mine))
        real(connection, values, withdraw=withdraw)
        if before not in {None, connection.scalar(sa.select(c.version).where(mine))}:
            free = {"settlement_id": "", "visit_id": "", "late": False}
            connection.execute(sa.update(t.his_charge).where(mine).values(**free))

    patch.setattr(his_charges, "_put", put)


def a_charged_stay_keeps_no_line(patch):
    patch.setattr(his_charges, "_errand_state", lambda connection, row: his_charges._NOT_CHARGED)


def a_merge_moves_lines_twice(patch):
    real = Intake._effect

    async def effect(self, told, row):
        work, why = await real(self, told, row)
        if not isinstance(told, MergeTold):
            return work, why
        charges, now = self._means.reader.his_charges, self._means.now()
        found = charges.of_patients([told.prior.reveal()], 100, every=True)
        lines = [LineTold(LineAct.CHARGE, one.line) for one in found if one.state == his_charges.OPEN]
        moved = charges.put(f"{row.link}-moved", lines, told.facts.number.reveal(), "", row.sequence, now)

        def both(connection):
            work(connection)
            moved(connection)

        return both, why

    patch.setattr(Intake, "_effect", effect)


def a_credit_is_a_charge(patch):
    real = his_charges._put
    patch.setattr(his_charges, "_put", lambda connection, values, *, withdraw: real(connection, values, withdraw=False))


def what_a_stay_gave_back_is_never_billed(patch):
    patch.setattr(his_charges, "_errand_state", lambda connection, row: his_charges._CHARGED)


def what_the_his_changed_is_settled_all_the_same(patch):
    patch.setattr(his_charges, "_holds", lambda connection, settlement_id: None)


def a_cancelled_order_is_a_charge(patch):
    """As it was: what the order says of its line was not looked at."""
    patch.setattr(reading, "_TAKEN_BACK", frozenset())


# With the seed on which each shows first.
ALL = {
    the_his_hears_yes_before_it_is_durable: 1,
    what_failed_is_passed_over: 1,
    a_line_is_another_one_after_a_crash: 1,
    a_changed_line_is_free_again: 9,
    a_charged_stay_keeps_no_line: 8,
    what_a_stay_gave_back_is_never_billed: 1,
    a_merge_moves_lines_twice: 1,
    a_credit_is_a_charge: 1,
    what_the_his_changed_is_settled_all_the_same: 1,
    a_cancelled_order_is_a_charge: 1,
}
