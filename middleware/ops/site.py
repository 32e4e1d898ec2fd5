"""The one HTTP listener: feed, metrics and health on one ``twisted.web`` site with a bound on everything.

Twisted's own HTTP time-out is moved by every line, so a client that drips headers stays for hours (measured); and it
stores request bodies of any size. Here a request has a deadline that nothing moves, and no body at all.
"""

from __future__ import annotations

from typing import Any

import structlog
from twisted.internet.error import CannotListenError
from twisted.web.http import HTTPChannel
from twisted.web.resource import IResource, Resource
from twisted.web.server import Site

from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.listening import tls_context
from middleware.ops.metrics import Metrics
from middleware.ops.options import SiteOptions
from middleware.ops.pages import FullPage, Health, LivePage, MetricsPage, MissingPage, ReadyPage

log = structlog.get_logger()

_NO_BODY = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
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
        """Everything but the body, which no page of ours takes."""
        super().allHeadersReceived()  # type: ignore[no-untyped-call]
        if self.length != 0:
            self.transport.write(_NO_BODY)
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
    """A site with at most so many connections, each request with a deadline, and no access log of its own."""

    def __init__(self, root: IResource, options: SiteOptions, reactor: Any) -> None:
        super().__init__(root, reactor=reactor, timeout=options.request_deadline_s)  # type: ignore[no-untyped-call]
        # HTTP/1.1 only, and ours; Twisted's annotation knows only its own switch between 1.1 and 2.
        self.protocol = BoundedChannel  # type: ignore[assignment,method-assign]
        self.deadline_s = options.request_deadline_s
        self._most = options.connections
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
        """Nothing: each resource logs what it gave to whom."""


class HttpSite:
    """The HTTP listener as a part of the daemon."""

    def __init__(self, site: BoundedSite, options: SiteOptions, reactor: Any) -> None:
        self.site = site
        self._options = options
        self._reactor = reactor
        self._listening: Any = None
        self.port = 0  # the real one, once started

    def start(self) -> None:
        """Listen; ``system.config`` when that cannot be done."""
        options = self._options
        if options.port == 0:
            return
        try:
            if options.certificate is not None and options.private_key is not None:
                context = tls_context(options.certificate, options.private_key, options.client_ca)
                listening = self._reactor.listenSSL(options.port, self.site, context, interface=options.host)
            else:
                listening = self._reactor.listenTCP(options.port, self.site, interface=options.host)
        except (CannotListenError, OSError, ValueError) as exc:
            raise Fault("system.config", f"http cannot listen: {exc}") from exc
        self._listening = listening
        self.port = listening.getHost().port
        log.info("http.listening", host=options.host, port=self.port, tls=options.certificate is not None)

    async def stop(self) -> None:
        """Listen no more and cut what is left: a reader of the feed asks again."""
        listening, self._listening = self._listening, None
        if listening is not None:
            await listening.stopListening()
        self.site.end_all()

    def health(self) -> PartHealth:
        """Down when it should listen and does not."""
        if self._listening is None and self._options.port != 0:
            return PartHealth("http", Condition.DOWN, "system.stopping", "not listening")
        return PartHealth("http", Condition.GOOD)


class _Branch(Resource):
    """A folder of pages; what it has not is told in one plain line."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def getChild(self, path: bytes, request: Any) -> Resource:  # noqa: ARG002, N802 - Twisted's name and signature
        """What is not there."""
        return MissingPage(None)


def build_site(
    options: SiteOptions, metrics: Metrics, health: Health, version: str, reactor: Any, feed: IResource | None = None
) -> HttpSite:
    """Mount /feed, /metrics and /health on one site; nothing listens before ``start``."""
    peers = frozenset(options.ops_peers)
    root, pages = _Branch(), _Branch()
    pages.putChild(b"live", LivePage(None))
    pages.putChild(b"ready", ReadyPage(health, options.essential_parts, peers))
    pages.putChild(b"full", FullPage(health, version, peers))
    root.putChild(b"health", pages)
    root.putChild(b"metrics", MetricsPage(metrics, peers))
    if feed is not None:
        root.putChild(b"feed", feed)
    return HttpSite(BoundedSite(root, options, reactor), options, reactor)
