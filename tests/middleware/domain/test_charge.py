"""A quote is bound to the digest of its bill: whatever changes, the digest does."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import attrs
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.charge import ChargeLine, Diagnosis, bill_digest, bill_total, diagnoses_digest
from middleware.domain.money import Money
from tests.support.fakes import lines

OTHER = {
    str: "other",
    Decimal: Decimal("7.5"),
    Money: Money(1),
    dt.datetime: dt.datetime(2001, 1, 1, tzinfo=dt.UTC),
    int: 9,
}
BILL = lines(10000, 250)
SICK = (Diagnosis("J00", "感冒"), Diagnosis("J01", "鼻窦炎", order=2))


@pytest.mark.parametrize("name", [one.name for one in attrs.fields(ChargeLine)])
@pytest.mark.parametrize("index", [0, 1])
def test_a_change_of_any_field_of_any_line_changes_the_digest(name, index):
    changed = list(BILL)
    changed[index] = evolve(BILL[index], **{name: OTHER[type(getattr(BILL[index], name))]})

    assert bill_digest(changed) != bill_digest(BILL)


@pytest.mark.parametrize("changed", [BILL[:1], BILL[::-1], BILL + BILL[:1], ()])
def test_lines_added_removed_or_reordered_change_the_digest(changed):
    assert bill_digest(changed) != bill_digest(BILL)


@pytest.mark.parametrize("name", [one.name for one in attrs.fields(Diagnosis)])
def test_a_change_of_any_field_of_a_diagnosis_changes_its_digest(name):
    changed = (evolve(SICK[0], **{name: OTHER[type(getattr(SICK[0], name))]}), SICK[1])

    assert diagnoses_digest(changed) != diagnoses_digest(SICK)


TEXT = st.text("A|\n1", max_size=4)
DIAGNOSES = st.lists(st.builds(Diagnosis, TEXT, TEXT, TEXT, st.integers(1, 3)), max_size=3)


@given(DIAGNOSES, DIAGNOSES)
def test_two_lists_of_diagnoses_have_one_digest_only_when_they_are_equal(one, two):
    assert (diagnoses_digest(one) == diagnoses_digest(two)) == (one == two)


@given(TEXT, TEXT, TEXT, TEXT)
def test_no_text_can_move_the_border_between_two_fields(a, b, c, d):
    one = [evolve(BILL[0], catalogue_code=a, hospital_code=b)]
    two = [evolve(BILL[0], catalogue_code=c, hospital_code=d)]

    assert (bill_digest(one) == bill_digest(two)) == ((a, b) == (c, d))


def test_the_total_is_the_sum_of_the_lines():
    assert bill_total(BILL) == Money(10250)
    assert bill_total(()) == Money(0)
