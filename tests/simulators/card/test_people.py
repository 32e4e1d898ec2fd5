from __future__ import annotations

import datetime as dt

import pytest

from middleware.domain.identity import IdNumber
from readers.cards.social_security import number_check_character
from simulators.people import CADRE, EMPLOYEE, PEOPLE, RESIDENT, CardPerson

EVERYBODY = [pytest.param(person, id=key) for key, person in PEOPLE.items()]


@pytest.mark.parametrize("person", EVERYBODY)
def test_numbers_pass_their_checks_and_agree_with_the_person(person: CardPerson) -> None:
    id_number = IdNumber.parse(person.id_number)

    assert id_number.birth_date == person.birth_date
    assert id_number.is_male == (person.sex == "1")
    assert number_check_character(person.card_number[:-1]) == person.card_number[-1]
    assert len(bytes.fromhex(person.card_id_code)) == 16
    assert person.card_id_code.startswith(person.region)
    assert person.insurance in {EMPLOYEE, RESIDENT, CADRE}


@pytest.mark.parametrize("person", EVERYBODY)
def test_nobody_can_be_a_real_person(person: CardPerson) -> None:
    assert person.id_number.startswith("999999")


def test_everybody_is_one_of_a_kind_and_kept_under_the_own_key() -> None:
    assert [person.key for person in PEOPLE.values()] == list(PEOPLE)
    for field in ("id_number", "card_number", "card_id_code", "name"):
        assert len({getattr(person, field) for person in PEOPLE.values()}) == len(PEOPLE)


def test_the_catalogue_has_the_people_whom_the_stories_need() -> None:
    bytes_of = {key: len(person.name.encode("gb18030")) for key, person in PEOPLE.items()}

    assert {"employee", "resident", "lost-reply", "refused", "pulled", "four-byte", "long-name", "expired"} <= set(PEOPLE)
    assert bytes_of["long-name"] > 30
    assert bytes_of["four-byte"] == 6
    assert PEOPLE["expired"].expires_on < dt.date(2020, 1, 1)


def test_a_person_does_not_show_in_a_repr() -> None:
    assert repr(PEOPLE["employee"]) == "CardPerson(employee)"
