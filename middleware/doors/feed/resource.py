"""GET /feed/v1/settlements, /feed/v1/flags and /feed/v1/head: the bureau polls, verifies, and asks for what follows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from attrs import evolve, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.web.http import SERVICE_UNAVAILABLE, UNAUTHORIZED
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from middleware.domain.fault import Fault, Kind
from middleware.domain.order import Caller, Role
from middleware.doors.deadline import DeadlinePassed, Work
from middleware.doors.fault_data import fault_data
from middleware.doors.feed.options import FeedOptions
from middleware.doors.feed.page import Cursor, Rendered, cursor_of, cut, head_of, render_json, render_ndjson
from middleware.doors.tokens import TokenTable
from middleware.ports import Clock
from middleware.store.feed import Feed, FeedPage

log = structlog.get_logger()

JSON = b"application/json; charset=utf-8"
NDJSON = b"application/x-ndjson; charset=utf-8"
# A closed page never changes; private, because it was given to one account.
CLOSED = b"private, max-age=31536000, immutable"
OPEN = b"no-store"
RETRY_AFTER_S = b"5"
# Twisted's request carries no annotations.
Request = Any
# (route, "ok" or a fault code, rows)
Observe = Callable[[str, str, int], None]

_STATUS = {
    "access.no_session": 401, "access.bad_token": 401, "access.role": 403, "request.not_found": 404,
    "request.unknown_method": 405, "system.internal": 500,
}  # fmt: skip


def observe_nothing(_route: str, _outcome: str, _rows: int) -> None:
    """For whoever counts nothing."""


@frozen(slots=True)
class Means:
    """What the feed's resources stand on."""

    feed: Feed
    tokens: TokenTable
    options: FeedOptions
    clock: Clock
    now: Callable[[], dt.datetime]
    observe: Observe = observe_nothing


def feed_resource(
    feed: Feed,
    flags: Feed,
    tokens: TokenTable,
    options: FeedOptions,
    clock: Clock,
    now: Callable[[], dt.datetime],
    observe: Observe = observe_nothing,
) -> Resource:
    """What is mounted at ``/feed``."""
    places = _Places(options.in_flight)
    means = Means(feed, tokens, options, clock, now, observe)
    root, version = _Branch(), _Branch()
    root.putChild(b"v1", version)
    version.putChild(b"settlements", SettlementsResource(means, places))
    version.putChild(b"head", HeadResource(means, places))
    version.putChild(b"flags", FlagsResource(evolve(means, feed=flags), places))
    return root


class _Branch(Resource):
    """A folder of routes; what it has not is told as every other refusal."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def getChild(self, path: bytes, request: Request) -> Resource:  # noqa: ARG002, N802 - Twisted's name and signature
        """What is not there."""
        return self

    def render(self, request: Request) -> Any:
        """A folder is no route."""
        _refuse(request, Fault("request.not_found", "routes: /feed/v1/settlements, /feed/v1/flags, /feed/v1/head"))
        return NOT_DONE_YET


class _Places:
    """How many pages are being read; a late one keeps its place until it really ends."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0

    def take(self) -> None:
        if self._taken >= self._most:
            raise Fault("system.busy", "too many pages are being read")
        self._taken += 1

    def leave(self) -> None:
        self._taken -= 1


class _FeedResource(Resource):
    """One route: who asks, are they the bureau, then the answer or a fault as JSON with its HTTP status."""

    isLeaf = True  # noqa: N815 - Twisted's name
    route = ""

    def __init__(self, means: Means, places: _Places) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.means = means
        self.places = places

    def render(self, request: Request) -> Any:
        """Twisted's entry; the answer follows."""
        gone = request.notifyFinish()
        work = Deferred.fromCoroutine(self._answer(request))
        # The client went away: stop writing. What is being read ends by itself.
        gone.addErrback(lambda _failure: work.cancel())
        work.addErrback(lambda _failure: None)
        return NOT_DONE_YET

    async def _answer(self, request: Request) -> None:
        account, rows, outcome = "", 0, "ok"
        try:
            account = self._admit(request).account
            _check_method(request)
            rows = await self.give(request)
        except Fault as fault:
            outcome = fault.code
            _refuse(request, fault)
        except CancelledError:
            outcome = "gone"  # the client went away: there is nobody to write to
        except Exception as exc:  # noqa: BLE001 - whatever it was, the bureau hears of it, and nothing of its text
            outcome = "system.internal"
            log.error("feed.internal", route=self.route, error=type(exc).__name__)  # noqa: TRY400 - a traceback quotes values
            _refuse(request, Fault("system.internal"))
        log.info("feed.read", route=self.route, account=account, outcome=outcome, rows=rows)  # all reads are audited
        self.means.observe(self.route, outcome, rows)

    def _admit(self, request: Request) -> Caller:
        header = request.getHeader("authorization")
        if header is None:
            raise Fault("access.no_session", "Authorization: Bearer is missing")
        caller = self.means.tokens.bearer(header)
        if caller is None:
            log.warning("feed.bad_token", peer=str(getattr(request.getClientAddress(), "host", "")))
            raise Fault("access.bad_token")
        if caller.role is not Role.BUREAU:
            raise Fault("access.role", "the feed is for role bureau")
        return caller

    async def page(self, cursor: Cursor) -> FeedPage:
        """A page of the store's feed within the deadline."""
        self.places.take()
        work = Work(self.means.clock, self.means.feed.page(cursor.after, cursor.limit), self.places.leave)
        try:
            return await work.answer(self.means.options.deadline_s)
        except DeadlinePassed:
            raise Fault("system.busy", "the page could not be read in time") from None

    async def give(self, request: Request) -> int:
        """Write the answer; returns how many rows it had."""
        raise NotImplementedError


