"""Mifare classic and SLE cards, by pseudo-APDUs."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.card import UnlinkedError
from middleware.domain.fault import Fault
from readers.atr import historical_bytes
from readers.media.stored import Form, StoredCardOptions, chip_of, number_of, read_stored, with_stored
from simulators.card.stored import StoredCard
from tests.readers.attempts import attempt

KEY = bytes.fromhex("A0A1A2A3A4A5")
BLOCK = b"T0012345678" + bytes(5)


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "sector.key"
    path.write_text("A0A1A2A3A4A5\n")
    return path


def mifare(key_file, **more):
    return StoredCardOptions("mifare-classic", offset=0, length=11, block=4, key_file=key_file, **more)


def read(card, *options):
    """The number, or the fault."""
    outcome = attempt(lambda: read_stored(card.answer, historical_bytes(card.atr), options, "r"))
    return outcome.medium.number.reveal() if isinstance(outcome, UnlinkedError) else outcome


def test_the_number_of_a_mifare_sector_is_read_with_the_configured_key(key_file):
    card = StoredCard("mifare-classic", {4: BLOCK}, key=KEY)
    assert read(card, mifare(key_file)) == "T0012345678"
    assert [command[1] for command in card.asked] == [0x82, 0x86, 0xB0]


def test_a_sector_that_stays_shut_is_a_fault_of_its_own_and_says_no_key(key_file):
    fault = read(StoredCard("mifare-classic", {4: BLOCK}, key=b"\x01" * 6), mifare(key_file))
    assert fault.code == "medium.key"
    assert "A0A1" not in str(fault).upper()


def test_another_card_of_the_same_chip_is_tried_before_that_is_said(key_file, tmp_path):
    other = tmp_path / "other.key"
    other.write_text("FFFFFFFFFFFF")
    card = StoredCard("mifare-classic", {8: BLOCK})
    second = StoredCardOptions("mifare-classic", "insurance-card", offset=0, length=11, block=8, key_file=other)
    assert read(card, mifare(key_file), second) == "T0012345678"


def test_the_chips_own_serial_needs_no_key():
    card = StoredCard("mifare-classic", {}, uid=bytes.fromhex("04A1B2C3"))
    assert read(card, StoredCardOptions("mifare-classic", uid=True, form="hex")) == "04A1B2C3"


@pytest.mark.parametrize("chip", ["sle4442", "sle4428"])
@pytest.mark.parametrize("knows_type", [True, False])
def test_a_memory_card_is_read_where_its_number_stands_and_nothing_is_presented(chip, knows_type):
    card = StoredCard(chip, {0x20: b"00123456"}, knows_type=knows_type)
    assert read(card, StoredCardOptions(chip, offset=0x20, length=10)) == "00123456"
    assert {command[1] for command in card.asked} == {0xA4, 0xB0}  # no FF 20: three wrong codes kill such a card


def test_other_cards_are_left_to_their_own_procedure_without_an_exchange(key_file):
    card = StoredCard("sle4442", {})
    assert read(card, mifare(key_file)) is None
    assert card.asked == []

    class Context:
        atr_historical = "0081549999"
        reader = "r"

    read_other = with_stored(lambda _exchange, _context: "another kind", (mifare(key_file),))
    assert read_other(card.answer, Context()) == "another kind"


@pytest.mark.parametrize("content", ["", "A0A1", "zz" * 6, "A0A1A2A3A4A5A6"])
def test_a_key_file_that_holds_no_key_is_the_configurations_fault(tmp_path, content):
    path = tmp_path / "k"
    path.write_text(content)
    fault = read(StoredCard("mifare-classic", {4: BLOCK}), mifare(path))
    assert fault.code == "system.config"
    assert not content or content not in str(fault)


def test_a_missing_key_file_is_the_configurations_fault(tmp_path):
    assert read(StoredCard("mifare-classic", {4: BLOCK}), mifare(tmp_path / "none")).code == "system.config"


@pytest.mark.parametrize(
    ("raw", "form", "number"),
    [
        ("3030313233FFFF00", Form.ASCII, "00123"),
        ("00123456FFFF", Form.BCD, "00123456"),
        ("04A1", Form.HEX, "04A1"),
        ("0000012C", Form.NUMBER, "300"),
    ],
)
def test_numbers_in_each_form(raw, form, number):
    assert number_of(bytes.fromhex(raw), form, "x") == number


@given(st.sampled_from(Form), st.binary(max_size=20))
def test_no_bytes_are_half_a_number(form, raw):
    outcome = attempt(lambda: number_of(raw, form, "x"))
    assert isinstance(outcome, Fault) or (outcome.isalnum() and outcome.isascii())


@pytest.mark.parametrize("blank", [bytes(10), b"\xff" * 10, b" " * 10])
@pytest.mark.parametrize("form", [Form.ASCII, Form.BCD])
def test_a_blank_card_has_no_number(form, blank):
    assert isinstance(attempt(lambda: number_of(blank, form, "x")), Fault)


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=4))
def test_no_answers_of_a_reader_crash_the_reading(answers):
    at = itertools.cycle(answers)
    options = (StoredCardOptions("sle4442"), StoredCardOptions("mifare-classic", uid=True))
    for historical in (bytes.fromhex("A2131091"), bytes.fromhex("804F0CA000000306030001")):
        outcome = attempt(lambda historical=historical: read_stored(lambda _: next(at), historical, options, "r"))
        assert isinstance(outcome, Fault)


def test_chips_are_known_by_their_history_alone():
    assert chip_of(bytes.fromhex("0081549999")) == ""
    assert chip_of(b"") == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"chip": "mifare-classic"},
        {"chip": "mifare-classic", "uid": False, "offset": 10, "length": 10},
        {"chip": "sle4442", "offset": 250, "length": 10},
        {"chip": "sle4428", "offset": 1020, "length": 10},
    ],
)
def test_places_that_no_card_has_are_refused_in_the_configuration(wrong, key_file):
    with pytest.raises(ValueError):
        StoredCardOptions(**({"key_file": key_file} if wrong.get("offset") else {}), **wrong)
