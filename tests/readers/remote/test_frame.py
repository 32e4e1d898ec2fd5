"""The frames of the reader link, without I/O: whole or a fault, whatever comes and however it is cut."""

from __future__ import annotations

import contextlib
import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.fault import Fault
from readers.remote import messages as m
from readers.remote.frame import HEAD, MAX_FRAME, frame, of_agent, of_daemon

numbers = st.integers(0, 0xFFFFFFFF)
texts = st.text(max_size=200)
codes = st.text(max_size=64)
names = st.text(min_size=1, max_size=128)
seconds = st.floats(0.001, 3600)
steps = st.lists(st.builds(m.Step, st.binary(min_size=4, max_size=m.MAX_COMMAND), st.integers(0, 0xFFFF)), max_size=64).map(
    tuple
)
answers = st.lists(st.binary(min_size=2, max_size=m.MAX_ANSWER), min_size=1, max_size=64).map(tuple)
seen = st.builds(m.ReaderSeen, names, codes, codes, st.booleans(), numbers)
both = st.one_of(st.builds(m.Ping, numbers), st.builds(m.Pong, numbers))
from_agent = st.one_of(
    both,
    st.builds(m.Hello, st.lists(numbers, min_size=1, max_size=16).map(tuple), texts),
    st.builds(m.Readers, st.lists(seen, max_size=m.MAX_READERS).map(tuple), codes, texts),
    st.builds(m.Opened, numbers, st.binary(max_size=15)),
    st.builds(m.Ran, numbers, answers),
    st.builds(m.Closed, numbers, codes, texts),
)
from_daemon = st.one_of(
    both,
    st.builds(m.Welcome, numbers, names, seconds),
    st.builds(m.Refused, codes, texts),
    st.builds(m.Open, numbers, names, seconds, steps),
    st.builds(m.Run, numbers, steps),
    st.builds(m.Close, numbers),
)


@given(st.lists(from_agent, max_size=5), st.data())
def test_what_an_agent_says_arrives_as_it_was_said_however_the_wire_cuts_it(
    said: list[m.FromAgent], data: st.DataObject
) -> None:
    wire = b"".join(map(frame, said))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    reader = of_agent()
    heard = [message for a, b in itertools.pairwise([0, *cuts, len(wire)]) for message in reader.feed(wire[a:b])]

    assert heard == said


@given(from_daemon)
def test_what_the_daemon_says_arrives_as_it_was_said(said: m.FromDaemon) -> None:
    assert of_daemon().feed(frame(said)) == [said]
    assert len(frame(said)) <= HEAD + MAX_FRAME


@given(st.binary(max_size=300), st.booleans())
def test_no_bytes_whatever_raise_anything_but_a_fault(data: bytes, framed: bool) -> None:
    wire = len(data).to_bytes(HEAD, "big") + data if framed else data
    for reader in (of_agent(), of_daemon()):
        with contextlib.suppress(Fault):
            reader.feed(wire)


@pytest.mark.parametrize(
    "wire",
    [
        (MAX_FRAME + 1).to_bytes(HEAD, "big"),
        frame(m.Open(1, "R", 20.0, ())),  # the daemon's word in an agent's mouth
        frame(m.Ran(1, (b"\x90\x00" * 200,))),
        frame(m.Ran(1, (b"\x90",))),
        frame(m.Ran(1, ())),
        frame(m.Readers((m.ReaderSeen("R", "empty", "", False, 0),) * (m.MAX_READERS + 1), "", "")),
        frame(m.Hello((), "x")),
    ],
)
def test_what_is_longer_shorter_or_another_sides_is_refused(wire: bytes) -> None:
    with pytest.raises(Fault) as caught:
        of_agent().feed(wire)

    assert caught.value.code == "reader.link"


def test_a_refused_frame_quotes_nothing_of_what_it_held() -> None:
    body = msgspec.msgpack.encode(["ran", "13070219600301001X", []])
    with pytest.raises(Fault) as caught:
        of_agent().feed(len(body).to_bytes(HEAD, "big") + body)

    assert "1307" not in str(caught.value)


def test_the_wire_is_what_the_page_says() -> None:
    assert frame(m.Ping(7)) == bytes.fromhex("00000007" + "92a4") + b"ping" + b"\x07"
    assert frame(m.Opened(1, b"\xab")) == bytes.fromhex("0000000c" + "93a6") + b"opened" + bytes.fromhex("01c401ab")
