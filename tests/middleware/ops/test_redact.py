from __future__ import annotations

import datetime as dt
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.identity import IdNumber, PersonName, id_check_character
from middleware.ops.redact import MASK, MAX_TEXT, SECRET_KEYS, _masked, redact, redact_text

FULL_WIDTH = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")


@st.composite
def id_numbers(draw) -> str:
    born = draw(st.dates(dt.date(1900, 1, 1), dt.date(2026, 1, 1)))
    first = f"{draw(st.sampled_from(['999999', '110101']))}{born:%Y%m%d}{draw(st.integers(0, 999)):03d}"
    return first + id_check_character(first)


@st.composite
def bank_cards(draw) -> str:
    digits = "6222" + "".join(draw(st.lists(st.sampled_from("0123456789"), min_size=9, max_size=14)))
    for check in "0123456789":
        total = 0
        for place, digit in enumerate(reversed(digits + check)):
            value = int(digit) * (2 if place % 2 else 1)
            total += value // 10 + value % 10
        if total % 10 == 0:
            return digits + check
    raise AssertionError


AROUND = st.text(st.characters(blacklist_categories=["Nd", "Cs"]), max_size=20)


@given(id_numbers(), AROUND, AROUND, st.sampled_from(["plain", "lower", "full width"]))
def test_invariant_21_an_id_number_in_any_text_is_masked(number, before, after, form):
    shown = {"plain": number, "lower": number.lower(), "full width": number.translate(FULL_WIDTH)}[form]
    assert shown not in redact_text(before + shown + after)


@given(id_numbers(), st.integers(0, 16))
def test_an_id_number_with_one_digit_mistyped_is_still_a_person(number, place):
    wrong = number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :]
    if 6 <= place < 14:
        return  # the birth date itself is wrong: then nothing says that it is an id number
    assert wrong not in redact_text(f"id {wrong} refused")


@given(bank_cards(), AROUND, AROUND)
def test_invariant_21_a_bank_card_number_in_any_text_is_masked(card, before, after):
    assert card not in redact_text(before + card + after)


@given(bank_cards())
def test_a_bank_card_number_written_in_groups_is_masked(card):
    for separator in " -":
        grouped = separator.join([card[:4], card[4:8], card[8:12], card[12:]])
        assert card[4:8] + separator + card[8:12] not in redact_text(f"card {grouped}.")


SECRETS = st.text(st.characters(whitelist_categories=["Lu", "Ll", "Lo"]), min_size=8, max_size=20)
# Shorter than any secret, so that it cannot be one.
PLAIN = st.none() | st.booleans() | st.integers(-1000, 1000) | st.text("abc张", max_size=5)


@given(st.sampled_from(sorted(SECRET_KEYS)), SECRETS, PLAIN)
def test_invariant_21_whatever_stands_under_a_secret_key_is_masked_at_any_depth(key, secret, other):
    for value in (secret, [secret], {"x": secret}, {key: secret}):
        event = {"event": "x", "list": [{"inner": {key: value, "other": other}}]}
        assert secret not in json.dumps(redact(event), ensure_ascii=False)
        assert redact(event)["list"][0]["inner"]["other"] == redact(other)


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "张三丰"}', '{"name":"张三丰', "{'id_number': '张三丰'}", "name=张三丰, next", "card_number: 张三丰",
        "Authorization: Bearer 张三丰".replace("张三丰", "abc.def-ghi"), '{\\"psn_name\\":\\"张三丰\\"}', "姓名：张三丰 男",
        "token=abc.def-ghi&x=1", '"pin" : "abc.def-ghi"', "basic abc.def-ghi", "name='it\\'s 张三丰'",
    ],
)  # fmt: skip
def test_named_values_inside_a_text_are_masked(text):
    assert "张三丰" not in redact_text(text)
    assert "abc.def-ghi" not in redact_text(text)
    assert MASK in redact_text(text)


def test_what_operators_need_stays_readable():
    for text in (
        "settlement S20261120000001 of H43010000001202611201200000001 took 12.5 ms",
        "2026-11-20T12:00:00+08:00 connected to 127.0.0.1:7450",
        "reader Virtual PCD 00 00 is mute",
        "550e8400-e29b-41d4-a716-446655440000",
        "code -32202 centre.refused",
    ):
        assert redact_text(text) == text


def test_opaque_values_of_the_domain_stay_masked():
    person = {"who": PersonName("张三丰"), "list": [IdNumber.parse("110101199003070396")]}
    shown = json.dumps(redact(person), ensure_ascii=False)
    assert "三丰" not in shown
    assert "19900307" not in shown


@given(st.binary(max_size=50))
def test_bytes_are_never_shown(raw):
    assert redact(raw) == f"<{len(raw)} bytes>"


def test_a_number_is_masked_as_a_number_too():
    assert redact(110101199003070396) == MASK
    assert redact(12) == 12


@given(id_numbers(), st.integers(0, 30))
def test_half_a_number_at_the_cut_goes_with_the_cut(number, shift):
    text = "x " * (MAX_TEXT // 2 - 20) + "y" * shift + " " + number
    assert number[:8] not in redact_text(text + " z" * 100)


JUNK = st.recursive(
    st.none() | st.floats() | st.integers() | st.text() | st.binary() | st.builds(object),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.none(), inner),
)


@given(JUNK)
def test_anything_can_be_redacted_and_comes_out_printable(value):
    json.dumps(redact(value), allow_nan=True)


def test_what_is_too_deep_or_too_long_is_cut():
    deep: list = []
    deep.append(deep)
    assert "..." in json.dumps(redact(deep))
    assert len(redact(list(range(1000)))) == 200
    assert len(redact_text("x y " * 5000)) < MAX_TEXT + 50


@pytest.mark.parametrize("piece", ["name", '"name":"', "\\", "9", "1234 ", "bearer ", "'", "姓名："])
def test_a_hostile_text_costs_little(piece):
    began = time.process_time()
    redact_text(piece * 100_000)
    assert time.process_time() - began < 0.3


@given(
    st.text(alphabet="aZ9０ｘX=:： -.\n\u3000名", max_size=40)
    | st.text(max_size=40)
    | st.sampled_from(["basic x", "pin=1"])
)
def test_the_short_way_for_harmless_texts_changes_nothing(text):
    assert redact_text(text) == _masked(text)
