"""One connection to the host, kept up and signed on; answers are matched by type and trace number, never by order.

A message is written once. What comes for nobody, or does not verify, answers nothing: it is counted, and what waits goes on
waiting until its total deadline.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import structlog
from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from adapters.bank.iso8583 import faults
from adapters.bank.iso8583.frame import BadMessageError, Framer, Message
from middleware.domain.outcome import NotSent, Unknown

log = structlog.get_logger()

Key = tuple[str, str]
Heard = Message | NotSent | Unknown
MAX_LATE = 1000
ODD_LIMIT = 50  # answers in a row that are for nobody; then the line is made anew


@frozen(slots=True)
class LinkLimits:
    """The line's times and bounds, as ``options`` has them."""

    connect_s: float
    reply_timeout_s: float
    late_reply_s: float
    echo_s: float
    retry_first_s: float
    retry_most_s: float
    max_in_flight: int
    header: int


@frozen(slots=True)
class Speech:
    """What the line must be able to say and understand; the codec is not its business.

    ``read`` raises ``BadMessageError`` for what is no message or does not verify.
    """

    hello: Callable[[], tuple[Key, bytes]]
    echo: Callable[[], tuple[Key, bytes]]
    read: Callable[[bytes], Message]
    key_of: Callable[[Message], Key]
    welcomed: Callable[[Message], bool]


@define
class _Waiting:
    done: Deferred[Heard]
    late: Callable[[Message], None]
    limit: Any = field(default=None)


class _Wire(Protocol):
    """One connection: bytes in, bodies to the line."""

    def __init__(self, line: Line, header: int) -> None:
        self._line = line
        self._framer = Framer(header)
        self.over = False

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        set_no_delay = getattr(self.transport, "setTcpNoDelay", None)
        if set_no_delay is not None:
            set_no_delay(True)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        try:
            bodies = self._framer.feed(data)
        except BadMessageError as exc:
            self._line.spoiled(self, str(exc))
            return
        for body in bodies:
            if not self.over:
                self._line.heard(self, body)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802, ARG002 - Twisted's name and signature
        self.over = True
        self._line.lost(self)

    def write(self, data: bytes) -> None:
        if self.transport is not None:
            self.transport.write(data)

    def close(self) -> None:
        self.over = True
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]  # every stream transport of Twisted has it


