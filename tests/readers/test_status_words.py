from __future__ import annotations

import pytest

from middleware.domain.fault import FAULTS
from readers.status_words import STATUS_WORDS, as_fault, explain


def test_every_number_has_a_row_and_every_row_a_fault_of_the_table() -> None:
    for sw in range(0x10000):
        row = explain(sw)
        assert row.fault in FAULTS or (row.fault == "" and (sw == 0x9000 or sw >> 8 == 0x61))


def test_no_pattern_is_declared_twice() -> None:
    assert len(STATUS_WORDS) == len({row.pattern for row in STATUS_WORDS})


@pytest.mark.parametrize(
    ("sw", "pattern", "code"),
    [
        (0x63C0, "63Cx", "card.status_word"),
        (0x63C5, "63Cx", "card.status_word"),
        (0x6983, "6983", "card.locked"),
        (0x9303, "9303", "card.locked"),
        (0x6CFF, "6Cxx", "card.status_word"),
        (0x9001, "xxxx", "card.status_word"),
        (0x6F01, "xxxx", "card.status_word"),
    ],
)
def test_the_most_exact_row_wins(sw: int, pattern: str, code: str) -> None:
    assert (pattern, code) == (explain(sw).pattern, as_fault(sw, "x").code)


def test_an_unexpected_9000_is_still_a_fault() -> None:
    assert as_fault(0x9000, "x").code == "card.status_word"
