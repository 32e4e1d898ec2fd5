"""One use of a local reader's card for the daemon, at the agent: a procedure that runs the steps it is given.

It runs in the reader's own thread, as a local read does, with the same limits; what it is to do comes from the reactor.
It decides nothing and keeps nothing: a card's answers go through it, never into a log.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Any

from middleware.domain.fault import Fault
from readers.apdu import Exchange, Response
from readers.cards.social_security_read import CardContext
from readers.remote.guess import status_of
from readers.remote.messages import FromAgent, Opened, Ran, Steps


def run_steps(exchange: Exchange, steps: Steps) -> tuple[bytes, ...]:
    """The answers, up to the first whose status word is not the one to go on with. Raises what ``exchange`` raises."""
    answers = []
    for step in steps:
        answer = exchange(step.command)
        Response.decode(answer)  # what is no answer must not travel
        answers.append(answer)
        if status_of(answer) != step.go_on:
            break
    return tuple(answers)


class Relay:
    """Give it to ``use`` of a local reader. ``say`` is called in the reactor thread."""

    def __init__(self, use: int, limit_s: float, reactor: Any, say: Callable[[FromAgent], None]) -> None:
        self._use = use
        self._limit_s = limit_s
        self._reactor = reactor
        self._say = say
        self._orders: queue.SimpleQueue[Steps | None] = queue.SimpleQueue()

    def order(self, steps: Steps) -> None:
        """Run these next."""
        self._orders.put(steps)

    def close(self) -> None:
        """No more; the card is powered down when what runs has ended."""
        self._orders.put(None)

    def __call__(self, exchange: Exchange, context: CardContext) -> None:
        """In the reader's thread. Raises ``reader.link`` when the daemon leaves the card lying for the whole time."""
        told: tuple[FromAgent, ...] = (Opened(self._use, bytes.fromhex(context.atr_historical)),)
        while True:
            try:
                steps = self._orders.get(timeout=self._limit_s)
            except queue.Empty:
                raise Fault("reader.link", "the daemon left the card lying") from None
            if steps is None:
                return
            if steps:
                told += (Ran(self._use, run_steps(exchange, steps)),)
            self._reactor.callFromThread(self._tell, told)
            told = ()

    def _tell(self, messages: tuple[FromAgent, ...]) -> None:
        for message in messages:
            self._say(message)
