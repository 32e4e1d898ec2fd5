"""One POST on Twisted's HTTP client: never tried twice, every bound held, and always known whether a byte left."""

# Twisted annotates parts of itself only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

from attrs import field, frozen
from OpenSSL.SSL import Error as TLSError
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IConsumer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool, ResponseDone, ResponseFailed
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer, IResponse
from zope.interface import implementer

from adapters.insurance.exchange.frame import HttpReply
from adapters.insurance.exchange.line import Guard, Line
from adapters.insurance.exchange.options import CentreOptions


class Lost(Exception):  # noqa: N818 - it says what is so; the link makes an outcome of it
    """The exchange ended without a whole reply. ``cause`` is one of domain.outcome.CAUSES."""

    def __init__(self, cause: str, detail: str = "") -> None:
        self.cause = cause
        self.detail = detail
        super().__init__(cause)


@frozen(slots=True)
class Message:
    """What is posted. Neither bytes nor headers, a gateway's signature among them, show themselves.

    ``address`` is relative to the centre's; "" is the centre's own. ``reply_bytes``: how long its answer may be.
    """

    body: bytes = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    address: str = ""
    reply_bytes: int = 0


class Wire:
    """The connections to the centre, kept briefly, never used again once anything about them is doubtful."""

    def __init__(self, options: CentreOptions, reactor: Any) -> None:
        self.options = options
        self.reactor = reactor
        self.line = Line(options, reactor)
        self._pool = HTTPConnectionPool(reactor, persistent=True)
        self._pool.retryAutomatically = False  # a money call is never sent twice
        self._pool.maxPersistentPerHost = options.idle_connections
        idle_s: Any = options.idle_s  # inferred as an int from its default
        self._pool.cachedConnectionTimeout = idle_s

    def start(self) -> None:
        """Ready to connect."""
        self.line.start()

    async def stop(self) -> None:
        """Cut everything; nothing of it runs afterwards."""
        closing = self._pool.closeCachedConnections()
        self.line.stop()
        await closing

    async def connection(self) -> Any:
        """A connection for one request: a kept one that is surely alive, else a new one."""
        while True:
            connection: Any = await self._pool.getConnection("centre", self.line)
            guard: Guard = connection.transport
            if not guard.used or not guard.is_stale():
                return connection
            guard.abort()  # nothing was sent on it; take the next


@implementer(IBodyProducer)
class _Payload:
    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:  # noqa: N802 - Twisted's name
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """All is written at once."""

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The same."""

    resumeProducing = pauseProducing  # noqa: N815 - Twisted's name


class _ThisConnection:
    """The pool that Agent is given for one request: the connection that was already chosen and armed."""

    persistent = True

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def getConnection(self, _key: object, _endpoint: object) -> Deferred[Any]:  # noqa: N802 - Twisted's name
        return succeed(self._connection)


class _Collector(Protocol):
    """The body, up to a bound."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self.done: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        self._size += len(data)
        if self._size > self._limit:
            self._parts.clear()
            self._finish(Failure(Lost("too-long", f"more than {self._limit} bytes")))
        else:
            self._parts.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's name
        # PotentialDataLoss: no length was given, the end of the connection is the end of the body; XML says if it is whole.
        if reason.check(ResponseDone, PotentialDataLoss):
            self._finish(b"".join(self._parts))
        else:
            self._finish(Failure(Lost("connection-lost", "cut in the reply")))

    def _finish(self, result: Any) -> None:
        if not self.done.called:
            self.done.callback(result)


def _header(response: IResponse, name: bytes) -> str:
    values = response.headers.getRawHeaders(name) or [b""]
    return str(values[0].decode("latin-1"))


