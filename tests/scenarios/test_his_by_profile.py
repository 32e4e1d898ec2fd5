"""A hospital whose HIS wants everything that a profile can switch on: engine, store, link and simulated HIS together."""

from __future__ import annotations

import contextlib

import pytest_twisted
from attrs import evolve
from twisted.internet import reactor

from adapters.his.hl7v2.adapter import Hl7His
from adapters.his.hl7v2.checker import InlineChecker
from adapters.his.hl7v2.destinations import HisOptions, destinations_of
from config.load import read
from daemon.his_links import HisLinks, news_of
from middleware.domain.identity import PersonName
from middleware.domain.order import CancelOrder, References
from middleware.engine.registries import registry_of
from middleware.engine.tasks import sleep
from middleware.flow.audit_rules import Limits
from middleware.store import tables as t
from simulators.his import Fault, HisSimulator, Patient
from simulators.ports import free_port
from tests.middleware.engine.test_gate import fault_of
from tests.support.counter import order_of, rows
from tests.support.fakes import HIS, card_read, id_number, quote_order, register_order
from tests.support.rig import Rig

PROFILE = {
    "update_event": "A31",
    "merge_event": "A40",
    "find": {"event": "Q22", "at_registration": "number"},
    "accounts": {"outpatient": "besides"},
    "references": {"appointment": "ZRF-2", "orders": "ORC-2"},
    "retry_first_s": 0.02,
}


@contextlib.asynccontextmanager
async def hospital(tmp_path):
    simulator = HisSimulator(reactor, free_port())
    options = read(HisOptions, PROFILE | {"port": simulator.start()})
    r = Rig(tmp_path)
    r.his = Hl7His(options, reactor, checker=InlineChecker())
    r.his.start()
    await r.start()
    r.engine.means = evolve(r.engine.means, destinations=destinations_of(options))
    registry, _ = registry_of(r.counter, Limits(), 1000)
    news_of(options, HisLinks({"his": r.his}), r.engine, r.counter, registry)
    try:
        yield r, simulator
    finally:
        await r.stop()
        await r.his.stop()
        await simulator.stop()


async def delivered(r):
    while any(row.outcome == "" for row in rows(r, t.outbox)):
        await sleep(reactor, 0.005)
    assert {row.outcome for row in rows(r, t.outbox)} == {"accepted"}


@pytest_twisted.ensureDeferred
async def test_one_visit_of_a_patient_whom_the_his_has_already(tmp_path):
    async with hospital(tmp_path) as (r, simulator):
        simulator.book.enter(Patient("P7", "张伟民", id_number(1).reveal(), "", "", "19700101", "M"))
        read = await r.counter.read_card(HIS, "Virtual 00")
        order = evolve(register_order(read["card_read_id"]), references=References("AP1", ("O1", "O2")))
        visit = await r.counter.register(HIS, "r1", order)
        quote = await r.counter.quote(HIS, "q1", quote_order(visit["visit_id"], 10000))
        await r.counter.settle(HIS, "s1", order_of(quote))
        await delivered(r)
        await r.counter.cancel(HIS, "c1", CancelOrder(quote["settlement_id"], ""))

        async def married(_reader):
            return evolve(card_read(), name=PersonName("张·伟民"))

        r.readers.read_card = married
        await r.counter.read_card(HIS, "Virtual 00")
        await delivered(r)

        book = simulator.book
        assert (visit["patient_number"], set(book.patients)) == ("P7", {"P7"})
        assert [(one.event, one.account) for one in book.accounts] == [
            ("P01", visit["visit_id"]), ("P06", visit["visit_id"]), ("P01", visit["visit_id"]),
        ]  # fmt: skip
        assert [(one.action, one.orders, one.appointment) for one in book.postings] == [
            ("S", ("O1", "O2"), "AP1"), ("C", ("O1", "O2"), "AP1"),
        ]  # fmt: skip
        assert (len(book.updates), book.patients["P7"].name) == (1, "张·伟民")
        kinds = [one.message_type for one in simulator.received]
        assert kinds[:3] == ["QBP^Q22", "ADT^A04", "BAR^P01"]


@pytest_twisted.ensureDeferred
async def test_a_his_with_two_of_them_registers_nobody_until_somebody_chose(tmp_path):
    async with hospital(tmp_path) as (r, simulator):
        for number in ("P7", "P8"):
            simulator.book.enter(Patient(number, "张伟民", id_number(1).reveal(), "", "", "19700101", "M"))
        read = await r.counter.read_card(HIS, "Virtual 00")
        order = register_order(read["card_read_id"])
        assert (await fault_of(r.counter.register(HIS, "r1", order))).code == "his.several"
        simulator.knobs.turn("QBP^Q22", Fault.WRONG_CHARSET)
        assert (await fault_of(r.counter.register(HIS, "r1", order))).code == "his.no_answer"
        visit = await r.counter.register(HIS, "r1", evolve(order, patient_number="P8"))
        await delivered(r)

        assert simulator.book.visits[visit["visit_id"]] == "P7"  # the simulator finds by the document, whatever it is told
        assert "P8^^^^PI" in next(one.text for one in simulator.received if one.message_type == "ADT^A04")
