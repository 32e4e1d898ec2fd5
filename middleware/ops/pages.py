"""/metrics and /health: rendered on the reactor, so that they answer when every pool is stuck.

Never ``prometheus_client.twisted``: it renders in the reactor's thread pool, and waits there behind what is stuck.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from twisted.python.failure import Failure
from twisted.web.http import NOT_ALLOWED, NOT_FOUND, OK, SERVICE_UNAVAILABLE
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from middleware.domain.health import Condition, PartHealth, asked, described, overall
from middleware.ops.metrics import Metrics
from middleware.ports import Clock

SLICE_S = 0.001
Health = Sequence[Callable[[], PartHealth]]
# Twisted's request carries no annotations.
Request = Any


class Page(Resource):
    """One page that only some peers may see; to every other it does not exist."""

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, peers: Collection[str] | None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._peers = peers  # None: everybody

    def render(self, request: Request) -> bytes | int:
        """Twisted's entry."""
        request.setHeader(b"Cache-Control", b"no-store")
        request.setHeader(b"X-Content-Type-Options", b"nosniff")
        if self._peers is not None and getattr(request.getClientAddress(), "host", "") not in self._peers:
            return _plain(request, NOT_FOUND, b"not found\n")
        if request.method not in {b"GET", b"HEAD"}:
            request.setHeader(b"Allow", b"GET, HEAD")
            return _plain(request, NOT_ALLOWED, b"GET only\n")
        return self.page(request)

    def page(self, request: Request) -> bytes | int:
        """The page's bytes, or ``NOT_DONE_YET``."""
        raise NotImplementedError


class MetricsPage(Page):
    """/metrics, a slice a turn of the reactor: who asks something else meanwhile waits for one, and not for the page."""

    def __init__(self, metrics: Metrics, peers: Collection[str] | None, clock: Clock) -> None:
        super().__init__(peers)
        self._metrics = metrics
        self._clock = clock

    def page(self, request: Request) -> int:
        """See the class."""
        request.setHeader(b"Content-Type", self._metrics.content_type.encode())
        _Scrape(request, self._metrics.pieces(), self._clock).go_on()
        return NOT_DONE_YET


class _Scrape:
    """One page of metrics under way, unless whoever asked has gone."""

    def __init__(self, request: Request, pieces: Iterator[bytes], clock: Clock) -> None:
        self._request = request
        self._pieces = pieces
        self._clock = clock
        self._made: list[bytes] = []
        self._gone = False
        request.notifyFinish().addErrback(self._left)

    def _left(self, _reason: Failure) -> None:
        self._gone = True

    def go_on(self) -> None:
        """One slice, and the next in the next turn; the page when it is whole."""
        if self._gone:
            return
        end = self._clock.seconds() + SLICE_S
        try:
            for piece in self._pieces:
                self._made.append(piece)
                if self._clock.seconds() >= end:
                    self._clock.callLater(0, self.go_on)
                    return
        except Exception:  # noqa: BLE001 - Twisted's own 500, as for a page that is made at once
            self._request.processingFailed(Failure())  # type: ignore[no-untyped-call]
            return
        body = b"".join(self._made)
        self._request.setHeader(b"Content-Length", b"%d" % len(body))
        self._request.write(body)
        self._request.finish()


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
