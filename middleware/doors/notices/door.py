"""The door for notices of payment (6302): one path, one method, a bounded body, and an answer only when it is durable.

Whoever sends here is a stranger until the seal of what was sent is checked. A notice that could not be written down is
answered as not taken: then it comes again. Nothing of it is logged but its fate.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any, Protocol

import structlog
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from middleware.bounded_site import BoundedSite
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.domain.mobile import OrderStands
from middleware.doors.notices.options import NoticeOptions
from middleware.listening import tls_context
from middleware.ports import Notices

log = structlog.get_logger()


class Taker(Protocol):
    """Whoever is told what a genuine notice says."""

    async def taken(self, notice: OrderStands) -> None:
        """Return when it is durable; a ``Fault`` is answered as not taken."""


class _Notice(Resource):
    """The one page."""

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, path: bytes, taker: Callable[[bytes], Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._path = path
        self._taker = taker

    def render(self, request: Request) -> Any:
        """POST of the right path; everything else is not here."""
        if not hmac.compare_digest(request.uri, self._path) or request.method != b"POST":
            request.setResponseCode(404)
            return b""
        content: Any = request.content
        gone: list[bool] = []
        request.notifyFinish().addErrback(lambda _lost: gone.append(True))
        # What was begun is ended, whether the channel still listens or not: it may be inside a commit.
        Deferred.fromCoroutine(self._answer(request, content.read(), gone))
        return NOT_DONE_YET

    async def _answer(self, request: Request, body: bytes, gone: list[bool]) -> None:
        status, answer = await self._taker(body)
        if gone:
            return
        out: Any = request
        out.setResponseCode(status)
        out.setHeader(b"Content-Type", b"application/json; charset=utf-8")
        out.write(answer)
        out.finish()


class NoticeDoor:
    """The listener as a part of the daemon. ``count(outcome)``: "ok", or the fault for which a notice was not taken."""

    def __init__(
        self,
        options: NoticeOptions,
        edge: Notices,
        engine: Taker,
        reactor: Any,
        secret: str = "",
        count: Callable[[str], None] = lambda _outcome: None,
    ) -> None:
        self._options, self._edge, self._engine, self._reactor, self._count = options, edge, engine, reactor, count
        path = options.path + (f"/{secret}" if secret else "")
        root = _Notice(path.encode(), self._take)
        self._site = BoundedSite(
            root,
            reactor,
            deadline_s=options.request_deadline_s,
            connections=options.connections,
            max_bytes=options.max_bytes,
        )
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
                self._listening = self._reactor.listenSSL(options.port, self._site, context, interface=options.host)
            else:
                self._listening = self._reactor.listenTCP(options.port, self._site, interface=options.host)
        except (CannotListenError, OSError, ValueError) as exc:
            raise Fault("system.config", f"mobile_notices cannot listen: {exc}") from exc
        self.port = self._listening.getHost().port
        log.info("mobile_notices.listening", host=options.host, port=self.port, tls=options.certificate is not None)

    async def stop(self) -> None:
        """Listen no more and cut what is left: a notice that was not answered comes again."""
        listening, self._listening = self._listening, None
        if listening is not None:
            await listening.stopListening()
        self._site.end_all()

    def health(self) -> PartHealth:
        """Down when it should listen and does not."""
        if self._listening is None and self._options.port != 0:
            return PartHealth("mobile_notices", Condition.DOWN, "system.stopping", "not listening")
        return PartHealth("mobile_notices", Condition.GOOD)

    async def _take(self, body: bytes) -> tuple[int, bytes]:
        """Status and answer. Never raises."""
        try:
            await self._engine.taken(await self._edge.read_notice(body))
        except Fault as fault:
            log.warning("mobile_notices.not_taken", code=fault.code, detail=fault.detail)
            self._count(fault.code)
            return (403 if fault.code == "mobile.not_genuine" else 200), self._edge.answer(taken=False)
        except Exception:  # the channel must hear "not taken", whatever went wrong here
            log.exception("mobile_notices.internal")
            self._count("system.internal")
            return 500, self._edge.answer(taken=False)
        self._count("ok")
        return 200, self._edge.answer(taken=True)
