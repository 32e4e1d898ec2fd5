"""The resident health card: free data without keys, everything where keys were proved, and never half understood."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.fault import Fault
from readers.apdu import Exchange
from readers.cards import health
from readers.cards.declaration import Access, CardFile, Structure
from readers.cards.social_security_read import FREE_ONLY, CardContext, in_order
from readers.cards.whole import WholeCard, read_health
from readers.status_words import OF_AN_ITEM
from simulators.card import CardFaults, HealthCard
from simulators.people import PEOPLE

WITH_KEYS = FREE_ONLY | {Access.READ_KEY}


def over(card: HealthCard, sent: list[bytes] | None = None) -> Exchange:
    def exchange(command: bytes) -> bytes:
        if sent is not None:
            sent.append(command)
        answer = card.answer(command)
        assert answer is not None
        return answer

    return exchange


def look(faults: CardFaults | None = None, granted: frozenset[Access] = FREE_ONLY) -> WholeCard:
    return read_health(over(HealthCard(faults)), granted)


def texts(card: WholeCard, path: str) -> list[str]:
    (found,) = [found for found in card.files if found.file.path == path]
    return [value.text for value in found.values]


def test_without_keys_the_issuer_is_read_and_nothing_else_is_asked_for() -> None:
    sent: list[bytes] = []
    card = read_health(over(HealthCard(), sent))

    assert texts(card, "DDF1/EF05")[:4] == ["1", "1.00", "测试卫健委", "9999000000000000000001"]
    assert [found.file.path for found in card.files if found.refused is None] == ["DDF1/EF05"]
    assert {found.refused for found in card.files} == {None, Access.READ_KEY}
    assert [command[5:].hex().upper() for command in sent if command[1] == 0xA4] == [
        "DDF1", "DDF1", "EF05", "DDF1", "DF01", "DDF1", "DF02", "DDF1", "DF03",
    ]  # fmt: skip


def test_with_its_keys_every_declared_item_is_read() -> None:
    card = look(CardFaults(granted=True), WITH_KEYS)

    assert card.absent == ()
    for found in card.files:
        assert isinstance(found.file, CardFile)
        assert (found.fault, found.refused) == (None, None)
        if found.file.structure is Structure.ORDERED:
            assert [item.vectors[0].text for item in found.file.items] == [value.text for value in found.values]
    assert texts(card, "DDF1/DF02/EF07")[:2] == ["青霉素", "皮疹"]
    assert texts(card, "DDF1/DF02/EF05")[0] == "01"


def test_what_an_emergency_needs_is_declared_with_its_key() -> None:
    files = {file.path: file for file in health.CLINICAL.files}

    assert {file.key for file in files.values()} == {0x84}
    assert len(files["DDF1/DF02/EF05"].items) == 15
    assert (files["DDF1/DF02/EF07"].records, files["DDF1/DF02/EF08"].records) == (3, 10)


@pytest.mark.parametrize(
    ("faults", "tag", "detail"),
    [
        (CardFaults(raw_records={0x06: bytes.fromhex("0604201802AA")}), 0x06, "DDF1/EF05 tag 06 issued on: not BCD"),
        (CardFaults(raw_records={0x06: bytes.fromhex("060420180230")}), 0x06, "DDF1/EF05 tag 06 issued on: no day of the calendar"),
        (CardFaults(raw_records={0x03: bytes.fromhex("031ED5") + bytes(29)}), 0x03, "DDF1/EF05 tag 03 issuer's name: not GB18030"),
        (CardFaults(raw_records={0x01: bytes.fromhex("0109")}), 0x01, "DDF1/EF05 tag 01 card class: length byte says 9, 0 bytes follow"),
        (CardFaults(raw_records={0x01: bytes.fromhex("020131")}), 0x01, "DDF1/EF05 tag 01 card class: record has tag 02"),
        (CardFaults(raw_records={0x01: bytes.fromhex("01023131")}), 0x01, "DDF1/EF05 tag 01 card class: 2 bytes, not 1"),
    ],
)  # fmt: skip
def test_a_bad_item_names_file_and_item_and_the_others_are_read(faults: CardFaults, tag: int, detail: str) -> None:
    card = look(faults)
    (found,) = [found for found in card.files if found.file.path == "DDF1/EF05"]
    faulty = {
        value.item.tag: value.fault.detail for value in found.values if value.fault is not None and value.item is not None
    }

    assert faulty == {tag: detail}


def test_an_item_that_is_not_there_is_missing() -> None:
    card = look(CardFaults(missing_tags=frozenset({0x39})))
    (found,) = [found for found in card.files if found.file.path == "DDF1/EF05"]

    assert [value.state for value in found.values][-1] == "missing"


def test_applications_that_the_card_lacks_are_said() -> None:
    assert look(CardFaults(missing_applications=frozenset({"DDF1/DF03"}))).absent == ("DDF1/DF03",)


def test_another_card_is_no_health_card() -> None:
    with pytest.raises(Fault) as caught:
        read_health(lambda _: b"\x6a\x82")

    assert caught.value.code == "card.unsupported"


def test_what_is_free_is_no_identity() -> None:
    with pytest.raises(Fault) as caught:
        in_order(("health-card",))(over(HealthCard()), CardContext("r", "", dt.date(2026, 3, 2)))

    assert (caught.value.code, "DDF1/EF06" in caught.value.detail) == ("card.needs_authentication", True)
    assert PEOPLE["employee"].id_number not in caught.value.detail


@given(st.integers(1, 120), st.binary(max_size=258))
def test_no_answer_of_a_health_card_raises_anything_but_a_fault(at: int, rubbish: bytes) -> None:
    card, count, code = HealthCard(CardFaults(granted=True)), 0, ""

    def exchange(command: bytes) -> bytes:
        nonlocal count
        count += 1
        return rubbish if count == at else card.answer(command) or b""

    try:
        read_health(exchange, WITH_KEYS)
    except Fault as fault:
        code = fault.code

    assert code in OF_AN_ITEM | {"", "card.malformed", "card.unsupported", "card.locked", "card.blocked"}
