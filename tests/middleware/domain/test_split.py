"""The five identities, on the figures that are public and on every figure changed by a fen."""

from __future__ import annotations

import attrs
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.money import MAX_FEN, ZERO, Money
from middleware.domain.split import IDENTITIES, FundLine, Split, broken_identities

AMOUNTS = [one.name for one in attrs.fields(Split) if one.name != "funds"]


def made(funds=(), **yuan):
    values = dict.fromkeys(AMOUNTS, ZERO) | {name: Money.parse(text) for name, text in yuan.items()}
    return Split(**values, funds=tuple(FundLine(str(n), "", Money.parse(text)) for n, text in enumerate(funds)))


# The one public settlement whose every figure is quoted: 23442.46 = 18785.39 + 4152.06 + 505.01 and so on.
PUBLIC = made(
    ("18785.39", "170.04", "505.01"), total="23442.46", fund="18785.39", personal="4152.06", hospital="505.01",
    account="170.04", cash="3982.02", self_paid="2533.97", over_limit="1396.89", first_self_paid="703.44",
    in_scope="18808.16", pool="18785.39",
)  # fmt: skip
# The public cancel: -3379.26 = -2039.39 - 1307.01 - 32.86; its parts are null and stand as zero or follow from these.
PUBLIC_CANCEL = made(
    ("-2039.39", "-32.86"), total="-3379.26", fund="-2039.39", personal="-1307.01", hospital="-32.86", cash="-1307.01",
    in_scope="-3379.26", pool="-2039.39",
)  # fmt: skip


@pytest.mark.parametrize("split", [PUBLIC, PUBLIC_CANCEL])
def test_the_public_settlements_obey_all_five(split):
    assert broken_identities(split) == ()


def test_the_quoted_sums_are_exact():
    detail = sum(line.amount.fen for line in PUBLIC.funds)

    assert Money(detail) == Money.parse("19460.44")
    assert PUBLIC.personal == Money.parse("170.04") + Money.parse("3982.02")


IN_IDENTITY = {
    "total": (1, 4), "fund": (1, 3, 5), "personal": (1, 2), "hospital": (1, 5), "account": (2, 5), "cash": (2,),
    "pool": (3,), "civil_servant": (3,), "supplementary": (3,), "serious_illness": (3,), "large_sum": (3,),
    "assistance": (3,), "disabled_soldier": (3,), "other_fund": (3,), "self_paid": (4,), "over_limit": (4,),
    "first_self_paid": (4,), "in_scope": (4,), "family_account": (), "balance_after": (), "deductible": (),
}  # fmt: skip


@pytest.mark.parametrize("name", AMOUNTS)
@pytest.mark.parametrize("by", [1, -1])
def test_one_fen_off_breaks_exactly_the_identities_that_hold_the_figure(name, by):
    wrong = evolve(PUBLIC, **{name: getattr(PUBLIC, name) + Money(by)})

    assert broken_identities(wrong) == IN_IDENTITY[name]


def test_a_detail_line_too_many_breaks_the_fifth():
    assert broken_identities(evolve(PUBLIC, funds=(*PUBLIC.funds, FundLine("9", "", Money(1))))) == (5,)


def test_every_identity_has_its_words():
    assert sorted(IDENTITIES) == sorted({number for numbers in IN_IDENTITY.values() for number in numbers})


@given(st.lists(st.integers(-MAX_FEN, MAX_FEN), min_size=len(AMOUNTS), max_size=len(AMOUNTS)))
def test_no_amounts_whatever_make_the_check_itself_fail(fen):
    split = Split(**dict(zip(AMOUNTS, map(Money, fen), strict=True)), funds=(FundLine("1", "", Money(MAX_FEN)),) * 3)

    assert set(broken_identities(split)) <= set(IDENTITIES)
