"""What id cards say."""

from __future__ import annotations

import datetime as dt

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.credential import Document, Shown
from middleware.domain.fault import Fault
from readers.serial.id_card import LAYOUTS, MARK_AT, PHOTO_BYTES, TEXT_BYTES, layout_of, read_id_card, take_apart, text_of
from simulators.people import PEOPLE
from simulators.serial import LaidCard
from tests.readers.attempts import attempt

TODAY = dt.date(2026, 11, 22)
EMPLOYEE = PEOPLE["employee"]
FOREIGN = {"number": "KAZ110090123105", "born": "19901231", "sex": "2", "ends": "20300101", "name": ""}


def read(card: LaidCard):
    return read_id_card(take_apart(card.data), "窗口一", TODAY)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.kind)
def test_each_field_reads_its_own_vectors(layout):
    for field in layout.fields:
        assert field.vectors
        for written, text in field.vectors:
            raw = (written.encode("utf-16-le") + b"\x20\x00" * field.width)[: field.width]
            assert text_of(bytes(field.start) + raw, field, layout) == text


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.kind)
def test_fields_of_a_layout_do_not_overlap_and_leave_the_mark_alone(layout):
    taken = [at for field in layout.fields for at in range(field.start, field.start + field.width)]
    assert len(taken) == len(set(taken))
    assert max(taken) < MARK_AT or MARK_AT not in taken
    assert max(taken) < TEXT_BYTES


def test_a_citizens_card_gives_one_checked_identity():
    card = read(LaidCard.of(EMPLOYEE))

    assert (card.kind, card.reader) == ("id-card", "窗口一")
    assert card.id_number.reveal() == EMPLOYEE.id_number
    assert card.name.reveal() == EMPLOYEE.name
    assert (card.sex, card.nation, card.birth_date) == ("1", "01", EMPLOYEE.birth_date)
    assert (card.issued_on, card.expires_on) == (dt.date(2020, 1, 1), dt.date.max)
    assert (card.credential.shown, card.credential.document) == (Shown.IDENTITY, Document.CITIZEN)
    assert not card.card_number
    assert card.region_code == ""


@pytest.mark.parametrize("person", PEOPLE.values(), ids=lambda person: person.key)
def test_every_persons_card_is_read(person):
    name = read(LaidCard.of(person)).name.reveal()
    assert name == person.name or (person.key == "long-name" and person.name.startswith(name))  # 15 places, no more


def test_the_photo_is_kept_as_it_is_and_never_shown():
    laid = LaidCard.of(EMPLOYEE)
    card = read(laid)
    assert card.photo == laid.photo
    assert len(card.photo) == PHOTO_BYTES
    assert "WLf" not in repr(card)


def test_fingerprints_behind_the_photo_are_left_out():
    card = read(evolve(LaidCard.of(EMPLOYEE), fingerprints=bytes(1024)))
    assert card.photo == LaidCard.of(EMPLOYEE).photo


def test_a_permit_of_hong_kong_macao_and_taiwan_residents_is_told_apart():
    card = read(LaidCard.of(EMPLOYEE, "J"))
    assert (card.kind, card.credential.document) == ("hmt-residence-permit", Document.HMT_RESIDENT)
    assert card.nation == ""


def test_a_foreigners_card_is_read_by_its_own_layout_and_its_older_number_checked():
    card = read(LaidCard.of(EMPLOYEE, "I", **FOREIGN))
    assert (card.kind, card.credential.document) == ("foreigner-residence-card", Document.FOREIGNER)
    assert card.id_number.reveal() == "KAZ110090123105"
    assert card.name.reveal() == "TESTER, ALEXANDRA"
    assert card.birth_date == dt.date(1990, 12, 31)


def test_a_foreigner_with_a_chinese_name_is_known_by_it():
    assert read(LaidCard.of(EMPLOYEE, "I", **{**FOREIGN, "name": "测试"})).name.reveal() == "测试"


def test_a_card_whose_fields_nobody_published_is_refused_by_its_name():
    with pytest.raises(Fault, match="2023") as raised:
        read(LaidCard.of(EMPLOYEE, "Y"))
    assert raised.value.code == "card.unsupported"


@pytest.mark.parametrize(
    ("texts", "code", "where"),
    [
        ({"number": "999999197405123113"}, "card.id_number", "id_number"),
        ({"number": ""}, "card.id_number", "id_number"),
        ({"name": ""}, "card.malformed", "name"),
        ({"name": "张\x07"}, "card.malformed", "name"),
        ({"sex": "X"}, "card.malformed", "sex"),
        ({"nation": "汉"}, "card.malformed", "nation"),
        ({"born": "19740230"}, "card.malformed", "birth_date"),
        ({"begins": "2020010"}, "card.malformed", "issued_on"),
        ({"ends": "长长"}, "card.malformed", "expires_on"),
        ({"ends": "20190101"}, "card.malformed", "ends before"),
        ({"ends": "20261121"}, "card.expired", "expires_on"),
        ({"begins": "20261123"}, "card.not_yet_valid", "expires_on"),
    ],
)
def test_what_is_wrong_is_a_fault_that_names_the_field_and_no_value(texts, code, where):
    with pytest.raises(Fault, match=where) as raised:
        read(LaidCard.of(EMPLOYEE, **texts))
    assert raised.value.code == code
    assert EMPLOYEE.id_number[6:] not in str(raised.value)
    assert EMPLOYEE.name not in str(raised.value)


def test_a_card_is_good_on_its_last_day():
    assert read(LaidCard.of(EMPLOYEE, ends="20261122")).expires_on == TODAY


def test_a_foreigners_number_with_a_wrong_digit_is_refused():
    with pytest.raises(Fault) as raised:
        read(LaidCard.of(EMPLOYEE, "I", **{**FOREIGN, "number": "KAZ110090123104"}))
    assert raised.value.code == "card.id_number"


@pytest.mark.parametrize("data", [b"", b"\x01\x00", b"\x01\x00\x04\x00" + bytes(100), bytes(1284), b"\xff" * 1284])
def test_an_answer_of_other_sizes_is_malformed(data):
    assert attempt(lambda: take_apart(data)).code == "card.malformed"


def test_a_photo_beyond_the_bound_is_refused():
    assert attempt(lambda: take_apart(evolve(LaidCard.of(EMPLOYEE), photo=bytes(1025)).data)).code == "card.malformed"


@given(st.binary(min_size=TEXT_BYTES, max_size=TEXT_BYTES), st.sampled_from(["", "J", "I", "Y", "Q"]))
def test_no_text_crashes_the_reading(text, mark):
    text = text[:MARK_AT] + mark.ljust(1).encode("utf-16-le") + text[MARK_AT + 2 :]
    data = TEXT_BYTES.to_bytes(2, "big") + b"\x00\x00" + text
    outcome = attempt(lambda: read_id_card(take_apart(data), "r", TODAY))
    assert isinstance(outcome, Fault)


@given(st.binary(max_size=1400))
def test_no_bytes_crash_the_taking_apart(data):
    attempt(lambda: take_apart(data))


def test_every_kind_has_its_mark():
    assert [layout_of(LaidCard.of(EMPLOYEE, layout.mark).data[4:260]).kind for layout in LAYOUTS] == [
        layout.kind for layout in LAYOUTS
    ]