class Exchange:
    """One request and its reply. ``sent`` says whether a byte may have left; ``run`` is called once."""

    def __init__(self, wire: Wire, message: Message, on_first_byte: Callable[[], None]) -> None:
        self._wire = wire
        self._message = message
        self._on_first_byte = on_first_byte
        self._guard: Guard | None = None
        self._connecting: Deferred[Any] | None = None
        self._ended_by: Lost | None = None
        self.sent = False

    def abort(self, cause: str, detail: str = "") -> None:
        """End it now, wherever it stands; ``run`` then raises ``Lost(cause)``."""
        if self._ended_by is None:
            self._ended_by = Lost(cause, detail)
        if self._guard is not None:
            self._guard.abort()
        elif self._connecting is not None:
            self._connecting.cancel()

    async def run(self) -> HttpReply:
        """The whole reply, or ``Lost``. What ``on_first_byte`` raises is raised here, with nothing sent."""
        try:
            connection = await self._connect()
            response = await self._request(connection)
            return await self._reply(response)
        except Lost as lost:
            raise self._ended_by or lost from None
        except ResponseFailed as failed:
            raise self._ended_by or self._failed(failed) from None
        except (CancelledError, ConnectionLost, ConnectionDone, ConnectionAborted, OSError, TLSError) as exc:
            raise self._ended_by or Lost("connection-lost", type(exc).__name__) from None
        except Exception as exc:  # noqa: BLE001 - from endpoint, TLS or parser: each ends as an outcome
            if self._guard is None:  # a connect error of any kind: no byte left
                raise self._ended_by or Lost("connection-lost", type(exc).__name__) from None
            raise self._ended_by or self._generation_failed(exc) from None

    async def _connect(self) -> Any:
        if self._ended_by is not None:
            raise self._ended_by
        self._connecting = Deferred.fromCoroutine(self._wire.connection())
        limit = self._wire.reactor.callLater(
            self._wire.options.connect_s, self.abort, "connection-lost", "no connection in time"
        )
        try:
            connection = await self._connecting
        finally:
            self._connecting = None
            if limit.active():
                limit.cancel()
        guard: Guard = connection.transport
        self._guard = guard
        return connection

    async def _request(self, connection: Any) -> IResponse:
        guard: Any = self._guard
        guard.arm(self._first_byte, self._limit)
        agent: Any = Agent.usingEndpointFactory(self._wire.reactor, self._wire.line, pool=_ThisConnection(connection))
        headers = Headers({b"User-Agent": [b"yikatong"]})
        for name, value in self._message.headers:
            headers.setRawHeaders(name, [value])
        url = urljoin(self._wire.options.url, self._message.address).encode()
        response: IResponse = await agent.request(b"POST", url, headers, _Payload(self._message.body))
        return response

    @property
    def _limit(self) -> int:
        return self._message.reply_bytes or self._wire.options.max_body_bytes

    def _first_byte(self) -> None:
        self._on_first_byte()
        self.sent = True

    async def _reply(self, response: IResponse) -> HttpReply:
        limit = self._limit
        if response.length is not UNKNOWN_LENGTH and response.length > limit:
            self.abort("too-long", f"more than {limit} bytes announced")
        collector = _Collector(limit)
        response.deliverBody(collector)
        try:
            body = await collector.done
        except Lost:
            if self._guard is not None:
                self._guard.abort()
            raise
        return HttpReply(int(response.code), _header(response, b"Content-Type"), body, _header(response, b"Date"))

    def _failed(self, failed: ResponseFailed) -> Lost:
        if self._guard is not None and self._guard.too_long:
            return Lost("too-long", "the head of the reply")
        ends = (ConnectionDone, ConnectionLost, ConnectionAborted, PotentialDataLoss, ResponseDone)
        if all(reason.check(*ends) for reason in failed.reasons):
            return Lost("connection-lost", "cut before the reply")
        return Lost("unreadable", "the reply is not HTTP")

    @staticmethod
    def _generation_failed(exc: Exception) -> Exception:
        reasons = getattr(exc, "reasons", ())
        inner = reasons[0].value if reasons else exc
        if isinstance(inner, (ConnectionDone, ConnectionLost, ConnectionAborted)):
            return Lost("connection-lost", "cut in the request")
        return inner if isinstance(inner, Exception) else exc
