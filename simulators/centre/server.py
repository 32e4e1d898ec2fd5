"""The centre on a socket: SOAP at /centre (WSDL at ?wsdl), the national JSON at its own paths, admin pages at /admin."""

# Twisted annotates parts of itself only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from simulators.centre import bad_files, wire
from simulators.centre.business import REVERSIBLE, Business
from simulators.centre.faults import Faults, Knob
from simulators.centre.gateway import Check
from simulators.centre.holds import Holds, Moment
from simulators.centre.insured import InsuredPerson, everybody
from simulators.centre.ledger import Ledger
from simulators.centre.national import CALL_PATH, CONTENT_TYPE, DOWNLOAD_PATH, DownloadSpeech, JsonSpeech
from simulators.centre.refusals import Refusal
from simulators.centre.speech import Speech, TypedSpeech
from simulators.centre.statements import Dialect

MAX_BODY_BYTES = 8 << 20
CHINA = dt.timezone(dt.timedelta(hours=8))
_ZIP = b"PK\x03\x04"
_PAGE = "<html><head><title>502</title></head><body><h1>系统维护中</h1></body></html>"


def china_now() -> dt.datetime:
    """The wall clock, UTC+8."""
    return dt.datetime.now(CHINA)


class CentreSimulator:
    """An insurance centre on 127.0.0.1. Its state is its own and outlives any restart of the daemon that calls it.

    ``port`` 0 takes a free one; ``start`` after ``stop`` listens on the same port again. ``people`` are all the synthetic
    people when not given. ``clock`` is the centre's wall clock. ``reversible``: what its 2601 undoes.
    ``refuse_duplicates``: whether a msgid seen before is refused; the platform promises nothing, so by default it is
    processed again. ``require_sign_in``: whether 9001 must come first. ``dialect``: how its statement files look;
    ``by_cycle``: an old centre that compares the totals of each sign-in before 9002, and no rows. ``speech``: its style of
    SOAP, an operation for each transaction when not given; JSON is spoken beside it, on the same books. ``gateway``: what
    stands before the JSON and may refuse a message. ``finish``: the call that must follow a settlement's yes (9901, 9902).
    """

    def __init__(
        self,
        reactor: Any,
        port: int = 0,
        clock: Callable[[], dt.datetime] = china_now,
        *,
        people: Iterable[InsuredPerson] | None = None,
        reversible: frozenset[str] = REVERSIBLE,
        require_sign_in: bool = True,
        refuse_duplicates: bool = False,
        dialect: Dialect | None = None,
        by_cycle: bool = False,
        speech: Speech | None = None,
        gateway: Check | None = None,
        finish: str = "",
    ) -> None:
        self.port = port
        self.speech = speech or TypedSpeech()
        self.gateway = gateway
        self.reactor = reactor
        self.clock = clock
        self.ledger = Ledger()
        self.faults = Faults()
        self.holds = Holds()
        self.business = Business(
            everybody() if people is None else people,
            self.ledger,
            clock,
            reversible,
            require_sign_in,
            refuse_duplicates,
            dialect,
            by_cycle,
            finish,
        )
        self._listening: Any = None
        self._site: Any = None

    @property
    def url(self) -> str:
        """Where the SOAP service is."""
        return f"http://127.0.0.1:{self.port}/centre"

    @property
    def national_url(self) -> str:
        """Where the same centre takes JSON."""
        return f"http://127.0.0.1:{self.port}{CALL_PATH.decode()}"

    def start(self) -> None:
        """Listen. ``CannotListenError`` when the port is taken."""
        root = Resource()
        root.putChild(b"centre", _Service(self, self.speech))
        for path, national in ((CALL_PATH, JsonSpeech()), (DOWNLOAD_PATH, DownloadSpeech())):
            _put(root, path, _NationalService(self, national))
        admin = Resource()
        admin.putChild(b"ledger", _LedgerPage(self))
        admin.putChild(b"faults", _FaultsPage(self))
        root.putChild(b"admin", admin)
        self._site = _Connections(_QuietSite(root, timeout=600))
        self._listening = self.reactor.listenTCP(self.port, self._site, interface="127.0.0.1", backlog=512)
        self.port = self._listening.getHost().port

    def stop(self) -> Deferred[None]:
        """Stop listening and cut every connection; the ledger stays."""
        if self._listening is None:
            done: Deferred[None] = Deferred()
            done.callback(None)
            return done
        listening, self._listening = self._listening, None
        self._site.cut_all()
        stopped: Deferred[None] = Deferred.fromCoroutine(_wait(listening.stopListening()))
        return stopped

    def process(self, request: wire.Request, body: bytes, knob: Knob | None, speech: Speech) -> bytes:
        """Carry a message out, note it, and write its answer."""
        head = {"infcode": "0", "inf_refmsgid": self._reference(), **self._times()}
        output: Any = None
        end = "done"
        try:
            output = self._carried_out(request, knob)
        except Refusal as refusal:
            head |= {"infcode": refusal.code, "err_msg": refusal.text}
            end = f"refused {refusal.code}"
        self.note(request, body, end)
        astray = knob is not None and knob.action == "wrong-namespace"
        return speech.write(request, head, self._bent(output, knob), astray=astray)

    def _carried_out(self, request: wire.Request, knob: Knob | None) -> Any:
        if knob is not None and knob.action == "refuse":
            raise Refusal(knob.code, knob.text)
        if knob is not None and knob.action == "not-ready":
            raise Refusal("3203")
        return self.business.handle(request.head, request.nodes)

    def note(self, request: wire.Request, body: bytes, end: str) -> None:
        """Into the ledger."""
        digest = hashlib.sha256(body).hexdigest()
        head = request.head
        self.ledger.receive(head.get("msgid", ""), request.call, digest, self.clock(), end, head.get("insuplc_admdvs", ""))

    def _times(self) -> dict[str, str]:
        stamp = self.clock().strftime("%Y%m%d%H%M%S%f")[:17]
        return {"refmsg_time": stamp, "respond_time": stamp}

    def _reference(self) -> str:
        return f"999900{self.clock():%Y%m%d%H%M%S}{len(self.ledger.receipts) + 1:010d}"

    @staticmethod
    def _bent(output: Any, knob: Knob | None) -> Any:
        """The output with the knob's lie in it."""
        if not isinstance(output, dict) or knob is None:
            return output
        if knob.action == "missing-setl_id":
            return {name: _without(rows, "setl_id") for name, rows in output.items()}
        if knob.action == "other-person":
            return {name: _with(rows, "psn_no", "999900000000000000000") for name, rows in output.items()}
        return bad_files.bent(output, knob.action)


