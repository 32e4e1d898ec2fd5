"""One thread for one reader's exchanges. It may be lost for ever inside PC/SC; whoever started it then forgets it.

Its context is its own and kept from use to use; before each it is asked for its readers, so that a service that hangs is
not taken for a card that another program holds, and one that was restarted gets a new context. The card is connected anew
each time, and no handle leaks. Where the thread is right now stands in ``step``, written by it, read by the reactor.
"""

from __future__ import annotations

import datetime as dt
import queue
import threading
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Any

from attrs import frozen

from middleware.domain.fault import Fault
from readers.apdu import Exchange
from readers.atr import historical_bytes
from readers.cards.social_security_read import CardContext
from readers.pcsc.api import Load, PcscCard, PcscContext
from readers.running import outcome_of

Procedure = Callable[[Exchange, CardContext], Any]
"""What is done with a powered card, in its reader's thread: exchanges as it likes, and what it returns is the outcome."""


class Phase(StrEnum):
    """Where a read is; a thread lost there means the fault beside it."""

    SERVICE = "service"
    CONNECT = "connect"
    EXCHANGE = "exchange"
    BETWEEN = "between exchanges"  # the card waits for us: bounded by the whole use only
    RELEASE = "release"


LOST_IN = {
    Phase.SERVICE: "reader.service_down",
    Phase.CONNECT: "reader.shared",  # SCardConnect waits without end for another program's transaction
    Phase.EXCHANGE: "card.mute",
    Phase.BETWEEN: "card.mute",
    Phase.RELEASE: "reader.service_down",
}


@frozen(slots=True)
class Step:
    """What the thread does and since when (monotonic seconds)."""

    phase: Phase
    since: float


class Job:
    """One use of a card. ``abandon`` makes the thread give up at its next step."""

    def __init__(self, procedure: Procedure, today: dt.date) -> None:
        self.procedure = procedure
        self.today = today
        self._abandoned = threading.Event()

    def abandon(self) -> None:
        """Nobody waits for the result any more."""
        self._abandoned.set()

    @property
    def abandoned(self) -> bool:
        """Whether nobody waits any more."""
        return self._abandoned.is_set()


class ReaderWorker:
    """The thread of one reader.

    ``done`` (what a job's procedure returned, or a ``Fault``) and ``ended`` are called from that thread.
    """

    def __init__(
        self,
        reader: str,
        load: Load,
        seconds: Callable[[], float],
        done: Callable[[ReaderWorker, Job, Any], None],
        ended: Callable[[ReaderWorker], None],
    ) -> None:
        self.reader = reader
        self._load = load
        self._seconds = seconds
        self._done = done
        self._ended = ended
        self._context: PcscContext | None = None  # kept from use to use: opening one costs as much as four exchanges
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self.step = Step(Phase.SERVICE, seconds())
        self._thread = threading.Thread(target=self._run, name=f"pcsc-reader {reader}", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Begin a use; the caller sees to it that there is one at a time."""
        self._enter(Phase.SERVICE)
        self._jobs.put(job)

    def retire(self) -> None:
        """End the thread after what it is doing."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._done(self, job, outcome_of(self.reader, partial(self._use, job)))
        self._let_go()
        self._ended(self)

    def _use(self, job: Job) -> Any:
        card = self._powered()
        try:
            exchange = self._exchange(job, card)
            atr = historical_bytes(card.atr()).hex().upper()
            return job.procedure(exchange, CardContext(self.reader, atr, job.today, self._control(card)))
        finally:
            self._enter(Phase.RELEASE)
            card.disconnect()

    def _powered(self) -> PcscCard:
        """The card, ours alone."""
        context = self._serving()
        self._enter(Phase.CONNECT)
        return context.connect(self.reader)

    def _serving(self) -> PcscContext:
        """The connection to the service: the one that was kept while it answers, else a new one."""
        self._enter(Phase.SERVICE)
        if self._context is not None:
            try:
                self._context.readers()
            except Fault:
                self._let_go()  # restarted since: what was opened before is dead for ever
        if self._context is None:
            self._context = PcscContext(self._load)
        return self._context

    def _let_go(self) -> None:
        if self._context is not None:
            self._context.release()
            self._context = None

    def _exchange(self, job: Job, card: PcscCard) -> Exchange:
        def exchange(command: bytes) -> bytes:
            if job.abandoned:
                raise Fault("card.mute", "the read was given up")
            self._enter(Phase.EXCHANGE)
            try:
                return card.exchange(command)
            finally:
                self._enter(Phase.BETWEEN)

        return exchange

    def _control(self, card: PcscCard) -> Callable[[int, bytes], bytes]:
        def control(code: int, data: bytes) -> bytes:
            self._enter(Phase.BETWEEN)  # a holder types: the limit of the whole use is the bound
            return card.control(code, data)

        return control

    def _enter(self, phase: Phase) -> None:
        self.step = Step(phase, self._seconds())
