"""One HL7 link: each block judged, kept, and then answered. Nothing is answered as taken that is not durable."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol

import structlog
from attrs import evolve
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from middleware.domain.fault import Fault
from middleware.domain.told import PatientFacts, Query
from middleware.doors.mllp.answering import expects, respond
from middleware.doors.mllp.connection import MllpConnection
from middleware.doors.mllp.judge import Judged, judge, judge_broken
from middleware.doors.mllp.options import DECLARED, MllpOptions
from middleware.doors.mllp.profile import with_line_ends
from middleware.doors.mllp.shapes import Shape, Shapes
from middleware.doors.mllp.tables import RULES, trouble
from middleware.hl7.acknowledge import ACCEPTED, ALWAYS, NEVER, REFUSED, Trouble, acknowledgement, codes
from middleware.hl7.blocks import wrap
from middleware.ports import Clock
from middleware.store.inbox import Taken
from middleware.store.units import Incoming

log = structlog.get_logger()

REMEMBERED = 1024  # refused messages that are known again, so that a sender that repeats one is answered and not kept anew
KEPT_AN_HOUR = 1000  # of what is refused or cannot be framed
HOUR_S = 3600.0
TAKEN, REPEATED = "taken", "repeated"
Answer = Callable[[bytes], None]


class Keeper(Protocol):
    """What the link needs of the engine (``engine.inbox``)."""

    @property
    def epoch(self) -> int:
        """The number of this life."""

    def keep(self, incoming: Incoming) -> Deferred[bool]:
        """Fires when it is durable: True, or False when that id was taken before. Fails with ``Fault``."""

    def take(self, incoming: Incoming, told: Callable[[bool | Exception], None]) -> None:
        """The same without anything to wait for: ``told`` is called once with what ``keep`` fires or fails with."""

    def taken(self, link: str, control_id: str) -> Awaitable[Taken | None]:
        """What was taken under that id."""


class Listener(Protocol):
    """Whoever acts on what was taken, and knows whom the HIS told of (``engine.told``)."""

    def heard(self) -> None:
        """Something was taken."""

    def asked(self, query: Query) -> Awaitable[list[PatientFacts]]:
        """Who fits. Fails with ``Fault``."""


class AnswerTaker(Protocol):
    """Who is told of answers to our own messages that come over a link (``engine.his_answers``)."""

    @property
    def links(self) -> frozenset[str]:
        """The links over which some come; on every other they are strays."""

    def take(self, link: str, payload: bytes) -> Awaitable[str]:
        """Nothing ("") when what it means is durable, else the fault for which it is only kept. Fails with ``Fault``."""


class Nobody:
    """Where nothing is acted on. Implements ``Listener``."""

    def heard(self) -> None:
        """Nothing follows."""

    async def asked(self, query: Query) -> list[PatientFacts]:  # noqa: ARG002 - a port's shape
        """Nobody is known."""
        return []


class Hl7Link(Factory):
    """All connections of one listener. Implements ``connection.Taker``. ``now`` is wall time, aware.

    ``counts`` has results: "taken", "repeated", or a fault code; and "dropped" for what was refused and not kept.
    """

    noisy = False

    def __init__(
        self,
        name: str,
        options: MllpOptions,
        inbox: Keeper,
        clock: Clock,
        now: Callable[[], dt.datetime],
        listener: Listener | None = None,
        answers: AnswerTaker | None = None,
    ) -> None:
        self.name = name
        self._answers = answers if answers is not None and name in answers.links else None
        self._listener: Listener = listener or Nobody()
        self._profile = options.profile()
        self._shapes = Shapes(options.charset, options.types, self._profile, declared=options.acknowledge == DECLARED)
        self._second, self._stamp = now(), b""
        self.options = options
        self.clock = clock
        self.counts: Counter[str] = Counter()
        self.connections: dict[MllpConnection, None] = {}  # in the order in which they came
        self._inbox = inbox
        self._now = now
        self._answered = 0
        self._refused: OrderedDict[bytes, None] = OrderedDict()
        self._hour = clock.seconds()
        self._kept = 0

    # -- connections

    def buildProtocol(self, addr: IAddress | None) -> Any:  # noqa: ARG002, N802 - Twisted's name and signature
        """A connection for a sender that was accepted."""
        return MllpConnection(self)

    def joined(self, connection: MllpConnection) -> bool:
        """Whether there is room; a connection that never sent a message makes room for a new one, the oldest first."""
        if len(self.connections) >= self.options.connections:
            silent = next((one for one in self.connections if not one.spoke), None)
            if silent is None:
                self.counts["crowded"] += 1
                log.warning("hl7.too_many_connections", link=self.name)
                return False
            log.info("hl7.silent_connection_closed", link=self.name)
            del self.connections[silent]
            silent.cut()
        self.connections[connection] = None
        return True

    def left(self, connection: MllpConnection) -> None:
        """It is gone."""
        self.connections.pop(connection, None)

    @property
    def waiting(self) -> int:
        """Messages that have no answer yet."""
        return sum(connection.waiting for connection in self.connections)

    @property
    def crowded(self) -> bool:
        """Whether so much was refused in this hour that no more of it is kept."""
        return self._kept >= KEPT_AN_HOUR and self.clock.seconds() - self._hour < HOUR_S

    # -- blocks

    def block(self, payload: bytes, answer: Answer) -> None:
        """See ``Taker.block``."""
        read = with_line_ends(payload) if self._profile.lost_line_ends else payload
        if (found := self._shapes.look(read)) is not None:
            self._take_known(*found, payload, answer)
            return
        judged = judge(read, self.options.charset, self.options.types)
        if judged.fault == "hl7.stray_ack" and self._answers is not None:
            self._take_answer(self._answers, judged, payload, answer)
            return
        if judged.fault:
            self._refuse(judged, payload, answer)
            return
        if expects(judged.header, self._profile):
            asked = Deferred.fromCoroutine(self._asked(judged, payload, read, answer))
            asked.addErrback(self._not_written, judged, answer).addErrback(self._unforeseen, answer)
            return
        ack = self._wire(judged, ACCEPTED, None)
        incoming = Incoming(self.name, judged.control_id, judged.type, "", payload, ack, self._now())
        self._inbox.take(incoming, partial(self._told, judged, incoming, answer))

    def _take_known(self, shape: Shape, number: bytes, payload: bytes, answer: Answer) -> None:
        """One of a kind that was met before: the same as ``block`` does, with the work done already."""
        ack = b""
        for before, middle, behind, end in shape.answers:
            ours, at = self._signed()
            ack += b"".join((before, at, middle, ours, behind, number, end))
        control_id = number.decode("ascii")
        incoming = Incoming(self.name, control_id, shape.judged.type, "", payload, ack, self._now())
        self._inbox.take(incoming, partial(self._told, shape, incoming, answer))

    def _take_answer(self, answers: AnswerTaker, judged: Judged, payload: bytes, answer: Answer) -> None:
        """An answer to a message of ours: what it means first, then it is kept, then CA."""
        header = judged.header
        if not judged.control_id:
            self._refuse(evolve(judged, fault="hl7.control_id"), payload, answer)
            return
        # An answer is only ever accepted or not, whatever it says of application answers.
        accept = header.accept if header.enhanced else ALWAYS
        plain = evolve(judged, header=evolve(header, accept=accept, application=NEVER), fault="")
        taken = Deferred.fromCoroutine(self._answer_taken(answers, plain, payload, answer))
        taken.addErrback(self._not_written, plain, answer).addErrback(self._unforeseen, answer)

    async def _answer_taken(self, answers: AnswerTaker, judged: Judged, payload: bytes, answer: Answer) -> None:
        fault = await answers.take(self.name, payload)
        if fault:
            self._refuse(evolve(judged, fault=fault), payload, answer)
            return
        ack = self._blocks(judged, codes(judged.header, ACCEPTED), None)
        incoming = Incoming(self.name, judged.control_id, judged.type, "", payload, ack, self._now())
        self._inbox.take(incoming, partial(self._told, judged, incoming, answer))

    def broken(self, payload: bytes, fault: str, answer: Answer) -> None:
        """See ``Taker.broken``."""
        self._refuse(judge_broken(payload, self.options.charset, fault), payload, answer)

    def unframed(self, data: bytes, length: int, what: str) -> None:
        """See ``Taker.unframed``."""
        log.warning("hl7.unframed", link=self.name, bytes=length, what=what)
        self._refuse(judge_broken(data, self.options.charset, "hl7.unframed"), data, _nobody)

    # -- what is taken

    def _told(self, known: Judged | Shape, incoming: Incoming, answer: Answer, result: bool | Exception) -> None:
        """Its answer, and nothing raised: those of other messages wait behind this call. The hot path has no Deferred."""
        if result is True:
            try:
                self.counts[TAKEN] += 1
                answer(incoming.ack)
                self._listener.heard()
            except Exception as exc:  # noqa: BLE001 - a defect of ours is that of one message
                self._unforeseen(Failure(exc), answer)  # type: ignore[no-untyped-call]  # Twisted's
            return
        judged = known.of(incoming.control_id) if isinstance(known, Shape) else known
        if result is False:
            before = Deferred.fromCoroutine(self._again(judged, incoming, answer))
            before.addErrback(self._not_written, judged, answer).addErrback(self._unforeseen, answer)
        else:
            refused: Deferred[None] = fail(result)
            refused.addErrback(self._not_written, judged, answer).addErrback(self._unforeseen, answer)

    async def _again(self, judged: Judged, incoming: Incoming, answer: Answer) -> None:
        """A control id that was taken before: the same bytes get the stored answer, others are refused."""
        before = await self._inbox.taken(self.name, judged.control_id)
        if before is not None and before.raw == incoming.raw:
            self.counts[REPEATED] += 1
            answer(before.ack)
        else:
            refused = Judged(judged.header, judged.control_id, judged.type, "hl7.reused")
            self._refuse(refused, incoming.raw, answer)

    async def _asked(self, judged: Judged, payload: bytes, read: bytes, answer: Answer) -> None:
        """What has a response: durable first, as all that comes; then that. What is stored as its answer holds nobody.

        A repeat is answered by what is known then. What is more than a question is acted on too, in its turn.
        """
        header, declared = judged.header, self.options.acknowledge == DECLARED
        told = codes(header, ACCEPTED, declared=declared)
        ack = self._blocks(judged, tuple(code for code in told if code.startswith("C")), None)
        incoming = Incoming(self.name, judged.control_id, judged.type, "", payload, ack, self._now())
        if await self._inbox.keep(incoming):
            self.counts[TAKEN] += 1
            if header.type != b"QBP":
                self._listener.heard()
        else:
            before = await self._inbox.taken(self.name, judged.control_id)
            if before is None or before.raw != payload:
                self._refuse(Judged(header, judged.control_id, judged.type, "hl7.reused"), payload, answer)
                return
            self.counts[REPEATED] += 1
        if any(code.startswith("A") for code in told):
            ack += wrap(
                await respond(self._listener.asked, header, read, self.options.charset, self._profile, *self._signed())
            )
        answer(ack)

    def _not_written(self, failure: Failure, judged: Judged, answer: Answer) -> None:
        """Nothing was written: say so where somebody may be told. A daemon that stops says nothing; they send again."""
        failure.trap(Fault)  # type: ignore[no-untyped-call]  # Twisted's
        fault: Any = failure.value
        self.counts[fault.code] += 1
        if fault.code == "system.stopping":
            answer(b"")
        else:
            answer(self._wire(judged, REFUSED, trouble(fault.code)))

    def _unforeseen(self, failure: Failure, answer: Answer) -> None:
        """A defect of ours is no yes; and the answers behind this one must not wait for it for ever."""
        log.error("hl7.internal", link=self.name, error=type(failure.value).__name__)
        self.counts["system.internal"] += 1
        answer(b"")

    # -- what is not

    def _refuse(self, judged: Judged, payload: bytes, answer: Answer) -> None:
        """Keep it for an operator, then say no. A no may be said even when it could not be kept."""
        fault = judged.fault
        self.counts[fault] += 1
        told = trouble(fault)
        wire = self._wire(judged, REFUSED, told) if told is not None else b""
        if not RULES[fault].kept or not self._worth_keeping(judged, payload):
            answer(wire)
            return
        log.warning("hl7.refused", link=self.name, fault=fault, bytes=len(payload), type=judged.type)
        kept = Incoming(self.name, judged.control_id, judged.type, fault, payload, wire, self._now())

        def said(result: object) -> None:
            if isinstance(result, Failure):
                self.counts["dropped"] += 1
            answer(wire)

        self._inbox.keep(kept).addBoth(said).addErrback(self._unforeseen, answer)

    def _worth_keeping(self, judged: Judged, payload: bytes) -> bool:
        """Not what was refused for the same reason before, and not more than so much an hour."""
        mark = hashlib.blake2b(payload, digest_size=16, key=judged.fault.encode()).digest()
        if mark in self._refused:
            self._refused.move_to_end(mark)
            return False
        if self.clock.seconds() - self._hour >= HOUR_S:
            self._hour, self._kept = self.clock.seconds(), 0
        if self._kept >= KEPT_AN_HOUR:
            self.counts["dropped"] += 1
            return False
        self._kept += 1
        self._refused[mark] = None
        if len(self._refused) > REMEMBERED:
            self._refused.popitem(last=False)
        return True

    # -- answers

    def _wire(self, judged: Judged, verdict: str, told: Trouble | None) -> bytes:
        """The blocks of all answers to it, none where none is wanted."""
        return self._blocks(judged, codes(judged.header, verdict, declared=self.options.acknowledge == DECLARED), told)

    def _blocks(self, judged: Judged, said: tuple[str, ...], told: Trouble | None) -> bytes:
        return b"".join(wrap(acknowledgement(judged.header, code, *self._signed(), told)) for code in said)

    def _signed(self) -> tuple[bytes, bytes]:
        """MSH-10 and MSH-7 of an answer of ours; the number is of this life alone: no other node gives it."""
        self._answered += 1
        second = self._now().replace(microsecond=0)
        if second != self._second or not self._stamp:
            self._second, self._stamp = second, second.strftime("%Y%m%d%H%M%S%z").encode()
        return b"K%x.%x" % (self._inbox.epoch, self._answered), self._stamp


def _nobody(_wire: bytes) -> None:
    """What is no message is answered to nobody."""
