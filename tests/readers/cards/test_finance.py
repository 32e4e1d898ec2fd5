"""The financial side of a card: found by its own lists or by the declared names, read, and its number shown to nobody."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.fault import Fault
from readers.apdu import Exchange
from readers.cards import finance
from readers.cards.detect import detect
from readers.cards.encoding import Malformed, decode, encode, masked_account
from readers.cards.looking import FileRead
from readers.cards.social_security_read import FREE_ONLY, CardContext, in_order
from readers.cards.whole import LOOKS, WholeCard, application_names, read_finance
from readers.status_words import OF_AN_ITEM
from simulators.card import BankCard, CardFaults
from simulators.card.bank import ACCOUNT, DEBIT
from simulators.card.plastic import Plastic, tlv


def over(card: Plastic, sent: list[bytes] | None = None) -> Exchange:
    def exchange(command: bytes) -> bytes:
        if sent is not None:
            sent.append(command)
        answer = card.answer(command)
        assert answer is not None
        return answer

    return exchange


def texts(card: WholeCard) -> dict[str, str]:
    return {value.where: value.text for found in card.files for value in found.values}


def read_of(card: WholeCard, path: str) -> FileRead:
    (found,) = [found for found in card.files if found.file.path == path]
    return found


@pytest.mark.parametrize("account_file", [0x02, 0x03])
@pytest.mark.parametrize("contactless", [False, True], ids=["PSE", "PPSE"])
def test_account_balances_limits_counter_purse_and_log_are_read(account_file: int, contactless: bool) -> None:
    found = texts(read_finance(over(BankCard(contactless=contactless, account_file=account_file))))

    assert found[f"PBOC/SFI{account_file:02X} tag 5A account number (PAN)"] == "621000******3210"
    assert found[f"PBOC/SFI{account_file:02X} tag 5F24 application expires"] == "2030-12-31"
    assert {where: text for where, text in found.items() if "/CA" in where} == {
        "PBOC/CA9F79 amount": "12.34",
        "PBOC/CA9F77 amount": "1000.00",
        "PBOC/CA9F78 amount": "500.00",
        "PBOC/CA9F6D amount": "100.00",
        "PBOC/CA9F5D amount": "12.34",
        "PBOC/CA9F36 count": "42",
    }
    assert found["EP/805C0002 balance"] == "12.34"
    assert found["EP/SFI18 field 06 date of the transaction record 1"] == "2026-03-01"


def test_the_account_number_leaves_the_reading_masked_and_the_rest_of_its_record_not_at_all() -> None:
    card = read_finance(over(BankCard()))
    shown = f"{card!r} {texts(card)} {[value.masked for found in card.files for value in found.values]}"

    assert "621000******3210" in shown
    assert not any(secret in shown for secret in (ACCOUNT, ACCOUNT[6:], "D3012", "TEST/CARD"))


def test_the_card_lists_its_applications_and_what_nobody_declared_is_not_talked_to() -> None:
    entry = tlv(0x61, tlv(0x4F, bytes.fromhex("A0000000041010"))) + tlv(0x61, tlv(0x4F, DEBIT))
    ppse = tlv(0x6F, tlv(0x84, finance.PPSE.name) + tlv(0xA5, tlv(0xBF0C, entry)))
    sent: list[bytes] = []

    names = application_names(over(BankCard(CardFaults(fci=ppse), contactless=True), sent), finance.PPSE)

    assert (names, len(sent)) == ((DEBIT,), 1)


def test_a_card_without_a_list_is_asked_for_the_declared_names() -> None:
    sent: list[bytes] = []
    read_finance(over(BankCard(CardFaults(status_at={1: 0x6A82, 2: 0x6A82})), sent))

    assert [command[5:].hex().upper() for command in sent[:3]] == [
        finance.PPSE.name.hex().upper(), finance.PSE.name.hex().upper(), "A000000333010101",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("faults", "refused"),
    [
        (CardFaults(status_at={1: 0x6985}), [("PPSE", "card.access_denied")]),
        (CardFaults(status_at={2: 0x6283}), [("PSE", "card.locked")]),
        (CardFaults(fci=bytes.fromhex("6F7F84")), [("PSE", "card.malformed")]),
    ],
)
def test_a_list_that_cannot_be_read_is_said_and_the_declared_names_are_tried(faults: CardFaults, refused: object) -> None:
    card = read_finance(over(BankCard(faults)))

    assert [(found.file.path, found.fault.code) for found in card.files if found.fault is not None] == refused
    assert texts(card)["PBOC/CA9F79 amount"] == "12.34"


def test_a_card_that_has_none_of_it_has_nothing_to_show() -> None:
    card = read_finance(lambda _: b"\x6a\x82")

    assert (card.files, card.absent) == ((), ("PBOC", "EP"))


@pytest.mark.parametrize(
    ("faults", "path", "detail"),
    [
        (CardFaults(raw_records={0x5A: tlv(0x5A, bytes.fromhex("6200000000000006"))}), "PBOC/SFI02", "PBOC/SFI02 tag 5A account number (PAN): the check digit of the account number is wrong (ISO 7812)"),
        (CardFaults(raw_records={0x5A: tlv(0x5A, bytes.fromhex("620000"))}), "PBOC/SFI02", "PBOC/SFI02 tag 5A account number (PAN): 3 bytes, not 7-10"),
        (CardFaults(raw_records={0x5A: bytes.fromhex("5A0862")}), "PBOC/SFI02", "PBOC/SFI02 record 1: cut short"),
        (CardFaults(raw_records={0x5F24: tlv(0x5F24, bytes.fromhex("300230"))}), "PBOC/SFI02", "PBOC/SFI02 tag 5F24 application expires: no day of the calendar"),
        (CardFaults(raw_records={0x9F79: tlv(0x9F79, bytes.fromhex("00000000123A"))}), "PBOC/CA9F79", "PBOC/CA9F79 amount: not BCD"),
        (CardFaults(raw_records={0x9F79: tlv(0x9F79, bytes.fromhex("001234"))}), "PBOC/CA9F79", "PBOC/CA9F79: 3 bytes, not 6"),
        (CardFaults(raw_records={0x9F79: tlv(0x9F78, bytes(6))}), "PBOC/CA9F79", "PBOC/CA9F79: no object 9F79"),
        (CardFaults(raw_records={0x805C: bytes(3)}), "EP/805C0002", "EP/805C0002: 3 bytes, not 4"),
    ],
)  # fmt: skip
def test_what_is_malformed_names_file_and_item_and_the_others_are_read(faults: CardFaults, path: str, detail: str) -> None:
    card = read_finance(over(BankCard(faults)))
    found = read_of(card, path)
    faulty = [fault for fault in [found.fault, *(value.fault for value in found.values)] if fault is not None]

    assert [(fault.code, fault.detail) for fault in faulty] == [("card.malformed", detail)]
    assert texts(card)["PBOC/CA9F36 count"] == "42"


@pytest.mark.parametrize("tag", [0x9F79, 0x9F6D, 0x9F36])
def test_an_account_that_the_card_does_not_keep_is_missing_and_no_fault(tag: int) -> None:
    found = read_of(read_finance(over(BankCard(CardFaults(missing_tags=frozenset({tag}))))), f"PBOC/CA{tag:04X}")

    assert ([value.state for value in found.values], found.fault) == (["missing"], None)


def test_an_account_number_may_have_an_odd_count_of_digits() -> None:
    item = finance.SFI02.item(finance.ACCOUNT_NUMBER)

    assert encode(item, "6200000000000000000").hex() == "6200000000000000000f"
    assert masked_account("6200000000000000000") == "620000*********0000"


def test_a_bank_card_gives_no_identity() -> None:
    with pytest.raises(Fault) as caught:
        in_order(("social-security-card", "bank-card"))(over(BankCard()), CardContext("r", "", dt.date(2026, 3, 2)))

    assert (caught.value.code, ACCOUNT in caught.value.detail) == ("card.unsupported", False)


def test_every_kind_that_a_detection_can_name_and_is_looked_at_has_a_procedure() -> None:
    kind = detect(over(BankCard()), b"").kind
    assert kind is not None

    assert LOOKS[kind.key](over(BankCard()), FREE_ONLY).files


@given(st.binary(max_size=12))
def test_no_bytes_make_an_account_number_but_digits_with_their_check(value: bytes) -> None:
    try:
        text = decode(finance.SFI02.item(finance.ACCOUNT_NUMBER), value)
    except Malformed:
        return

    assert value.hex().rstrip("f") == text


@given(st.integers(1, 20), st.binary(max_size=258))
def test_no_answer_of_a_bank_card_raises_anything_but_a_fault(at: int, rubbish: bytes) -> None:
    card, count, code = BankCard(), 0, ""

    def exchange(command: bytes) -> bytes:
        nonlocal count
        count += 1
        return rubbish if count == at else card.answer(command) or b""

    try:
        read_finance(exchange)
    except Fault as fault:
        code = fault.code

    assert code in OF_AN_ITEM | {"", "card.malformed", "card.locked", "card.blocked"}
