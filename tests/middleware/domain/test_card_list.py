"""A list of cards is read whole or refused whole: the line is named, what stands in it is not."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.card_list import ListRefusedError, names_of, read_list
from middleware.domain.registry import ListReason

ZONE = dt.timezone(dt.timedelta(hours=8))
CODE = "999900D1560000050000112233445566"
GOOD = f"card_id_code,{CODE},,lost,2026-11-20T08:30:00+08:00"


def test_a_card_is_named_by_its_code_or_by_its_number_with_the_issuers_region():
    by_code, by_number = read_list([GOOD, "card_number, a12345678 ,999900,blacklisted,2026-11-20"], 1, ZONE)

    assert {by_code.name, by_number.name} == set(names_of(CODE.lower(), "A12345678"))
    assert (by_code.reason, by_number.reason) == (ListReason.LOST, ListReason.BLACKLISTED)
    assert by_code.since == dt.datetime(2026, 11, 20, 8, 30, tzinfo=ZONE)
    assert by_number.since == dt.datetime(2026, 11, 20, tzinfo=ZONE)


def test_the_same_number_of_another_region_is_another_card():
    assert names_of(CODE, "A12345678")[1] != names_of("1" + CODE[1:], "A12345678")[1]


def test_what_is_no_social_security_card_has_no_name_in_a_list():
    assert names_of("", "") == names_of("", "A12345678") == ()


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("", "members"),
        (GOOD + ",x", "members"),
        (GOOD + " " * 200, "members"),
        (GOOD.replace("lost", "found"), "reason"),
        (GOOD.replace("card_id_code", "id_number"), "kind"),
        (GOOD.replace(CODE, CODE[:-1]), "32 hex"),
        (GOOD.replace(",,", ",999900,"), "32 hex"),
        ("card_number,A1234567,999900,lost,2026-11-20", "nine"),
        ("card_number,A12345678,9999,lost,2026-11-20", "nine"),
        ("card_number,A12345678,９９９９００,lost,2026-11-20", "nine"),
        (GOOD.replace("2026-11-20T08:30:00+08:00", "2026-13-20"), "since"),
        (GOOD.replace("+08:00", ""), "since"),
    ],
)
def test_the_first_line_that_is_not_as_declared_refuses_all_and_is_named(line, rule):
    with pytest.raises(ListRefusedError) as caught:
        read_list([GOOD, line, GOOD], 41, ZONE)

    assert caught.value.line == 42
    assert rule in caught.value.rule
    assert CODE[:-1] not in str(caught.value)
    assert "A1234567" not in str(caught.value)


_WORDS = st.lists(st.sampled_from(["card_number", CODE, "A12345678", "999900", "lost", "2026-11-20", ""]), max_size=6)


@given(st.one_of(st.text(max_size=250), _WORDS.map(",".join)))
def test_no_line_whatever_does_anything_but_be_read_or_refused(line):
    lines = []
    try:
        found = read_list([line], 7, ZONE)
    except ListRefusedError as refused:
        lines.append(refused.line)
    else:
        lines += [7 for card in found if card.since.tzinfo is not None]

    assert lines == [7]
