"""The channel of mobile payment on a socket of its own, on the centre's books: sealed JSON in, sealed JSON out.

Tests say what the person does (``orders.pay``), what is lost (``faults``: drop-before, lose-reply, refuse, slow), and what
notices are sent (``notify``): true ones, the same twice, forged ones, with other amounts, to nobody. "garbage" answers
with a signature that is not the channel's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urljoin

from twisted.internet.defer import Deferred
from twisted.web.client import Agent, readBody
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site
from zope.interface import implementer

from simulators.centre.business import Business
from simulators.centre.faults import Faults, Knob
from simulators.centre.mobile import MobileOrders
from simulators.centre.refusals import Refusal
from simulators.ecode.sealed import SealedSide

_ROOT = "/channel/"


class ChannelSimulator:
    """Listens after ``start``. ``received`` is (transaction, our number of the message) in order of arrival.

    ``paths``: transactions that are not called by their own number, relative to ``url``.
    """

    def __init__(
        self,
        reactor: Any,
        business: Business,
        seal: SealedSide,
        port: int = 0,
        paths: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.reactor = reactor
        self.orders = MobileOrders(business)
        self.faults = Faults()
        self.received: list[tuple[str, str]] = []
        self.port = port
        self.calls = {urljoin(_ROOT, path): call for call, path in paths.items()}
        self._seal = seal
        self._listening: Any = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}{_ROOT}"

    def start(self) -> None:
        """Listen."""
        site = _QuietSite(_Channel(self))  # type: ignore[no-untyped-call]
        self._listening = self.reactor.listenTCP(self.port, site, interface="127.0.0.1")
        self.port = self._listening.getHost().port

    async def stop(self) -> None:
        """Listen no more."""
        listening, self._listening = self._listening, None
        if listening is not None:
            await listening.stopListening()

    def process(self, call: str, body: bytes, knob: Knob | None) -> bytes:
        """One message's answer."""
        try:
            data = self._seal.open(body)
        except (ValueError, KeyError, TypeError) as exc:
            return _refused("500102", f"{type(exc).__name__} {exc}")
        named = {"6201": "medOrgOrd", "6202": "orgBizSer", "6203": "appRefdSn"}.get(call, "payOrdId")
        self.received.append((call, str(data.get(named, ""))))
        if knob is not None and knob.action == "refuse":
            return _refused(knob.code, knob.text)
        try:
            answer = self.orders.handle(call, data)
        except Refusal as refusal:
            return _refused(refusal.code, refusal.text)
        forged = knob is not None and knob.action == "garbage"
        return self._seal.seal(answer, "bad-signature" if forged else "")

    async def notify(self, url: str, number: str, *, forged: bool = False, **changes: str) -> tuple[int, dict[str, Any]]:
        """Send the 6302 of an order, once: status and answer. ``changes`` are fields that are not so."""
        body = self._seal.seal(self.orders.notice(number) | changes, "bad-signature" if forged else "")
        agent: Any = Agent(self.reactor)  # type: ignore[no-untyped-call]
        headers = Headers({"Content-Type": ["application/json"]})
        response = await agent.request(b"POST", url.encode(), headers, _Body(body))
        said = await readBody(response)
        return response.code, json.loads(said or b"{}")


@implementer(IBodyProducer)
class _Body:
    def __init__(self, body: bytes) -> None:
        self._body, self.length = body, len(body)

    def startProducing(self, consumer: Any) -> Deferred[None]:  # noqa: N802 - Twisted's name
        consumer.write(self._body)
        done: Deferred[None] = Deferred()
        done.callback(None)
        return done

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """All is written at once."""

    resumeProducing = stopProducing = pauseProducing  # noqa: N815 - Twisted's names


class _QuietSite(Site):
    def log(self, request: Any) -> None:
        """Nothing."""


class _Channel(Resource):
    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, channel: ChannelSimulator) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._channel = channel

    def render_POST(self, request: Any) -> Any:  # noqa: N802 - Twisted's name
        """The path says the transaction."""
        path = request.path.decode()
        call = self._channel.calls.get(path) or path.rpartition("/")[2]
        knob = self._channel.faults.take(call, "", "")
        action = knob.action if knob is not None else ""
        if action == "drop-before":
            request.transport.abortConnection()
            return NOT_DONE_YET
        answer = self._channel.process(call, request.content.read(), knob)
        if action == "lose-reply":
            request.transport.abortConnection()
            return NOT_DONE_YET
        if action == "slow" and knob is not None:
            self._channel.reactor.callLater(knob.seconds, _finish, request, answer)
            return NOT_DONE_YET
        request.setHeader(b"Content-Type", b"application/json")
        return answer


def _finish(request: Any, answer: bytes) -> None:
    request.write(answer)
    request.finish()


def _refused(code: str, message: str) -> bytes:
    return json.dumps({"success": False, "code": code, "message": message}, ensure_ascii=False).encode()