def _without(rows: Any, name: str) -> Any:
    return {key: value for key, value in rows.items() if key != name} if isinstance(rows, dict) else rows


def _with(rows: Any, name: str, value: str) -> Any:
    return rows | {name: value} if isinstance(rows, dict) and name in rows else rows


async def _wait(stopping: Any) -> None:
    if stopping is not None:
        await stopping


class _QuietSite(Site):
    noisy = False

    def log(self, request: Any) -> None:
        """No access log: a request line tells nothing here."""


class _Connections(WrappingFactory[ProtocolWrapper]):
    """A site whose connections can be cut."""

    noisy = False

    def cut_all(self) -> None:
        for connection in list(self.protocols):
            connection.abortConnection()


class _Service(Resource):
    """One message in, one answer out - or what a knob makes of it."""

    isLeaf = True  # noqa: N815 - Twisted's name

    content_type = b"text/xml; charset=utf-8"

    def __init__(self, centre: CentreSimulator, speech: Speech) -> None:
        super().__init__()
        self._centre = centre
        self._speech = speech

    def render_GET(self, request: Any) -> bytes:  # noqa: N802 - Twisted's name
        request.setHeader(b"Content-Type", self.content_type)
        return self._speech.wsdl(self._centre.url)

    def refusal(self, request: Any, message: wire.Request) -> bytes | None:  # noqa: ARG002 - no gateway stands here
        """What a gateway says before the centre sees the message; None when it lets it in."""
        return None

    def not_read(self, why: str) -> bytes:
        """The answer to what is no message."""
        return wire.fault("soap:Client", why)

    def render_POST(self, request: Any) -> Any:  # noqa: N802 - Twisted's name
        body = request.content.read(MAX_BODY_BYTES)  # what is longer is cut, and then not well-formed
        request.setHeader(b"Content-Type", self.content_type)
        try:
            message = self._speech.read(body)
        except ValueError as exc:
            request.setResponseCode(500)
            return self.not_read(str(exc))
        refusal = self.refusal(request, message)
        if refusal is not None:
            self._centre.note(message, body, "dropped")
            return refusal
        person = self._centre.business.person_of(message.nodes)
        behaviour = person.behaviour if person is not None and message.call == "2207" else ""
        knob = self._centre.faults.take(message.call, message.head.get("msgid", ""), behaviour)
        hold = self._centre.holds.take(message.call, Moment.ARRIVED)
        if hold is not None:
            hold.stop(
                message.head.get("msgid", ""),
                lambda: self._answer(request, message, body, knob),
                lambda: self._drop(request, message, body),
            )
        elif knob is not None and knob.action == "stall":
            self._centre.reactor.callLater(knob.seconds, self._answer, request, message, body, None)
        else:
            self._answer(request, message, body, knob)
        return NOT_DONE_YET

    def _drop(self, request: Any, message: wire.Request, body: bytes) -> None:
        self._centre.note(message, body, "dropped")
        _cut(request)

    def _answer(self, request: Any, message: wire.Request, body: bytes, knob: Knob | None) -> None:
        action = knob.action if knob is not None else ""
        if action == "drop-before":
            self._drop(request, message, body)
            return
        if action in {"gateway-401", "soap-fault"}:
            self._centre.note(message, body, "dropped")
            self._stand_in(request, action)
            return
        answer = self._centre.process(message, body, knob, self._speech)
        if answer.startswith(_ZIP):
            request.setHeader(b"Content-Type", b"application/octet-stream")
        hold = self._centre.holds.take(message.call, Moment.PROCESSED)
        if hold is not None:
            hold.stop(message.head.get("msgid", ""), lambda: self._send(request, answer, knob), lambda: _cut(request))
        else:
            self._send(request, answer, knob)

    def _send(self, request: Any, answer: bytes, knob: Knob | None) -> None:
        """The answer, or what the knob makes of it."""
        action = knob.action if knob is not None else ""
        match action:
            case "lose-reply":
                _cut(request)
            case "slow":
                self._centre.reactor.callLater(knob.seconds if knob else 0, _finish, request, answer)
            case "cut-mid-reply":
                request.setHeader(b"Content-Length", str(len(answer)).encode())
                request.write(answer[: len(answer) // 2])
                # The half that was written must leave before the cut: an abort would drop it.
                self._centre.reactor.callLater(0.05, _cut, request)
            case "drip":
                request.setHeader(b"Content-Length", str(len(answer)).encode())
                self._drip(request, answer, knob.seconds if knob else 0.5)
            case "garbage":
                _finish(request, b"\x00\xff<<not xml>>" + bytes(range(256)))
            case "html-200" | "page-504":
                self._stand_in(request, action)
            case _:
                _finish(request, answer)

    @staticmethod
    def _stand_in(request: Any, action: str) -> None:
        """An answer from something that stands in front of the service."""
        match action:
            case "gateway-401":
                request.setHeader(b"Content-Type", b"application/json")
                _finish(request, json.dumps({"code": 401, "message": "签名校验失败"}).encode())
            case "soap-fault":
                request.setResponseCode(500)
                _finish(request, wire.fault("soap:Server", "internal error"))
            case _:
                request.setHeader(b"Content-Type", b"text/html; charset=utf-8")
                request.setResponseCode(504 if action == "page-504" else 200)
                _finish(request, _PAGE.encode())

    def _drip(self, request: Any, rest: bytes, gap_s: float) -> None:
        if request.finished or request.channel is None:
            return
        if not rest:
            request.finish()
            return
        request.write(rest[:1])
        self._centre.reactor.callLater(gap_s, self._drip, request, rest[1:], gap_s)


class _NationalService(_Service):
    """The same in JSON, and a gateway before it where there is one."""

    content_type = CONTENT_TYPE

    def refusal(self, request: Any, message: wire.Request) -> bytes | None:
        """See ``_Service``."""
        if self._centre.gateway is None:
            return None
        headers = {name.decode().lower(): values[0].decode() for name, values in request.requestHeaders.getAllRawHeaders()}
        why = self._centre.gateway(headers, message.head, self._centre.clock())
        return json.dumps({"code": 401, "message": why}).encode() if why else None

    def not_read(self, why: str) -> bytes:
        """See ``_Service``."""
        return json.dumps({"infcode": -1, "err_msg": why}).encode()


def _put(root: Resource, path: bytes, leaf: Resource) -> None:
    """The leaf at that path, with the folders on the way."""
    *folders, name = path.strip(b"/").split(b"/")
    for folder in folders:
        found = root.children.get(folder)
        if found is None:
            found = Resource()
            root.putChild(folder, found)
        root = found
    root.putChild(name, leaf)


def _finish(request: Any, body: bytes) -> None:
    """Answer, unless the caller has gone."""
    if not request.finished and request.channel is not None:
        request.setHeader(b"Content-Length", str(len(body)).encode())
        request.write(body)
        request.finish()


def _cut(request: Any) -> None:
    if request.channel is not None:
        request.channel.transport.abortConnection()


class _LedgerPage(Resource):
    """GET /admin/ledger."""

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, centre: CentreSimulator) -> None:
        super().__init__()
        self._centre = centre

    def render_GET(self, request: Any) -> bytes:  # noqa: N802 - Twisted's name
        request.setHeader(b"Content-Type", b"application/json")
        books = self._centre.ledger.as_json() | {"accounts": self._centre.business.accounts()}
        return json.dumps(books, ensure_ascii=False).encode()


class _FaultsPage(Resource):
    """POST /admin/faults: see ``Faults.set_from_json``."""

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, centre: CentreSimulator) -> None:
        super().__init__()
        self._centre = centre

    def render_POST(self, request: Any) -> bytes:  # noqa: N802 - Twisted's name
        request.setHeader(b"Content-Type", b"application/json")
        try:
            self._centre.faults.set_from_json(dict(json.loads(request.content.read(1 << 16))))
        except (ValueError, TypeError, RecursionError) as exc:
            request.setResponseCode(400)
            return json.dumps({"error": str(exc)}).encode()
        return b'{"ok": true}'
