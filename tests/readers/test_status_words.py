from __future__ import annotations

import pytest

from middleware.domain.fault import FAULTS
from readers.status_words import OF_AN_ITEM, STATUS_WORDS, as_fault, explain, tries_left


def test_every_number_has_a_row_and_every_row_a_fault_of_the_table() -> None:
    for sw in range(0x10000):
        row = explain(sw)
        assert row.fault in FAULTS or (row.fault == "" and (sw == 0x9000 or sw >> 8 == 0x61))


def test_no_pattern_is_declared_twice() -> None:
    assert len(STATUS_WORDS) == len({row.pattern for row in STATUS_WORDS})


@pytest.mark.parametrize(
    ("sw", "pattern", "code"),
    [
        (0x63C0, "63Cx", "card.verification"),
        (0x63C5, "63Cx", "card.verification"),
        (0x6983, "6983", "card.locked"),
        (0x9303, "9303", "card.blocked"),
        (0x6CFF, "6Cxx", "card.command_refused"),
        (0x9001, "xxxx", "card.status_word"),
        (0x6F01, "xxxx", "card.status_word"),
        (0x6E00, "6Exx", "card.command_refused"),
        (0x6E17, "6Exx", "card.command_refused"),
    ],
)
def test_the_most_exact_row_wins(sw: int, pattern: str, code: str) -> None:
    assert (pattern, code) == (explain(sw).pattern, as_fault(sw, "x").code)


def test_an_unexpected_9000_is_still_a_fault() -> None:
    assert as_fault(0x9000, "x").code == "card.status_word"


# The words that cards of the reference are met with (card.md 1.5), and the code that a program may rely on.
MET = {
    0x6283: "card.locked", 0x6581: "card.broken", 0x6700: "card.command_refused", 0x6981: "card.command_refused",
    0x6982: "card.access_denied", 0x6983: "card.locked", 0x6984: "card.key_unusable", 0x6985: "card.access_denied",
    0x6986: "card.command_refused", 0x6988: "card.mac", 0x6A80: "card.command_refused", 0x6A81: "card.command_refused",
    0x6A82: "card.not_found", 0x6A83: "card.not_found", 0x6A86: "card.command_refused", 0x6A88: "card.not_found",
    0x6E00: "card.command_refused", 0x6F00: "card.broken", 0x63C3: "card.verification", 0x6C10: "card.command_refused",
    0x9302: "card.mac", 0x9303: "card.blocked", 0x9403: "card.key_unusable", 0x9406: "card.key_unusable",
}  # fmt: skip


@pytest.mark.parametrize("sw", MET)
def test_each_word_of_the_reference_has_its_code_and_says_what_to_do_in_two_languages(sw: int) -> None:
    fault, row = as_fault(sw, "DF04/EF05 tag 83"), explain(sw)

    assert (MET[sw], row.pattern != "xxxx") == (fault.code, True)
    assert f"status {sw:04X}" in fault.detail
    assert all((row.zh, row.en, fault.spec.zh, fault.spec.en, fault.spec.do_zh, fault.spec.do_en))


@pytest.mark.parametrize(
    ("sw", "left"), [(0x63C0, 0), (0x63C3, 3), (0x63CF, 15), (0x6300, None), (0x9000, None), (0x64C3, None)]
)
def test_tries_left_are_read_from_63cx_alone(sw: int, left: int | None) -> None:
    assert left == tries_left(sw)


def test_a_failed_verification_says_how_many_tries_are_left() -> None:
    assert as_fault(0x63C2, "PIN").detail == "PIN: status 63C2 (验证失败，还可试 2 次 / verification failed, 2 tries left)"


def test_a_locked_card_ends_a_read_and_any_other_word_only_an_item() -> None:
    assert not OF_AN_ITEM & {"", "card.locked", "card.blocked"}
    assert {"card.status_word", "card.access_denied", "card.not_found", "card.mac"} <= OF_AN_ITEM
