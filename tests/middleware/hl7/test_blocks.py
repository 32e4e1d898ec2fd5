"""MLLP blocks out of any bytes, however they are cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from middleware.hl7.blocks import Block, Framer, Garbage, MissingEnd, Spoiled, TooLong, wrap

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


# -- a patient framer


def test_a_patient_framer_takes_no_half_message_for_a_whole_one():
    whole = b"one\x1ctwo"

    assert Framer(patient=True).feed(wrap(whole) + wrap(b"three")) == [Spoiled(whole), Block(b"three")]


def test_a_patient_framer_swallows_nothing_behind_an_end_without_cr():
    assert Framer(patient=True).feed(b"\x0bone\x1c\x0btwo\x1c\r") == [Block(b"one"), Block(b"two")]
    assert Framer(patient=True).feed(b"\x0bone\x1c\ntwo\x1c\r") == [Block(b"one"), Garbage(6)]


def test_a_patient_framer_waits_for_what_follows_the_end_until_it_is_told_that_nothing_does():
    framer = Framer(patient=True)

    assert framer.feed(b"\x0bone\x1c") == []
    assert framer.ended
    assert not framer.unfinished
    assert framer.finish() == [Block(b"one")]
    assert framer.finish() == []
    assert framer.feed(b"\r" + wrap(b"two")) == [Block(b"two")]


def test_what_is_no_block_is_shown_up_to_a_bound():
    framer = Framer(max_bytes=20)

    (garbage,) = framer.feed(b"x" * 50_000)
    assert (garbage.length, len(garbage.data)) == (50_000, 16 * 1024)
    (cut,) = framer.feed(b"\x0bhalf\x0b")
    assert cut.data == b"half"
    assert framer.feed(b"begun") == []
    assert framer.reset() == b"begun"


@given(st.lists(PAYLOAD, max_size=6), st.data())
def test_patient_blocks_do_not_depend_on_how_the_bytes_are_cut(payloads, data):
    stream = b"".join(wrap(payload) for payload in payloads)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    framer, found = Framer(patient=True), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += framer.feed(stream[start:end])

    assert found + framer.finish() == [Block(payload) for payload in payloads]


@given(st.lists(st.binary(max_size=30), max_size=10), st.integers(1, 20))
def test_no_bytes_whatever_make_a_patient_framer_raise_or_hold_more_than_its_bound(pieces, bound):
    framer = Framer(max_bytes=bound, patient=True)
    for piece in pieces:
        framer.feed(piece)
        framer.finish()
        assert len(framer._buffer) <= bound + 1
