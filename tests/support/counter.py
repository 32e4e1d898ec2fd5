"""The counter over a rig: one visit from its card to its bill, in a line each."""

from __future__ import annotations

import contextlib

import sqlalchemy as sa

from middleware.domain.money import Money
from middleware.domain.order import SettleOrder
from tests.support.fakes import HIS, quote_order, register_order
from tests.support.rig import Rig


@contextlib.asynccontextmanager
async def rig(store_url, **policy):
    made = await Rig(store_url, **policy).start()
    try:
        yield made
    finally:
        await made.stop()


async def registered(r, caller=HIS, key="r1"):
    read = await r.counter.read_card(caller, "Virtual 00")
    return await r.counter.register(caller, key, register_order(read["card_read_id"]))


async def quoted(r, caller=HIS, key="q1"):
    visit = await registered(r, caller, "r-" + key)
    return await r.counter.quote(caller, key, quote_order(visit["visit_id"], 10000))


def order_of(quote):
    return SettleOrder(quote["settlement_id"], Money.parse(quote["split"]["total"]), Money.parse(quote["split"]["cash"]))


async def until(r, settlement_id, *states):
    return await until_seen(r, settlement_id, lambda settlement: settlement.state in states)


async def until_refused_by_his(r, settlement_id):
    """The refusal is durable before the engine says so: what asserts the settlement waits for it, not for the row."""
    return await until_seen(r, settlement_id, lambda settlement: settlement.trouble is not None)


async def until_seen(r, settlement_id, seen):
    visit = await r.engine.visits.visit(r.reader.visit_of(settlement_id))
    done, _ = r.engine.visits.wait(visit, lambda visit: seen(visit.settlement(settlement_id)))
    return (await done).settlement(settlement_id)


def rows(r, table):
    with r.database.connect() as connection:
        return connection.execute(sa.select(table).order_by(*table.primary_key)).all()
