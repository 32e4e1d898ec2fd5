"""One persistent MLLP connection to the HIS: kept up, asked in order, and believed only about the message it names.

An answer belongs to a message when its MSA-2 is that message's MSH-10, and to nothing otherwise: a late answer, an answer
for another, garbage and an unfinished block are logged and counted, and the message in flight goes on waiting
(connect#1441: an engine took the late ACK of one message for the next).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import structlog
from attrs import frozen
from twisted.internet import defer
from twisted.internet.interfaces import IAddress, IHandshakeListener, IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from adapters.his.hl7v2 import faults
from adapters.his.hl7v2.machine import LinkInputs, LinkMachine
from adapters.his.hl7v2.mapping import Ack
from adapters.his.hl7v2.tables import COMMIT_ACCEPTED
from middleware.domain.fault import Fault
from middleware.domain.outcome import NotSent, Unknown
from middleware.hl7.blocks import Block, Framer, Garbage, MissingEnd, wrap
from middleware.listening import notice_when_gone

log = structlog.get_logger()

REMEMBERED_IDS = 256  # control ids given up, kept to tell a late answer from a stranger's
ODD_LIMIT = 100  # blocks and junk in a row that answer nothing; then the link is made anew, after a wait
JITTER = 0.25  # share of a wait by which it may be longer or shorter

Sent = Ack | NotSent | Unknown


@frozen(slots=True)
class LinkLimits:
    """The link's times and bounds, as ``options`` has them."""

    secure: bool
    connect_timeout_s: float
    ack_timeout_s: float
    retry_first_s: float
    retry_most_s: float
    silent_limit: int
    max_in_flight: int
    max_waiting: int
    max_frame_bytes: int
    answers_twice: bool = False  # CA says only that it was received


@implementer(IHandshakeListener)
class _Wire(Protocol):
    """One connection: bytes in, tokens to the link.

    ``ready`` fires when a message may leave: over TLS not before the HIS has proved who it is.
    """

    def __init__(self, link: MllpLink, limits: LinkLimits) -> None:
        self.framer = Framer(limits.max_frame_bytes)
        self.ready: defer.Deferred[_Wire] = defer.Deferred(self._ready_cancelled)
        self._link = link
        self._secure = limits.secure
        self._over = False

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        notice_when_gone(self.transport)
        if not self._secure:
            self.ready.callback(self)

    def handshakeCompleted(self) -> None:  # noqa: N802 - Twisted's name
        self.ready.callback(self)

    def _ready_cancelled(self, ready: defer.Deferred[_Wire]) -> None:
        del ready
        self.close()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        for token in self.framer.feed(data):
            if self._over:  # given up: what is still on its way answers nothing
                return
            if isinstance(token, Block):
                self._link.block_received(token.payload)
            else:
                self._link.junk_received(token)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's name
        if not self.ready.called:
            self.ready.errback(reason)
        self._link.wire_lost(self, reason)

    def write(self, payload: bytes) -> None:
        if self.transport is not None:
            self.transport.write(wrap(payload))

    def close(self) -> None:
        self._over = True
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]  # every stream transport of Twisted has it


def _when_ready(wire: Any) -> defer.Deferred[_Wire]:
    ready: defer.Deferred[_Wire] = wire.ready
    return ready


class _WireFactory(Factory):
    noisy = False

    def __init__(self, link: MllpLink, limits: LinkLimits) -> None:
        self._link = link
        self._limits = limits

    def buildProtocol(self, addr: IAddress | None) -> _Wire:  # noqa: N802 - Twisted's name
        del addr
        return _Wire(self._link, self._limits)


