"""A card that was reported lost is refused when it is read, and before a settlement's first intent: nothing has left then."""

from __future__ import annotations

import datetime as dt
import json

import pytest
import pytest_twisted
from attrs import evolve

from middleware.domain.card import CardRead
from middleware.domain.centre import Call
from middleware.domain.fault import Fault
from middleware.domain.identity import CardNumber
from middleware.domain.order import Caller, Role
from middleware.domain.outcome import NotSent
from middleware.domain.registry import Matter, UnknownIssuer
from middleware.engine.card_lists import CardLists
from middleware.engine.gate import Gate, GateRules
from middleware.engine.registry import RegistryDesk
from middleware.store import tables as t
from simulators.card.psam import PsamCard
from simulators.card.secure import SecureCard
from simulators.people import PEOPLE
from tests.readers.waiting import until as waited
from tests.support.counter import order_of, quoted, rig, rows, until
from tests.support.fakes import HIS, card_read
from tests.support.keyed import PSAM, READER, InlineReaders, keyed_desk

LI, WANG = Caller(Role.OPERATOR, "desk-li"), Caller(Role.OPERATOR, "desk-wang")
BY_CODE = "card_id_code,999900D1560000050000112233445566,,{},2026-11-20T08:30:00+08:00"
BY_NUMBER = "card_number,A12345678,999900,{},2026-11-20"


async def listed(r, line=BY_NUMBER, reason="lost", source="bureau"):
    """A list of one line, added by one person."""
    lists = CardLists(r.engine.means, 10)
    begun = await lists.begin(LI, source, "add", 1)
    await lists.part(LI, begun["list_id"], 1, [line.format(reason)])
    await lists.end(LI, begun["list_id"])
    return begun["list_id"]


async def fault_of(awaitable):
    with pytest.raises(Fault) as caught:
        await awaitable
    return caught.value


def journal(r, event):
    return [json.loads(row.line)["body"] for row in rows(r, t.journal) if row.event == event]


@pytest.mark.parametrize("line", [BY_CODE, BY_NUMBER], ids=["code", "number"])
@pytest.mark.parametrize(("reason", "code"), [("lost", "card.lost"), ("blacklisted", "card.blacklisted")])
@pytest_twisted.ensureDeferred
async def test_a_listed_card_is_refused_when_it_is_read_and_the_refusal_is_journalled(tmp_path, line, reason, code):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        await listed(r, line, reason)

        fault = await fault_of(r.counter.read_card(HIS, "Virtual 00"))

        assert (fault.code, fault.spec.moved) == (code, "no")
        assert journal(r, "CardReadFailed")[-1]["code"] == code
        assert journal(r, "CardRead") == []


@pytest_twisted.ensureDeferred
async def test_a_card_reported_lost_after_the_quote_pays_nothing_and_no_intent_is_written(store_url):
    async with rig(store_url) as r:
        quote = await quoted(r)
        await listed(r)

        fault = await fault_of(r.counter.settle(HIS, "s1", order_of(quote)))

        assert (fault.code, fault.spec.moved) == ("card.lost", "no")
        assert r.centre.calls(Call.SETTLE) == []
        assert [row.call for row in rows(r, t.message) if row.call == "2207"] == []
        assert [row.event for row in rows(r, t.journal) if row.event == "SettleConfirmed"] == []
        refused = journal(r, "CardRefused")
        assert [one["code"] for one in refused] == ["card.lost"]
        assert quote["settlement_id"] in refused[0]["why"]


@pytest_twisted.ensureDeferred
async def test_a_card_that_is_found_again_settles_under_the_same_key(store_url):
    async with rig(store_url) as r:
        quote = await quoted(r)
        list_id = await listed(r)
        assert (await fault_of(r.counter.settle(HIS, "s1", order_of(quote)))).code == "card.lost"
        desk = RegistryDesk(r.engine.means)
        made = await desk.propose(LI, Matter.LIST, list_id, None, "drop", "解挂")
        await desk.approve(WANG, made["proposal"])

        done = await r.counter.settle(HIS, "s1", order_of(quote))

        assert done["state"] == "Settled"
        assert len(r.centre.calls(Call.SETTLE)) == 1


@pytest_twisted.ensureDeferred
async def test_what_was_settled_before_the_loss_is_answered_as_before_and_may_be_cancelled(store_url):
    async with rig(store_url) as r:
        quote = await quoted(r)
        done = await r.counter.settle(HIS, "s1", order_of(quote))
        await until(r, quote["settlement_id"], "Delivered")
        await listed(r)

        assert await r.counter.settle(HIS, "s1", order_of(quote)) == done
        assert journal(r, "CardRefused") == []  # a repeat is no use of the card


@pytest_twisted.ensureDeferred
async def test_a_repeat_that_would_go_on_with_a_quote_asks_the_gate_too(store_url):
    async with rig(store_url) as r:
        quote = await quoted(r)
        r.centre.script[Call.SETTLE] = [("not-sent", NotSent("centre.unreachable"))]
        assert (await fault_of(r.counter.settle(HIS, "s1", order_of(quote)))).code == "centre.unreachable"
        await listed(r)

        assert (await fault_of(r.counter.settle(HIS, "s1", order_of(quote)))).code == "card.lost"
        assert len(r.centre.calls(Call.SETTLE)) == 1


