"""One connection of a HIS: bytes to blocks, answers in the order of their messages, and a bound on all it may cost."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from attrs import define
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol as WireProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from middleware.doors.alarm import Alarm
from middleware.doors.mllp.options import MllpOptions
from middleware.hl7.blocks import SHOWN_BYTES, Block, Framer, Garbage, MissingEnd, Spoiled, Token, TooLong
from middleware.listening import notice_when_gone
from middleware.ports import Clock

END_WAIT_S = 0.05  # an end character was the last that came: so long a CR, or the rest of a spoiled message, may follow
LINGER_S = 2.0  # after our last answer


@define(slots=True, eq=False)
class Slot:
    """The place of one message's answer among those of its connection; None until there is one, b"" for none."""

    connection: MllpConnection
    size: int
    wire: bytes | None = None

    def answer(self, wire: bytes) -> None:
        """That is the answer; it leaves when all before it have left."""
        self.wire = wire
        self.connection.flush()


class Taker(Protocol):
    """Whoever judges, keeps and answers."""

    options: MllpOptions
    clock: Clock

    def joined(self, connection: MllpConnection) -> bool:
        """Whether there is room for it."""

    def left(self, connection: MllpConnection) -> None:
        """It is gone."""

    def block(self, payload: bytes, answer: Callable[[bytes], None]) -> None:
        """A whole block. ``answer`` is called once, when that may be said, with all that is to be sent for it."""

    def broken(self, payload: bytes, fault: str, answer: Callable[[bytes], None]) -> None:
        """A block that is refused for that fault whatever it says."""

    def unframed(self, data: bytes, length: int, what: str) -> None:
        """Bytes that are no whole block: ``length`` of them, of which ``data`` are kept."""


