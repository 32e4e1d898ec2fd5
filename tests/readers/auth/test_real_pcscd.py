"""Keys through a real pcscd: the PSAM in its own slot, the card held between steps, an HSM over HTTP in the middle."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from middleware.domain.card_key import HOLDER_KEY, Pin
from middleware.domain.fault import Fault
from middleware.engine.driver import mutual_proof
from readers.auth.keyed import ReadersWithKeys
from readers.auth.options import CardKeyOptions
from simulators.card.health_keys import KeyedHealthCard
from simulators.card.hsm import Hsm
from simulators.card.psam import PsamCard
from simulators.card.secure import FIRST_PIN, SecureCard
from simulators.pcscd import Pcscd
from simulators.people import PEOPLE
from simulators.ports import free_port
from tests.readers.pcsc.bench import Bench, bench

pytestmark = pytest.mark.pcsc
THIRD = PEOPLE["third-generation"]


@asynccontextmanager
async def keyed(pcscd: Pcscd, *, psam: bool = True) -> AsyncIterator[tuple[Bench, ReadersWithKeys, str]]:
    async with bench(pcscd, busy_wait_s=0.0) as b:
        reader, slot = b.names[0], b.names[2]
        made = ReadersWithKeys(b.readers, CardKeyOptions(psam_reader=slot if psam else ""), reactor)
        if psam:
            await put(b, slot, PsamCard())
        try:
            yield b, made, reader
        finally:
            await made.psam.stop()


async def put(b: Bench, reader: str, card: SecureCard | PsamCard | KeyedHealthCard) -> None:
    await b.withdraw(reader)
    await deferToThread(b.slots[reader].insert, card)
    await b.until_state(reader, "card-present")


async def code(work) -> str:
    try:
        await work
    except Fault as fault:
        return fault.code
    return "done"


def asked_hsm(hsm: Hsm, card, challenge) -> str:
    """As the HIS does it: step 1's fields to the HSM's web service."""
    values = (challenge.internal_factor, challenge.internal_source, challenge.external_factor, challenge.external_source)
    fields = [challenge.region, challenge.historical, challenge.algorithm, card.card_id_code.reveal()]
    step1 = "|".join([*fields, *(value.hex() for value in values), "", ""])
    question = json.dumps({"business": "read", "step1": step1}).encode()
    with urllib.request.urlopen(hsm.url, question, timeout=10) as answer:
        return json.load(answer)["pKey"]


@pytest_twisted.ensureDeferred
async def test_a_third_generation_card_is_one_checked_identity_by_plain_read_card(pcscd: Pcscd) -> None:
    async with keyed(pcscd) as (b, made, reader):
        await put(b, reader, SecureCard(THIRD))
        read = await made.read_card(reader)

        assert (read.id_number.reveal(), read.psam) == (THIRD.id_number, "99990000000000000001")
        assert await code(made.read_card(reader)) == "done"
        await b.until_state(reader, "card-present")


@pytest_twisted.ensureDeferred
async def test_a_card_swapped_while_the_hsm_computes_is_a_clear_fault_and_gives_nothing_away(pcscd: Pcscd) -> None:
    hsm = Hsm(free_port())
    try:
        async with keyed(pcscd, psam=False) as (b, made, reader):
            await put(b, reader, SecureCard(THIRD))
            session = await made.open_card(reader)
            challenge = await session.challenge(HOLDER_KEY)
            key = await deferToThread(asked_hsm, hsm, session.card, challenge)
            second = SecureCard(attrs.evolve(THIRD, card_id_code=THIRD.card_id_code[:-1] + "B"))
            await put(b, reader, second)

            with pytest.raises(Fault) as caught:
                await session.prove(mutual_proof(key))
            assert (caught.value.code, caught.value.detail) == ("card.session_gone", "card.withdrawn")
            assert await code(session.identity()) == "card.session_gone"
            assert (second.proved, second.key_tries, second.commands) == (frozenset(), {}, [])
            # The next one begins anew, and is whole.
            session = await made.open_card(reader)
            challenge = await session.challenge(HOLDER_KEY)
            key = await deferToThread(asked_hsm, hsm, session.card, challenge)
            await session.prove(mutual_proof(key))
            found = await session.identity()
            assert found.read.card_id_code.reveal() == second.person.card_id_code
            await session.closed()
            assert second.pin_tries > 0
    finally:
        hsm.close()


@pytest_twisted.ensureDeferred
async def test_pcscd_restarted_between_the_steps_ends_the_session_and_the_next_one_works(pcscd: Pcscd) -> None:
    async with keyed(pcscd, psam=False) as (b, made, reader):
        await put(b, reader, SecureCard(THIRD))
        session = await made.open_card(reader)
        await deferToThread(pcscd.kill)
        await b.until(lambda: session.gone is not None or b.state(reader) == "failed", "noticed")
        assert await code(session.challenge(HOLDER_KEY)) == "card.session_gone"
        pcscd.start()
        await b.until_state(reader, "card-present")
        again = await made.open_card(reader)
        assert len((await again.challenge(HOLDER_KEY)).external_source) == 8
        await again.closed()


@pytest_twisted.ensureDeferred
async def test_rights_end_with_the_session_and_another_reader_does_not_notice(pcscd: Pcscd) -> None:
    async with keyed(pcscd) as (b, made, reader):
        card, other = SecureCard(THIRD), b.names[3]
        await put(b, reader, card)
        session = await made.open_card(reader)
        await session.authenticate(HOLDER_KEY)
        assert card.proved == {0x0A}
        assert b.state(reader) == "busy"
        assert await code(made.open_card(reader)) == "reader.busy"
        await b.insert(other, "employee")
        assert await code(made.read_card(other)) == "done"
        await session.closed()
        await b.until_state(reader, "card-present")
        again = await made.open_card(reader)
        assert card.proved == frozenset()
        await again.closed()


@pytest_twisted.ensureDeferred
async def test_a_pin_is_shown_to_the_card_and_wiped_and_a_reader_without_a_pad_says_so(pcscd: Pcscd) -> None:
    async with keyed(pcscd, psam=False) as (b, made, reader):
        await put(b, reader, SecureCard(PEOPLE["employee"]))
        session = await made.open_card(reader)
        wrong, right = Pin("0000"), Pin(FIRST_PIN)
        with pytest.raises(Fault) as caught:
            await session.verify_pin(wrong)
        assert (caught.value.code, caught.value.tries_left) == ("card.pin_wrong", 5)
        await session.verify_pin(right)
        assert (wrong.empty, right.empty) == (True, True)
        assert await code(session.verify_pin(None)) == "card.no_pin_pad"
        await session.closed()


@pytest_twisted.ensureDeferred
async def test_a_stop_of_the_readers_ends_a_held_card_and_its_thread(pcscd: Pcscd) -> None:
    async with keyed(pcscd) as (b, made, reader):
        await put(b, reader, SecureCard(THIRD))
        session = await made.open_card(reader)
        await b.readers.stop()

        assert await code(session.challenge(HOLDER_KEY)) == "card.session_gone"


@pytest_twisted.ensureDeferred
async def test_a_resident_health_card_is_one_identity_with_emergency_data_by_plain_read_card(pcscd: Pcscd) -> None:
    async with keyed(pcscd) as (b, made, reader):
        card = KeyedHealthCard()
        await put(b, reader, card)
        read = await made.read_card(reader)

        assert (read.kind, read.id_number.reveal()) == ("health-card", PEOPLE["employee"].id_number)
        assert (read.reader, read.psam, card.proved) == (reader, "99990000000000000001", [0xDDF1, 0xDF02])
        assert read.emergency is not None
        assert "青霉素" in {item.text for item in read.emergency.items}
