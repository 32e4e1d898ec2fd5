"""A second-generation id-card reader on a serial port: looks for a card, and reads it when asked.

The order of a read is the module's own: find, select, read. A card that was read is found again only after it was lifted,
so looking alone never selects: an insertion is told when a card is found, a removal when it is no longer.

Answers come in the order of questions. One that came too late is therefore the answer to the next question, and it can
only be taken for what it is: what may answer one question never answers the one after it, and the fault that follows
empties the line. So no card is ever read as the card that lay there before it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import structlog
from twisted.internet.defer import Deferred

from middleware.domain.card import CardRead, ReaderStatus
from middleware.domain.fault import Fault
from readers.media.options import ReaderOptions
from readers.serial.frame import FrameReader, Reply, command
from readers.serial.id_card import read_id_card, take_apart
from readers.serial.port import SerialLine
from readers.turns import Turns

log = structlog.get_logger()

FIND, SELECT, READ = (0x20, 0x01), (0x20, 0x02), (0x30, 0x01)
FOUND, NOTHING = 0x00009F, 0x000080
DONE, NOT_SELECTED, NOT_READ = 0x000090, 0x000081, 0x000041
_ANSWERS = {FIND: {FOUND, NOTHING}, SELECT: {DONE, NOT_SELECTED}, READ: {DONE, NOT_READ}}
_NAMES = {FIND: "find", SELECT: "select", READ: "read"}
QUIET_S = 0.1  # after a fault the line must be silent so long before the next question
TURN_S = 2.0  # a second cashier waits so long for the first


class IdReader:
    """One reader. ``tell`` is told "inserted" and "removed"; ``today`` is the hospital's day. Reactor thread only."""

    def __init__(
        self, options: ReaderOptions, reactor: Any, today: Callable[[], dt.date], tell: Callable[[str, str], None]
    ) -> None:
        assert options.device is not None  # noqa: S101 - the options see to it
        self.name = options.name
        self._options = options
        self._reactor = reactor
        self._today = today
        self._tell = tell
        self._line = SerialLine(options.device, options.baud, reactor, options.retry_s, self._received, self._line_changed)
        self._frames = FrameReader()
        self._turns = Turns(reactor, max(TURN_S, options.exchange_timeout_s + 1))  # a look at a mute reader ends first
        self._waiting: Deferred[Reply] | None = None
        self._reading = False
        self._present = False
        self._dirty = False  # something may still come that belongs to an earlier question
        self._heard = 0.0
        self._trouble: Fault | None = None
        self._poll: Any = None
        self._stopped = True

    # -- life

    def start(self) -> None:
        """Open the port when it is there, and look for cards."""
        self._stopped = False
        self._line.start()
        self._later()

    async def stop(self) -> None:
        """End a read that is going on with ``system.stopping``, close the port."""
        self._stopped = True
        if self._poll is not None and self._poll.active():
            self._poll.cancel()
        self._turns.end(Fault("system.stopping"))
        self._line.stop()
        self._end_waiting(Fault("system.stopping"))

    def status(self) -> ReaderStatus:
        """How it is."""
        if self._line.fault:
            gone = self._line.fault == "reader.gone"
            return ReaderStatus(self.name, "absent" if gone else "failed", "" if gone else self._line.fault)
        if self._reading:
            return ReaderStatus(self.name, "busy")
        if self._trouble is not None:
            return ReaderStatus(self.name, "failed", self._trouble.code)
        return ReaderStatus(self.name, "card-present" if self._present else "empty")

    def trouble(self) -> Fault | None:
        """What is wrong with it now, if anything."""
        return Fault(self._line.fault, str(self._line.device)) if self._line.fault else self._trouble

    # -- reading

    async def read(self) -> CardRead:
        """The identity of the card that lies there, or is laid there within ``wait_s``.

        Raises ``card.absent``, ``card.mute`` (found, and then not selected), ``card.withdrawn`` (lifted while it was
        read), ``reader.no_answer``, ``reader.gone`` and its kin, ``reader.busy``, and what the card's content raises.
        """
        await self._turns.take()
        self._reading = True
        try:
            return await self._read()
        finally:
            self._reading = False
            self._turns.give()

    async def _read(self) -> CardRead:
        deadline = self._reactor.seconds() + self._options.wait_s
        selected = self._present and (await self._ask(SELECT)).status == DONE
        if not selected:
            await self._find(deadline)
            if (await self._ask(SELECT)).status != DONE:
                raise Fault("card.mute", "the card was found and could not be selected")
        reply = await self._ask(READ)
        if reply.status != DONE:
            raise Fault("card.withdrawn", "the reader could not read the selected card")
        return read_id_card(take_apart(reply.data), self.name, self._today())

    async def _find(self, deadline: float) -> None:
        while (await self._ask(FIND)).status != FOUND:
            self._see(present=False)
            if self._reactor.seconds() >= deadline:
                raise Fault("card.absent")
            await self._rest(min(self._options.poll_interval_s, 0.3))
        self._see(present=True)

    async def _look(self) -> None:
        """Between reads: is there a card? Whatever is wrong is told by ``status`` and tried again."""
        if not self._turns.taken and self._line.is_open:
            await self._turns.take()
            try:
                self._see(present=(await self._ask(FIND)).status == FOUND)
            except Fault as fault:
                if fault.code == "reader.no_answer":
                    self._see(present=False)
            finally:
                self._turns.give()
        self._later()

    def _later(self) -> None:
        if not self._stopped:
            self._poll = self._reactor.callLater(
                self._options.poll_interval_s, lambda: Deferred.fromCoroutine(self._look()).addErrback(self._broken)
            )

    def _broken(self, failure: Any) -> None:
        """A mistake of ours while looking: told, and looked again; its text could carry data."""
        log.error("id_reader_failed_inside", reader=self.name, error=failure.type.__name__)
        self._trouble = Fault("system.internal", f"id reader: {failure.type.__name__}")
        self._later()

    def _see(self, *, present: bool) -> None:
        before, self._present = self._present, present
        if before != present:
            self._tell("inserted" if present else "removed", self.name)

    # -- one question, one answer

    async def _ask(self, question: tuple[int, int]) -> Reply:
        """The answer, within ``exchange_timeout_s``; every other end is a ``Fault`` and leaves the line to be emptied."""
        if self._line.fault:
            raise Fault(self._line.fault, str(self._line.device))
        await self._quiet()
        self._frames.clear()
        waiting: Deferred[Reply] = Deferred()
        self._waiting = waiting
        timer = self._reactor.callLater(self._options.exchange_timeout_s, self._overdue, _NAMES[question])
        self._line.write(command(*question))
        try:
            reply = await waiting
        except Fault as fault:
            raise self._failed(fault) from None
        finally:
            self._waiting = None
            if timer.active():
                timer.cancel()
        if reply.status not in _ANSWERS[question] or bool(reply.data) != (question == READ and reply.status == DONE):
            raise self._failed(Fault("reader.no_answer", f"{_NAMES[question]} answered {reply.status:06X}"))
        self._trouble = None
        return reply

    def _failed(self, fault: Fault) -> Fault:
        self._dirty = True
        if fault.code == "reader.no_answer":
            self._trouble = fault
        return fault

    async def _quiet(self) -> None:
        """After a fault: wait until nothing comes any more, at most one exchange's time."""
        if not self._dirty:
            return
        limit = self._reactor.seconds() + self._options.exchange_timeout_s
        self._heard = self._reactor.seconds()
        while self._reactor.seconds() - self._heard < QUIET_S and self._reactor.seconds() < limit:
            await self._rest(QUIET_S / 2)
        self._dirty = False
        if self._line.fault:
            raise Fault(self._line.fault, str(self._line.device))

    async def _rest(self, seconds: float) -> None:
        rested: Deferred[None] = Deferred()
        self._reactor.callLater(seconds, rested.callback, None)
        await rested
        if self._stopped:
            raise Fault("system.stopping")

    def _overdue(self, what: str) -> None:
        self._end_waiting(Fault("reader.no_answer", f"no answer to {what} in time"))

    def _end_waiting(self, fault: Fault) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.called:
            waiting.errback(fault)

    # -- what the port says

    def _received(self, data: bytes) -> None:
        self._heard = self._reactor.seconds()
        if self._waiting is None:
            self._dirty = True
            return
        try:
            replies = self._frames.feed(data)
        except Fault as fault:
            self._end_waiting(fault)
            return
        if len(replies) > 1:
            self._end_waiting(Fault("reader.no_answer", "more than one answer to one question"))
        elif replies and not self._waiting.called:
            self._waiting.callback(replies[0])

    def _line_changed(self) -> None:
        self._trouble = None
        self._dirty = False
        if not self._line.is_open:
            self._see(present=False)
            self._end_waiting(Fault("reader.gone", "the port went away"))
