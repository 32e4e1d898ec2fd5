"""A PSAM opens a resident health card: one checked identity, emergency data beside it, and no half of either."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.card import HEALTH_CARD, Emergency
from middleware.domain.fault import Fault
from readers.atr import historical_bytes
from readers.auth import commands, health, psam
from readers.cards import health_read
from readers.cards.declaration import Environment
from readers.cards.health import CLINICAL, DDF1
from readers.cards.health_read import EMERGENCY
from readers.cards.looking import Value
from readers.cards.social_security_read import CardContext, Reading
from readers.cards.whole import read_health
from readers.status_words import OF_AN_ITEM
from simulators.card.faults import CardFaults
from simulators.card.health_keys import KeyedHealthCard
from simulators.card.psam import PsamCard, PsamFaults
from simulators.card.secure import KeyFaults
from simulators.people import PEOPLE
from tests.readers.attempts import attempt

HOLDER = PEOPLE["employee"]  # whose data the declarations' examples are
TODAY = dt.date(2026, 3, 2)
SELECT, AUTHENTICATE = 0xA4, 0x82


def context(card: KeyedHealthCard, today: dt.date = TODAY) -> CardContext:
    return CardContext("reader", historical_bytes(card.atr).hex().upper(), today)


def proved(card: KeyedHealthCard, environment: Environment, faults: PsamFaults | None = None) -> health_read.OpenedHealth:
    known = health_read.opened(card.answer, context(card))
    challenge = health.challenged(card.answer, known, environment)
    made = health.psam_proof(PsamCard(faults).answer, challenge, psam.Terms())
    commands.prove_to(card.answer, challenge.reference, made)
    return known


def identity(
    records: dict[int, bytes] | None = None, *, missing: frozenset[int] = frozenset(), today: dt.date = TODAY
) -> Reading:
    card = KeyedHealthCard(KeyFaults(card=CardFaults(raw_records=records or {}, missing_tags=missing)))
    known = proved(card, DDF1)
    return health_read.identity(card.answer, context(card, today), known)


def emergency(faults: CardFaults | None = None) -> Emergency:
    card = KeyedHealthCard(KeyFaults(card=faults or CardFaults()))
    proved(card, CLINICAL)
    return health_read.emergency(card.answer)


def code(outcome: object) -> str:
    return outcome.code if isinstance(outcome, Fault) else "done"


def test_name_and_number_are_one_checked_identity() -> None:
    reading = identity()
    read = reading.card

    assert (read.kind, read.credential.shown, reading.warnings) == (HEALTH_CARD, "identity-document", ())
    assert (read.name.reveal(), read.id_number.reveal()) == (HOLDER.name, HOLDER.id_number)
    assert (read.sex, read.nation, read.birth_date) == (HOLDER.sex, HOLDER.nation, HOLDER.birth_date)
    assert (read.issued_on, read.expires_on) == (dt.date(2018, 3, 1), dt.date(2068, 2, 29))
    assert HOLDER.name not in repr(reading)
    assert HOLDER.id_number not in repr(reading)


def test_without_the_proof_nothing_of_the_holder_is_given() -> None:
    card = KeyedHealthCard()
    known = health_read.opened(card.answer, context(card))
    health.challenged(card.answer, known, DDF1)

    assert code(attempt(lambda: health_read.identity(card.answer, context(card), known))) == "card.access_denied"


def test_what_emergencies_need_is_given_as_the_card_has_it() -> None:
    found = emergency()

    assert {item.file for item in found.items} == set(EMERGENCY)
    assert [item.text for item in found.items if item.tag in {"29", "2A", "37"}] == ["01", "02", "测试警示"]
    assert [(item.record, item.state, item.text) for item in found.items if item.file == EMERGENCY[1]] == [
        (1, "read", "青霉素"), (1, "read", "皮疹"), (2, "blank", ""), (2, "blank", ""),
    ]  # fmt: skip
    assert "青霉素" not in repr(found)


def test_an_item_of_an_emergency_that_cannot_be_read_hides_no_other() -> None:
    found = emergency(CardFaults(raw_records={0x29: bytes.fromhex("29020101")}, missing_tags=frozenset({0x2A})))

    assert [item.state for item in found.items[:3]] == ["unreadable", "missing", "read"]
    assert found.items[0].text == ""


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ({0x0F: b"\x0f\x12999999197405123113"}, "card.id_number"),  # its check character
        ({0x0F: b"\x0f\x12999999198809234229"}, "card.id_number"),  # somebody else's
        ({0x0B: bytes.fromhex("0B1ED5") + bytes(29)}, "card.malformed"),
        ({0x0C: bytes.fromhex("0C0107")}, "card.malformed"),
        ({0x0E: bytes.fromhex("0E0419741332")}, "card.malformed"),
        ({0x07: bytes.fromhex("070420200229")}, "card.expired"),
        ({0x39: bytes.fromhex("3903AA9900")}, "card.malformed"),
        ({0x06: bytes.fromhex("060420260303")}, "card.not_yet_valid"),
    ],
)
def test_what_is_wrong_with_the_holder_is_a_fault_that_shows_no_value(records: dict[int, bytes], expected: str) -> None:
    fault = attempt(lambda: identity(records))

    assert isinstance(fault, Fault)
    assert (fault.code, "1974" in fault.detail, fault.detail.startswith("DDF1/EF0")) == (expected, False, True)


def test_a_card_without_a_name_gives_no_identity_and_one_without_an_end_is_good() -> None:
    assert code(attempt(lambda: identity(missing=frozenset({0x0B})))) == "card.malformed"
    assert identity(missing=frozenset({0x07})).card.expires_on is None


def test_a_card_to_which_no_key_goes_down_is_said_before_the_psam_is_asked() -> None:
    card = KeyedHealthCard()
    fault = attempt(lambda: health_read.opened(card.answer, CardContext("reader", "00815400", TODAY)))

    assert isinstance(fault, Fault)
    assert (fault.code, fault.detail) == ("card.malformed", "ATR: fewer than 8 historical bytes")


def test_a_birth_date_that_differs_from_the_number_is_said() -> None:
    assert identity({0x0E: bytes.fromhex("0E0419740513")}).warnings == ("birth_date_differs_from_id_number",)


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (PsamFaults(get_response=True), "done"),
        (PsamFaults(health=False), "psam.no_algorithm"),
        (PsamFaults(without=frozenset({0x31})), "psam.no_key"),
        (PsamFaults(level=1), "psam.key_level"),
    ],
)
def test_what_a_psam_cannot_is_its_own_fault_and_costs_the_card_no_try(faults: PsamFaults, expected: str) -> None:
    card = KeyedHealthCard()

    assert code(attempt(lambda: proved(card, DDF1, faults))) == expected
    assert list(card.key_tries.values()) == ([3] if expected == "done" else [])


@pytest.mark.parametrize("faults", [KeyFaults(), KeyFaults(forged=True)])
def test_keys_that_do_not_fit_are_refused_with_the_tries_left(faults: KeyFaults) -> None:
    card = KeyedHealthCard(faults)
    fault = attempt(lambda: proved(card, DDF1, PsamFaults(wrong=not faults.forged)))

    assert isinstance(fault, Fault)
    assert (fault.code, fault.tries_left) == ("card.key_refused", 2)


def test_the_key_is_proved_behind_the_select_of_the_file_with_a_number_of_its_own_and_seventeen_bytes() -> None:
    card = KeyedHealthCard()
    proved(card, CLINICAL)
    sent = [command for command in card.commands if command[1] in {SELECT, AUTHENTICATE}][-3:]

    assert [command[5:7].hex() for command in sent[:2]] == ["df02", "ef05"]
    assert (sent[2][:5].hex(), sent[2][-1]) == ("0082008411", 1)


def looked(card: KeyedHealthCard, module: PsamCard) -> dict[str, tuple[Value, ...]]:
    known = health_read.opened(card.answer, context(card))
    whole = read_health(health.proving(card.answer, known, module.answer, psam.Terms()), health.GRANTED)
    assert [found.fault or found.refused for found in whole.files] == [None] * len(whole.files)
    return {found.file.path: found.values for found in whole.files}


def test_the_whole_card_is_read_with_one_proof_an_application() -> None:
    card = KeyedHealthCard()
    found = looked(card, PsamCard())

    assert card.proved == [0xDDF1, 0xDF01, 0xDF02, 0xDF03]
    assert [value.text for value in found["DDF1/EF06"]][0::4] == [HOLDER.name, HOLDER.id_number]


def test_an_application_whose_key_the_psam_lacks_stays_closed_and_hides_no_other() -> None:
    card = KeyedHealthCard()
    known = health_read.opened(card.answer, context(card))
    module = PsamCard(PsamFaults(without=frozenset({0x34})))
    whole = read_health(health.proving(card.answer, known, module.answer, psam.Terms()), health.GRANTED)
    faults = {found.file.path for found in whole.files if found.fault is not None}

    assert card.proved == [0xDDF1, 0xDF01, 0xDF02]
    assert faults
    assert all(path.startswith("DDF1/DF03/") for path in faults)


@given(st.integers(1, 60), st.binary(max_size=258))
def test_no_answer_of_a_health_card_or_psam_raises_anything_but_a_fault(at: int, rubbish: bytes) -> None:
    card, module, count = KeyedHealthCard(), PsamCard(), 0

    def spoiled(answer: bytes) -> bytes:
        nonlocal count
        count += 1
        return rubbish if count == at else answer

    def work() -> None:
        def exchange(command: bytes) -> bytes:
            return spoiled(card.answer(command) or b"")

        known = health_read.opened(exchange, context(card))
        for environment in (DDF1, CLINICAL):
            challenge = health.challenged(exchange, known, environment)
            made = health.psam_proof(lambda command: spoiled(module.answer(command) or b""), challenge, psam.Terms())
            commands.prove_to(exchange, challenge.reference, made)
            if environment is DDF1:
                health_read.identity(exchange, context(card), known)
            else:
                health_read.emergency(exchange)

    known_codes = OF_AN_ITEM | {
        "done",
        "card.malformed",
        "card.unsupported",
        "card.locked",
        "card.blocked",
        "card.id_number",
        "card.expired",
    }
    known_codes |= {"card.not_yet_valid", "card.key_refused", "psam.no_algorithm", "psam.no_key", "psam.key_level"}
    assert code(attempt(work)) in known_codes | {"psam.failed"}
