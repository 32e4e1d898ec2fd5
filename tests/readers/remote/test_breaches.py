"""What breaks the protocol, or does not keep its word, at either end: cut off, said, and nobody else disturbed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import protocol, reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock

from middleware.domain.card import CardRead
from middleware.domain.fault import Fault
from readers.remote import messages as m
from readers.remote.agent import Agent
from readers.remote.connecting import connector
from readers.remote.frame import frame, of_daemon
from readers.remote.options import AgentOptions
from tests.readers.remote.kit import CardSlots, Site, site

HELLO = m.Hello((1,), "raw")
SEEN = m.Readers((m.ReaderSeen("R", "card-present", "", True, 1),), "", "")


class Raw(protocol.Protocol):
    """An agent that says what the test wants."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.lost = False
        self._frames = of_daemon()

    def dataReceived(self, data: bytes) -> None:
        self.heard += self._frames.feed(data)

    def connectionLost(self, reason: Any = None) -> None:
        self.lost = True

    def say(self, *messages: Any) -> None:
        for message in messages:
            self.transport.write(message if isinstance(message, bytes) else frame(message))

    def of(self, kind: type) -> list[Any]:
        return [message for message in self.heard if isinstance(message, kind)]


async def raw(s: Site, name: str = "window-1") -> Raw:
    """Connected, with that agent's certificate."""
    agent = s.agent(name, CardSlots())  # makes the files
    options = agent.options
    await agent.stop()
    s.agents.remove(agent)
    made: Raw = await connector(options, reactor)(protocol.Factory.forProtocol(Raw), 10.0)
    return made


