"""MLLP blocks out of any bytes, and text that stays text."""

from __future__ import annotations

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.his.hl7v2.frame import (
    Block,
    Delimiters,
    Framer,
    Garbage,
    MissingEnd,
    Segment,
    TooLong,
    encode,
    escape,
    read,
    unescape,
    wrap,
)
from middleware.domain.fault import Fault

PAYLOAD = st.binary(min_size=1, max_size=40).map(lambda raw: raw.replace(b"\x0b", b"|").replace(b"\x1c", b"^"))


def blocks(tokens) -> list[bytes]:
    return [token.payload for token in tokens if isinstance(token, Block)]


def test_a_block_comes_out_of_its_frame():
    assert Framer().feed(wrap(b"MSH|x")) == [Block(b"MSH|x")]


def test_pipelined_blocks_come_out_in_order():
    assert Framer().feed(wrap(b"one") + wrap(b"two")) == [Block(b"one"), Block(b"two")]


def test_cr_lf_before_a_start_is_no_garbage():
    assert Framer().feed(b"\r\n" + wrap(b"one") + b"\n\r" + wrap(b"two")) == [Block(b"one"), Block(b"two")]


def test_an_end_without_cr_swallows_nothing():
    assert Framer().feed(b"\x0bone\x1c\x0btwo\x1c\r") == [Block(b"one"), Block(b"two")]


def test_garbage_is_told_by_its_length_and_the_next_block_is_found():
    assert Framer().feed(b"noise" + wrap(b"one")) == [Garbage(5), Block(b"one")]


def test_a_start_inside_a_block_ends_it_unfinished():
    framer = Framer()

    assert framer.feed(b"\x0bhalf") == []
    assert framer.unfinished
    assert framer.feed(wrap(b"one")) == [MissingEnd(4), Block(b"one")]


def test_a_block_past_the_bound_is_dropped_once_and_holds_no_memory():
    framer = Framer(max_bytes=10)
    tokens = framer.feed(b"\x0b" + b"x" * 8)
    for _ in range(1000):
        tokens += framer.feed(b"y" * 8)
    tokens += framer.feed(b"\x1c\r" + wrap(b"one"))

    assert tokens == [TooLong(16), Block(b"one")]


def test_a_block_as_long_as_the_bound_is_taken():
    assert Framer(max_bytes=3).feed(wrap(b"abc") + wrap(b"abcd")) == [Block(b"abc"), TooLong(4)]


@given(st.lists(PAYLOAD, max_size=6), st.data())
def test_blocks_do_not_depend_on_how_the_bytes_are_cut(payloads, data):
    stream = b"".join(wrap(payload) for payload in payloads)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    framer, found = Framer(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += framer.feed(stream[start:end])

    assert found == [Block(payload) for payload in payloads]


@given(st.lists(st.binary(max_size=30), max_size=10), st.integers(1, 20))
def test_no_bytes_whatever_raise_or_pass_the_bound(pieces, bound):
    framer = Framer(max_bytes=bound)
    for piece in pieces:
        assert all(len(payload) <= bound for payload in blocks(framer.feed(piece)))
        assert len(framer._buffer) <= bound


@given(st.binary(max_size=60), PAYLOAD)
def test_a_good_block_after_anything_is_never_lost(before, payload):
    framer = Framer()
    framer.feed(before)

    assert blocks(framer.feed(wrap(payload)))[-1] == payload


TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)


@given(TEXT)
def test_text_survives_escaping(text):
    assert unescape(escape(text)) == text


@given(TEXT)
def test_escaped_text_holds_no_delimiter_and_no_control_character(text):
    escaped = escape(text)

    assert not set(escaped) & set("|^&~\x7f")
    assert all(ord(character) >= 0x20 for character in escaped)


@given(st.lists(TEXT, min_size=1, max_size=6))
def test_no_field_can_forge_a_field_or_a_segment(texts):
    """python-hl7, which shares no code with us, finds exactly what went in."""
    texts = [*texts, "end"]
    head = Segment("MSH", ((("|",),), (("^~\\&",),), (("A",),)))
    message = encode([head, Segment("ZZZ", tuple(((text,),) for text in texts))])
    tree = hl7.parse(message)

    assert len(tree) == 2
    assert len(tree[1]) == len(texts) + 1
    assert [tree.extract_field("ZZZ", 1, number) for number in range(1, len(texts) + 1)] == texts


@given(TEXT, TEXT, TEXT)
def test_components_and_subcomponents_come_back_where_they_were(one, two, three):
    head = Segment("MSH", ((("|",),), (("^~\\&",),), (("A",),)))
    value = ((one, (two, three, "s")), ("r",))
    reading = read(encode([head, Segment("ZZZ", (value,))]))
    segment = reading.first("ZZZ")

    assert reading.value(segment, 1) == one
    assert reading.value(segment, 1, 2) == two
    assert len(reading.repetitions(segment, 1)) == 2


def test_an_answer_with_its_own_delimiters_is_read():
    reading = read("MSH*:%$!HIS\rMSA*AA*A$F$B*c:d%e\r")
    msa = reading.first("MSA")

    assert reading.delimiters == Delimiters("*", ":", "%", "$", "!")
    assert reading.value(msa, 2) == "A*B"
    assert (reading.value(msa, 3, 2), reading.repetitions(msa, 3)) == ("d", ["c:d", "e"])


def test_lf_and_cr_lf_end_segments_too():
    for end in ("\r", "\n", "\r\n"):
        assert read(f"MSH|^~\\&|X{end}MSA|AA|1{end}").first("MSA") == ("MSA", "AA", "1")


def test_hex_is_read_in_the_charset_of_the_message_and_unknown_escapes_stay():
    assert unescape("\\XD6D0\\", codec="gb18030") == "中"
    assert unescape("\\Q\\ \\X0\\ \\H\\bold\\N\\ \\.br\\") == "\\Q\\ \\X0\\ bold \n"


@pytest.mark.parametrize(
    "text", ["", "MSH", "MSH|", "MSA|AA|1", "MSHABCDEF", "MSH|||||", "MSH|^~\\|X", "MSH|^~\\&\r" + "ZZZ\r" * 3000]
)
def test_what_is_no_message_is_a_fault(text):
    with pytest.raises(Fault) as caught:
        read(text)

    assert caught.value.code == "his.no_answer"


@given(st.one_of(st.text(max_size=60), st.text(max_size=60).map(lambda text: "MSH|^~\\&|" + text)))
def test_no_text_whatever_raises_anything_but_a_fault(text):
    try:
        reading = read(text)
    except Fault:
        return
    for segment in reading.segments:
        for number in range(len(segment) + 1):
            for component in (1, 2, 5):
                reading.value(segment, number, component)