class MllpLink:
    """Sends one message at a time (or as many as allowed) and says how each ended.

    ``endpoint`` connects, ``read_ack`` reads an answer (or raises ``Fault``), ``chance`` gives 0..1 for the jitter.
    """

    def __init__(
        self,
        clock: IReactorTime,
        endpoint: IStreamClientEndpoint,
        limits: LinkLimits,
        read_ack: Callable[[bytes], Ack],
        chance: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._endpoint = endpoint
        self._limits = limits
        self._read_ack = read_ack
        self._chance = chance
        self._machine: LinkInputs = LinkMachine(self)
        self._wire: _Wire | None = None
        self._attempt: defer.Deferred[Any] | None = None
        self._retry: Any = None
        self._failures = 0
        self._silent = 0
        self._odd_in_a_row = 0
        self._turns = defer.DeferredSemaphore(limits.max_in_flight)
        self._waiting = 0
        self._pending: dict[str, defer.Deferred[Sent]] = {}
        self._timers: dict[str, Any] = {}
        self._given_up: deque[str] = deque(maxlen=REMEMBERED_IDS)
        self._attempt_waiters: list[defer.Deferred[None]] = []
        self._closed: defer.Deferred[None] | None = None
        self._stopping = False
        self.counts: Counter[str] = Counter()
        self.detail = "not started"

    # -- life

    def start(self) -> None:
        """Begin to connect, and keep at it."""
        self._machine.start()

    async def stop(self) -> None:
        """End now: what waits for an answer becomes ``Unknown("stopping")``."""
        self._stopping = True
        wire = self._wire
        for control_id in list(self._pending):
            self._finish(control_id, Unknown("stopping"))
        if wire is not None:
            self._closed = defer.Deferred()
        self._machine.stop()
        self._release_waiters()
        if self._closed is not None:
            await self._closed

    @property
    def condition(self) -> str:
        """The connection's state: idle, connecting, linked, waiting, ended."""
        return self._machine.condition()

    @property
    def load(self) -> int:
        """Messages that wait for their turn or their answer."""
        return self._waiting + len(self._pending)

    # -- what callers do

    async def send(self, control_id: str, payload: bytes) -> Sent:
        """Send one message in its turn; ends in bounded time and never raises."""
        if self._stopping:
            return NotSent("system.stopping", "his link")
        if self._waiting >= self._limits.max_waiting:
            return NotSent("system.busy", "his link: too many messages wait")
        self._waiting += 1
        turn = self._turns.acquire()
        turn.addTimeout(self._limits.ack_timeout_s, self._clock)
        try:
            await turn
        except defer.TimeoutError:
            return NotSent("system.busy", "his link: no turn in time")
        finally:
            self._waiting -= 1
        try:
            return await self._exchange(control_id, payload)
        finally:
            self._turns.release()

    async def _exchange(self, control_id: str, payload: bytes) -> Sent:
        if self.condition == "connecting":
            attempt_over: defer.Deferred[None] = defer.Deferred()
            self._attempt_waiters.append(attempt_over)
            await attempt_over
        if self._stopping:
            return NotSent("system.stopping", "his link")
        if self._wire is None:
            return NotSent("his.unreachable", self.detail)
        if control_id in self._pending:
            return NotSent("system.busy", "his link: this message is in flight")
        answer: defer.Deferred[Sent] = defer.Deferred()
        self._pending[control_id] = answer
        self._timers[control_id] = self._clock.callLater(self._limits.ack_timeout_s, self._timed_out, control_id)
        self.counts["sent"] += 1
        self._wire.write(payload)
        result = await answer
        timer = self._timers.pop(control_id)
        if timer.active():
            timer.cancel()
        return result

    def _finish(self, control_id: str, result: Sent) -> None:
        answer = self._pending.pop(control_id)
        if not isinstance(result, Ack):
            self._given_up.append(control_id)
        answer.callback(result)

    def _timed_out(self, control_id: str) -> None:
        self.counts["timed_out"] += 1
        self._silent += 1
        log.warning("his.ack.timed_out", control_id=control_id, silent=self._silent)
        wire = self._wire
        if wire is not None and wire.framer.unfinished:
            # An answer began and its end block never came: it is dropped, so that it cannot become part of the next.
            wire.framer.reset()
            self._count("missing_end_block")
        renew = wire is not None and self._silent >= self._limits.silent_limit
        timed_out = self._pending.pop(control_id)
        self._given_up.append(control_id)
        if wire is not None and renew:
            # First the state, then the caller: what is told here may send the next message at once.
            log.warning("his.link.renewed", silent=self._silent)
            self._silent = 0
            self._forget(wire, "renewed after silence")
            wire.close()
        timed_out.callback(Unknown("time-out"))

    # -- what the wire tells

    def block_received(self, payload: bytes) -> None:
        """One whole block: an answer to a message in flight, or nothing to anybody."""
        try:
            ack = self._read_ack(payload)
        except Fault as fault:
            self._odd("unreadable", length=len(payload), detail=fault.detail)
            return
        if ack.control_id in self._pending and self._limits.answers_twice and ack.code == COMMIT_ACCEPTED:
            # The HIS has it and has not done it: what it says of that comes later, and its time begins now.
            self.counts["committed"] += 1
            self._silent = self._odd_in_a_row = 0
            self._timers[ack.control_id].reset(self._limits.ack_timeout_s)
        elif ack.control_id in self._pending:
            self.counts["acked"] += 1
            self._silent = self._failures = self._odd_in_a_row = 0
            self._finish(ack.control_id, ack)
        elif ack.control_id in self._given_up:
            self._odd("late_ack", control_id=ack.control_id, code=ack.code[:2])
        else:
            # Its id is a stranger's text: only its length is safe to tell.
            self._odd("foreign_ack", id_length=len(ack.control_id), code=ack.code[:2])

    def junk_received(self, token: Any) -> None:
        """Bytes that are no block."""
        names = {Garbage: "garbage", MissingEnd: "missing_end_block"}
        self._odd(names.get(type(token), "too_long"), length=token.length)

    def wire_lost(self, wire: _Wire, reason: Failure) -> None:
        """The connection ended."""
        if wire is self._wire:
            self._forget(wire, faults.lost_detail(reason))
        if self._closed is not None:
            closed, self._closed = self._closed, None
            closed.callback(None)

    def _forget(self, wire: _Wire, detail: str) -> None:
        """This connection is no more: tell the machine first, then everybody whose answer it took along."""
        self._wire = None
        self.detail = detail
        if wire.framer.unfinished:
            self._count("missing_end_block")
        self.counts["lost"] += 1
        log.info("his.link.lost", in_flight=len(self._pending), detail=detail)
        self._machine.link_lost()
        for control_id in list(self._pending):
            self._finish(control_id, Unknown("connection-lost"))

    def _odd(self, name: str, **safe: object) -> None:
        """Count it; a HIS that says nothing else is left for a while, so that it cannot fill the log."""
        self._count(name, **safe)
        self._odd_in_a_row += 1
        if self._odd_in_a_row >= ODD_LIMIT and self._wire is not None:
            self._odd_in_a_row = 0
            wire = self._wire
            self._forget(wire, "too much that answers nothing")
            wire.close()

    def _count(self, name: str, **safe: object) -> None:
        self.counts[name] += 1
        log.warning("his.link.odd", what=name, **safe)

    # -- what the machine makes happen

    def open_attempt(self) -> None:
        """See :class:`Supervisor`."""
        attempt = self._endpoint.connect(_WireFactory(self, self._limits))
        self._attempt = attempt.addCallback(_when_ready)
        # Connecting has its own time-out; this one also ends a handshake that never does.
        self._attempt.addTimeout(2 * self._limits.connect_timeout_s, self._clock)
        self._attempt.addCallbacks(self._attempt_succeeded, self._attempt_failed)

    def _attempt_succeeded(self, wire: Any) -> None:
        self._attempt = None
        self._wire = wire
        self.detail = ""
        self.counts["connected"] += 1
        log.info("his.link.connected")
        self._machine.attempt_succeeded()
        self._release_waiters()

    def _attempt_failed(self, failure: Failure) -> None:
        self._attempt = None
        self.detail = faults.connect_detail(failure)
        self.counts["refused"] += 1
        if not self._stopping:
            log.warning("his.link.unreachable", detail=self.detail, attempt=self._failures + 1)
        self._machine.attempt_failed()
        self._release_waiters()

    def _release_waiters(self) -> None:
        waiters, self._attempt_waiters = self._attempt_waiters, []
        for waiter in waiters:
            waiter.callback(None)

    def cancel_attempt(self) -> None:
        """See :class:`Supervisor`."""
        if self._attempt is not None:
            self._attempt.cancel()

    def schedule_retry(self) -> None:
        """See :class:`Supervisor`. The wait doubles until an answer has come: a HIS that accepts and hangs up is no HIS."""
        wait = min(self._limits.retry_most_s, self._limits.retry_first_s * 2 ** min(self._failures, 30))
        wait *= 1 + JITTER * (2 * self._chance() - 1)
        self._failures += 1
        self._retry = self._clock.callLater(wait, self._retry_now)

    def _retry_now(self) -> None:
        self._retry = None
        self._machine.retry_due()

    def cancel_retry(self) -> None:
        """See :class:`Supervisor`."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def close_link(self) -> None:
        """See :class:`Supervisor`."""
        if self._wire is not None:
            self._wire.close()
