"""The service: one POST, a JSON answer of the published shape. A code is good once; tokens are its own secret."""

# Twisted annotates parts of itself only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from simulators.ecode.sealed import SealedSide
from simulators.people import PEOPLE, CardPerson

MAX_BODY = 65536


class CodeServer(Resource):
    """Listens on loopback. Codes are ``CODE-<person's key>-<number>``; ``scanned`` is what its own scanner holds.

    ``fault``: "" none; "silent" reads and never answers; "closed" cuts the connection after reading; "half" cuts the
    answer; "garbage" answers what is no JSON; "huge"; "error" HTTP 500; "refuse" says no; "no-token" leaves the token out;
    "wrong-check" spoils the id number; "slow" waits for ``release``. With a ``sealed`` side everything goes by the sealed
    channel, which has faults of its own.
    """

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, reactor: Any, port: int = 0, sealed: SealedSide | None = None) -> None:
        super().__init__()
        self.sealed = sealed
        self.fault = ""
        self.scanned = ""
        self.asked: list[dict[str, Any]] = []
        self.authorisations: list[str] = []
        self.tokens: dict[str, str] = {}  # token -> key of the person
        self.release: Deferred[None] = Deferred()
        self._used: set[str] = set()
        self._reactor = reactor
        self._wanted = port
        self._listening: Any = None

    def start(self) -> str:
        """Listen; the address to POST to."""
        self._listening = self._reactor.listenTCP(self._wanted, Site(self), interface="127.0.0.1")
        return f"http://127.0.0.1:{self._listening.getHost().port}/ec"

    async def stop(self) -> None:
        """Listen no more."""
        ending = self._listening.stopListening() if self._listening is not None else None
        if ending is not None:
            await ending

    def render_POST(self, request: Any) -> Any:  # noqa: N802 - Twisted's name
        """One question."""
        body = request.content.read(MAX_BODY)
        try:
            message = json.loads(body) if self.sealed is None else self.sealed.open(body)
        except ValueError as exc:
            return _encoded({"success": False, "code": exc.args[0], "message": "拒绝"})
        self.asked.append(message)
        self.authorisations.append(request.getHeader("Authorization") or "")
        if self.fault == "silent":
            return NOT_DONE_YET
        if self.fault == "closed":
            request.transport.abortConnection()
            return NOT_DONE_YET
        if self.fault == "error":
            request.setResponseCode(500)
            return b"no"
        answer = self._body(message)
        if self.sealed is not None and self.fault not in {"garbage", "huge"}:
            answer = self.sealed.seal(json.loads(answer), self.fault)
        request.setHeader("Content-Type", "application/json")
        if self.fault == "half":
            request.setHeader("Content-Length", str(len(answer)))
            request.write(answer[: len(answer) // 2])
            self._reactor.callLater(0, request.transport.abortConnection)
            return NOT_DONE_YET
        if self.fault == "slow":
            self.release.addCallback(lambda _: (request.write(answer), request.finish()))
            return NOT_DONE_YET
        return answer

    def _body(self, message: dict[str, Any]) -> bytes:
        if self.fault == "garbage":
            return b"<html>\xff"
        if self.fault == "huge":
            return b'{"code":0,"data":{"userName":"' + b"x" * 200_000 + b'"}}'
        code = message["data"].get("ecQrCode") or self.scanned
        person = self._person(code)
        if self.fault == "refuse" or message.get("transType") != "ec.query" or person is None or code in self._used:
            return _encoded({"code": -2, "message": "二维码无效或已过期", "data": None})
        self._used.add(code)
        token = f"{len(self._used):08d}{'T0K3N' * 8}"[:40]
        self.tokens[token] = person.key
        number = person.id_number
        if self.fault == "wrong-check":
            number = number[:17] + ("0" if number[17] != "0" else "1")
        data = {
            "idNo": number, "idType": "01", "userName": person.name, "ecToken": token, "insuOrg": person.region,
            "ecIndexNo": "", "gender": person.sex, "birthday": person.birth_date.isoformat(), "nationality": "CHN",
            "email": "", "extData": "",
        }  # fmt: skip
        if self.fault == "no-token":
            del data["ecToken"]
        return _encoded({"code": 0, "message": "成功", "data": data})

    def _person(self, code: str) -> CardPerson | None:
        key = code.removeprefix("CODE-").rpartition("-")[0]
        return PEOPLE.get(key)


def _encoded(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer, ensure_ascii=False).encode()
