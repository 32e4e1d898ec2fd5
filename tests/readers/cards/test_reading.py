"""Records by number, repeated records and bytes: whole and as declared, or a fault that names the place."""

from __future__ import annotations

import pytest

from middleware.domain.fault import Fault
from readers.cards import social_security as ss
from readers.cards.reading import FileReader
from readers.cards.social_security_employment import DF02_EF15
from readers.cards.social_security_medical import DF04_EF15
from readers.cards.social_security_public import DF01_EF16

(GROUP,) = DF02_EF15.groups  # tag 99: 10 (3 bytes), 11 (4), 12 (3)
GOOD = "9910" + "1003303031" + "110420130701" + "1203112233"


def reader(*answers: str) -> FileReader:
    left = [bytes.fromhex(answer) for answer in answers]
    return FileReader(lambda _: left.pop(0))


def test_a_repeated_record_gives_the_values_of_its_items_in_order() -> None:
    values = reader(GOOD + "9000").read_group(DF02_EF15, GROUP, 1)

    assert values == (b"001", bytes.fromhex("20130701"), bytes.fromhex("112233"))


@pytest.mark.parametrize(
    ("record", "detail"),
    [
        ("9810" + GOOD[4:], "DF02/EF15 tag 99 record 1: record has tag 98"),
        ("9910" + "1303303031" + GOOD[14:], "DF02/EF15 tag 99 record 1 tag 10, meaning not published: record has tag 13"),
        (
            "990F" + "10023030" + GOOD[14:],
            "DF02/EF15 tag 99 record 1 tag 10, meaning not published: length byte says 2, 3 bytes follow",
        ),
        ("9905" + "1003303031", "DF02/EF15 tag 99 record 1 date: shorter than tag and length"),
        ("9911" + GOOD[4:] + "00", "DF02/EF15 tag 99 record 1: longer than its items"),
        ("990F" + GOOD[4:], "DF02/EF15 tag 99 record 1: length byte says 15, 16 bytes follow"),
        ("", "DF02/EF15 tag 99 record 1: shorter than tag and length"),
    ],
)
def test_a_repeated_record_that_is_not_as_declared_is_malformed(record: str, detail: str) -> None:
    with pytest.raises(Fault) as caught:
        reader(record + "9000").read_group(DF02_EF15, GROUP, 1)

    assert (caught.value.code, caught.value.detail) == ("card.malformed", detail)


@pytest.mark.parametrize(
    ("status", "code"), [("6281", "card.status_word"), ("6F00", "card.broken"), ("9001", "card.status_word")]
)
def test_data_with_any_word_but_9000_are_no_data(status: str, code: str) -> None:
    with pytest.raises(Fault) as caught:
        reader("0A0131" + status).read_item(ss.EF06, ss.EF06.item(ss.SEX))

    assert code == caught.value.code


@pytest.mark.parametrize("status", ["6A82", "6A83", "6A88"])
def test_a_record_that_is_not_there_is_none(status: str) -> None:
    assert reader(status).read_group(DF02_EF15, GROUP, 3) is None
    assert reader(status).read_fields(DF04_EF15, 8) is None


def test_numbered_fields_are_cut_by_their_widths() -> None:
    assert reader("0001329000").read_fields(DF04_EF15, 1) == (b"\x00\x01", b"2")


@pytest.mark.parametrize(
    ("answer", "code", "detail"),
    [
        ("00019000", "card.malformed", "DF04/EF15 record 2: 2 bytes, not 3"),
        ("000132009000", "card.malformed", "DF04/EF15 record 2: 4 bytes, not 3"),
        ("6982", "card.access_denied", "DF04/EF15 record 2: status 6982 (安全状态不满足 / security status not satisfied)"),
    ],
)
def test_a_numbered_record_of_another_length_or_guarded_is_a_fault(answer: str, code: str, detail: str) -> None:
    with pytest.raises(Fault) as caught:
        reader(answer).read_fields(DF04_EF15, 2)

    assert (caught.value.code, caught.value.detail) == (code, detail)


@pytest.mark.parametrize(
    ("answers", "length"),
    [
        (["AA" * 128 + "9000", "BB" * 128 + "9000", "CC" * 40 + "9000"], 0x128),
        (["AA" * 128 + "9000", "6B00"], 128),
        (["AA" * 20 + "6282"], 20),
        (["9000"], 0),
    ],
)
def test_bytes_are_read_in_pieces_to_the_end_of_the_file(answers: list[str], length: int) -> None:
    assert len(reader(*answers).read_bytes(DF01_EF16)) == length


def test_bytes_that_are_guarded_are_a_fault() -> None:
    with pytest.raises(Fault) as caught:
        reader("6982").read_bytes(DF01_EF16)

    assert caught.value.detail == "DF01/EF16: status 6982 (安全状态不满足 / security status not satisfied)"
