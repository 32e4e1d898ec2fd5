"""The daemon's reactor: what threads hand over keeps its order, and never keeps the sockets waiting for long."""

from __future__ import annotations

import threading

import pytest

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
