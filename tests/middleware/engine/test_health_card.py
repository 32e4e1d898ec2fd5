"""A resident health card at the counter: identity, emergency data by role, and a journal without either."""

from __future__ import annotations

import json

import pytest_twisted

from middleware.domain.order import Caller, Role
from simulators.card.health_keys import KeyedHealthCard
from simulators.card.psam import PsamCard, PsamFaults
from simulators.card.secure import KeyFaults, SecureCard
from simulators.people import PEOPLE
from tests.support.keyed import PSAM, READER, InlineReaders, keyed_desk

HOLDER, THIRD = PEOPLE["employee"], PEOPLE["third-generation"]
POS = Caller(Role.POS, "pos", "T2")
CLINICAL = ["DDF1/DF02/EF05", "DDF1/DF02/EF07"]


def readers(card: KeyedHealthCard, module: PsamCard | None = None) -> InlineReaders:
    return InlineReaders(**{READER: card, PSAM: module or PsamCard()})


@pytest_twisted.ensureDeferred
async def test_card_read_gives_the_his_all_and_others_a_masked_holder_without_emergency_data(tmp_path) -> None:
    async with keyed_desk(tmp_path, readers(KeyedHealthCard())) as desk:
        read = await desk.call("card.read", reader=READER)
        masked = await desk.call("card.read", POS, reader=READER)

    assert (read["card"]["kind"], read["card"]["expires_on"]) == ("health-card", "2068-02-29")
    assert (read["holder"]["name"], read["holder"]["id_number"]) == (HOLDER.name, HOLDER.id_number)
    assert read["emergency"]["fault"] == ""
    assert {"青霉素", "皮疹", "测试警示"} <= {item["text"] for item in read["emergency"]["items"]}
    assert (masked["holder"]["name"], masked["emergency"]) == ("张**", {"fault": "", "items": []})


@pytest_twisted.ensureDeferred
async def test_the_journal_says_which_files_by_whose_psam_and_nothing_that_was_read(tmp_path) -> None:
    async with keyed_desk(tmp_path, readers(KeyedHealthCard())) as desk:
        await desk.call("card.read", reader=READER)
        ((event, line),) = [one for one in desk.journal() if one[0].startswith("Card")]
        kept = " ".join(text for _, text in desk.journal())

    body = json.loads(line)["body"]
    assert (event, body["kind"], body["psam"]) == ("CardRead", "health-card", "99990000000000000001")
    assert body["files"] == ["DDF1/EF05", "DDF1/EF06", "DDF1/EF08", *CLINICAL]
    assert all(secret not in kept for secret in (HOLDER.name, HOLDER.id_number, "青霉素", "皮疹", "测试警示"))


@pytest_twisted.ensureDeferred
async def test_emergency_data_that_the_psam_cannot_open_keeps_nobody_from_an_identity(tmp_path) -> None:
    module = PsamCard(PsamFaults(without=frozenset({0x33})))
    async with keyed_desk(tmp_path, readers(KeyedHealthCard(), module)) as desk:
        read = await desk.call("card.read", reader=READER)

    assert (read["holder"]["name"], read["emergency"]) == (HOLDER.name, {"fault": "psam.no_key", "items": []})


@pytest_twisted.ensureDeferred
async def test_a_card_of_which_the_key_is_refused_gives_nothing_and_that_is_in_the_journal(tmp_path) -> None:
    async with keyed_desk(tmp_path, readers(KeyedHealthCard(KeyFaults(forged=True)))) as desk:
        assert await desk.code("card.read", reader=READER) == "card.key_refused"
        assert [event for event, _ in desk.journal() if event.startswith("Card")] == ["CardReadFailed"]


@pytest_twisted.ensureDeferred
async def test_one_psam_serves_health_cards_and_third_generation_cards_in_turn(tmp_path) -> None:
    cards = readers(KeyedHealthCard())
    async with keyed_desk(tmp_path, cards) as desk:
        for card, who in ((SecureCard(THIRD), THIRD), (KeyedHealthCard(), HOLDER), (SecureCard(THIRD), THIRD)):
            cards.swap(READER, card)
            assert (await desk.call("card.read", reader=READER))["holder"]["name"] == who.name


@pytest_twisted.ensureDeferred
async def test_without_a_psam_the_card_says_what_it_needs(tmp_path) -> None:
    async with keyed_desk(tmp_path, readers(KeyedHealthCard()), psam_reader="") as desk:
        assert await desk.code("card.read", reader=READER) == "card.needs_authentication"
