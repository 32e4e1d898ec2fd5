"""The host on a socket: one answer a message, or what the knobs say instead."""

from __future__ import annotations

from typing import Any

from attrs import define, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from simulators.bank import wire
from simulators.bank.ledger import Hold, Ledger

TEST_KEY = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")  # of this simulator only: it guards nothing
ANY = "*"
ACTIONS = {
    "silent": "not processed, no answer",
    "lose-reply": "processed, no answer",
    "late": "processed at once, answered after some seconds",
    "refuse": "refused with a response code",
    "wrong-mac": "processed, answered with a wrong MAC",
    "cut-before": "not processed, the connection is cut",
    "cut": "processed, the connection is cut without an answer",
    "duplicate": "processed, answered twice",
    "wrong-trace": "processed, answered under another trace number",
}
_KINDS = {
    ("01", "030000"): "hold",
    ("02", "000000"): "capture",
    ("01", "200000"): "release",
    ("04", "030000"): "reverse",
    ("02", "200000"): "refund",
}
_HEAD = 2


@frozen(slots=True)
class Knob:
    """One fault."""

    action: str
    seconds: float = 3.0
    code: str = "51"


@define
class _Awaited:
    kind: str
    done: Deferred[None]


class BankSimulator:
    """A bank's host on one port. ``ledger`` are its books, ``knob`` sets faults, ``last`` is the newest message read."""

    def __init__(
        self,
        reactor: Any,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        mac: str = "sm4-cbc",
        key: bytes = TEST_KEY,
        header: int = 0,
    ) -> None:
        self._reactor = reactor
        self._port, self._host = port, host
        self._mac, self._key, self._header = mac, key, header
        self._listening: Any = None
        self._connections: set[_Connection] = set()
        self._knobs: list[tuple[str, Knob]] = []
        self._awaited: list[_Awaited] = []
        self._later: set[Any] = set()
        self.ledger = Ledger()
        self.last: wire.Decoded = {}
        self.bad_macs = 0
        self.unreadable = 0
        self.sign_ons = 0

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    def start(self) -> int:
        """Listen; the port."""
        self._listening = self._reactor.listenTCP(self._port, _Connections(self), interface=self._host)
        self._port = int(self._listening.getHost().port)
        return self._port

    async def stop(self) -> None:
        """Hang up on everybody and stop; ``start`` listens again on the same port, the books as they were."""
        for call in self._later:
            if call.active():
                call.cancel()
        self._later.clear()
        listening, self._listening = self._listening, None
        if listening is not None:
            await listening.stopListening()
        for connection in list(self._connections):
            connection.cut()

    def knob(self, kind: str, action: str, *, times: int = 1, **how: Any) -> None:
        """For the next ``times`` messages of that kind (hold, capture, release, reverse, refund, "*")."""
        if action not in ACTIONS:
            raise ValueError(f"unknown fault {action!r}; known: {', '.join(ACTIONS)}")
        self._knobs += [(kind, Knob(action, **how))] * times

    def next(self, kind: str) -> Deferred[None]:
        """Fires when the next message of that kind was processed, or ignored by a knob."""
        done: Deferred[None] = Deferred()
        self._awaited.append(_Awaited(kind, done))
        return done

    # -- for the connections

    def joined(self, connection: _Connection) -> None:
        """A terminal connected."""
        self._connections.add(connection)

    def left(self, connection: _Connection) -> None:
        """A terminal went."""
        self._connections.discard(connection)

    def take(self, tpdu: bytes, body: bytes, connection: _Connection) -> None:
        """One message, from its MTI on."""
        try:
            message = wire.decode(body)
        except wire.Unreadable:
            self.unreadable += 1
            return
        self.last = message
        if message["t"] == "0800":
            self.sign_ons += 1
            connection.answer(tpdu, self._framed(_reply(message, "0810", "00", None), mac=False))
            return
        if self._mac != "none" and bytes.fromhex(message.get("64", "")) != wire.mac_of(self._mac, self._key, body[:-8]):
            self.bad_macs += 1
            connection.answer(tpdu, self._framed(_reply(message, _answer_type(message), "A0", None)))
            return
        self._business(tpdu, message, connection)

    def _business(self, tpdu: bytes, message: wire.Decoded, connection: _Connection) -> None:
        kind = _KINDS.get((message["t"][:2], message["3"]), "")
        knob = self._take_knob(kind)
        if knob and knob.action in {"silent", "cut-before"}:
            if knob.action == "cut-before":
                connection.cut()
        else:
            code, hold = (knob.code, None) if knob and knob.action == "refuse" else self._do(kind, message)
            self._answer(tpdu, _reply(message, _answer_type(message), code, hold), connection, knob)
        for awaited in [one for one in self._awaited if one.kind == kind]:
            self._awaited.remove(awaited)
            awaited.done.callback(None)

    def _take_knob(self, kind: str) -> Knob | None:
        for index, (wanted, knob) in enumerate(self._knobs):
            if wanted in {kind, ANY}:
                del self._knobs[index]
                return knob
        return None

    def _do(self, kind: str, message: wire.Decoded) -> tuple[str, Hold | None]:
        own = message["60"][2:8] + message["11"] + message["13"]
        original, amount = message.get("61", ""), int(message["4"])
        self.ledger.receipts.append((kind, original if kind == "reverse" else own, amount))
        match kind:
            case "hold":
                return self.ledger.hold(own, message["2"], amount)
            case "capture":
                return self.ledger.capture(own, original, amount)
            case "release":
                return self.ledger.release(own, original)
            case "reverse":
                return self.ledger.reverse(original, amount)
            case "refund":
                return self.ledger.refund(own, original, amount)
        return "12", None

    def _answer(self, tpdu: bytes, reply: wire.Decoded, connection: _Connection, knob: Knob | None) -> None:
        action = knob.action if knob else ""
        if action == "wrong-trace":
            reply["11"] = f"{(int(reply['11']) + 1) % 1_000_000:06d}"
        framed = self._framed(reply)
        if action == "wrong-mac":
            framed = framed[:-1] + bytes([framed[-1] ^ 1])
        if action == "cut":
            connection.cut()
        elif action == "late" and knob:
            self._later.add(self._reactor.callLater(knob.seconds, connection.answer, tpdu, framed))
        elif action != "lose-reply":
            connection.answer(tpdu, framed)
            if action == "duplicate":
                connection.answer(tpdu, framed)

    def _framed(self, reply: wire.Decoded, *, mac: bool = True) -> bytes:
        """The message, with its MAC."""
        if not mac or self._mac == "none":
            return wire.encode(reply)
        bare = wire.encode({**reply, "64": "00" * 8})[:-8]
        return bare + wire.mac_of(self._mac, self._key, bare)

    @property
    def header(self) -> int:
        """Bytes of application header behind the TPDU."""
        return self._header


