"""One use of a card at an agent: a procedure in a thread here, its commands to the card over the link.

The procedure blocks in its thread as it does in a local reader's; what the agent says is put into the thread's inbox by
the reactor. Every wait ends: with an answer, with the fault that ended the use, or at the deadline of the whole use.
"""

from __future__ import annotations

import datetime as dt
import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from middleware.domain.fault import Fault
from readers.apdu import Exchange
from readers.cards.social_security_read import CardContext
from readers.remote.guess import Asked, Guesses, status_of
from readers.remote.messages import (
    MAX_COMMAND,
    MAX_SECONDS,
    MIN_COMMAND,
    Close,
    Closed,
    FromDaemon,
    Open,
    Opened,
    Ran,
    Run,
    Step,
    Steps,
)
from readers.running import outcome_of

Procedure = Callable[[Exchange, CardContext], Any]
MARGIN_S = (
    2.0  # the agent keeps the limits itself and says why; whoever does not even say that is waited for so much longer
)


class WrongGuess(Exception):  # noqa: N818 - no error: the read begins again, command by command
    """The procedure asked another command than was guessed and run."""


WRONG_GUESS = WrongGuess()


class RemoteUse:
    """``start`` it once; it ends by ``done``.

    ``done`` is told, in the reactor thread, what the procedure returned, a ``Fault``, or ``WRONG_GUESS``. ``send`` is the
    link's, reactor thread. ``learns``: who is told what a read asked.
    """

    def __init__(
        self,
        number: int,
        reader: str,
        own_name: str,
        reactor: Any,
        seconds: Callable[[], float],
        send: Callable[[FromDaemon], None],
        done: Callable[[RemoteUse, Any], None],
        learns: Guesses | None,
        *,
        guesses: bool,
    ) -> None:
        self.number = number
        self._reader = reader
        self._own_name = own_name
        self._reactor = reactor
        self._seconds = seconds
        self._send = send
        self._done = done
        self._learns = learns
        self._guesses = learns if guesses else None
        self._inbox: queue.SimpleQueue[Opened | Ran | Fault] = queue.SimpleQueue()
        self._deadline = 0.0
        self._running: Steps = ()  # the steps whose answers are awaited
        self._ready: deque[tuple[bytes, bytes]] = deque()  # commands run by a guess, with their answers
        self._asked: list[Asked] = []
        self._over = False

    # -- in the reactor thread

    def start(self, procedure: Procedure, today: dt.date, limit_s: float) -> None:
        """Have the card powered and begin."""
        self._deadline = self._seconds() + limit_s + MARGIN_S
        self._running = self._guesses.steps(()) if self._guesses is not None else ()
        self._send(Open(self.number, self._own_name, min(limit_s, MAX_SECONDS), self._running))
        threading.Thread(
            target=self._run, args=(procedure, today), name=f"remote-reader {self._reader}", daemon=True
        ).start()

    def told(self, message: Opened | Ran | Closed) -> None:
        """What the agent says of this use."""
        if isinstance(message, Closed):
            self._over = True
            self.fail(fault_of(message.code, message.detail))
        else:
            self._inbox.put(message)

    def fail(self, fault: Fault) -> None:
        """Nothing comes any more, and why."""
        self._inbox.put(fault)

    def _ended(self, outcome: Any) -> None:
        if not self._over:
            self._send(Close(self.number))
        self._done(self, outcome)

    # -- in the thread

    def _run(self, procedure: Procedure, today: dt.date) -> None:
        outcome = outcome_of(self._reader, lambda: self._judged(procedure, today))
        self._reactor.callFromThread(self._ended, outcome)

    def _judged(self, procedure: Procedure, today: dt.date) -> Any:
        opened = self._next()
        if not isinstance(opened, Opened):
            raise Fault("reader.link", "the agent answers what was not asked")
        if self._running:
            self._take(self._running)
        context = CardContext(self._reader, opened.historical.hex().upper(), today)
        try:
            outcome = procedure(self._exchange, context)
        except WrongGuess:
            return WRONG_GUESS
        if self._learns is not None:
            self._reactor.callFromThread(self._learns.learn, tuple(self._asked))
        return outcome

    def _exchange(self, command: bytes) -> bytes:
        if not MIN_COMMAND <= len(command) <= MAX_COMMAND:
            raise Fault("reader.link", f"no command for the link: {len(command)} bytes")
        if not self._ready:
            so_far = tuple(self._asked)
            steps = (Step(command, 0),) if self._guesses is None else self._guesses.steps(so_far, command)
            self._reactor.callFromThread(self._send, Run(self.number, steps))
            self._take(steps)
        guessed, answer = self._ready.popleft()
        if guessed != command:
            raise WrongGuess
        self._asked.append(Asked(command, status_of(answer)))
        return answer

    def _take(self, steps: Steps) -> None:
        ran = self._next()
        if not isinstance(ran, Ran) or len(ran.answers) > len(steps):
            raise Fault("reader.link", "the agent answers what was not asked")
        self._ready.extend((step.command, answer) for step, answer in zip(steps, ran.answers, strict=False))

    def _next(self) -> Opened | Ran:
        try:
            said = self._inbox.get(timeout=max(0.0, self._deadline - self._seconds()))
        except queue.Empty:
            raise Fault("reader.link", "the agent did not answer in time") from None
        if isinstance(said, Fault):
            raise said
        return said


def fault_of(code: str, detail: str) -> Fault:
    """A fault by the code that an agent sent; a code of a later program is ``reader.link`` with it in the detail."""
    try:
        return Fault(code, detail)
    except KeyError:
        return Fault("reader.link", f"the agent says {code}: {detail}")
