"""The daemon's reactor: what threads hand over keeps its order, and never keeps who asks waiting for long."""

from __future__ import annotations

import functools
import socket
import threading

import pytest
from twisted.internet.tcp import BaseClient

from daemon import paced
from daemon.paced import PacedReactor

BOUND_S = 30.0


@pytest.fixture
def reactor():
    """One that is nobody's: turned by hand."""
    made = PacedReactor()
    yield made
    for reader in made.removeAll():
        reader.connectionLost(None)


def turns_until(reactor, over):
    """Turn it until ``over()``; how many turns that took."""
    end, turns = reactor.seconds() + BOUND_S, 0
    while not over():
        assert reactor.seconds() < end
        reactor.iterate(0.01)
        turns += 1
    return turns


def test_what_threads_hand_over_keeps_its_order_and_nothing_is_forgotten(reactor):
    done = []

    def hand_over(name):
        for number in range(500):
            reactor.callFromThread(done.append, (name, number))

    threads = [threading.Thread(target=hand_over, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    turns_until(reactor, lambda: len(done) == 2000)
    for thread in threads:
        thread.join()

    assert all([number for whose, number in done if whose == name] == list(range(500)) for name in range(4))


def test_timers_have_their_turn_between_what_was_handed_over(reactor, monkeypatch):
    monkeypatch.setattr(paced, "TURN_S", 0.0)
    done = []
    for number in range(10):
        reactor.callFromThread(done.append, number)
    reactor.callLater(0, done.append, "timer")
    turns_until(reactor, lambda: len(done) == 11)

    assert done.index("timer") < 3


def test_what_fails_does_not_hold_up_what_comes_after_it(reactor):
    done = []
    reactor.callFromThread(lambda: 1 / 0)
    reactor.callFromThread(done.append, "next")
    turns_until(reactor, lambda: done)

    assert done == ["next"]


def test_what_is_handed_over_while_a_turn_runs_is_done_too(reactor):
    done = []
    reactor.callFromThread(lambda: reactor.callFromThread(done.append, "later"))
    turns_until(reactor, lambda: done)

    assert done == ["later"]


def test_invariant_22_its_time_is_not_the_wall_clocks(reactor, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 0.0)
    before = reactor.seconds()

    assert reactor.seconds() >= before > 0.0


class Ready:
    """Something that always has something to read, and notes each time that it is."""

    def __init__(self, reactor, done, name):
        self.mine, self.other = socket.socketpair()
        self.other.send(b"?")
        self.reactor, self.done, self.name = reactor, done, name
        self.answers = False
        reactor.addReader(self)

    def fileno(self):
        return self.mine.fileno()

    def logPrefix(self):
        return self.name

    def doRead(self):
        self.done.append(self.name)
        if self.answers:
            self.reactor.addWriter(self)

    def doWrite(self):
        self.done.append(f"{self.name} answered")
        self.reactor.removeWriter(self)

    def connectionLost(self, _reason):
        self.mine.close()
        self.other.close()


class ReadyPeer(Ready, BaseClient):
    """The same on a connection that we made."""


@pytest.mark.parametrize("kind", [Ready, ReadyPeer])
def test_each_of_many_ready_sockets_has_its_turn_before_one_has_its_second(reactor, monkeypatch, kind):
    monkeypatch.setattr(paced, "ASKING_S", 0.0)
    monkeypatch.setattr(paced, "TURN_S", 0.0)
    done = []
    names = {kind(reactor, done, f"{number}").name for number in range(20)}
    for _ in range(3):
        del done[:]
        turns_until(reactor, lambda: len(done) == 20)

        assert set(done) == names


def test_who_asks_is_read_before_the_answers_of_whom_we_asked(reactor):
    done = []
    for number in range(20):
        ReadyPeer(reactor, done, f"peer {number}")
    Ready(reactor, done, "caller")
    reactor.iterate(BOUND_S)

    assert done[0] == "caller"


def test_whom_we_asked_is_read_however_many_ask(reactor, monkeypatch):
    monkeypatch.setattr(paced, "ASKING_S", 0.0)
    done = []
    for number in range(20):
        Ready(reactor, done, f"caller {number}")
    ReadyPeer(reactor, done, "peer")
    reactor.iterate(BOUND_S)

    assert len(done) == 2
    assert done[1] == "peer"


def test_timers_have_their_turn_between_sockets(reactor, monkeypatch):
    monkeypatch.setattr(paced, "ASKING_S", 0.0)
    done = []

    def read():
        if not done:
            reactor.callLater(0, done.append, "timer")
        done.append("read")

    for _ in range(20):
        Ready(reactor, done, "caller").doRead = read
    turns_until(reactor, lambda: "timer" in done)

    assert done.index("timer") < 3


def test_an_answer_that_is_there_at_once_leaves_in_the_same_turn(reactor):
    done = []
    Ready(reactor, done, "caller").answers = True
    reactor.iterate(BOUND_S)

    assert done == ["caller", "caller answered"]


def test_a_socket_that_anothers_work_ended_is_left_alone(reactor):
    done = []
    first, second = Ready(reactor, done, "first"), Ready(reactor, done, "second")

    def end_the_other(self):
        done.append(self.name)
        reactor.removeReader(second if self is first else first)

    for one in (first, second):
        one.doRead = functools.partial(end_the_other, one)
    reactor.iterate(BOUND_S)

    assert len(done) == 1
    for one in (first, second):
        reactor.removeReader(one)
        one.connectionLost(None)