class Line:
    """Kept up by itself from ``start`` to ``stop``. ``ask`` never raises and writes at most once."""

    def __init__(self, reactor: Any, host: str, port: int, limits: LinkLimits, speech: Speech) -> None:
        self._reactor = reactor
        self._limits = limits
        self._speech = speech
        kind = TCP6ClientEndpoint if ":" in host else TCP4ClientEndpoint
        self._endpoint = kind(reactor, host, port, timeout=limits.connect_s)
        self._wire: _Wire | None = None
        self._signed_on = False
        self._waiting: dict[Key, _Waiting] = {}
        self._late: OrderedDict[Key, Callable[[Message], None]] = OrderedDict()
        self._network: Key | None = None  # an 0800 of ours that waits for its 0810
        self._timer: Any = None
        self._connecting: Deferred[Any] | None = None
        self._failures = 0
        self._odd = 0
        self._running = False
        self.counted: Counter[str] = Counter()
        self.trouble = "not connected yet"

    @property
    def is_up(self) -> bool:
        """Connected and signed on."""
        return self._signed_on

    @property
    def in_flight(self) -> int:
        """Messages that wait for an answer."""
        return len(self._waiting)

    # -- its life

    def start(self) -> None:
        """Connect, and go on trying."""
        self._running = True
        self._connect()

    async def stop(self) -> None:
        """Connect no more; what waits is unknown."""
        self._running = False
        self._cancel_timer()
        self._end_all(faults.STOPPING)
        if self._connecting is not None:
            self._connecting.cancel()
        if self._wire is not None:
            self._wire.close()
            self.lost(self._wire)

    def _connect(self) -> None:
        self._timer = None
        if not self._running or self._wire is not None:
            return
        wire = _Wire(self, self._limits.header)
        factory = Factory.forProtocol(lambda: wire)
        factory.noisy = False
        connecting: Deferred[Any] = self._endpoint.connect(factory)
        self._connecting = connecting
        connecting.addCallbacks(lambda _: self._connected(wire), self._not_connected)

    def _connected(self, wire: _Wire) -> None:
        self._connecting = None
        if not self._running:
            wire.close()
            return
        self._wire = wire
        self._say(self._speech.hello())

    def _not_connected(self, failure: Failure) -> None:
        self._connecting = None
        self.trouble = type(failure.value).__name__
        self._again()

    def _again(self) -> None:
        if not self._running or self._timer is not None:
            return
        wait = min(self._limits.retry_most_s, self._limits.retry_first_s * 2 ** min(self._failures, 16))
        self._failures += 1
        self._timer = self._reactor.callLater(wait, self._connect)

    def _say(self, said: tuple[Key, bytes]) -> None:
        """An 0800: it must be answered in time, or the line is no line."""
        self._cancel_timer()
        self._network, data = said
        if self._wire is not None:
            self._wire.write(data)
            self._timer = self._reactor.callLater(self._limits.reply_timeout_s, self._silent)

    def _silent(self) -> None:
        self._timer = None
        if self._wire is not None:
            self.spoiled(self._wire, "no answer to 0800")

    def _echo(self) -> None:
        self._timer = None
        if self._signed_on:
            self._say(self._speech.echo())

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def sign_on_again(self) -> None:
        """The host does not know our key any more."""
        if self._wire is not None:
            self.spoiled(self._wire, "the host wants a sign-on")

    # -- what the wire tells

    def spoiled(self, wire: _Wire, why: str) -> None:
        """This connection is of no use any more."""
        self.counted["spoiled"] += 1
        log.warning("bank.line_spoiled", why=why)
        self.trouble = why
        wire.close()
        self.lost(wire)

    def lost(self, wire: _Wire) -> None:
        """The connection is gone: whatever waits may have been done."""
        if wire is not self._wire:
            return
        self._wire, self._signed_on, self._network = None, False, None
        self.trouble = self.trouble or "connection lost"
        self._cancel_timer()
        self._end_all(faults.LOST)
        self._again()

    def heard(self, wire: _Wire, body: bytes) -> None:
        """A message came."""
        try:
            message = self._speech.read(body)
        except BadMessageError as exc:
            self._count_odd(wire, str(exc))
            return
        key = self._speech.key_of(message)
        if key == self._network:
            self._network_answered(wire, message)
        elif (waiting := self._waiting.pop(key, None)) is not None:
            self._odd = 0
            waiting.limit.cancel()
            waiting.done.callback(message)
        elif (late := self._late.pop(key, None)) is not None:
            self.counted["late"] += 1
            late(message)
        else:
            self._count_odd(wire, "an answer for nobody")

    def _network_answered(self, wire: _Wire, message: Message) -> None:
        self._network = None
        self._cancel_timer()
        if not self._speech.welcomed(message):
            self.spoiled(wire, f"sign-on refused with {message.text(39)}")
            return
        self._signed_on, self._failures, self._odd, self.trouble = True, 0, 0, ""
        self._timer = self._reactor.callLater(self._limits.echo_s, self._echo)

    def _count_odd(self, wire: _Wire, why: str) -> None:
        self.counted["odd"] += 1
        self._odd += 1
        log.warning("bank.answer_unused", why=why)
        if self._odd > ODD_LIMIT:
            self.spoiled(wire, "too many answers for nobody")

    # -- asking

    def ask(
        self, key: Key, data: bytes, on_first_byte: Callable[[], None], on_late: Callable[[Message], None]
    ) -> Deferred[Heard]:
        """Write ``data`` once; fires with the answer under ``key``, or with why there is none."""
        done: Deferred[Heard] = Deferred()
        if self._wire is None or not self._signed_on:
            done.callback(faults.unreachable(self.trouble))
        elif len(self._waiting) >= self._limits.max_in_flight or key in self._waiting:
            done.callback(faults.busy())
        else:
            self._late.pop(key, None)
            waiting = self._waiting[key] = _Waiting(done, on_late)
            waiting.limit = self._reactor.callLater(self._limits.reply_timeout_s, self._timed_out, key, waiting)
            on_first_byte()
            self._wire.write(data)
        return done

    def _timed_out(self, key: Key, waiting: _Waiting) -> None:
        if self._waiting.get(key) is not waiting:
            return
        del self._waiting[key]
        if self._limits.late_reply_s:
            self._late[key] = waiting.late
            while len(self._late) > MAX_LATE:
                self._late.popitem(last=False)
            self._reactor.callLater(self._limits.late_reply_s, self._forget, key, waiting.late)
        waiting.done.callback(faults.TIMED_OUT)

    def _forget(self, key: Key, late: Callable[[Message], None]) -> None:
        if self._late.get(key) is late:
            del self._late[key]

    def _end_all(self, outcome: Unknown) -> None:
        waiting, self._waiting = self._waiting, {}
        for one in waiting.values():
            one.limit.cancel()
            one.done.callback(outcome)
