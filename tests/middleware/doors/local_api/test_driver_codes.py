"""The published error codes: every one that can be answered stands in the document, and follows from a fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from middleware.domain.fault import FAULTS, Fault
from middleware.doors.local_api.driver import FUNCTIONS
from middleware.doors.local_api.driver_codes import BY_FAULT, BY_STATUS, UNKNOWN, code_of, text_of

PAGE = (Path(__file__).parents[4] / "docs" / "card-keys.md").read_text(encoding="utf-8")


def test_the_document_has_every_function_and_every_code_that_a_fault_gives() -> None:
    assert [one.name for one in FUNCTIONS if one.name.partition("_")[0] not in PAGE] == []
    codes = set(BY_FAULT.values()) | {UNKNOWN, -26368, -26369, -26370, -26371, -26881, -25536, -25538}
    assert [code for code in codes if f"{code}" not in PAGE] == []


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (0x6981, -27009), (0x6982, -27010), (0x6983, -27011), (0x6984, -27012), (0x6985, -27013), (0x6988, -27016),
        (0x6A80, -27264), (0x6A83, -27267), (0x6A88, -27272), (0x9302, -37634), (0x9303, -37635), (0x9403, -37891),
        (0x9406, -37894), (0x6C12, -26368), (0x6700, -26369), (0x6A86, -26370), (0x6E00, -26371), (0x6E01, -26371),
        (0x6986, -26881), (0x63C0, -25536), (0x63C1, -25537), (0x63C2, -25538), (0x63C5, -25538), (0x6F00, -999),
    ],
)  # fmt: skip
def test_a_cards_status_word_has_its_published_code(status: int, code: int) -> None:
    assert code_of(Fault("card.status_word", status=status)) == code


def test_every_fault_of_the_table_has_a_code_and_a_text() -> None:
    for name in FAULTS:
        assert code_of(Fault(name)) < 0
        assert text_of(Fault(name))
    assert set(BY_FAULT) <= set(FAULTS)
    assert len(set(BY_STATUS.values())) == len(BY_STATUS)
