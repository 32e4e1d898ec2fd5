"""/metrics and /health: rendered on the reactor, so that they answer when every pool is stuck.

Never ``prometheus_client.twisted``: it renders in the reactor's thread pool, and waits there behind what is stuck.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from typing import Any

from twisted.web.http import NOT_ALLOWED, NOT_FOUND, OK, SERVICE_UNAVAILABLE
from twisted.web.resource import Resource

from middleware.domain.health import Condition, PartHealth, asked, described, overall
from middleware.ops.metrics import Metrics

Health = Sequence[Callable[[], PartHealth]]
# Twisted's request carries no annotations.
Request = Any


class Page(Resource):
    """One page that only some peers may see; to every other it does not exist."""

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, peers: Collection[str] | None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._peers = peers  # None: everybody

    def render(self, request: Request) -> bytes:
        """Twisted's entry."""
        request.setHeader(b"Cache-Control", b"no-store")
        request.setHeader(b"X-Content-Type-Options", b"nosniff")
        if self._peers is not None and getattr(request.getClientAddress(), "host", "") not in self._peers:
            return _plain(request, NOT_FOUND, b"not found\n")
        if request.method not in {b"GET", b"HEAD"}:
            request.setHeader(b"Allow", b"GET, HEAD")
            return _plain(request, NOT_ALLOWED, b"GET only\n")
        return self.page(request)

    def page(self, request: Request) -> bytes:
        """The page's bytes."""
        raise NotImplementedError


class MetricsPage(Page):
    """/metrics."""

    def __init__(self, metrics: Metrics, peers: Collection[str] | None) -> None:
        super().__init__(peers)
        self._metrics = metrics

    def page(self, request: Request) -> bytes:
        """See the class."""
        request.setHeader(b"Content-Type", self._metrics.content_type.encode())
        return self._metrics.render()


class LivePage(Page):
    """/health/live: the reactor turns. Says nothing else, so everybody may see it."""

    def page(self, request: Request) -> bytes:
        """See the class."""
        return _plain(request, OK, b"alive\n")


class MissingPage(Page):
    """What is not there."""

    def page(self, request: Request) -> bytes:
        """See the class."""
        return _plain(request, NOT_FOUND, b"not found\n")


class ReadyPage(Page):
    """/health/ready: 200 when no essential part is down; 503 names those that are."""

    def __init__(self, health: Health, essential: Collection[str], peers: Collection[str] | None) -> None:
        super().__init__(peers)
        self._health = health
        self._essential = essential

    def page(self, request: Request) -> bytes:
        """See the class."""
        parts = asked(self._health)
        down = [part.part for part in parts if part.condition is Condition.DOWN]
        missing = set(self._essential) - {part.part for part in parts}
        broken = sorted(missing | (set(down) & set(self._essential)))
        status = SERVICE_UNAVAILABLE if broken else OK
        return _json(request, status, {"ready": not broken, "broken": broken})


class FullPage(Page):
    """/health/full: each part's condition, its fault in Chinese and English, and what to do; 503 when one is down."""

    def __init__(self, health: Health, version: str, peers: Collection[str] | None) -> None:
        super().__init__(peers)
        self._health = health
        self._version = version

    def page(self, request: Request) -> bytes:
        """See the class."""
        parts = asked(self._health)
        condition = overall(parts)
        body = {
            "version": self._version,
            "condition": condition.value,
            "broken": [part.part for part in parts if part.condition is Condition.DOWN],
            "parts": [described(part) for part in parts],
        }
        return _json(request, SERVICE_UNAVAILABLE if condition is Condition.DOWN else OK, body)


def _json(request: Request, status: int, body: dict[str, Any]) -> bytes:
    request.setResponseCode(status)
    request.setHeader(b"Content-Type", b"application/json; charset=utf-8")
    return json.dumps(body, ensure_ascii=False, indent=1).encode() + b"\n"


def _plain(request: Request, status: int, body: bytes) -> bytes:
    request.setResponseCode(status)
    request.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
    return body
