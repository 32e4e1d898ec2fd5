"""A hand-made HTTP server on Twisted that can misbehave in every way: it is told the raw bytes to send, and when."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import asynccontextmanager

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from adapters.insurance.exchange.options import CentreOptions
from adapters.insurance.soap.contract import NAMESPACE
from adapters.insurance.soap.link import SoapCentre
from middleware.ports import PreparedCall
from tests.adapters.insurance.requests import AT, INSTITUTION, MESSAGE_ID, REQUESTS

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


class Peer(Protocol):
    """One connection; ``served`` counts the requests on it."""

    def connectionMade(self) -> None:
        self.buffer = b""
        self.served = 0
        self.factory.peers.append(self)

    def dataReceived(self, data: bytes) -> None:
        server = self.factory
        server.bytes_received += len(data)
        self.buffer += data
        head, separator, rest = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = next(int(row.split(b":")[1]) for row in head.split(b"\r\n") if row.lower().startswith(b"content-length"))
        if len(rest) < length:
            return
        self.buffer = rest[length:]
        self.served += 1
        server.requests.append(head + separator + rest[:length])
        server.behave(self)
        server.seen(None)

    def connectionLost(self, reason) -> None:
        self.connected = 0
        self.factory.lost += 1

    def cut(self) -> None:
        if self.connected:
            self.transport.abortConnection()

    def say(
        self, body: bytes, status: str = "200 OK", content_type: str = "text/xml; charset=utf-8", extra: str = ""
    ) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
        self.transport.write(head.encode() + body)


class FaultServer(Factory):
    """Listens on loopback; ``behave`` is called with the peer at each whole request."""

    protocol = Peer
    noisy = False

    def __init__(self, behave: Callable[[Peer], None]) -> None:
        self.behave = behave
        self.peers: list[Peer] = []
        self.requests: list[bytes] = []
        self.bytes_received = 0
        self.lost = 0
        self._waiting: list[tuple[int, Deferred[None]]] = []
        self.port = reactor.listenTCP(0, self, interface="127.0.0.1", backlog=600)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port.getHost().port}/centre"

    def received(self, count: int) -> Deferred[None]:
        """Fires when that many whole requests have arrived; fails when they never do."""
        waiter: Deferred[None] = Deferred()
        self._waiting.append((count, waiter))
        self.seen(None)
        return waiter.addTimeout(90, reactor)

    def seen(self, _result: object) -> None:
        for entry in list(self._waiting):
            if len(self.requests) >= entry[0]:
                self._waiting.remove(entry)
                entry[1].callback(None)  # of one that was given up on: nothing happens

    async def stop(self) -> None:
        for peer in self.peers:
            peer.cut()
        await self.port.stopListening()


def envelope(inner: str, code: str = "2601", namespace: str = NAMESPACE) -> bytes:
    return (
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body><reply{code} xmlns="{namespace}">{inner}</reply{code}></s:Body></s:Envelope>'
    ).encode()


REVERSED = envelope("<infcode>0</infcode>")


def options(url: str, **changes) -> CentreOptions:
    values = {
        "url": url,
        "institution_code": INSTITUTION,
        "institution_name": "测试医院",
        "profile": "999900-test",
        "operator": "0001",
        "operator_name": "操作员",
        "total_deadline_s": 5.0,
        "late_reply_s": 5.0,
        "connect_s": 2.0,
    }
    return CentreOptions(**{**values, **changes})


@asynccontextmanager
async def running(behave: Callable[[Peer], None], **changes):
    """A centre adapter against a fault server, both stopped at the end."""
    server = FaultServer(behave)
    centre = SoapCentre(options(changes.pop("url", server.url), **changes), reactor, lambda: AT)
    centre.start()
    try:
        yield centre, server
    finally:
        await centre.stop()
        await server.stop()


def nothing(*_args: object) -> None:
    """A callback that is not asked about."""


async def prepared(centre: SoapCentre, code: str = "2601", message_id: str = MESSAGE_ID) -> PreparedCall:
    return await centre.prepare(message_id, REQUESTS[code], AT)


async def called(centre: SoapCentre, code: str = "2601", on_first_byte=nothing, on_late_reply=nothing):
    return await centre.send(await prepared(centre, code), on_first_byte, on_late_reply)
