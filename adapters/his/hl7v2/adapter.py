"""The HIS as the engine sees it: give it a message, hear how that ended."""

from __future__ import annotations

import datetime as dt
import ipaddress
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint

from adapters.his.hl7v2 import faults, mapping, tables
from adapters.his.hl7v2.builder import MessageBuilder
from adapters.his.hl7v2.checker import Checker, ProcessChecker
from adapters.his.hl7v2.found import read_found
from adapters.his.hl7v2.link import LinkLimits, MllpLink
from adapters.his.hl7v2.mapping import Ack
from adapters.his.hl7v2.numbers import number_message, with_number
from adapters.his.hl7v2.options import Hl7Options, Tls
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.domain.his import FindPatient, HisAccepted, HisFound, HisMessage, Told
from middleware.domain.outcome import Answered, NotSent, Outcome, Refused, Unknown

log = structlog.get_logger()


class Hl7His:
    """``middleware.ports.His`` over HL7 v2 and MLLP.

    ``checker`` and ``chance`` are given by tests and simulations; a daemon takes the hl7apy process and real randomness.
    ``elsewhere``: what the HIS makes of a message comes over another connection, here it only says that it arrived.
    """

    def __init__(
        self,
        options: Hl7Options,
        reactor: Any,
        *,
        checker: Checker | None = None,
        chance: Callable[[], float] | None = None,
        name: str = "his",
        elsewhere: bool = False,
    ) -> None:
        self._part = name if name == "his" else f"his.{name}"
        self._options = options
        self._elsewhere = elsewhere
        self._clock = reactor
        self._dialect = dialect = options.dialect()
        self._checker = checker or ProcessChecker(reactor)
        self._builder = MessageBuilder(dialect, self._checker, max_bytes=options.max_frame_bytes)
        endpoint, limits = _endpoint(options, reactor), _limits(options, elsewhere=elsewhere)
        self._links = tuple(
            MllpLink(
                reactor,
                endpoint,
                limits,
                lambda payload: mapping.read_ack(payload, dialect),
                chance or random.SystemRandom().random,
            )
            for _ in range(options.connections)
        )
        self._trouble: tuple[str, str] | None = None  # fault and detail of the last message that did not arrive

    def start(self) -> None:
        """Start hl7apy's process and the connections; all keep trying by themselves."""
        self._checker.start()
        for link in self._links:
            link.start()

    async def stop(self) -> None:
        """Close the connections and end the process; a message in flight becomes ``Unknown("stopping")``."""
        for link in self._links:
            await link.stop()
        self._checker.stop()

    def health(self) -> PartHealth:
        """Down without a connection; degraded without all, and after a message that got no answer or could not be made."""
        absent = [link for link in self._links if link.condition != "linked"]
        if absent:
            detail = absent[0].detail or absent[0].condition
            if len(absent) == len(self._links):
                return PartHealth(self._part, Condition.DOWN, "his.unreachable", detail)
            there = f"{len(self._links) - len(absent)} of {len(self._links)} connections: {detail}"
            return PartHealth(self._part, Condition.DEGRADED, "his.unreachable", there)
        if self._trouble is not None:
            fault, detail = self._trouble
            return PartHealth(self._part, Condition.DEGRADED, fault, detail)
        return PartHealth(self._part, Condition.GOOD)

    @property
    def counts(self) -> Counter[str]:
        """What happened so far, by name: sent, acked, timed_out, late_ack, foreign_ack, garbage ..., judged, known."""
        together = Counter(judged=self._builder.judged, known=self._builder.known)
        for link in self._links:
            together.update(link.counts)
        return +together

    async def deliver(self, message: HisMessage) -> Outcome[HisAccepted]:
        """See :class:`middleware.ports.His`.

        Raises ``Fault("his.message")`` for a message that can never be made; nothing else is raised. What only cannot be
        done now (no link, no turn, hl7apy's process down) is ``NotSent``.
        """
        return (await self.tell(message, None)).outcome

    async def tell(self, message: HisMessage, number: int | None) -> Told:
        """See :class:`middleware.ports.NumberedHis`; without a number as ``deliver``, and raises the same."""
        try:
            payload = await self._builder.build(message)
            if number is not None:
                payload = with_number(payload, number, self._dialect.codec)
        except Fault as fault:
            log.warning("his.message.not_built", control_id=message.control_id, fault=fault.code, detail=fault.detail)
            self._trouble = (fault.code, fault.detail)
            if fault.code == "his.message":
                raise
            return Told(NotSent(fault.code, fault.detail))
        return await self._sent(message.control_id, payload)

    async def ask_number(self, control_id: str, created_at: dt.datetime, number: int) -> Told:
        """See :class:`middleware.ports.NumberedHis`."""
        return await self._sent(control_id, number_message(self._dialect, control_id, created_at, number))

    def read_answer(self, payload: bytes) -> tuple[str, Outcome[HisAccepted]]:
        """An application answer that came over another connection: MSA-2, and what it means. Raises ``Fault``."""
        ack = mapping.read_ack(payload, self._dialect)
        return ack.control_id, faults.outcome_of(ack, elsewhere=True)

    async def _sent(self, control_id: str, payload: bytes) -> Told:
        sent = await self._freest().send(control_id, payload)
        outcome = faults.outcome_of(sent, elsewhere=self._elsewhere) if isinstance(sent, Ack) else sent
        self._note(outcome)
        return Told(outcome, sent.expected if isinstance(sent, Ack) else None)

    async def find(self, query: FindPatient) -> Outcome[HisFound]:
        """See :class:`middleware.ports.PatientIndex`. Never raises.

        It takes its turn among the letters. What is not answered in time is ``Unknown("time-out")``; the reply, if it
        still comes, is nobody's.
        """
        try:
            payload = await self._builder.build(query)
        except Fault as fault:
            return NotSent(fault.code, fault.detail)
        asked = ensureDeferred(self._asked(query, payload))
        answer: Deferred[Outcome[HisFound]] = Deferred()
        limit = self._clock.callLater(self._options.find.deadline_s, answer.callback, Unknown("time-out"))
        asked.addCallback(lambda outcome: None if answer.called else answer.callback(outcome))
        outcome = await answer
        if limit.active():
            limit.cancel()
        return outcome

    async def _asked(self, query: FindPatient, payload: bytes) -> Outcome[HisFound]:
        sent = await self._freest().send(query.control_id, payload)
        return read_found(sent.payload, query.control_id, self._dialect) if isinstance(sent, Ack) else sent

    def _freest(self) -> MllpLink:
        """The connection that is up and has the least to do."""
        return min(self._links, key=lambda link: (link.condition != "linked", link.load))

    def _note(self, outcome: Outcome[HisAccepted]) -> None:
        match outcome:
            case Answered() | Refused():
                self._trouble = None
            case Unknown(cause, _):
                self._trouble = ("his.no_answer", cause)
            case NotSent(fault, detail):
                self._trouble = (fault, detail)


