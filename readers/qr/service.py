"""One question to a code service: a POST, once, within one deadline; no answer is never guessed at.

A code may be good for one question only, so that nothing is sent twice: after a lost reply a person shows a fresh one.
"""

# Twisted annotates parts of itself only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import contextlib
from typing import Any

import structlog
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectError, ConnectingCancelledError, DNSLookupError
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.http_headers import Headers

from middleware.domain.card import CardRead
from middleware.domain.fault import Fault
from readers.media.options import ReaderOptions
from readers.qr.body import Body, Outgoing
from readers.qr.channel import Channel, Open
from readers.qr.options import CodeOptions
from readers.qr.profile import read_reply, request_of
from readers.qr.way import Way

log = structlog.get_logger()

_YES = 200
# Ends of an attempt before which no byte of the request can have left.
_NOT_SENT = (ConnectError, ConnectingCancelledError, DNSLookupError)


class CodeService:
    """One service. Raises ``ValueError`` when its files cannot be used."""

    def __init__(self, options: CodeOptions, reactor: Any, channel: Channel | None = None) -> None:
        self.options = options
        self._channel = channel or Open()
        self._reactor = reactor
        self.last: Fault | None = None
        self._in_flight = 0
        self._token = token_of(options)
        self._way = Way(options, reactor)
        pool = HTTPConnectionPool(reactor, persistent=False)
        self._agent: Any = Agent.usingEndpointFactory(reactor, self._way, pool)

    def stop(self) -> None:
        """Let the thread for names go; a question under way ends by its own deadline."""
        self._way.stop()

    async def identify(self, reader: ReaderOptions, text: str) -> CardRead:
        """Who shows the code that was scanned; with ``text`` "" the service scans itself.

        Raises ``code.unreachable`` (nothing was sent), ``code.no_answer``, ``code.refused``, ``code.malformed``,
        ``card.id_number``, ``system.busy``, and what the channel says of an answer that must not be believed.
        """
        if self._in_flight >= self.options.max_in_flight:
            raise Fault("system.busy", f"{self.options.kind}: {self._in_flight} requests in flight")
        self._in_flight += 1
        try:
            body = await self._post(self._channel.wrap(request_of(self.options, reader, text)))
            read = read_reply(self._channel.unwrap(body), self.options, reader.name)
        except Fault as fault:
            if fault.code != "code.refused":
                self.last = fault
                log.warning("code_service_failed", kind=self.options.kind, fault=fault.code, detail=fault.detail)
            raise
        finally:
            self._in_flight -= 1
        self.last = None
        return read

    async def _post(self, request: bytes) -> bytes:
        headers = {"Content-Type": ["application/json; charset=utf-8"], "User-Agent": ["yikatong"]}
        if self._token:
            headers["Authorization"] = [f"Bearer {self._token}"]
        outgoing = Outgoing(request)
        asking = self._agent.request(b"POST", self.options.url.encode("ascii"), Headers(headers), outgoing)
        body = Body()
        limit = self._reactor.callLater(self.options.timeout_s, _give_up, asking, body)
        try:
            return await self._reply(asking, body)
        except Fault:
            raise
        except _NOT_SENT as exc:
            raise Fault("code.unreachable", f"{self.options.kind}: {type(exc).__name__}") from None
        except CancelledError:
            raise self._lost(outgoing, "no reply in time") from None
        except Exception as exc:  # noqa: BLE001 - whatever the library calls it: the attempt has no answer
            raise self._lost(outgoing, type(exc).__name__) from None
        finally:
            if limit.active():
                limit.cancel()

    async def _reply(self, asking: Any, body: Body) -> bytes:
        response = await asking
        response.deliverBody(body)
        if response.code != _YES:
            body.abort()
            with contextlib.suppress(Fault):
                await body.done
            raise Fault("code.no_answer", f"{self.options.kind}: HTTP {response.code}")
        return await body.done

    def _lost(self, outgoing: Outgoing, why: str) -> Fault:
        code = "code.no_answer" if outgoing.begun else "code.unreachable"
        return Fault(code, f"{self.options.kind}: {why}")


def _give_up(asking: Any, body: Body) -> None:
    """The time is over, whichever part is under way."""
    if body.transport is not None:
        body.abort()
    else:
        asking.cancel()


def token_of(options: CodeOptions) -> str:
    """The bearer token, "" where none is wanted. Raises ``ValueError`` when the file holds none."""
    if options.token_file is None:
        return ""
    try:
        token = options.token_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise ValueError(f"codes.token_file cannot be read: {type(exc).__name__}") from None
    if not token or not token.isprintable():
        raise ValueError("codes.token_file holds no token")
    return token
