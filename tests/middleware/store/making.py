"""Units to write, and a scratch database, for the store's tests."""

from __future__ import annotations

import contextlib

import sqlalchemy as sa
from attrs import evolve

from middleware.domain.centre import Holder
from middleware.domain.charge import Bill, Diagnosis
from middleware.domain.identity import CardIdCode, CardNumber, PersonName
from middleware.domain.visit import SettlementState
from middleware.store import tables as t
from middleware.store.units import FeedEntry, Intent, Letter, Record, Request, Unit
from middleware.store.walk import CHAINS
from middleware.store.writer import Writer
from tests.middleware.flow.making import settlement, visit
from tests.support.fakes import NOW, id_number, lines
from tests.support.scratch import opened
from tests.support.vaults import a_vault

HOLDER = Holder(
    id_number=id_number(), name=PersonName("张伟民"), card_number=CardNumber("A12345678"),
    card_id_code=CardIdCode("9999" * 8), sex="1", nation="01", birth_date=NOW.date(),
)  # fmt: skip
BILL = Bill(lines(100, 200), (Diagnosis("J00", "感冒"),))


def unit(number: int, *, key: str | None = None, body: str = '{"zh":"结算"}', state=SettlementState.SETTLED) -> Unit:
    """All that one step can write, for the visit with that number."""
    visit_id, settlement_id = f"V{number:04d}", f"S{number:04d}"
    made = evolve(visit(settlement(state, settlement_id=settlement_id)), visit_id=visit_id, person_ref=f"P{number:04d}")
    return Unit(
        records=(Record(NOW, visit_id, settlement_id, "CentreSettled", "SettleSent", str(state), body, "中心的话"),),
        visit=made,
        now=NOW,
        person=(made.person_ref, HOLDER),
        bill=(settlement_id, BILL),
        request=Request("his-1", key or f"k{number}", "settlement.settle", "d", visit_id, settlement_id, NOW),
        intents=(Intent(f"M{number:04d}", visit_id, settlement_id, "2207", "d", 10000, NOW),),
        letters=(Letter(f"C{number:04d}", visit_id, settlement_id, "settled", NOW),),
        feed=(FeedEntry("settled", settlement_id, NOW, {"settlement": settlement_id}),),
    )


@contextlib.contextmanager
def database(where):
    """``where`` is a url, or a folder for a file of SQLite's."""
    engine = opened(where if isinstance(where, str) else f"sqlite:///{where}/y.db")
    try:
        yield engine
    finally:
        engine.dispose()


@contextlib.contextmanager
def writing(where):
    with database(where) as engine:
        writer = Writer(engine, vault=a_vault(engine))
        try:
            yield writer, engine
        finally:
            writer.close()


def counts(engine) -> dict[str, int]:
    """How many rows each table has of those that a unit writes."""
    with engine.connect() as connection:
        return {
            table.name: connection.scalar(sa.select(sa.func.count()).select_from(table))
            for table in (*CHAINS, t.visit, t.settlement, t.person, t.bill, t.words, t.request, t.message, t.outbox)
        }