@pytest_twisted.ensureDeferred
async def test_another_card_with_the_same_printed_number_is_no_lost_card(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        await listed(r, "card_number,A12345678,110000,{},2026-11-20")
        await listed(r, "card_number,A12345679,999900,{},2026-11-20", source="hospital")

        assert (await r.counter.read_card(HIS, "Virtual 00"))["card_read_id"]


# -- issuers


def reading(**changes) -> CardRead:
    return evolve(card_read(), **changes)


async def registered(r, **changes):
    desk = RegistryDesk(r.engine.means)
    entry = {"name": "测试市人社局", "since": "2015-01-01", "specs": ["2.00"]} | changes
    made = await desk.propose(LI, Matter.ISSUER, "999900", entry, "", "")
    await desk.approve(WANG, made["proposal"])


@pytest_twisted.ensureDeferred
async def test_what_becomes_of_an_unknown_issuer_is_the_sites_policy(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        gates = {policy: Gate(r.engine.means, r.counter.audit, GateRules(policy)) for policy in UnknownIssuer}

        assert await gates[UnknownIssuer.ACCEPT].at_read(reading()) == ()
        assert await gates[UnknownIssuer.WARN].at_read(reading()) == ("issuer_unknown",)
        fault = await fault_of(gates[UnknownIssuer.REFUSE].at_read(reading()))
        assert (fault.code, fault.detail) == ("card.issuer_unknown", "region 999900 is not in the register")

        await registered(r)
        refuse = gates[UnknownIssuer.REFUSE]
        assert await refuse.at_read(reading()) == ()
        assert await refuse.at_read(reading(region_code="", card_number=CardNumber(""))) == ()  # no card of an issuer's
        for changes in ({"spec_version": "3.00"}, {"issued_on": dt.date(2014, 12, 31)}, {"region_code": "110000"}):
            assert (await fault_of(refuse.at_read(reading(**changes)))).code == "card.issuer_unknown"


# -- PSAMs


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, ""),
        ({"status": "lost"}, "psam.lost"),
        ({"status": "withdrawn"}, "psam.not_in_use"),
        ({"valid_to": "2026-01-01"}, "psam.not_in_use"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_psam_is_used_only_while_the_register_says_so(tmp_path, changes, code):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        entry = {
            "place": "SAM1", "terminal": "window-3", "issuer": "999900", "key_version": "01", "valid_to": "2099-01-01",
        }  # fmt: skip
        desk = RegistryDesk(r.engine.means)
        made = await desk.propose(LI, Matter.PSAM, "P1", entry | changes, "", "")
        await desk.approve(WANG, made["proposal"])
        gate = Gate(r.engine.means, r.counter.audit, GateRules(unknown_psam=False))

        if code:
            assert (await fault_of(gate.psam("P1"))).code == code
        else:
            assert (await gate.psam("P1")).place == "SAM1"
        assert (await fault_of(gate.psam("P2"))).code == "psam.unknown"
        assert await Gate(r.engine.means, r.counter.audit, GateRules()).psam("P2") is None


# -- a card that is held


async def approved(r, matter, key, entry):
    made = await RegistryDesk(r.engine.means).propose(LI, matter, key, entry, "", "")
    await RegistryDesk(r.engine.means).approve(WANG, made["proposal"])


@pytest_twisted.ensureDeferred
async def test_a_listed_card_is_not_held_and_its_reader_is_free_again(tmp_path):
    person = PEOPLE["employee"]
    async with keyed_desk(tmp_path, InlineReaders(**{READER: SecureCard(person)})) as desk:
        list_id = await listed(desk.rig, f"card_id_code,{person.card_id_code},,{{}},2026-01-01")

        assert await desk.code("card.open", reader=READER) == "card.lost"
        assert [one["code"] for one in journal(desk.rig, "CardReadFailed")] == ["card.lost"]
        assert rows(desk.rig, t.audit_event)[-1].card

        made = await RegistryDesk(desk.rig.engine.means).propose(LI, Matter.LIST, list_id, None, "drop", "")
        await RegistryDesk(desk.rig.engine.means).approve(WANG, made["proposal"])
        await waited(lambda: not desk.rig.readers._readers.turns[READER].taken, lambda: "the reader is free")
        assert await desk.code("card.open", reader=READER) == "done"


@pytest_twisted.ensureDeferred
async def test_a_lost_psam_opens_nothing_and_is_noted_under_its_serial(tmp_path):
    psam = PsamCard()
    slots = InlineReaders(**{READER: SecureCard(PEOPLE["third-generation"]), PSAM: psam})
    async with keyed_desk(tmp_path, slots) as desk:
        session = (await desk.call("card.open", reader=READER))["session_id"]
        assert await desk.code("card.identity", session_id=session) == "done"
        await desk.call("card.close", session_id=session)
        entry = {
            "issuer": "999900", "valid_to": "2099-01-01", "place": "", "terminal": "", "key_version": "", "status": "lost",
        }  # fmt: skip
        await approved(desk.rig, Matter.PSAM, psam.serial, entry)
        session = (await desk.call("card.open", reader=READER))["session_id"]

        assert await desk.code("card.identity", session_id=session) == "psam.lost"
        refused = journal(desk.rig, "CardReadFailed")[-1]
        assert (refused["code"], refused["psam"]) == ("psam.lost", psam.serial)
        files = [{"application": "SSSE", "file": "EF06", "tags": ["08"]}]
        assert await desk.code("card.files", session_id=session, files=files) == "psam.lost"
        assert await desk.code("card.files", session_id=session, files=files) == "card.session_gone"
