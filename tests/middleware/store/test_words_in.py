from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve, frozen

from middleware.domain.visit import Visit
from middleware.store.personal import WORDS
from middleware.store.words_in import looking_for
from tests.middleware.store.test_personal import VISITS


@frozen(slots=True)
class Inner:
    said: str = ""


@frozen(slots=True)
class Outer:
    number: int = 0
    one: Inner | None = None
    many: tuple[Inner, ...] = ()
    deep: tuple[tuple[Inner, ...], ...] = ()
    named: Mapping[str, Inner] | None = None
    anything: Any = None
    either: str | Inner | None = None


@pytest.mark.parametrize("what", list(VISITS))
def test_a_visit_is_said_to_hold_words_exactly_when_it_does(what):
    holds = what not in {"nothing personal", "a person number"}

    assert looking_for(WORDS, Visit)(VISITS[what]) is holds


@pytest.mark.parametrize(
    "change",
    [
        {"one": Inner("x")},
        {"many": (Inner(), Inner("x"))},
        {"deep": ((), (Inner("x"),))},
        {"named": {"a": Inner("x")}},
        {"anything": {"said": "x"}},
        {"either": Inner("x")},
    ],
)
def test_words_are_found_wherever_they_are_and_where_nobody_can_tell_they_are_said_to_be_there(change):
    look = looking_for({"said"}, Outer)

    assert look(evolve(Outer(), **change))
    assert not look(Outer(1, Inner(), (Inner(),), ((Inner(),),)))


def test_a_kind_without_words_never_holds_any():
    assert not looking_for({"heard"}, Inner)(Inner("x"))