async def welcomed(s: Site, *more: Any) -> Raw:
    peer = await raw(s)
    peer.say(HELLO, *more)
    await s.until(lambda: bool(peer.of(m.Welcome)), "welcomed")
    return peer


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ([m.Hello((2, 3), "later")], "reader.agent_refused"),
        ([SEEN], "reader.link"),
        ([HELLO, HELLO], "reader.link"),
        ([HELLO, frame(m.Close(1))], "reader.link"),
        ([b"GET / HTTP/1.1\r\n\r\n"], "reader.link"),
        ([HELLO, b"\xff\xff\xff\xff"], "reader.link"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_an_agent_that_breaks_the_protocol_is_told_and_cut_off(
    certificates: Path, said: list[Any], code: str
) -> None:
    async with site(certificates) as s:
        peer = await raw(s)
        peer.say(*said)
        await s.until(lambda: peer.lost, "cut off")

        assert [message.code for message in peer.of(m.Refused)] == [code]
        assert all(status.state == "failed" for status in s.readers.statuses())


@pytest_twisted.ensureDeferred
async def test_an_agent_that_says_nothing_or_no_more_is_cut_off_in_time(certificates: Path) -> None:
    async with site(certificates, hello_timeout_s=0.2) as s:
        silent = await raw(s)
        await s.until(lambda: silent.lost, "no hello")
    async with site(certificates, beat_s=0.1) as s:
        mute = await welcomed(s, SEEN)
        await s.until(lambda: mute.lost, "no pong")
        assert s.state("window-1/R") == "failed"


@pytest_twisted.ensureDeferred
async def test_more_agents_than_there_may_be_are_not_let_in_and_the_others_stay(certificates: Path) -> None:
    async with site(certificates, max_agents=1) as s:
        first = await welcomed(s, SEEN)
        second = await raw(s, "window-2")
        second.say(HELLO)
        await s.until(lambda: second.lost, "one too many")

        assert not first.lost
        assert not second.of(m.Welcome)


@pytest.mark.parametrize(
    "answers",
    [
        lambda use: [m.Ran(use, (b"\x90\x00",))],  # before it was opened
        lambda use: [m.Opened(use, b""), m.Opened(use, b"")],
        lambda use: [m.Opened(use, b""), m.Ran(use, (b"\x90\x00", b"\x90\x00"))],  # more than was asked
        lambda use: [m.Opened(use, b""), m.Closed(use, "reader.of-a-later-version", "")],
    ],
)
@pytest_twisted.ensureDeferred
async def test_an_agent_that_answers_what_was_not_asked_gives_a_fault_and_no_identity(
    certificates: Path, answers: Callable[[int], list[Any]]
) -> None:
    async with site(certificates, read_timeout_s=2.0) as s:
        peer = await welcomed(s, SEEN)
        await s.until_state("window-1/R", "card-present")
        going = s.begin("window-1/R")
        await s.until(lambda: bool(peer.of(m.Open)), "asked")
        peer.say(*answers(peer.of(m.Open)[0].use))
        outcome = await going

        assert isinstance(outcome, Fault)
        assert outcome.code == "reader.link"
        peer.transport.abortConnection()


@pytest_twisted.ensureDeferred
async def test_an_agent_that_never_answers_is_waited_for_to_the_limit_and_the_others_are_read_meanwhile(
    certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("readers.remote.use.MARGIN_S", 0.1)
    async with site(certificates, read_timeout_s=1.5, beat_s=30.0) as s:
        peer = await welcomed(s, SEEN)
        slots = CardSlots("R")
        s.agent("window-2", slots)
        slots.insert("R")
        await s.until_state("window-1/R", "card-present")
        await s.until_state("window-2/R", "card-present")
        hung = s.begin("window-1/R")
        assert isinstance(await s.read("window-2/R"), CardRead)
        outcome = await hung

        assert isinstance(outcome, Fault)
        assert (outcome.code, outcome.detail) == ("reader.link", "the agent did not answer in time")
        await s.until(lambda: bool(peer.of(m.Close)), "told that nobody waits")
        peer.transport.abortConnection()


@pytest_twisted.ensureDeferred
async def test_answers_to_a_use_that_is_over_reach_nobody(certificates: Path) -> None:
    async with site(certificates) as s:
        peer = await welcomed(s, SEEN)
        await s.until_state("window-1/R", "card-present")
        peer.say(m.Opened(99, b""), m.Ran(99, (b"\x90\x00",)), m.Closed(99, "card.mute", ""), m.Pong(5))
        slots = m.Readers((), "", "")
        peer.say(slots)
        await s.until_state("window-1/R", "absent")

        assert not peer.lost
        peer.transport.abortConnection()


@pytest_twisted.ensureDeferred
async def test_a_fault_or_state_of_a_later_program_is_still_one_of_ours(certificates: Path) -> None:
    async with site(certificates) as s:
        peer = await welcomed(s, m.Readers((m.ReaderSeen("R", "levitating", "reader.later", False, 0),), "", ""))
        await s.until_state("window-1/R", "failed")
        assert s.readers.statuses()[0].fault == ""
        peer.say(m.Readers((), "reader.later", "later"))
        await s.until(lambda: s.readers.statuses()[0].fault != "", "said")

        assert s.readers.statuses()[0].fault == "reader.service_down"
        assert await s.code("window-1/R") == "reader.service_down"
        peer.transport.abortConnection()


@pytest_twisted.ensureDeferred
async def test_a_daemon_that_leaves_a_card_lying_loses_it_in_time_and_the_reader_is_free(certificates: Path) -> None:
    async with site(certificates) as s:
        slots = CardSlots("R")
        s.agent("window-1", slots)
        slots.insert("R")
        await s.until_state("window-1/R", "card-present")
        peer = next(iter(s.readers._peers))
        peer.send(m.Open(77, "R", 0.2, ()))
        await s.until(lambda: slots.released == ["R"], "let go by itself")
        assert await s.code("window-1/R") == "read"


@pytest_twisted.ensureDeferred
async def test_a_use_nobody_waits_for_any_more_is_closed(certificates: Path) -> None:
    async with site(certificates) as s:
        slots = CardSlots("R")
        s.agent("window-1", slots)
        slots.insert("R")
        await s.until_state("window-1/R", "card-present")

        def endless(exchange: Any, _context: Any) -> None:
            while True:
                exchange(b"\x00\x84\x00\x00\x08")

        going = ensureDeferred(s.readers.use("window-1/R", endless))
        going.addErrback(lambda _: None)
        await s.until(lambda: slots.cards["R"].exchanges > 3, "in the middle")
        going.cancel()
        await s.until(lambda: slots.released == ["R"], "let go")
        assert await s.code("window-1/R") == "read"


def test_an_agent_tries_again_after_doubling_pauses_up_to_the_longest_and_after_a_refusal_later(tmp_path: Path) -> None:
    clock = Clock()
    options = AgentOptions(
        host="d", certificate=tmp_path, private_key=tmp_path, daemon_ca=tmp_path, retry_s=1.0, retry_max_s=8.0
    )
    tries: list[float] = []

    def connect(_factory: Any, _timeout: float) -> Any:
        from twisted.internet.defer import fail

        tries.append(clock.seconds())
        return fail(ConnectionRefusedError())

    agent = Agent(options, CardSlots(), clock, connect, lambda: 1.0, "test", seconds=clock.seconds, wall=clock.seconds)
    agent.start()
    clock.pump([0.5] * 80)
    pauses = [round(b - a) for a, b in itertools.pairwise(tries)]
    ensureDeferred(agent.stop())

    assert pauses[:6] == [1, 2, 4, 8, 8, 8]
    assert not clock.getDelayedCalls()
    refused = Agent(options, CardSlots(), clock, connect, lambda: 0.0, "test", seconds=clock.seconds, wall=clock.seconds)
    refused._again(refused=True)
    assert clock.getDelayedCalls()[0].getTime() - clock.seconds() == options.refused_retry_s / 2
