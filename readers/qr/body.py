"""Bodies of one HTTP exchange, counted: whether a byte of the request has left, and no more of the reply than the bound."""

# Twisted annotates parts of itself only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from middleware.domain.fault import Fault

MAX_REPLY = 65536  # bytes; the published buffer is 8,192


@implementer(IBodyProducer)
class Outgoing:
    """The request's body. ``begun``: Twisted has begun to write the request, so something may have left."""

    def __init__(self, data: bytes) -> None:
        self.length = len(data)
        self.begun = False
        self._data = data

    def startProducing(self, consumer: Any) -> Deferred[None]:  # noqa: N802 - Twisted's name
        """The head is written; now the body."""
        self.begun = True
        consumer.write(self._data)
        return succeed(None)

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Nothing to stop."""

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """One short write, never paused."""

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The same."""


class Body(Protocol):
    """The reply's body: ``done`` gives it whole, or fails."""

    def __init__(self) -> None:
        self.done: Deferred[bytes] = Deferred()
        self._kept = bytearray()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """A piece."""
        self._kept += data
        if len(self._kept) > MAX_REPLY:
            self._end(Fault("code.malformed", f"a reply of more than {MAX_REPLY} bytes"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's name
        """The end: whole, or cut off."""
        if reason.check(ResponseDone):
            if not self.done.called:
                self.done.callback(bytes(self._kept))
        elif reason.check(PotentialDataLoss):
            self._end(Fault("code.malformed", "a reply of no stated length"))
        else:
            self._end(Fault("code.no_answer", "the reply was cut off"))

    def abort(self) -> None:
        """The time is over."""
        self._end(Fault("code.no_answer", "no whole reply in time"))

    def _end(self, fault: Fault) -> None:
        if not self.done.called:
            self.done.errback(fault)
        transport: Any = self.transport
        if transport is not None:
            transport.loseConnection()
