from __future__ import annotations

import json
import time
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.fault import Fault
from middleware.doors.local_api.frame import CHARSETS, LineFramer, check_depth, text_of


@contextmanager
def suppress_fault(code):
    """This fault and no other may be raised."""
    try:
        yield
    except Fault as fault:
        if fault.code != code:
            raise


LINES = st.lists(st.binary(max_size=50).map(lambda raw: raw.replace(b"\n", b"").rstrip(b"\r")), max_size=10)


@given(LINES, st.data())
def test_lines_come_out_as_they_went_in_however_they_were_cut(lines, data):
    raw = b"".join(line + data.draw(st.sampled_from([b"\n", b"\r\n"])) for line in lines)
    framer, seen = LineFramer(), []
    while raw:
        size = data.draw(st.integers(1, len(raw)))
        framer.feed(raw[:size])
        raw = raw[size:]
        while (line := framer.next_line(1000)) is not None:
            seen.append(line)
    assert lines == seen
    assert not framer.partial


def test_a_line_of_exactly_the_limit_passes_and_one_more_byte_does_not():
    framer = LineFramer()
    framer.feed(b"x" * 10 + b"\n" + b"y" * 11)
    assert framer.next_line(10) == b"x" * 10
    with pytest.raises(Fault, match="too_long"):
        framer.next_line(10)


def test_a_long_line_in_small_pieces_costs_linear_time():
    framer = LineFramer()
    began = time.process_time()
    for _ in range(16_000):
        framer.feed(b"x" * 64)
        assert framer.next_line(1 << 20) is None
    assert time.process_time() - began < 2


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


JSON = st.recursive(
    st.none() | st.integers() | st.text('[]{}"\\,: a张'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('[{"\\'), inner, max_size=3),
    max_leaves=30,
)


@given(JSON, st.integers(1, 6), st.booleans())
def test_depth_is_that_of_the_value_and_brackets_in_strings_do_not_count(value, limit, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only)
    if depth_of(value) <= limit:
        check_depth(text, limit)
    else:
        with pytest.raises(Fault, match="too_deep"):
            check_depth(text, limit)


@given(st.text())
def test_depth_of_anything_is_a_fault_or_nothing(text):
    with suppress_fault("request.too_deep"):
        check_depth(text, 3)


@pytest.mark.parametrize(
    "text",
    [
        "[" * (1 << 20),
        "[]" * (1 << 19),
        '"' + '\\"' * (1 << 19),
        '"[' * (1 << 19),
        "{[" * 40 + '"' * (1 << 20),
        "[" * 40 + '\\"' * (1 << 19),
    ],
    ids=["bomb", "flat", "unterminated", "quotes", "odd", "escapes outside"],
)
def test_a_megabyte_of_malice_is_judged_in_a_moment(text):
    began = time.process_time()
    with suppress_fault("request.too_deep"):
        check_depth(text, 32)
    assert time.process_time() - began < 0.5


@given(st.binary(), st.sampled_from(CHARSETS))
def test_bytes_are_text_or_a_fault(line, charset):
    with suppress_fault("request.not_json"):
        assert isinstance(text_of(line, charset), str)
