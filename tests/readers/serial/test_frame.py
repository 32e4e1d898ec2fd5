"""Frames of id-card readers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.fault import Fault
from readers.serial.frame import MAX_DATA, MAX_NOISE, PREAMBLE, FrameReader, Reply, check_of, command
from tests.readers.attempts import attempt


def frame(status: int, data: bytes = b"") -> bytes:
    content = (len(data) + 4).to_bytes(2, "big") + status.to_bytes(3, "big") + data
    return PREAMBLE + content + bytes((check_of(content),))


def test_commands_are_those_that_the_field_sends():
    assert command(0x20, 0x01).hex() == "aaaaaa96690003200122"
    assert command(0x20, 0x02).hex() == "aaaaaa96690003200221"
    assert command(0x30, 0x01).hex() == "aaaaaa96690003300132"


def test_an_answer_to_find_is_read():
    assert FrameReader().feed(bytes.fromhex("aaaaaa9669000400009f9b")) == [Reply(0x9F)]


@given(st.lists(st.tuples(st.integers(0, 0xFFFFFF), st.binary(max_size=60)), max_size=4), st.integers(1, 9))
def test_whole_frames_come_out_however_the_bytes_are_cut(replies, step):
    raw = b"".join(frame(status, data) for status, data in replies)
    reader = FrameReader()

    found = [one for at in range(0, len(raw), step) for one in reader.feed(raw[at : at + step])]

    assert [(one.status, one.data) for one in found] == replies


@given(st.binary(max_size=300).filter(lambda noise: PREAMBLE not in noise and not noise.endswith(b"\xaa")))
def test_noise_before_a_frame_is_skipped(noise):
    assert FrameReader().feed(noise + frame(0x9F)) == [Reply(0x9F)]


@given(st.lists(st.binary(max_size=80), max_size=8))
def test_no_bytes_raise_anything_but_a_fault(pieces):
    reader = FrameReader()
    for piece in pieces:
        outcome = attempt(lambda piece=piece: reader.feed(piece))
        assert isinstance(outcome, list) or outcome.code == "reader.no_answer"


@given(st.binary(max_size=400))
def test_no_bytes_behind_a_preamble_raise_anything_but_a_fault(rest):
    outcome = attempt(lambda: FrameReader().feed(PREAMBLE + rest))
    assert isinstance(outcome, list) or outcome.code == "reader.no_answer"


@given(st.binary(max_size=40), st.integers(0, 7), st.integers(0, 60))
def test_one_wrong_bit_is_never_taken_for_data(data, bit, at):
    raw = bytearray(frame(0x90, data))
    at = len(PREAMBLE) + at % (len(raw) - len(PREAMBLE))
    raw[at] ^= 1 << bit
    outcome = attempt(lambda: FrameReader().feed(bytes(raw)))
    assert isinstance(outcome, Fault) or outcome == []


@pytest.mark.parametrize("length", [0, 3, MAX_DATA + 5, 0xFFFF])
def test_an_impossible_length_is_said_at_once_and_not_waited_for(length):
    with pytest.raises(Fault, match="frame of"):
        FrameReader().feed(PREAMBLE + length.to_bytes(2, "big"))


def test_noise_without_end_is_a_fault_and_is_not_kept():
    reader = FrameReader()
    with pytest.raises(Fault, match="noise"):
        reader.feed(b"\x55" * (MAX_NOISE + 1))
    assert reader.feed(frame(0x80)) == [Reply(0x80)]


def test_a_reply_does_not_show_a_persons_data():
    assert repr(Reply(0x90, "张伟民".encode())) == "Reply(000090, 9 bytes)"
