"""An HTTP site with a bound on everything, under every door that speaks HTTP.

Twisted's own HTTP time-out is moved by every line, so a client that drips headers stays for hours (measured); and it
stores request bodies of any size. Here a request has a deadline that nothing moves, and a body as long as the site says.
"""

from __future__ import annotations

from typing import Any

import structlog
from twisted.web.http import HTTPChannel
from twisted.web.resource import IResource
from twisted.web.server import Site

log = structlog.get_logger()

_TOO_LONG = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class BoundedChannel(HTTPChannel):
    """One HTTP connection: from connect, or from the answer before, to the next answer it has so long and no longer."""

    site: BoundedSite
    transport: Any
    length: Any  # Twisted: 0 without a body, None when chunked
    _deadline: Any = None
    _admitted = False

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """A client came."""
        super().connectionMade()  # type: ignore[no-untyped-call]
        self._admitted = self.site.admit(self)
        if not self._admitted:
            self.transport.write(_BUSY)
            self.loseConnection()  # type: ignore[no-untyped-call]
        self._arm()

    def allHeadersReceived(self) -> None:  # noqa: N802 - Twisted's name
        """Everything but the body, which may be so long as the site takes, and must say its length."""
        super().allHeadersReceived()  # type: ignore[no-untyped-call]
        if self.length is None or self.length > self.site.max_bytes:
            self.transport.write(_TOO_LONG)
            self.loseConnection()  # type: ignore[no-untyped-call]

    def requestDone(self, request: Any) -> None:  # noqa: N802 - Twisted's name
        """An answer is out."""
        self._arm()
        super().requestDone(request)  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Any = None) -> None:  # noqa: N802 - Twisted's name
        """It is gone."""
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        if self._admitted:
            self.site.left(self)
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def _arm(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = self.site.reactor.callLater(self.site.deadline_s, self._late)

    def _late(self) -> None:
        log.info("http.late")
        self.transport.abortConnection()


class BoundedSite(Site):
    """A site with at most so many connections, each request with a deadline, bodies of so many bytes, no access log."""

    def __init__(self, root: IResource, reactor: Any, *, deadline_s: float, connections: int, max_bytes: int = 0) -> None:
        super().__init__(root, reactor=reactor, timeout=deadline_s)  # type: ignore[no-untyped-call]
        # HTTP/1.1 only, and ours; Twisted's annotation knows only its own switch between 1.1 and 2.
        self.protocol = BoundedChannel  # type: ignore[assignment,method-assign]
        self.deadline_s, self.max_bytes = deadline_s, max_bytes
        self._most = connections
        self._channels: set[BoundedChannel] = set()

    def admit(self, channel: BoundedChannel) -> bool:
        """Whether there is room for one more."""
        if len(self._channels) >= self._most:
            return False
        self._channels.add(channel)
        return True

    def left(self, channel: BoundedChannel) -> None:
        """It is gone."""
        self._channels.discard(channel)

    def end_all(self) -> None:
        """Cut every connection."""
        for channel in tuple(self._channels):
            channel.transport.abortConnection()

    def log(self, request: Any) -> None:
        """Nothing: a path may hold a secret; each resource logs what it gave to whom."""
