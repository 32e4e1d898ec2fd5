"""Who somebody is never shows itself by accident (invariant 21)."""

from __future__ import annotations

import datetime as dt
import traceback
import typing

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain import event, visit
from middleware.domain.identity import CardIdCode, CardNumber, IdNumber, PersonName, _Opaque, id_check_character
from tests.support.fakes import card_read, id_number

KINDS = [IdNumber, CardNumber, CardIdCode, PersonName]
DIGITS = st.text("0123456789ABCDEF", min_size=9, max_size=32)


def shown(value):
    """Everything by which a value gets into a log without anybody meaning it."""
    trace = "".join(traceback.format_exception(RuntimeError(value)))
    return [repr(value), str(value), f"{value}", f"{value!r}", repr([value]), repr({1: value}), trace]


# Loops over the kinds, not parameters: pytest-twisted does not run parametrised hypothesis tests.
@given(DIGITS)
def test_no_way_of_showing_gives_the_value_away(secret):
    for kind in KINDS:
        for text in shown(kind(secret)):
            assert secret not in text
            assert "***" in text


@given(st.text(st.characters(categories=["Lo"]), min_size=1, max_size=20))
def test_a_name_shows_its_first_character_at_most_and_nothing_when_it_has_only_one(name):
    masked = PersonName(name).masked

    assert len(masked) == len(name)
    assert masked == ("*" if len(name) == 1 else name[0] + "*" * (len(name) - 1))


@given(st.text(max_size=40))
def test_no_short_or_strange_value_is_shown_whole(secret):
    for kind in KINDS:
        if secret and "*" not in secret:  # a star of its own looks like a hidden one
            assert kind(secret).masked != secret
        assert kind(secret).reveal() == secret
        assert bool(kind(secret)) == bool(secret)


def test_a_format_that_would_pad_it_is_refused_rather_than_obeyed():
    with pytest.raises(TypeError):
        f"{CardNumber('A12345678'):>20}"


def test_a_record_that_holds_identities_does_not_show_them():
    read = card_read()
    text = f"{read} {read!r}"

    for secret in (read.id_number, read.name, read.card_number, read.card_id_code):
        assert secret.reveal() not in text


def test_what_is_masked_keeps_what_is_needed_to_find_it():
    assert id_number().masked == "999999************"
    assert CardNumber("A12345678").masked == "******678"
    assert CardIdCode("999900D1560000050000112233445566").masked == "999900" + "*" * 26
    assert PersonName("张伟民").masked == "张**"


def types_within(kind, seen):
    if kind in seen:
        return
    seen.add(kind)
    for argument in typing.get_args(kind):
        types_within(argument, seen)
    if attrs.has(kind):
        for hint in typing.get_type_hints(kind).values():
            types_within(hint, seen)


@pytest.mark.parametrize("kind", [event.Event, visit.Visit])
def test_nothing_that_is_journalled_can_hold_an_identity(kind):
    seen: set[object] = set()
    types_within(kind, seen)

    assert len(seen) > 20
    assert not [one for one in seen if isinstance(one, type) and issubclass(one, _Opaque)]


# -- the id number


def test_the_check_character_is_that_of_the_standards_own_examples():
    # GB 11643-1999, annex: the two worked examples
    assert id_check_character("11010519491231002") == "X"
    assert id_check_character("44052418800101001") == "4"


@given(st.dates(dt.date(1900, 1, 1), dt.date(2026, 1, 1)), st.integers(0, 999))
def test_a_well_formed_number_is_taken_and_gives_its_birth_date_and_sex(born, serial):
    first = f"999999{born:%Y%m%d}{serial:03d}"
    made = IdNumber.parse(f" {(first + id_check_character(first)).lower()} ")

    assert made.birth_date == born
    assert made.is_male == (serial % 2 == 1)


@given(st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(position, by):
    right = id_number(5).reveal()
    digit = "0123456789X".index(right[position])
    wrong = "0123456789"[(digit + by) % 10]
    text = right[:position] + wrong + right[position + 1 :]
    if text == right:
        return
    with pytest.raises(ValueError) as caught:
        IdNumber.parse(text)

    assert text not in str(caught.value)


@pytest.mark.parametrize("position", range(16))
def test_two_neighbours_changed_round_are_found(position):
    right = id_number(57).reveal()
    swapped = right[:position] + right[position + 1] + right[position] + right[position + 2 :]
    if swapped != right:
        with pytest.raises(ValueError):
            IdNumber.parse(swapped)


def test_a_birth_date_that_does_not_exist_is_refused():
    first = "99999919700230001"
    with pytest.raises(ValueError, match="birth date"):
        IdNumber.parse(first + id_check_character(first))


@given(st.text(max_size=30))
def test_no_text_raises_anything_but_value_error_and_no_error_quotes_it(text):
    said = ""
    try:
        IdNumber.parse(text)
    except ValueError as exc:
        said = str(exc)

    assert len(text) < 6 or text not in said
