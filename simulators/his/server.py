"""The MLLP server: takes blocks, books them once, answers - or misbehaves as its knobs say."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from simulators.his.book import PATIENT, Book, Refusal
from simulators.his.index import SHAPING, asked, reply
from simulators.his.knobs import Fault, Knob, Knobs
from simulators.his.reading import END, MAX_BLOCK, RETURN, START, NotHl7, Received, read, split_blocks
from simulators.his.second import Second

_REFUSALS = {Fault.ANSWER_AE: "AE", Fault.ANSWER_AR: "AR"}
_SILENT = {Fault.NO_ANSWER, Fault.ONLY_GARBAGE}
_LITERALS = {"gb18030": "GB 18030-2000", "utf-8": "UNICODE UTF-8"}


@frozen(slots=True)
class _Answered:
    digest: str
    ack: bytes


class HisSimulator:
    """A HIS on one port.

    ``port`` 0 lets the system choose; ``start`` returns the port. ``charset`` is the codec of messages that declare none
    and of all answers. ``tls`` is a Twisted context factory for a server. ``book`` holds what was taken, ``received``
    every message that could be read (repeats too), ``repeats`` counts control ids that came again.
    """

    def __init__(
        self,
        reactor: Any,
        port: int = 0,
        charset: str = "utf-8",
        *,
        host: str = "127.0.0.1",
        tls: Any = None,
        numbered: bool = False,
        answers_to: int = 0,
    ) -> None:
        self._numbered = numbered
        self.last_number: int | None = None  # that it accepted
        self.second = Second(reactor, answers_to) if answers_to else None
        self._reactor = reactor
        self._port = port
        self._host = host
        self._charset = charset
        self._tls = tls
        self._listening: Any = None
        self._connections: set[_Connection] = set()
        self._answered: dict[str, _Answered] = {}
        self.book = Book()
        self.knobs = Knobs()
        self.received: list[Received] = []
        self._awaited: list[tuple[str, Deferred[Received]]] = []
        self.unreadable = 0
        self._said = 0
        self.repeats = 0
        self.connections_made = 0

    def start(self) -> int:
        """Listen; the port."""
        factory = _Connections(self)
        if self._tls is None:
            self._listening = self._reactor.listenTCP(self._port, factory, interface=self._host)
        else:
            self._listening = self._reactor.listenSSL(self._port, factory, self._tls, interface=self._host)
        self._port = int(self._listening.getHost().port)
        return self._port

    async def stop(self) -> None:
        """Hang up on everybody and stop listening; ``start`` listens again on the same port, the books as they were."""
        listening, self._listening = self._listening, None
        if listening is not None:
            await listening.stopListening()
        self.hang_up()
        if self.second is not None:
            self.second.stop()

    @property
    def clients(self) -> frozenset[_Connection]:
        """Who is connected now."""
        return frozenset(self._connections)

    def hang_up(self) -> None:
        """Cut every connection at once."""
        for connection in list(self._connections):
            connection.cut()

    def send_raw(self, data: bytes) -> None:
        """Send bytes of one's own choice to everybody who is connected."""
        for connection in list(self._connections):
            connection.write(data)

    def bodies_of(self, control_id: str) -> list[bytes]:
        """Every body that came under that control id, in order."""
        return [message.payload for message in self.received if message.control_id == control_id]

    def next_message(self, message_type: str) -> Deferred[Received]:
        """Fires when the next message of that type has been taken, refused or ignored as the knobs say."""
        awaited: Deferred[Received] = Deferred()
        self._awaited.append((message_type, awaited))
        return awaited

    # -- for the connections

    def joined(self, connection: _Connection) -> None:
        """A client connected."""
        self._connections.add(connection)
        self.connections_made += 1

    def left(self, connection: _Connection) -> None:
        """A client went."""
        self._connections.discard(connection)

    def take(self, payload: bytes, connection: _Connection) -> None:
        """One block from a client."""
        try:
            message = read(payload, self._charset, dt.datetime.now(dt.UTC))
        except NotHl7 as exc:
            self.unreadable += 1
            connection.write(block(self._ack("", "AR", str(exc))))
            return
        self.received.append(message)
        self._deal_with(message, connection)
        due = [awaited for wanted, awaited in self._awaited if wanted == message.message_type]
        self._awaited = [one for one in self._awaited if one[0] != message.message_type]
        for awaited in due:
            awaited.callback(message)

    def _deal_with(self, message: Received, connection: _Connection) -> None:
        knob = self.knobs.take(message.message_type)
        number = message.value("MSH", 13)
        if self._numbered and number and not self._counts(message, int(number), knob, connection):
            return
        if self.second is not None and message.value("MSH", 16) in {"AL", "SU", "ER"}:
            self._answer_apart(message, knob, connection)
            return
        if message.value("MSH", 16) in {"AL", "SU"} and self._received_first(message, knob, connection):
            return
        if knob is not None and knob.fault in _REFUSALS:
            connection.write(block(self._ack(message.control_id, _REFUSALS[knob.fault], "refused by the simulator's knob")))
            return
        ack = self._found(message, knob) if message.message_type.startswith("QBP^") else self._booked(message)
        if knob is None or knob.fault in SHAPING:
            connection.write(block(ack))
        else:
            self._misbehave(knob, ack, connection)

    def _received_first(self, message: Received, knob: Knob | None, connection: _Connection) -> bool:
        """Enhanced mode: CA (or CR) at once; True when nothing follows it, or the knob says what."""
        fault = knob.fault if knob is not None else None
        if fault is Fault.COMMIT_REFUSED:
            connection.write(block(self._ack(message.control_id, "CR", "refused by the simulator's knob")))
            return True
        connection.write(block(self._ack(message.control_id, "CA", "")))
        if fault is Fault.COMMIT_THEN_AE:
            connection.write(block(self._ack(message.control_id, "AE", "refused by the simulator's knob")))
        return fault in {Fault.COMMIT_ONLY, Fault.COMMIT_THEN_AE}

    def _counts(self, message: Received, number: int, knob: Knob | None, connection: _Connection) -> bool:
        """Whether it is the message that comes next; else it is answered here. HL7 2.5, 2.10.1."""
        if knob is not None and self.last_number is not None:
            self.last_number += {Fault.NUMBER_BACK: -1, Fault.NUMBER_AHEAD: 5}.get(knob.fault, 0)
        expected = -1 if self.last_number is None else self.last_number + 1
        if number in {0, -1}:
            self.last_number = None if number == -1 else self.last_number
            said = self._ack(message.control_id, "AA", "", expected=-1 if number == -1 else expected)
            connection.write(block(said))
            return False
        if expected not in {-1, number}:
            connection.write(block(self._ack(message.control_id, "AE", "sequence number", expected=expected)))
            return False
        return True

    def _answer_apart(self, message: Received, knob: Knob | None, connection: _Connection) -> None:
        """CA here; what became of it by a connection of our own, where MSH-16 asks for that."""
        fault = knob.fault if knob is not None else None
        if fault is Fault.COMMIT_REFUSED:
            connection.write(block(self._ack(message.control_id, "CR", "refused by the simulator's knob")))
            return
        committed = block(self._ack(message.control_id, "CA", "", expected=self._number_of(message)))
        if fault is not Fault.ANSWER_FIRST:
            connection.write(committed)
        if fault is Fault.COMMIT_ONLY or self.second is None:
            return
        answer = self._booked(message)
        if fault is Fault.COMMIT_THEN_AE:
            answer = self._ack(message.control_id, "AE", "refused by the simulator's knob")
        if fault is Fault.ANSWER_OTHER:
            self.second.say(self._ack("NOBODYS", "AA", ""))
        good = b"MSA|AA|" in answer
        if message.value("MSH", 16) == "AL" or good is (message.value("MSH", 16) == "SU"):
            self.second.say(answer)
            if fault is Fault.ANSWER_TWICE:
                self._said += 1
                self.second.say(answer.replace(b"|ACK|A", b"|ACK|B", 1))
        if fault is Fault.ANSWER_FIRST:
            self._reactor.callLater(0.2, connection.write, committed)

    def _number_of(self, message: Received) -> int | None:
        number = message.value("MSH", 13)
        return int(number) if self._numbered and number else None

    def _booked(self, message: Received) -> bytes:
        """The ACK of a message that is taken once: a repeat gets the same bytes, another body under its id a no."""
        digest = hashlib.sha256(message.payload).hexdigest()
        before = self._answered.get(message.control_id)
        if before is not None:
            self.repeats += 1
            if before.digest == digest:
                return before.ack
            return self._ack(message.control_id, "AR", "this control id was used with another body")
        try:
            number = self._number_of(message)
            ack = self._ack(message.control_id, "AA", "", self.book.take(message), expected=number)
        except Refusal as exc:
            return self._ack(message.control_id, "AE", str(exc))
        if number is not None:
            self.last_number = number
        self._answered[message.control_id] = _Answered(digest, ack)
        return ack

    def _found(self, message: Received, knob: Knob | None) -> bytes:
        """The reply to a query; a repeat is answered anew, for nothing was changed by it."""
        try:
            found = asked(self.book, message)
        except Refusal as exc:
            return self._ack(message.control_id, "AE", str(exc))
        fault = knob.fault if knob is not None else None
        declared = _LITERALS[self._charset]
        return reply(message, found, fault, declared, self._charset, f"A{self._said:09d}")

    def _ack(self, control_id: str, code: str, text: str, patient_number: str = "", expected: int | None = None) -> bytes:
        stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%d%H%M%S")
        self._said += 1
        lines = [
            f"MSH|^~\\&|HIS||YIKATONG||{stamp}||ACK|A{self._said:09d}|P|2.5||||||{_LITERALS[self._charset]}",
            f"MSA|{code}|{control_id}|{text}" + ("" if expected is None else f"|{expected}"),
        ]
        if patient_number:
            lines.append(f"PID|1||{patient_number}^^^^{PATIENT}")
        return "".join(line + "\r" for line in lines).encode(self._charset)

    def _misbehave(self, knob: Knob, ack: bytes, connection: _Connection) -> None:
        if knob.fault in _SILENT:
            connection.write(b"?? not a block ??" if knob.fault is Fault.ONLY_GARBAGE else b"")
        elif knob.fault is Fault.WRONG_CONTROL_ID:
            connection.write(block(self._ack("SOMEBODY-ELSE", "AA", "")))
        elif knob.fault is Fault.LATE_ACK:
            self._reactor.callLater(knob.delay_s, connection.write, block(ack))
        elif knob.fault is Fault.GARBAGE:
            connection.write(b"\r\nnoise before the block\r\n" + block(ack) + b"and behind it")
        elif knob.fault is Fault.NOT_HL7:
            connection.write(block(b"HELLO WORLD"))
        elif knob.fault is Fault.MISSING_END:
            connection.write(START + ack)
        elif knob.fault is Fault.TOO_LONG:
            connection.write(block(ack + b"NTE|" + b"x" * (1 << 20)))
        elif knob.fault is Fault.SLOW:
            connection.drip(block(ack), knob.delay_s, self._reactor)
        elif knob.fault is Fault.CLOSE_MID_ACK:
            connection.write_and_close(block(ack)[: len(ack) // 2])
        else:
            connection.cut()


def block(payload: bytes) -> bytes:
    """One MLLP block."""
    return START + payload + END + RETURN


class _Connection(Protocol):
    def __init__(self, his: HisSimulator) -> None:
        self._his = his
        self._buffer = b""

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        self._his.joined(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's name
        del reason
        self._his.left(self)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        blocks, self._buffer = split_blocks(self._buffer + data)
        for payload in blocks:
            self._his.take(payload, self)
        if len(self._buffer) > MAX_BLOCK:
            self.cut()

    def write(self, data: bytes) -> None:
        if self.transport is not None:
            self.transport.write(data)

    def write_and_close(self, data: bytes) -> None:
        self.write(data)
        if self.transport is not None:
            self.transport.loseConnection()

    def cut(self) -> None:
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]  # every stream transport of Twisted has it

    def drip(self, data: bytes, delay_s: float, reactor: Any) -> None:
        """A byte at a time, until the client hangs up."""
        if data and self in self._his.clients:
            self.write(data[:1])
            reactor.callLater(delay_s, self.drip, data[1:], delay_s, reactor)


class _Connections(Factory):
    noisy = False

    def __init__(self, his: HisSimulator) -> None:
        self._his = his

    def buildProtocol(self, addr: IAddress | None) -> _Connection:  # noqa: N802 - Twisted's name
        del addr
        return _Connection(self._his)
