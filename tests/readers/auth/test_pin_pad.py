"""PIN pads by PC/SC part 10: structures byte for byte, and what a pad may say. No pad was at hand: vpcd has none."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.fault import Fault
from readers.auth.pin_pad import GET_FEATURES, VERIFY_DIRECT, ask_pad, features, verify_structure
from readers.cards.social_security_read import CardContext
from readers.pcsc.api import PcscCard, PcscContext
from tests.readers.attempts import attempt

CODE = 0x42330006
LIST = bytes((0x06, 4)) + CODE.to_bytes(4, "big") + bytes((0x12, 4)) + (0x42330012).to_bytes(4, "big")


def asked(answers: dict[int, bytes]) -> object:
    sent: list[tuple[int, bytes]] = []

    def control(code: int, data: bytes) -> bytes:
        sent.append((code, data))
        return answers[code]

    outcome = attempt(lambda: ask_pad(CardContext("reader", "", dt.date(2026, 3, 2), control), 30.0))
    return (outcome.code if isinstance(outcome, Fault) else outcome), sent


def test_verify_direct_is_asked_for_by_the_code_that_the_reader_gave() -> None:
    outcome, sent = asked({GET_FEATURES: LIST, CODE: b"\x90\x00"})

    assert (outcome, [code for code, _ in sent]) == (None, [GET_FEATURES, CODE])
    # Two timers, BCD from the first byte, as long as the PIN, 4 to 16 digits, OK key, one message, Chinese; then VERIFY.
    assert sent[1][1] == bytes.fromhex("1E1E 81 00 00 1004 02 01 0408 00 000000 05000000 0020000000")
    assert len(verify_structure(999)) == 24


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("6400", "card.pin_timeout"),
        ("6401", "card.pin_cancelled"),
        ("6403", "card.pin_rule"),
        ("63C2", "card.pin_wrong"),
        ("63C0", "card.pin_blocked"),
        ("6983", "card.pin_blocked"),
        ("6F00", "card.broken"),
        ("90", "card.malformed"),
    ],
)
def test_what_a_pad_or_the_card_behind_it_says(word: str, code: str) -> None:
    assert asked({GET_FEATURES: LIST, CODE: bytes.fromhex(word)})[0] == code


@pytest.mark.parametrize("answer", [b"", LIST[6:]])
def test_a_reader_without_that_feature_has_no_pad(answer: bytes) -> None:
    assert asked({GET_FEATURES: answer})[0] == "card.no_pin_pad"


@given(st.binary(max_size=40))
def test_any_list_of_features_is_one_or_a_fault(answer: bytes) -> None:
    outcome = attempt(lambda: features(answer))

    assert isinstance(outcome, dict | Fault)


def test_the_pads_code_is_made_by_the_service_and_a_refusal_is_no_pad() -> None:
    calls = []

    def control(_handle: object, code: int, data: list[int]) -> object:
        calls.append((code, data))
        return (0, [0x90, 0x00]) if code == VERIFY_DIRECT + 0x42330000 else (0x80100016, [])

    scard = SimpleNamespace(
        SCARD_SCOPE_USER=0, SCARD_PROTOCOL_T0=1, SCARD_PCI_T0=0, SCARD_PCI_T1=0, SCARD_RESET_CARD=1,
        SCardEstablishContext=lambda _scope: (0, 1), SCardControl=control, SCARD_CTL_CODE=lambda code: 0x42000000 + code,
    )  # fmt: skip
    card = PcscCard(PcscContext(lambda: scard), "reader", 1, 2)

    assert card.control(CODE, b"\x01") == b"\x90\x00"
    assert attempt(lambda: card.control(GET_FEATURES, b"")).code == "card.no_pin_pad"
    assert [code for code, _ in calls] == [CODE, 0x42000000 + GET_FEATURES]
