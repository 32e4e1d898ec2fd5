"""The socket door on the wire: connections, their bounds and their clocks. What a line means is ``dispatch``."""

from __future__ import annotations

import socket
import struct
from typing import Any, cast

import structlog
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol, IPushProducer, ISSLTransport
from twisted.internet.protocol import Factory
from twisted.internet.protocol import Protocol as WireProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from middleware.domain.fault import Fault
from middleware.doors.alarm import Alarm
from middleware.doors.local_api.dispatch import Dispatcher, Reply
from middleware.doors.local_api.frame import LineFramer
from middleware.doors.local_api.options import LocalApiOptions
from middleware.doors.local_api.session import Session
from middleware.ports import Clock

log = structlog.get_logger()

# After our last answer a client that still sends is listened to, deaf, for so long: closing at once would make its
# kernel throw away the answer it has not read (TCP answers unread bytes with a reset).
LINGER_S = 2.0


@implementer(IHalfCloseableProtocol, IPushProducer)
class LineConnection(WireProtocol):
    """One client. Reads no further while the client leaves its answers unread, so memory has a bound on both sides."""

    transport: Any

    def __init__(self, door: LineDoor, number: int) -> None:
        self._door = door
        self._options = door.options
        self._framer = LineFramer()
        self._number = number
        self._session: Session | None = None
        self._closing = False
        self._gone = False
        self._eof = False
        self._full = False  # the client does not read: the transport asked us to wait
        self._unread = 0
        self._last_heard = door.clock.seconds()
        self._hello_alarm = Alarm(door.clock, self._no_hello)
        self._line_alarm = Alarm(door.clock, self._line_late)
        self._idle_alarm = Alarm(door.clock, self._check_idle)
        self._unread_alarm = Alarm(door.clock, self._unread_late)
        self._linger_alarm = Alarm(door.clock, self._abort)

    # -- what the transport tells us

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """A client came: it has so long to say who it is."""
        self._session = Session(number=self._number, peer=peer_of(self.transport), send=self._send)
        self.transport.registerProducer(self, True)
        if not self._door.admit(self):
            self._end(self._door.dispatcher.refuse(self._session, Fault("system.busy", "too many connections")))
            return
        self._hello_alarm.set(self._options.hello_timeout_s)
        self._idle_alarm.set(self._options.idle_timeout_s)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Bytes came."""
        if not self._closing:
            self._framer.feed(data)
            self._pump()

    def readConnectionLost(self) -> None:  # noqa: N802 - Twisted's name
        """The client sends no more, but may wait for what it asked: answer that, then end."""
        self._eof = True
        if self._closing:
            self.transport.loseConnection()  # both sides have said their last word
        else:
            self._end_when_answered()

    def writeConnectionLost(self) -> None:  # noqa: N802 - Twisted's name
        """Our own half close went out."""

    def connectionLost(self, reason: Failure | None = None) -> None:  # noqa: ARG002, N802 - Twisted's name and signature
        """The connection is gone, requests in flight go on: their answer waits under their key."""
        self._gone = True
        self._closing = True
        for alarm in (self._hello_alarm, self._line_alarm, self._idle_alarm, self._unread_alarm, self._linger_alarm):
            alarm.off()
        self._framer.clear()
        if self._session is not None:
            self._session.close()
        self._door.left(self)

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The client does not read: take nothing more from it until it does."""
        self._full = True
        if not self._closing:
            self.transport.pauseProducing()
            self._line_alarm.off()
            self._unread_alarm.set(self._options.unread_timeout_s)

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """It has read everything."""
        self._full = False
        self._unread = 0
        self._unread_alarm.off()
        if not self._closing:
            self.transport.resumeProducing()
            self._pump()
            self._end_when_answered()

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The transport is done with us; ``connectionLost`` follows."""

    # -- lines

    def _pump(self) -> None:
        session = self._session
        assert session is not None  # noqa: S101 - set in connectionMade, before any byte
        while not self._closing and not self._full:
            limit = self._options.line_bytes if session.caller else self._options.hello_line_bytes
            try:
                line = self._framer.next_line(limit)
            except Fault as fault:
                self._end(self._door.dispatcher.refuse(session, fault))
                return
            if line is None:
                break
            self._line_alarm.off()
            self._last_heard = self._door.clock.seconds()
            self._begin(session, line)
        self._watch_line()

    def _begin(self, session: Session, line: bytes) -> None:
        answer = Deferred.fromCoroutine(self._door.dispatcher.answer(session, line))
        answer.addCallbacks(self._answered, self._broken)  # a result may be here already, or come in minutes

    def _answered(self, reply: Reply) -> None:
        self._last_heard = self._door.clock.seconds()
        if self._session is not None and self._session.caller is not None:
            self._hello_alarm.off()
        if reply.close:
            self._end(reply.line)
            return
        self._send(reply.line)
        self._end_when_answered()

    def _broken(self, failure: Failure) -> None:
        log.error("api.broken", error=type(failure.value).__name__, connection=self._number)
        self._abort()

    def _watch_line(self) -> None:
        if self._closing or self._full or not self._framer.partial:
            self._line_alarm.off()
        elif not self._line_alarm.is_set:
            self._line_alarm.set(self._options.line_timeout_s)

    def _send(self, line: bytes) -> None:
        if self._closing:
            return
        if self._full:
            self._unread += len(line)
            if self._unread > self._options.unread_bytes:
                self._unread_late()
                return
        self.transport.write(line)

    # -- ends

    def stop(self) -> None:
        """The daemon stops: what is answered is flushed, then the connection ends."""
        if not self._closing:
            self._end(b"")

    def _end(self, last_line: bytes) -> None:
        """Say the last word and go, so that the client can still read it."""
        if self._closing:
            return
        self._closing = True
        self._framer.clear()
        for alarm in (self._hello_alarm, self._line_alarm, self._idle_alarm, self._unread_alarm):
            alarm.off()
        self.transport.unregisterProducer()
        if last_line:
            self.transport.write(last_line)
        self._linger_alarm.set(LINGER_S)
        if self._eof or not last_line or ISSLTransport.providedBy(self.transport):
            self.transport.loseConnection()  # TLS has no half close, only its own good-bye
        else:
            self.transport.resumeProducing()  # deaf, not blind: we must see the client go
            self.transport.loseWriteConnection()

    def _end_when_answered(self) -> None:
        if (
            self._eof
            and not self._closing
            and not self._full
            and self._session is not None
            and self._session.in_flight == 0
        ):
            self._end(b"")

    def _abort(self) -> None:
        if not self._gone:
            self.transport.abortConnection()

    def _no_hello(self) -> None:
        assert self._session is not None  # noqa: S101 - the alarm is set after the session
        fault = Fault("access.no_session", f"no session within {self._options.hello_timeout_s:g} s")
        self._end(self._door.dispatcher.refuse(self._session, fault))

    def _line_late(self) -> None:
        assert self._session is not None  # noqa: S101 - the alarm is set after the session
        fault = Fault("request.not_json", f"the line did not end within {self._options.line_timeout_s:g} s")
        self._end(self._door.dispatcher.refuse(self._session, fault))

    def _check_idle(self) -> None:
        assert self._session is not None  # noqa: S101 - the alarm is set after the session
        silent = self._door.clock.seconds() - self._last_heard
        if not self._session.quiet:
            self._idle_alarm.set(self._options.idle_timeout_s)
        elif silent < self._options.idle_timeout_s:
            self._idle_alarm.set(self._options.idle_timeout_s - silent)
        else:
            log.info("api.idle", connection=self._number)
            self._end(b"")

    def _unread_late(self) -> None:
        log.warning("api.unread", connection=self._number, bytes=self._unread)
        self._abort()


class LineDoor(Factory):
    """All connections of the socket door, whatever listener they came by."""

    noisy = False

    def __init__(self, dispatcher: Dispatcher, options: LocalApiOptions, clock: Clock) -> None:
        self.dispatcher = dispatcher
        self.options = options
        self.clock = clock
        self._numbers = 0
        self.connections: set[LineConnection] = set()

    def buildProtocol(self, addr: IAddress | None) -> LineConnection:  # noqa: ARG002, N802 - Twisted's name and signature
        """A connection for a client that was accepted."""
        self._numbers += 1
        connection = LineConnection(self, self._numbers)
        connection.factory = cast("Any", self)
        return connection

    def admit(self, connection: LineConnection) -> bool:
        """Whether there is room for one more."""
        if len(self.connections) >= self.options.connections:
            return False
        self.connections.add(connection)
        return True

    def left(self, connection: LineConnection) -> None:
        """It is gone."""
        self.connections.discard(connection)


def peer_of(transport: Any) -> str:
    """Who connected, for the log: "unix uid=33 pid=812" or "tcp 127.0.0.1"."""
    peer = transport.getPeer()
    host = getattr(peer, "host", None)
    if host is not None:
        return f"tcp {host}"
    try:
        raw = transport.getHandle().getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    except (AttributeError, OSError):
        return "unix"
    pid, uid, _gid = struct.unpack("3i", raw)
    return f"unix uid={uid} pid={pid}"