def _answer_type(message: wire.Decoded) -> str:
    return f"{message['t'][:2]}{int(message['t'][2]) + 1}0"


def _reply(message: wire.Decoded, kind: str, code: str, hold: Hold | None) -> wire.Decoded:
    kept: wire.Decoded = {
        name: message[name] for name in ("3", "4", "11", "12", "13", "41", "42", "49", "60") if name in message
    }
    reply: wire.Decoded = {"t": kind, **kept, "39": code}
    if hold is not None:
        reply |= {"15": message["13"], "37": hold.reference, "38": hold.authorisation}
    return reply


class _Connection(Protocol):
    def __init__(self, bank: BankSimulator) -> None:
        self._bank = bank
        self._buffer = b""

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        self._bank.joined(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002, N802 - Twisted's name and signature
        self._bank.left(self)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        self._buffer += data
        while len(self._buffer) >= _HEAD:
            end = _HEAD + int.from_bytes(self._buffer[:_HEAD], "big")
            if len(self._buffer) < end:
                return
            framed, self._buffer = self._buffer[_HEAD:end], self._buffer[end:]
            skip = 5 + self._bank.header
            self._bank.take(framed[:skip], framed[skip:], self)

    def answer(self, head: bytes, body: bytes) -> None:
        """Send one message; the TPDU's two addresses change places."""
        if self.transport is not None:
            framed = head[:1] + head[3:5] + head[1:3] + head[5:] + body
            self.transport.write(len(framed).to_bytes(_HEAD, "big") + framed)

    def cut(self) -> None:
        """Hang up at once."""
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]  # every stream transport of Twisted has it


class _Connections(Factory):
    noisy = False

    def __init__(self, bank: BankSimulator) -> None:
        self._bank = bank

    def buildProtocol(self, addr: IAddress | None) -> _Connection:  # noqa: ARG002, N802 - Twisted's name and signature
        return _Connection(self._bank)
