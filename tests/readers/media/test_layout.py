"""Layouts of what is scanned, swiped or typed."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.card import UnlinkedError
from middleware.domain.credential import Shown
from middleware.domain.fault import Fault
from readers.media.layout import MAX_TEXT, Code, taken_apart, track_of
from readers.media.options import LayoutOptions, Part, ReaderOptions
from simulators.people import PEOPLE
from tests.readers.attempts import attempt

PERSON = PEOPLE["employee"]
NUMBER = LayoutOptions("treatment-card", prefix="M", characters="alphanumeric", min_length=9, max_length=9, number="2-9")
WHO = LayoutOptions("insurance-card", separator="|", fields=3, id_number="2", person="3", name="老医保卡")
CODE = LayoutOptions("e-voucher", prefix="28", min_length=20)
ALL = (NUMBER.layout, WHO.layout, CODE.layout)


def read(text):
    return taken_apart(text, ALL, "扫码枪")


def number(text):
    with pytest.raises(UnlinkedError) as raised:
        read(text)
    return raised.value.medium


def test_a_number_at_fixed_positions_is_no_identity():
    medium = number("M12345678\r\n")
    assert (medium.kind, medium.number.reveal(), medium.reader) == ("treatment-card", "12345678", "扫码枪")
    assert "12345" not in repr(medium)


def test_id_number_and_name_are_one_identity_checked_as_a_cards():
    card = read(f"A|{PERSON.id_number}|{PERSON.name}")
    assert (card.kind, card.name.reveal()) == ("insurance-card", PERSON.name)
    assert card.birth_date == PERSON.birth_date
    assert card.sex == PERSON.sex
    assert card.credential.shown is Shown.IDENTITY


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"A|{PERSON.id_number[:17]}0|{PERSON.name}", "card.id_number"),
        (f"A|{PERSON.id_number}| ", "card.malformed"),
        (f"A|{PERSON.id_number}", "medium.no_layout"),
        ("M1234567", "medium.no_layout"),
        ("M123 5678", "medium.no_layout"),
        ("", "medium.no_layout"),
        ("\r\n", "medium.no_layout"),
        ("M1234\x075678", "medium.no_layout"),
        ("9" * (MAX_TEXT + 1), "medium.no_layout"),
    ],
)
def test_what_does_not_fit_is_a_fault_that_says_nothing_of_it(text, code):
    outcome = attempt(lambda: read(text))
    assert outcome.code == code
    assert PERSON.name not in str(outcome)
    assert PERSON.id_number not in str(outcome)


def test_a_code_stays_a_secret_text_for_its_service():
    code = read("28" + "7" * 26)
    assert code == Code("e-voucher", "28" + "7" * 26)
    assert "77" not in repr(code)


def test_the_first_layout_that_fits_decides():
    both = (LayoutOptions("treatment-card", number="1").layout, LayoutOptions("insurance-card", number="1").layout)
    with pytest.raises(UnlinkedError) as raised:
        taken_apart("123", both, "r")
    assert raised.value.medium.kind == "treatment-card"


@pytest.mark.parametrize(
    ("text", "tracks"),
    [
        ("%B1?;2=3?+4?", ("B1", "2=3", "4")),
        (";2=3?;4?", ("", "2=3", "4")),
        (";2=3", ("", "", "")),
        ("no stripe", ("", "", "")),
        ("?;%", ("", "", "")),
    ],
)
def test_tracks_stand_between_their_sentinels(text, tracks):
    assert tuple(track_of(text, track) for track in (1, 2, 3)) == tracks


@given(st.text(max_size=200))
def test_no_text_raises_anything_but_a_fault(text):
    attempt(lambda: read(text))
    for track in (1, 2, 3):
        track_of(text, track)


@given(st.text(alphabet="0123456789:-^", max_size=8))
def test_a_part_is_read_or_refused_with_its_form(text):
    part = None
    with contextlib.suppress(ValueError):
        part = Part.parse(text)
    if part is not None:
        assert part.field >= 1
        assert part.last == 0 or 1 <= part.first <= part.last


@pytest.mark.parametrize(
    "wrong",
    [
        {"number": "9-2"},
        {"number": "0"},
        {"number": "x"},
        {},
        {"id_number": "1"},
        {"number": "1", "min_length": 9, "max_length": 8},
    ],
)
def test_a_layout_that_means_nothing_is_refused_in_the_configuration(wrong):
    with pytest.raises(ValueError):
        LayoutOptions("treatment-card", **wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "serial-id"},
        {"kind": "scanner", "layouts": (NUMBER,)},
        {"kind": "handed"},
        {"kind": "handed", "layouts": (NUMBER,), "baud": 1234},
    ],
)
def test_a_reader_that_cannot_work_is_refused_in_the_configuration(wrong):
    with pytest.raises(ValueError):
        ReaderOptions("r", **wrong)


def test_text_of_a_part_shorter_than_declared_is_malformed():
    layout = LayoutOptions("treatment-card", number="5-20").layout
    assert isinstance(attempt(lambda: taken_apart("123456", (layout,), "r")), Fault)
    assert attempt(lambda: taken_apart("123456", (layout,), "r")).code == "card.malformed"
