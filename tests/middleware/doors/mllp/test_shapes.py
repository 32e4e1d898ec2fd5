"""The short way says what the long way says, or nothing; and what it remembers is bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.doors.mllp.judge import judge
from middleware.doors.mllp.shapes import MAX_SHAPES, Shapes
from middleware.hl7.acknowledge import ACCEPTED, acknowledgement, codes
from middleware.hl7.blocks import wrap
from tests.middleware.doors.mllp.rig import hl7

USUAL = ("H1", "YKT", "H1", "20261121", "", "ADT^A04", "C1", "P", "2.4", "", "", "", "", "CHN", "")
STRANGE = (  # a place among those, and what else may stand there
    *((place, text) for place in range(3) for text in ("", "王", "\x00o")),
    (3, ""), (3, "2026\nMSA|AA|C1"), (3, "\x00t"), (4, "7"), (5, "ADT^A04^ADT_A01"), (5, "QBP^Q22"), (5, "ACK"), (5, "ZZZ"),
    (5, "ADT^A04\x00c"), (5, "DFT*P03"), (6, "C2"), (6, ""), (6, " "), (6, "C\x00c"), (6, "号"), (6, "x" * 199),
    (6, "x" * 200), (8, "2.3.1"), (8, "2.99"), (8, ""), (8, "2.4^CHN"), (9, "8"), (9, "a\nPV1"), (4, "\udc81|"), (4, "\udc81"), (11, "AL"), (11, "NE"),
    (12, "AL"), (12, "SU"), (14, "GBK"), (14, "8859/1"), (14, "EBCDIC"), (14, "GBK~UNICODE"),
)  # fmt: skip
FIELDS = st.lists(st.sampled_from(STRANGE), max_size=2)
STARTS = st.sampled_from([b"MSH|^~\\&|"] * 6 + [b"MSH|^~|", b"\xef\xbb\xbfMSH|^~\\&|", b"MSH||", b"MSG|^~\\&|"])
ENDS = st.sampled_from([b"\r"] * 6 + [b"\n", b"\r\n", b""])
CHARSETS = st.sampled_from(["utf-8", "gb18030"])
BODIES = st.sampled_from(
    [b"PID|1||C1\r", b"PID|\xd5\xc5\r", "PID|张\r".encode(), b"MSA|AA|C1\r", b"ZPI|MSA\n", b"", b"\xff"]
)


def message(changes, start, body, end):
    fields = list(USUAL)
    for place, text in changes:
        fields[place] = text
    return start + "|".join(("HIS", *fields)).encode("utf-8", "surrogateescape") + end + body


def agrees(messages, charset, *, declared):
    """Behind a usual message, whose kind most of these seem to be of."""
    shapes = Shapes(charset, (), declared=declared)
    assert shapes.look(message((), b"MSH|^~\\&|", b"", b"\r")) is not None
    for one in messages:
        payload = message(*one)
        if (found := shapes.look(payload)) is None:
            continue
        shape, number = found
        long = judge(payload, charset, ())

        assert shape.of(number.decode()) == long
        assert long.fault == ""
        assert [b"".join((a, b"AT", b, b"K1", c, number, d)) for a, b, c, d in shape.answers] == [
            wrap(acknowledgement(long.header, code, b"K1", b"AT"))
            for code in codes(long.header, ACCEPTED, declared=declared)
        ]


@given(st.lists(st.tuples(FIELDS, STARTS, BODIES, ENDS), min_size=1, max_size=4), st.booleans(), CHARSETS)
def test_what_the_short_way_takes_the_long_way_takes_and_answers_with_the_same_bytes(messages, declared, charset):
    agrees(messages, charset, declared=declared)


@pytest.mark.parametrize("charset", ["utf-8", "gb18030"])
def test_each_strange_field_alone_is_judged_as_the_long_way_judges_it(charset):
    for one in STRANGE:
        agrees([([one], b"MSH|^~\\&|", b"PID|1||C1\r", b"\r")], charset, declared=True)


@pytest.mark.parametrize("modes", ["", "AL|NE", "AL|AL", "NE|NE"])
def test_a_usual_message_goes_the_short_way_from_the_first_on_whatever_its_time_and_number(modes):
    shapes = Shapes("utf-8", (), declared=True)
    first = shapes.look(hl7("C1", modes=modes).encode())
    later = shapes.look(hl7("C2", modes=modes).replace("20261121090000", "20261122").encode())

    assert first is not None
    assert later is not None
    assert first[0] is later[0]
    assert (first[1], later[1]) == (b"C1", b"C2")
    assert len(first[0].answers) == {"": 1, "AL|NE": 1, "AL|AL": 2, "NE|NE": 0}[modes]


@pytest.mark.parametrize("body", ["MSA|AA|C1\r", "PID|1||MSA\r", "PID|" + "x" * 30_000])
def test_what_may_be_an_answer_or_is_long_goes_the_long_way(body):
    assert Shapes("utf-8", (), declared=True).look(hl7("C1", body=body).encode()) is None


def test_a_sender_of_ever_new_kinds_fills_no_memory():
    shapes = Shapes("utf-8", (), declared=True)
    for number in range(MAX_SHAPES + 50):
        shapes.look(hl7("C1").replace("H1", f"H{number}").encode())

    assert len(shapes._known) == MAX_SHAPES