class SettlementsResource(_FeedResource):
    """``?after=&limit=``: rows with sequence > after, in order, without gaps."""

    route = "settlements"

    async def give(self, request: Request) -> int:
        """See the class."""
        options = self.means.options
        query = _query(request)
        cursor = cursor_of(query.get("after", []), query.get("limit", []), options.default_limit, options.max_limit)
        page = await self.page(cursor)
        rows, closed = cut(page, cursor, options.page_bytes)
        as_lines = b"application/x-ndjson" in (request.requestHeaders.getRawHeaders(b"accept") or [b""])[0].lower()
        if as_lines:
            rendered = render_ndjson(rows, cursor, closed=closed)
        else:
            rendered = render_json(page, rows, cursor, closed=closed, now=self.means.now())
        _write_page(request, self.route, rendered, cursor, NDJSON if as_lines else JSON)
        return rendered.rows


class FlagsResource(SettlementsResource):
    """The same for the flags of the card audit, which have a chain of their own."""

    route = "flags"


class HeadResource(_FeedResource):
    """The end of the chain and the site's clock."""

    route = "head"

    async def give(self, request: Request) -> int:
        """See the class."""
        _query(request, known=())
        page = await self.page(Cursor(after=0, limit=1))
        request.setHeader(b"Cache-Control", OPEN)
        _write(request, 200, JSON, msgspec.json.encode(head_of(page, self.means.now())) + b"\n")
        return 0


def _check_method(request: Request) -> None:
    if request.method not in {b"GET", b"HEAD"}:
        request.setHeader(b"Allow", b"GET, HEAD")
        raise Fault("request.unknown_method", "GET only")


def _query(request: Request, known: tuple[str, ...] = ("after", "limit")) -> dict[str, list[str]]:
    query = {name.decode("latin-1"): [value.decode("latin-1") for value in values] for name, values in request.args.items()}
    unknown = query.keys() - set(known)
    if unknown:
        raise Fault("request.bad_params", f"known parameters: {', '.join(known) or 'none'}")
    return query


def _write_page(request: Request, route: str, rendered: Rendered, cursor: Cursor, content_type: bytes) -> None:
    request.setHeader(b"Vary", b"Accept, Authorization")
    request.setHeader(b"Yikatong-Next-After", b"%d" % rendered.next_after)
    request.setHeader(b"Yikatong-Closed", b"true" if rendered.closed else b"false")
    link = b'</feed/v1/%s?after=%d&limit=%d>; rel="next"' % (route.encode(), rendered.next_after, cursor.limit)
    request.setHeader(b"Link", link)
    request.setHeader(b"Cache-Control", CLOSED if rendered.closed else OPEN)
    if rendered.etag and request.setETag(rendered.etag.encode()) is not None:
        request.finish()  # 304: Twisted has compared If-None-Match and set the code
        return
    _write(request, 200, content_type, rendered.body)


def _refuse(request: Request, fault: Fault) -> None:
    status = _STATUS.get(fault.code, SERVICE_UNAVAILABLE if fault.spec.kind is Kind.BUSY else 400)
    if status == UNAUTHORIZED:
        request.setHeader(b"WWW-Authenticate", b'Bearer realm="yikatong feed"')
    if status == SERVICE_UNAVAILABLE:
        request.setHeader(b"Retry-After", RETRY_AFTER_S)
    request.setHeader(b"Cache-Control", OPEN)
    _write(request, status, JSON, msgspec.json.encode({"error": fault_data(fault)}) + b"\n")


def _write(request: Request, status: int, content_type: bytes, body: bytes) -> None:
    request.setResponseCode(status)
    request.setHeader(b"Content-Type", content_type)
    request.setHeader(b"Content-Length", b"%d" % len(body))
    request.setHeader(b"X-Content-Type-Options", b"nosniff")
    if request.method != b"HEAD":
        request.write(body)
    request.finish()
