"""The way to the centre: threads for names, TCP, TLS, and the guard that knows when a first byte leaves."""

# Twisted annotates parts of itself only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import functools
import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint, wrapClientTLS
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IHandshakeListener, IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import connectionDone
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from twisted.internet.threads import deferToThreadPool
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from twisted.web.client import URI
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from adapters.insurance.exchange.options import CentreOptions

MAX_HEAD_BYTES = 1 << 16  # of a reply: status line, headers, chunk sizes


def own_threads(name: str, count: int) -> ThreadPool:
    """A bounded pool of our own; its threads never hold up the end of the process."""
    pool = ThreadPool(0, count, name)
    make_thread: Any = functools.partial(threading.Thread, daemon=True)
    pool.threadFactory = make_thread  # the hook that Twisted gives, annotated as the class itself
    return pool


@implementer(IHandshakeListener)
class Guard(ProtocolWrapper):
    """Between the HTTP protocol and its transport: tells of the first byte, counts what comes in, waits for TLS.

    Everything the HTTP protocol writes passes here, so "no byte has left" is a fact and not a guess.
    """

    def __init__(self, factory: Any, wrapped: IProtocol) -> None:
        super().__init__(factory, wrapped)
        self.secured: Deferred[None] = Deferred()
        self.used = False
        self.too_long = False
        self._before_first_byte: Callable[[], None] | None = None
        self._budget = MAX_HEAD_BYTES

    def arm(self, before_first_byte: Callable[[], None], max_body_bytes: int) -> None:
        """Prepare for one request: call back before its first byte, and cut a reply longer than the bound."""
        self.used = True
        self._before_first_byte = before_first_byte
        self._budget = max_body_bytes + MAX_HEAD_BYTES

    def write(self, data: bytes) -> None:
        """Called by the HTTP protocol."""
        self._tell()
        super().write(data)

    def writeSequence(self, data: Any) -> None:  # noqa: N802 - Twisted's name
        """Called by the HTTP protocol: a request's head comes this way."""
        self._tell()
        super().writeSequence(data)

    def _tell(self) -> None:
        before, self._before_first_byte = self._before_first_byte, None
        if before is not None:
            before()  # what it raises stops the request while nothing of it has left

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Bytes of the reply, counted before the HTTP parser keeps them: it bounds neither headers nor body itself."""
        self._budget -= len(data)
        if self._budget < 0:
            self.too_long = True
            self.abortConnection()
            return
        super().dataReceived(data)

    def handshakeCompleted(self) -> None:  # noqa: N802 - Twisted's name
        """TLS stands: from now on bytes may leave."""
        if not self.secured.called:
            self.secured.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's name
        """The end, also of a handshake that failed."""
        if not self.secured.called:
            self.secured.errback(reason)
            self.secured.addErrback(lambda _: None)
        super().connectionLost(reason)

    def abort(self) -> None:
        """Cut at once; no polite TLS goodbye that a mute peer could hold up."""
        if self.wrappedProtocol is not None:
            self.abortConnection()

    def is_stale(self) -> bool:
        """Whether a kept connection was closed, or holds bytes nobody asked for, unseen by the reactor as yet."""
        transport: Any = self.transport
        handle = transport.getHandle()
        if not isinstance(handle, socket.socket):
            handle = getattr(transport, "transport", transport).getHandle()
        if not isinstance(handle, socket.socket):
            return False
        try:
            handle.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True
        return True  # an end of stream, or bytes outside any reply: neither may carry a new request


class _GuardFactory(WrappingFactory[Guard]):
    protocol = Guard
    noisy = False

    def __init__(self, wrapped: Any, guards: set[Guard]) -> None:
        super().__init__(wrapped)
        self._guards = guards

    def registerProtocol(self, p: Guard) -> None:  # noqa: N802 - Twisted's name
        self._guards.add(p)

    def unregisterProtocol(self, p: Guard) -> None:  # noqa: N802 - Twisted's name
        self._guards.discard(p)


@implementer(IStreamClientEndpoint, IAgentEndpointFactory)
class Line:
    """The way to the centre: name, TCP, TLS. A connection is given out only when the TLS handshake is done."""

    def __init__(self, options: CentreOptions, reactor: Any) -> None:
        self._options = options
        self._reactor = reactor
        self.uri = URI.fromBytes(options.url.encode())
        self.guards: set[Guard] = set()
        self._names = own_threads("centre-names", 1)
        self._tls = self._client_tls() if self.uri.scheme == b"https" else None

    def _client_tls(self) -> Any:
        host = self.uri.host.decode()
        if self._options.ca_file is None:
            return optionsForClientTLS(host)
        authority = Certificate.loadPEM(self._options.ca_file.read_bytes())
        return optionsForClientTLS(host, trustRoot=trustRootFromCertificates([authority]))

    def start(self) -> None:
        """Have the thread that looks names up."""
        self._names.start()

    def stop(self) -> None:
        """Cut every connection. A name look-up that hangs is left to its daemon thread."""
        for guard in list(self.guards):
            guard.abort()
        threading.Thread(target=self._names.stop, daemon=True).start()

    def endpointForURI(self, uri: URI) -> Line:  # noqa: ARG002, N802 - Twisted's Agent asks; there is one centre
        """Self: one centre, one line."""
        return self

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803 - Twisted's name
        """A connected, and where wanted secured, protocol."""
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        last: Exception = ConnectionLost()
        for family, address in await self._addresses():
            kind = TCP6ClientEndpoint if family == socket.AF_INET6 else TCP4ClientEndpoint
            endpoint: Any = kind(self._reactor, address, self.uri.port, timeout=self._options.connect_s)
            if self._tls is not None:
                endpoint = wrapClientTLS(self._tls, endpoint)
            try:
                guard: Guard = await endpoint.connect(_GuardFactory(factory, self.guards))
            except CancelledError:
                raise
            except Exception as exc:  # noqa: BLE001 - whatever it was, the next address may do
                last = exc
                continue
            try:
                if self._tls is not None:
                    await guard.secured
            except BaseException:
                guard.abort()
                raise
            protocol: IProtocol = guard.wrappedProtocol
            return protocol
        raise last

    async def _addresses(self) -> Sequence[tuple[int, str]]:
        host = self.uri.host.decode()
        try:
            literal = ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            # Not the reactor's resolver: that would use the reactor's default threads (rule 6).
            found = await deferToThreadPool(
                self._reactor, self._names, socket.getaddrinfo, host, self.uri.port, 0, socket.SOCK_STREAM
            )
            return [(family, str(address[0])) for family, _, _, _, address in found][:4]
        return [(socket.AF_INET6 if literal.version == 6 else socket.AF_INET, str(literal))]  # noqa: PLR2004 - IPv6
