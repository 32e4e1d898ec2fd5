"""Old media at the counter: identities, numbers, and what the journal keeps of both."""

from __future__ import annotations

import json

import pytest
import pytest_twisted
from attrs import evolve

from middleware.domain.card import MediumRead, UnlinkedError, linked_read
from middleware.domain.credential import Credential, Shown
from middleware.domain.fault import Fault
from middleware.domain.identity import IdNumber, MediumNumber, PersonName, VoucherToken
from middleware.engine.media import MediaDesk
from middleware.store import tables as t
from tests.middleware.engine.test_gate import fault_of
from tests.support.counter import rig, rows
from tests.support.fakes import HIS, POS, card_read, id_number, register_order

NUMBER = "0012345678"


class Hands:
    """What is handed in: an identity for "who", a number for anything else."""

    async def present(self, reader, text):
        if text == "nothing":
            raise Fault("medium.no_layout", "7 characters")
        if text == "who":
            return evolve(card_read(), kind="insurance-card", reader=reader)
        raise UnlinkedError(MediumRead("treatment-card", MediumNumber(text), reader))


class Shows:
    """Readers in which that lies."""

    def __init__(self, read):
        self._read = read

    async def read_card(self, reader):
        return evolve(self._read, reader=reader)


def journal(r):
    return [(row.event, json.loads(row.line)["body"]) for row in rows(r, t.journal)]


def desk_of(r):
    return MediaDesk(r.counter.card_desk, r.readers, Hands(), r.counter.audit)


@pytest_twisted.ensureDeferred
async def test_what_is_handed_in_is_a_read_as_a_cards_and_registers_a_visit(tmp_path):
    async with rig(tmp_path) as r:
        answer = await desk_of(r).present(HIS, "键盘", "who")
        assert answer["card"]["kind"] == "insurance-card"
        registered = await r.counter.register(HIS, "k1", register_order(answer["card_read_id"]))
        assert registered["status"] == "registered"


@pytest_twisted.ensureDeferred
async def test_a_number_is_told_to_the_his_and_to_nobody_as_an_identity(tmp_path):
    async with rig(tmp_path) as r:
        desk = desk_of(r)
        assert await desk.number(HIS, "键盘", NUMBER) == {"reader": "键盘", "kind": "treatment-card", "number": NUMBER}
        assert (await fault_of(desk.present(HIS, "键盘", NUMBER))).code == "medium.no_identity"
        assert (await desk.number(HIS, "键盘", "who"))["number"] == ""
        assert (await fault_of(desk.number(HIS, "键盘", "nothing"))).code == "medium.no_layout"


@pytest_twisted.ensureDeferred
async def test_each_of_them_is_in_the_journal_without_what_was_read(tmp_path):
    async with rig(tmp_path) as r:
        desk = desk_of(r)
        await desk.number(HIS, "键盘", NUMBER)
        await fault_of(desk.present(POS, "键盘", NUMBER))
        await fault_of(desk.number(HIS, "键盘", "nothing"))
        await desk.present(HIS, "键盘", "who")
        found = [
            (event, body.get("why"), body.get("code", "")) for event, body in journal(r) if event.startswith("CardRead")
        ]
        assert found == [
            ("CardRead", "medium.read", ""),
            ("CardReadFailed", "card.present", "medium.no_identity"),
            ("CardReadFailed", "medium.read", "medium.no_layout"),
            ("CardRead", "card.present", ""),
        ]
        assert NUMBER not in str(journal(r))


@pytest_twisted.ensureDeferred
async def test_a_vouchers_token_goes_on_to_the_centre_and_into_no_record_in_clear(tmp_path):
    token = "T0K3N" * 8
    async with rig(tmp_path) as r:
        shown = Credential(Shown.VOUCHER, token=VoucherToken(token))
        read = evolve(card_read(), kind="e-voucher", credential=shown, issued_on=None, expires_on=None)
        r.counter.card_desk._readers = Shows(read)
        answer = await r.counter.read_card(HIS, "r")
        assert (answer["card"]["issued_on"], token in str(answer)) == ("", False)
        await r.counter.register(HIS, "k1", register_order(answer["card_read_id"]))
        asked = [request.holder for request in r.centre.requests.values() if hasattr(request, "holder")]
        assert asked
        assert {holder.credential for holder in asked} == {shown}
        assert token not in str(journal(r))
        assert token not in repr(asked)


def test_a_foreigners_older_number_that_is_linked_is_no_identity():
    medium = MediumRead("treatment-card", MediumNumber("1"), "r")
    with pytest.raises(UnlinkedError):
        linked_read(medium, IdNumber.parse_foreigner("KAZ110090123105"), PersonName("A"))
    assert linked_read(medium, id_number(), PersonName("A")).credential.shown is Shown.IDENTITY
