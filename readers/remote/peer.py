"""One agent's connection, at the daemon: who it is, its beat, its messages. What they mean is the link's matter."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from typing import Any, Protocol

import structlog
from attrs import frozen
from twisted.internet import protocol

from middleware.domain.fault import Fault
from readers.remote.beat import Beat
from readers.remote.frame import frame, of_agent
from readers.remote.messages import (
    VERSIONS,
    Closed,
    FromAgent,
    FromDaemon,
    Hello,
    Opened,
    Ping,
    Pong,
    Ran,
    Readers,
    Refused,
    Welcome,
)
from readers.remote.options import RemoteReaderOptions

log = structlog.get_logger()

NOBODY = "closed by the agent"


class Host(Protocol):
    """What the link does for its connections; all in the reactor thread."""

    def joins(self, peer: AgentPeer, certificate: Certificate) -> str:
        """The agent's name, if it may come in; raises ``reader.agent_refused``. It is welcomed behind this."""

    def says(self, peer: AgentPeer, message: Readers | Opened | Ran | Closed) -> None:
        """A message of a welcomed agent."""

    def leaves(self, peer: AgentPeer, why: str) -> None:
        """A connection is over; once for each, welcomed or not."""


@frozen(slots=True)
class Certificate:
    """What TLS has proved of the other side."""

    name: str  # the subject's common name, "" where there is none
    fingerprint: str  # SHA-256, hex
    ends: dt.datetime | None = None

    @classmethod
    def of(cls, transport: Any) -> Certificate:
        """The one of that connection; empty when there is none."""
        from cryptography.hazmat.primitives.serialization import Encoding
        from cryptography.x509.oid import NameOID

        found = transport.getPeerCertificate()
        if found is None:
            return cls("", "")
        certificate = found.to_cryptography()
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        der = certificate.public_bytes(Encoding.DER)
        name = str(names[0].value) if names else ""
        return cls(name, hashlib.sha256(der).hexdigest(), certificate.not_valid_after_utc)


class AgentPeer(protocol.Protocol):
    """One connection. ``agent`` is its name once it is welcomed."""

    transport: Any

    def __init__(
        self,
        host: Host,
        options: RemoteReaderOptions,
        reactor: Any,
        seconds: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._host = host
        self._options = options
        self._reactor = reactor
        self._frames = of_agent()
        self._timer: Any = None
        self._why = NOBODY
        self.agent = ""
        self.beat = Beat(reactor, seconds, wall, lambda number: self.send(Ping(number)), self.drop)

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Wait for its first word, not for ever."""
        self.transport.setTcpNoDelay(True)
        self._timer = self._reactor.callLater(self._options.hello_timeout_s, self.drop, "said nothing")

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Read what is whole; a peer that breaks the protocol is cut off."""
        self.beat.heard()
        try:
            for message in self._frames.feed(data):
                self._on(message)
        except Fault as fault:
            self.refuse(fault)

    def connectionLost(self, reason: Any = None) -> None:  # noqa: N802 - Twisted's name
        """It is over."""
        if self._why == NOBODY and reason is not None:
            self._why = f"{NOBODY} ({reason.type.__name__})"
        self._cancel_timer()
        self.beat.stop()
        self._host.leaves(self, self._why)

    def send(self, message: FromDaemon) -> None:
        """Hand it to the wire; behind the end of the link it goes nowhere."""
        if self.transport is not None and self.connected:
            self.transport.write(frame(message))

    def refuse(self, fault: Fault) -> None:
        """Tell why, and end the link."""
        self._why = f"{fault.code}: {fault.detail}"
        log.warning(
            "reader_agent_refused", agent=self.agent, peer=_address(self.transport), fault=fault.code, detail=fault.detail
        )
        self.send(Refused(fault.code, fault.detail[:200]))
        self.transport.loseConnection()
        # An agent that reads no more would hold the connection open for ever.
        self._cancel_timer()
        self._timer = self._reactor.callLater(self._options.beat_s, self.drop, self._why)

    def drop(self, why: str) -> None:
        """End the link now."""
        if self.connected:
            self._why = why
            self.transport.abortConnection()

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _on(self, message: FromAgent) -> None:
        match message:
            case Ping():
                self.send(Pong(message.number))
            case Pong():
                self.beat.pong(message.number)
            case Hello():
                self._hello(message)
            case _ if not self.agent:
                raise Fault("reader.link", "it did not say hello")
            case _:
                self._host.says(self, message)

    def _hello(self, message: Hello) -> None:
        if self.agent:
            raise Fault("reader.link", "a second hello")
        common = set(VERSIONS) & set(message.versions)
        if not common:
            raise Fault("reader.agent_refused", f"it speaks versions {message.versions}, we speak {VERSIONS}")
        self.agent = self._host.joins(self, Certificate.of(self.transport))
        self._cancel_timer()
        log.info("reader_agent_joined", agent=self.agent, program=message.program, peer=_address(self.transport))
        self.send(Welcome(max(common), self.agent, self._options.beat_s))
        self.beat.start(self._options.beat_s)


def _address(transport: Any) -> str:
    return str(getattr(transport.getPeer(), "host", "")) if transport is not None else ""
