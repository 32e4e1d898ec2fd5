"""The one HTTP listener: feed, metrics and health on one ``twisted.web`` site with a bound on everything, and no bodies."""

from __future__ import annotations

from typing import Any

import structlog
from twisted.internet.error import CannotListenError
from twisted.web.resource import IResource, Resource

from middleware.bounded_site import BoundedSite
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.listening import tls_context
from middleware.ops.metrics import Metrics
from middleware.ops.options import SiteOptions
from middleware.ops.pages import FullPage, Health, LivePage, MetricsPage, MissingPage, ReadyPage

log = structlog.get_logger()


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
    root.putChild(b"metrics", MetricsPage(metrics, peers, reactor))
    if feed is not None:
        root.putChild(b"feed", feed)
    site = BoundedSite(root, reactor, deadline_s=options.request_deadline_s, connections=options.connections)
    return HttpSite(site, options, reactor)
