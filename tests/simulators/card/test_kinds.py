"""Every kind of virtual card on its own: what it answers, byte by byte, and that each knob spoils it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.card import OTHERS, PEOPLE, BankCard, CardFaults, HealthCard, VirtualCard, other_card
from simulators.card.faults import SwappedError, WithdrawnError
from simulators.card.plastic import Plastic
from simulators.card.secure import SecureCard

SSSE = "00A404000F7378312E73682EC9E7BBE1B1A3D5CF"
MAKERS: dict[str, Callable[[CardFaults], Plastic]] = {
    **OTHERS,
    "social-security-card": lambda faults: VirtualCard(PEOPLE["employee"], faults),
    "contactless": lambda faults: VirtualCard(PEOPLE["employee"], faults, contactless=True),
}
KINDS = pytest.mark.parametrize("kind", sorted(MAKERS))


def talk(card: Plastic, *commands: str) -> list[str]:
    return [(card.answer(bytes.fromhex(command)) or b"").hex().upper() for command in commands]


def test_a_bank_card_answers_as_pboc_has_it() -> None:
    answers = talk(
        BankCard(),
        "00A404000E315041592E5359532E4444463031", "00B2010C00", "00A4040008A000000333010101", "00B2011400", "80CA9F7900",
        "80CA9F3600", "00A4040009A00000000386980701", "805C000204", "00B201C417", "00B202C417",
    )  # fmt: skip

    assert answers[0] == "6F15840E315041592E5359532E4444463031A5038801019000"
    assert answers[1] == "701B61194F08A000000333010101500A50424F432044454249548701019000"
    assert "5A086210009876543210" in answers[3]
    assert answers[4:6] == ["9F79060000000012349000", "9F3602002A9000"]
    assert answers[7:] == ["000004D29000", "0011000000000001F406999900000001202603011230599000", "6A83"]


def test_a_contactless_bank_card_lists_itself_in_the_ppse_alone() -> None:
    card = BankCard(contactless=True)

    assert talk(card, "00A404000E315041592E5359532E4444463031") == ["6A82"]
    assert "4F08A000000333010101" in talk(card, "00A404000E325041592E5359532E4444463031")[0]


def test_a_health_card_is_selected_by_identifiers_and_guards_its_holder() -> None:
    answers = talk(
        HealthCard(),
        "00A4000002EF05", "00A4000002DDF1", "00B2010403", "00A4000002EF05", "00B2010403", "00B20A0405", "00B20B0400",
        "00A4000002EF06", "00B2010420", "00A4000002DF02", "00A4000002EF07", "00B2010478",
    )  # fmt: skip

    assert answers == [
        "6A82",
        "9000",
        "6986",
        "9000",
        "0101319000",
        "39039999009000",
        "6A83",
        "9000",
        "6982",
        "9000",
        "9000",
        "6982",
    ]


def test_a_card_whose_keys_are_proved_opens_what_it_guards() -> None:
    answers = talk(HealthCard(CardFaults(granted=True)), "00A4000002DDF1", "00A4000002DF02", "00A4000002EF07", "00B2010478")

    assert answers[-1].startswith("C7E0C3B9CBD8")


@pytest.mark.parametrize(("granted", "answer"), [(False, "6982"), (True, "000004D29000")])
def test_a_medical_account_is_told_after_proof_only(granted: bool, answer: str) -> None:
    card = VirtualCard(PEOPLE["employee"], CardFaults(granted=granted))

    assert talk(card, SSSE, "00A4040006D15600000503", "B026000104")[-1] == answer
    assert talk(card, "00A4040006D15600000500", "B026000104")[-1] == "6D00"


def test_a_card_with_a_pin_tells_its_medical_account_after_the_pin() -> None:
    card = SecureCard(PEOPLE["employee"])
    asked = (SSSE, "00A4040006D15600000503", "B026000104")

    assert talk(card, *asked)[-1] == "6982"
    assert talk(card, *asked[:2], "0020000003123456", "B026000104")[-2:] == ["9000", "000004D29000"]


@KINDS
def test_each_knob_spoils_each_kind(kind: str) -> None:
    make = MAKERS[kind]

    assert make(CardFaults(silent_from=1)).answer(bytes.fromhex(SSSE)) is None
    assert make(CardFaults(status_at={1: 0x6F00})).answer(bytes.fromhex(SSSE)) == b"\x6f\x00"
    with pytest.raises(WithdrawnError):
        make(CardFaults(withdraw_at=1)).answer(bytes.fromhex(SSSE))
    with pytest.raises(SwappedError):
        make(CardFaults(swap_at=1)).answer(bytes.fromhex(SSSE))


@KINDS
def test_a_reset_counts_exchanges_anew_and_selects_nothing(kind: str) -> None:
    card = MAKERS[kind](CardFaults(withdraw_at=3))
    talk(card, SSSE, SSSE)
    card.reset()

    talk(card, SSSE, SSSE)
    assert card.exchanges == 2


@given(st.sampled_from(sorted(MAKERS)), st.lists(st.binary(max_size=24), max_size=6))
def test_no_command_breaks_a_card(kind: str, commands: list[bytes]) -> None:
    card = MAKERS[kind](CardFaults())
    for command in commands:
        answer = card.answer(command)

        assert answer is not None
        assert len(answer) >= 2


def test_names_may_be_filled_with_full_width_spaces() -> None:
    card = VirtualCard(PEOPLE["employee"], CardFaults(padding=0xA1))

    assert talk(card, SSSE, "00A4020002EF06", "00B2090020")[-1] == "091ED5C5CEB0C3F1" + "A1A1" * 12 + "9000"
    assert talk(card, "00B2080014")[-1].endswith("349000")


def test_there_is_no_kind_by_another_name() -> None:
    with pytest.raises(KeyError):
        other_card("library-card")