@implementer(IHalfCloseableProtocol, IPushProducer)
class MllpConnection(WireProtocol):
    """Reads no further while too much of it waits for the disk, or while its answers are not read."""

    transport: Any

    def __init__(self, link: Taker) -> None:
        self._link = link
        self._options = link.options
        self._framer = Framer(link.options.max_bytes, patient=True)
        self._slots: deque[Slot] = deque()
        self._held = 0
        self._junk = bytearray()
        self._junk_length = 0
        self._paused = self._full = self._eof = self._closing = self._deaf = False
        self.heard_at = link.clock.seconds()
        self.spoke = False  # a whole block came, ever
        self._late = Alarm(link.clock, self.cut)
        self._end = Alarm(link.clock, self._nothing_follows)
        self._idle = Alarm(link.clock, self._check_idle)
        self._unread = Alarm(link.clock, self.cut)

    # -- what the transport tells us

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """A sender came."""
        if not self._link.joined(self):
            self._closing = True
            self.transport.abortConnection()
            return
        notice_when_gone(self.transport)
        self.transport.registerProducer(self, True)
        self._idle.set(self._options.idle_timeout_s)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Bytes came."""
        if self._closing:
            return
        framer = self._framer
        for token in framer.feed(data):
            self._take(token)
            if self._is_over():
                return
        if framer.ended:
            self._late.off()
            self._end.set(END_WAIT_S)
        elif framer.unfinished:
            self._end.off()
            if not self._late.is_set:
                self._late.set(self._options.message_timeout_s)
        elif self._late.is_set or self._end.is_set:
            self._late.off()
            self._end.off()

    def readConnectionLost(self) -> None:  # noqa: N802 - Twisted's name
        """The sender sends no more, but may wait for its answers."""
        self._eof = True
        self._nothing_follows()
        self._end_when_answered()

    def writeConnectionLost(self) -> None:  # noqa: N802 - Twisted's name
        """Our own half close went out."""

    def connectionLost(self, reason: Failure | None = None) -> None:  # noqa: ARG002, N802 - Twisted's name and signature
        """It is gone. What is being written goes on: its answer waits under its control id."""
        if not self._closing:
            self._nothing_follows()
        self._tell_unfinished()
        self._closing = True
        for alarm in (self._late, self._end, self._idle, self._unread):
            alarm.off()
        self._slots.clear()
        self._link.left(self)

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The sender does not read its answers: take nothing more from it until it does."""
        self._full = True
        self._unread.set(self._options.unread_timeout_s)
        self._balance()

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """It has read them."""
        self._full = False
        self._unread.off()
        self._balance()

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The transport is done with us; ``connectionLost`` follows."""

    def _is_over(self) -> bool:
        return self._closing

    # -- blocks in

    def _take(self, token: Token) -> None:
        if isinstance(token, Garbage):
            self._collect(token)
            return
        if self._junk:
            self._flush_junk()
        self.heard_at = self._link.clock.seconds()
        if isinstance(token, Block):
            self.spoke = True
            self._link.block(token.payload, self._expect(len(token.payload)))
        elif isinstance(token, Spoiled):
            self._link.broken(token.payload, "hl7.control_character", self._expect(len(token.payload)))
        elif isinstance(token, TooLong):
            self._link.broken(token.data, "hl7.too_long", self._expect(len(token.data)))
        elif isinstance(token, MissingEnd):
            self._link.unframed(token.data, token.length, "cut off by a new start")

    def _collect(self, token: Garbage) -> None:
        """Pieces of garbage become one; a sender of nothing else is sent away."""
        room = SHOWN_BYTES - len(self._junk)
        self._junk += token.data[: max(0, room)]
        self._junk_length += token.length
        if self._junk_length > self._options.max_bytes:
            self.cut()

    def _flush_junk(self) -> None:
        if self._junk:
            self._link.unframed(bytes(self._junk), self._junk_length, "outside any block")
            self._junk.clear()
            self._junk_length = 0

    def _tell_unfinished(self) -> None:
        self._flush_junk()
        if self._framer.unfinished:
            begun = self._framer.reset()
            if begun:
                self._link.unframed(begun, len(begun), "not finished")

    def _nothing_follows(self) -> None:
        for token in self._framer.finish():
            self._take(token)

    # -- answers out, in order

    def _expect(self, size: int) -> Callable[[bytes], None]:
        slot = Slot(self, size)
        self._slots.append(slot)
        self._held += size
        if len(self._slots) >= self._options.in_flight or self._held > self._options.max_bytes:
            self._balance()
        return slot.answer

    def flush(self) -> None:
        """Send what is answered, in the order of the messages."""
        slots = self._slots
        while slots and (wire := slots[0].wire) is not None:
            self._held -= slots.popleft().size
            if wire and not self._closing:
                self.transport.write(wire)
        if self._paused:
            self._balance()
        if self._eof:
            self._end_when_answered()

    def _balance(self) -> None:
        """Read, or read no further for now. At least one message is always let in."""
        waits = len(self._slots)
        crowded = waits >= self._options.in_flight or (waits > 0 and self._held > self._options.max_bytes)
        wanted = self._full or self._deaf or crowded
        if wanted != self._paused and not self._closing and not self._eof:
            self._paused = wanted
            if wanted:
                self.transport.pauseProducing()
            else:
                self.transport.resumeProducing()

    # -- ends

    def stop(self) -> None:
        """Take nothing more; what was answered is flushed, then the connection ends."""
        if not self._closing:
            self._tell_unfinished()
            self._closing = True
            self.transport.unregisterProducer()
            self.transport.loseConnection()
            self._unread.set(LINGER_S)

    @property
    def waiting(self) -> int:
        """How many of its messages have no answer yet."""
        return len(self._slots)

    def deafen(self) -> None:
        """Take nothing more; what was taken is still answered."""
        self._deaf = True
        self._balance()

    def cut(self) -> None:
        """End it at once."""
        self._tell_unfinished()
        self._closing = True
        self.transport.abortConnection()

    def _end_when_answered(self) -> None:
        if self._eof and not self._slots:
            self.stop()

    def _check_idle(self) -> None:
        silent = self._link.clock.seconds() - self.heard_at
        if silent < self._options.idle_timeout_s:
            self._idle.set(self._options.idle_timeout_s - silent)
        else:
            self.stop()
