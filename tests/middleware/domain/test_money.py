"""Money is exact, bounded, and never floating point."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.money import MAX_FEN, ZERO, Money, total

FEN = st.integers(-MAX_FEN, MAX_FEN)


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("18785.39", 1878539), ("4.52", 452), ("0", 0), ("0.0", 0), ("-3.5", -350), ("+1", 100), ("-0.05", -5),
        ("1.1000", 110), (Decimal("4.52"), 452), (7, 700), (Decimal("1E+3"), 100000), ("99999999999999.99", MAX_FEN),
    ],
)  # fmt: skip
def test_yuan_as_the_wire_writes_them_are_read_exactly(text, fen):
    assert Money.parse(text) == Money(fen)


@pytest.mark.parametrize(
    "bad",
    [
        4.52, 0.0, True, False, None, b"1", "", " 1", "1 ", "1,000", "1.005", "1e3", "NaN", "Infinity", "--1", ".5", "1.",
        "１", "0x1", "100000000000000", Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("0.001"),
        Decimal("1E+14"), 10**400, "1\n",
    ],
)  # fmt: skip
def test_what_is_not_an_exact_amount_of_fen_is_refused(bad):
    with pytest.raises(ValueError):
        Money.parse(bad)


@pytest.mark.parametrize("bomb", ["1E+999999999", "1E-999999999", "0E+999999999"])
def test_a_short_number_with_a_huge_exponent_is_refused_at_once(bomb):
    with pytest.raises(ValueError):  # a number of a gigabyte otherwise: the test would end by its time-out
        Money.parse(Decimal(bomb))


@given(FEN)
def test_an_amount_survives_the_wire_in_every_form(fen):
    money = Money(fen)

    assert Money.parse(money.yuan) == Money.parse(Decimal(money.yuan)) == money
    assert str(money) == money.yuan
    assert Decimal(money.yuan) * 100 == fen


@given(st.one_of(st.text(), st.decimals(), st.integers(), st.floats()))
def test_no_input_raises_anything_but_value_error(raw):
    try:
        made = Money.parse(raw)
    except ValueError:
        return
    assert Decimal(made.yuan) == Decimal(str(raw))


@pytest.mark.parametrize("bad", [MAX_FEN + 1, -MAX_FEN - 1, True])
def test_an_amount_has_at_most_sixteen_digits(bad):
    with pytest.raises(ValueError):
        Money(bad)


@pytest.mark.parametrize("bad", [1.0, Decimal(1), "1", None])
def test_an_amount_is_an_integer_of_fen(bad):
    with pytest.raises(TypeError):
        Money(bad)


def test_a_sum_that_does_not_fit_is_refused_not_wrapped():
    with pytest.raises(ValueError):
        Money(MAX_FEN) + Money(1)
    with pytest.raises(ValueError):
        total([Money(MAX_FEN), Money(1)])


@given(st.lists(st.integers(-(10**12), 10**12), max_size=50))
def test_sums_are_exact_and_order_does_not_matter(amounts):
    assert total(map(Money, amounts)) == Money(sum(amounts)) == total(map(Money, reversed(amounts)))


def test_the_empty_sum_is_zero_and_zero_is_false():
    assert total([]) == ZERO
    assert not ZERO
    assert Money(1)


@given(FEN, FEN)
def test_order_and_sign_are_those_of_the_fen(a, b):
    assert (Money(a) < Money(b)) == (a < b)
    assert Money(a) + -Money(a) == ZERO
