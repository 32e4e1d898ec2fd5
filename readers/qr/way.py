"""The way to a code service: names on a thread of its own, then TCP, then TLS where the address wants it."""

# Twisted annotates parts of itself only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint, wrapClientTLS
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool
from twisted.web.client import URI
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from readers.qr.options import CodeOptions

_MAX_ADDRESSES = 4


@implementer(IStreamClientEndpoint, IAgentEndpointFactory)
class Way:
    """Connects to one address. Raises ``ValueError`` when its ``ca_file`` cannot be used."""

    def __init__(self, options: CodeOptions, reactor: Any) -> None:
        self._options = options
        self._reactor = reactor
        self._uri = URI.fromBytes(options.url.encode("ascii"))
        self._host = self._uri.host.decode("ascii").strip("[]")
        self._tls = trust_of(options)
        self._names = ThreadPool(0, 1, f"{options.kind}-names")
        make_thread: Any = partial(threading.Thread, daemon=True)  # a look-up that hangs never holds up the end
        self._names.threadFactory = make_thread

    def start(self) -> None:
        """Have the thread that looks names up."""
        if not self._names.started:
            self._names.start()

    def stop(self) -> None:
        """Let that thread go."""
        if self._names.started:
            threading.Thread(target=self._names.stop, daemon=True).start()

    def endpointForURI(self, uri: URI) -> Way:  # noqa: ARG002, N802 - Twisted's Agent asks; there is one service
        """Self: one service, one way."""
        return self

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803 - Twisted's name
        """A connected protocol, by the first address that takes it."""
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        last: Exception = DNSLookupError("no address")
        for family, address in await self._addresses():
            kind = TCP6ClientEndpoint if family == socket.AF_INET6 else TCP4ClientEndpoint
            endpoint: Any = kind(self._reactor, address, self._uri.port, timeout=self._options.timeout_s)
            if self._tls is not None:
                endpoint = wrapClientTLS(self._tls, endpoint)
            try:
                protocol: IProtocol = await endpoint.connect(factory)
            except CancelledError:
                raise
            except Exception as exc:  # noqa: BLE001 - whatever it was, the next address may do
                last = exc
            else:
                return protocol
        raise last

    async def _addresses(self) -> Sequence[tuple[int, str]]:
        try:
            literal = ipaddress.ip_address(self._host)
        except ValueError:
            self.start()
            # Not the reactor's resolver: that would use the reactor's default threads.
            try:
                found = await deferToThreadPool(
                    self._reactor, self._names, socket.getaddrinfo, self._host, self._uri.port, 0, socket.SOCK_STREAM
                )
            except OSError as exc:
                raise DNSLookupError(type(exc).__name__) from None
            return [(family, str(address[0])) for family, _, _, _, address in found][:_MAX_ADDRESSES]
        return [(socket.AF_INET6 if literal.version == 6 else socket.AF_INET, str(literal))]  # noqa: PLR2004 - IPv6


def trust_of(options: CodeOptions) -> Any:
    """Whose certificates are believed; None without TLS. Raises ``ValueError`` when ``ca_file`` cannot be used."""
    uri = URI.fromBytes(options.url.encode("ascii"))
    if uri.scheme != b"https":
        return None
    host = uri.host.decode("ascii").strip("[]")
    if options.ca_file is None:
        return optionsForClientTLS(host)
    try:
        authority = Certificate.loadPEM(options.ca_file.read_bytes())
        return optionsForClientTLS(host, trustRoot=trustRootFromCertificates([authority]))
    except Exception as exc:  # noqa: BLE001 - OpenSSL has errors of its own for a file that is no certificate
        raise ValueError(f"codes.ca_file cannot be used: {type(exc).__name__}") from None