def _limits(options: Hl7Options, *, elsewhere: bool) -> LinkLimits:
    return LinkLimits(
        secure=options.tls.enabled,
        connect_timeout_s=options.connect_timeout_s,
        ack_timeout_s=options.ack_timeout_s,
        retry_first_s=options.retry_first_s,
        retry_most_s=options.retry_most_s,
        silent_limit=options.silent_limit,
        max_in_flight=options.max_in_flight,
        max_waiting=options.max_waiting,
        max_frame_bytes=options.max_frame_bytes,
        answers_twice=not elsewhere and options.application_ack in tables.ANSWERS_TWICE,
    )


def _endpoint(options: Hl7Options, reactor: Any) -> IStreamClientEndpoint:
    endpoint: IStreamClientEndpoint
    try:
        address = ipaddress.ip_address(options.host)
    except ValueError:
        # Name look-up is the one use of the reactor's default pool: nothing else in the house waits for that pool.
        endpoint = HostnameEndpoint(reactor, options.host, options.port, timeout=options.connect_timeout_s)
    else:
        kind = TCP4ClientEndpoint if address.version == 4 else TCP6ClientEndpoint  # noqa: PLR2004 - IP's own number
        endpoint = kind(reactor, options.host, options.port, timeout=options.connect_timeout_s)
    return wrapClientTLS(_tls(options.tls, options.host), endpoint) if options.tls.enabled else endpoint


def _tls(tls: Tls, host: str) -> Any:
    """Verify the HIS, show our certificate when we have one. Raises ``Fault("system.config")`` naming the key."""
    from OpenSSL.SSL import Error as OpenSslError
    from twisted.internet import ssl

    authorities, mine = None, None
    try:
        if _given(tls.ca_file):
            authorities = ssl.trustRootFromCertificates(_certificates(tls.ca_file))  # type: ignore[no-untyped-call]  # Twisted's
        if _given(tls.certificate_file):
            pem = tls.certificate_file.read_bytes() + b"\n" + tls.key_file.read_bytes()
            mine = ssl.PrivateCertificate.loadPEM(pem)  # type: ignore[no-untyped-call]  # Twisted's
    except (OSError, OpenSslError, ValueError) as exc:
        raise Fault("system.config", f"his.tls: a file cannot be read ({type(exc).__name__})") from exc
    return ssl.optionsForClientTLS(tls.server_name or host, trustRoot=authorities, clientCertificate=mine)


def _given(path: Path) -> bool:
    return path != Path()


def _certificates(path: Path) -> list[Any]:
    from twisted.internet import ssl

    end = b"-----END CERTIFICATE-----"
    blocks = [block + end for block in path.read_bytes().split(end)[:-1]]
    if not blocks:
        raise ValueError("no certificate in the file")
    return [ssl.Certificate.loadPEM(block) for block in blocks]
