"""The glossary names things that exist, and gives no word two meanings."""

from __future__ import annotations

import importlib
from collections import Counter

import attrs
import pytest

from adapters.insurance import transactions
from middleware.domain.glossary import TERMS


def field_codes():
    found = set()

    def walk(value):
        if isinstance(value, transactions.FieldSpec):
            found.add(value.name)
        elif isinstance(value, tuple):
            for one in value:
                walk(one)
        elif attrs.has(type(value)):
            for one in attrs.fields(type(value)):
                walk(getattr(value, one.name))

    walk(tuple(vars(transactions)[name] for name in vars(transactions) if isinstance(vars(transactions)[name], tuple)))
    return found


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.identifier)
def test_each_identifier_exists_in_the_domain(term):
    module_name, *path = term.identifier.split(".")
    found = importlib.import_module(f"middleware.domain.{module_name}")
    for name in path:
        if attrs.has(found):
            assert name in attrs.fields_dict(found) or hasattr(found, name)
        found = getattr(found, name)


def test_each_field_code_is_one_of_the_centres():
    missing = {term.field for term in TERMS if term.field} - field_codes()

    assert missing == set()


@pytest.mark.parametrize("column", ["zh", "en", "identifier"])
def test_no_two_rows_have_the_same_word(column):
    words = Counter(getattr(term, column) for term in TERMS)

    assert [word for word, count in words.items() if count > 1] == []


def test_a_field_code_has_one_row_but_for_the_balance_before_and_after():
    codes = Counter(term.field for term in TERMS if term.field)

    assert {code for code, count in codes.items() if count > 1} == {"balc"}


def test_every_row_is_complete():
    assert all(term.zh and term.en and term.identifier for term in TERMS)
