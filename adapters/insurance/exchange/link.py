"""The insurance centre in any dialect: prepares messages, sends each once, and says which of the four ends it had."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from typing import Any

import structlog
from attrs import evolve, field, frozen
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.threads import deferToThreadPool

from adapters.insurance.clock import CentreClock
from adapters.insurance.dictionaries import DICTIONARIES
from adapters.insurance.exchange import catalogues, faults, services, statements
from adapters.insurance.exchange.cells import Output
from adapters.insurance.exchange.dialect import Dialect
from adapters.insurance.exchange.frame import HttpReply
from adapters.insurance.exchange.line import own_threads
from adapters.insurance.exchange.mapping import insured_region, moment, to_input
from adapters.insurance.exchange.options import CentreOptions
from adapters.insurance.exchange.reading import to_reply
from adapters.insurance.exchange.signs import Signs
from adapters.insurance.exchange.wire import Exchange, Lost, Message, Wire
from adapters.insurance.profile import Profile
from adapters.insurance.schema import Input, check_input, check_row
from adapters.insurance.signing.opening import Signers
from adapters.insurance.transactions import REQUEST_HEAD, SERVICES, TRANSACTIONS
from middleware.domain.catalogue import CatalogueRequest, FetchCatalogue
from middleware.domain.centre import (
    Call,
    CentreReply,
    CentreRequest,
    EnvelopeRequest,
    Reverse,
    ServiceRequest,
    SignIn,
    StatementRequest,
    UploadCharges,
    call_of,
)
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.domain.mobile import OrderRequest
from middleware.domain.outcome import Answered, NotSent, Outcome, Refused, Unknown
from middleware.ports import Centre, PreparedCall

_log = structlog.get_logger()

End = Outcome[CentreReply]


@frozen(slots=True)
class Prepared:
    """What ``PreparedCall.body`` is here. Neither bytes nor request show themselves."""

    message: Message
    request: CentreRequest = field(repr=False)
    at: dt.datetime


class CentreLink(Centre):
    """The ``Centre`` port (middleware.ports) in one dialect.

    ``reactor`` carries the wire and the timers, ``now`` is the wall clock for health.
    """

    def __init__(
        self,
        options: CentreOptions,
        reactor: Any,
        now: Callable[[], dt.datetime],
        profile: Profile,
        dialect: Dialect,
        signers: Signers | None = None,
    ) -> None:
        self.options = options
        self.profile = profile
        self._reactor = reactor
        self._now = now
        self._dialect = dialect
        self._signers = signers or Signers()
        self._wire = Wire(options, reactor)
        self._threads = own_threads("centre-xml", options.xml_threads)
        self._flights: set[_Flight] = set()
        self._preparing = 0
        self._running = False
        self.signs = Signs(self.profile)
        self._clock = CentreClock(now, reactor.seconds)
        self._gateway_clock = CentreClock(now, reactor.seconds)
        self._health = PartHealth("centre", Condition.DEGRADED, "", "nothing has been sent yet")

    # -- life -----------------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Ready to send; connects with the first message."""
        self._threads.start()
        self._wire.start()
        self._running = True

    async def stop(self) -> None:
        """Cut what is still under way: NotSent or Unknown("stopping"); nothing of it runs afterwards."""
        if not self._running:
            return
        self._running = False
        ends = [flight.finished for flight in self._flights]
        for flight in list(self._flights):
            flight.stop()
        await DeferredList(ends)
        await self._wire.stop()
        self._threads.stop()

    def health(self) -> PartHealth:
        """How the last message fared."""
        return self._health

    # -- signing in -----------------------------------------------------------------------------------------------------
    def needs_sign_in(self, at: dt.datetime) -> bool:
        """Whether a 9001 is due before other messages."""
        return self.signs.needed(at)

    def sign_in_request(self) -> SignIn:
        """The 9001 of the configured operator; it goes the way of every other message, its intent durable first."""
        return SignIn(self.options.operator, self.options.terminal_mac, self.options.terminal_ip)

    def clock_ahead_s(self) -> float | None:
        """By how much our clock is ahead of the centre's, or of its gateway's where that is more, by the newest answers."""
        told = [ahead for clock in (self._clock, self._gateway_clock) if (ahead := clock.ahead_s()) is not None]
        return max(told, key=abs, default=None)

    # -- sending --------------------------------------------------------------------------------------------------------
    async def prepare(self, message_id: str, request: CentreRequest, at: dt.datetime) -> PreparedCall:
        """Make the message; sends nothing. ``Fault("centre.field")`` names transaction, field and rule."""
        if not self._running:
            raise Fault("system.stopping")
        if self._preparing >= self.options.max_in_flight:
            raise Fault("centre.busy")
        sign_number = self.signs.number_for(request)
        self._preparing += 1
        try:
            prepared: PreparedCall = await deferToThreadPool(
                self._reactor, self._threads, self._make, message_id, request, at, sign_number
            )
        finally:
            self._preparing -= 1
        return prepared

    def _make(self, message_id: str, request: CentreRequest, at: dt.datetime, sign_number: str, /) -> PreparedCall:
        """In a thread of our own: check, write, fix the bytes."""
        if isinstance(request, OrderRequest):
            raise TypeError("an order goes over a channel of its own")
        call = call_of(request)
        site = self.profile.site_rules
        self._check_region_limits(request)
        head = self._signers.envelope.signed(self._head(message_id, call, request, at, sign_number))
        if self._signers.password is not None:
            head["cainfo"] = self._signers.password.cainfo(request)
        check_row(REQUEST_HEAD, head, f"{call.value} head", DICTIONARIES, site)
        nodes = self._nodes(request)
        check_input(TRANSACTIONS[call.value], nodes, DICTIONARIES, site)
        message = self._dialect.write(call.value, head, nodes)
        message = evolve(message, headers=(*message.headers, *self._signers.gateway.headers(at)))
        if isinstance(request, FetchCatalogue):
            message = evolve(message, reply_bytes=self.options.catalogue_body_bytes)
        if len(message.body) > self.options.max_body_bytes:
            raise Fault("centre.field", f"{call.value}: the message is longer than {self.options.max_body_bytes} bytes")
        digest = hashlib.sha256(message.body).hexdigest()
        cycle = sign_number if self.profile.statement.by_cycle else ""
        return PreparedCall(message_id, call, digest, Prepared(message, request, at), cycle)

    def _nodes(self, request: EnvelopeRequest) -> Input:
        if isinstance(request, CatalogueRequest):
            return catalogues.to_input(request, self.profile.catalogue, self.options.institution_code)
        if isinstance(request, StatementRequest):
            return statements.to_input(request, self.profile.statement, self.options.institution_code)
        if isinstance(request, ServiceRequest):
            house = services.House(self.profile.region, self.options.institution_code, self.options.institution_name)
            return services.to_input(request, house)
        return to_input(request, self.profile.region)

    def _check_region_limits(self, request: CentreRequest) -> None:
        call = call_of(request)
        if call.value in SERVICES and call.value not in self.profile.services:
            raise Fault("centre.not_offered", f"{call}: not in services of this region's profile")
        if isinstance(request, Reverse) and request.original_call.value not in {
            *self.profile.reversible,
            *self.profile.cross_region.reversible,
        }:
            raise Fault("centre.field", f"2601 data.oinfno: this region does not reverse {request.original_call.value}")
        if isinstance(request, UploadCharges) and len(request.lines) > self.profile.max_lines:
            raise Fault("centre.field", f"{call} feedetail: more than {self.profile.max_lines} rows")

    def _head(
        self,
        message_id: str,
        call: Call,
        request: EnvelopeRequest,
        at: dt.datetime,
        sign_number: str,
    ) -> dict[str, str]:
        region = insured_region(request)
        if self.options.insured_region == "elsewhere" and region == self.profile.region:
            region = ""
        return {
            "infno": call.value,
            "msgid": message_id,
            "mdtrtarea_admvs": self.profile.region,
            "insuplc_admdvs": region,
            "recer_sys_code": self.options.receiver_code,
            "dev_no": self.options.device_no,
            "dev_safe_info": "",
            "cainfo": "",
            "signtype": "",
            "infver": self.options.interface_version,
            "opter_type": self.options.operator_kind,
            "opter": self.options.operator,
            "opter_name": self.options.operator_name,
            "inf_time": moment(at),
            "fixmedins_code": self.options.institution_code,
            "fixmedins_name": self.options.institution_name,
            "sign_no": sign_number,
            **self.profile.envelope_extras,
        }

    async def send(
        self, call: PreparedCall, on_first_byte: Callable[[], None], on_late_reply: Callable[[End], None]
    ) -> End:
        """Send it once; one of the four outcomes, within the total deadline. Never raises, never sends twice."""
        if not self._running:
            return NotSent("system.stopping")
        if len(self._flights) >= self.options.max_in_flight:
            return NotSent("centre.busy")
        flight = _Flight(self, call, on_first_byte, on_late_reply)
        self._flights.add(flight)
        flight.finished.addBoth(lambda _: self._flights.discard(flight))
        return await flight.outcome

    # -- what a flight needs --------------------------------------------------------------------------------------------
    def exchange(self, call: PreparedCall, on_first_byte: Callable[[], None]) -> Exchange:
        """The one exchange of a message."""
        return Exchange(self._wire, call.body.message, on_first_byte)

    def later(self, delay_s: float, what: Callable[[], None]) -> Any:
        """A timer."""
        return self._reactor.callLater(delay_s, what)

    def seconds(self) -> float:
        """Monotonic."""
        return float(self._reactor.seconds())

    async def understand(self, call: PreparedCall, reply: HttpReply, sent_s: float) -> End:
        """The outcome that a whole reply stands for; reading is blocking work and done in our own threads."""
        outcome: End
        outcome, said_at = await deferToThreadPool(self._reactor, self._threads, self._understand, call, reply)
        self._clock.heard(said_at, sent_s)
        if self._signers.window_s is not None:
            self._gateway_clock.heard_date(reply.date, sent_s)
        return outcome

    def _understand(self, call: PreparedCall, reply: HttpReply) -> tuple[End, str]:
        """The outcome, and the time that the centre says it is."""
        return self._dialect.understand(call.call, call.message_id, reply, lambda output: self._reply(call, output))

    def _reply(self, call: PreparedCall, output: Output | None) -> CentreReply:
        request: EnvelopeRequest = call.body.request
        if isinstance(request, CatalogueRequest):
            return catalogues.to_reply(request, output or {}, self.profile.catalogue)
        if isinstance(request, StatementRequest):
            return statements.to_reply(request, output or {}, self.profile.statement, self.options.institution_code)
        if isinstance(request, ServiceRequest):
            return services.to_reply(request, output)
        return to_reply(request, call.message_id, output)

    def ended(self, call: PreparedCall, outcome: End, seconds: float, *, late: bool) -> None:
        """Remember what an outcome means for the next message, and tell the log: codes and numbers, never a text."""
        self.signs.heard(call.body.request, call.body.at, outcome)
        _log.info(
            "centre.call",
            call=call.call.value,
            message_id=call.message_id,
            outcome=type(outcome).__name__,
            cause=_cause(outcome),
            seconds=round(seconds, 4),
            late=late,
        )
        self._health = _health(outcome, self._now())


class _Flight:
    """One message under way, from handing over to the end of listening for it."""

    def __init__(
        self,
        centre: CentreLink,
        call: PreparedCall,
        on_first_byte: Callable[[], None],
        on_late_reply: Callable[[End], None],
    ) -> None:
        self._centre = centre
        self._call = call
        self._on_late_reply = on_late_reply
        self._exchange = centre.exchange(call, on_first_byte)
        self._begun = centre.seconds()
        self._answered = False
        self._stopped = False
        self.outcome: Deferred[End] = Deferred(lambda _: self._give_up("stopping", "the caller withdrew"))
        self._timer: Any = centre.later(centre.options.total_deadline_s, lambda: self._give_up("time-out", ""))
        self.finished: Deferred[None] = Deferred.fromCoroutine(self._fly())

    async def _fly(self) -> None:
        try:
            outcome = await self._end()
        finally:
            if self._timer.active():
                self._timer.cancel()
        late = self._answered
        self._centre.ended(self._call, outcome, self._centre.seconds() - self._begun, late=late)
        if not late:
            self._answer(outcome)
        elif faults.is_definite(outcome) and not self._stopped:
            self._tell_late(outcome)

    def _tell_late(self, outcome: End) -> None:
        try:
            self._on_late_reply(outcome)
        except Exception as exc:  # noqa: BLE001 - the caller's mistake must not end our listening in silence
            # The journal still has the message as unknown: a person or a reversal will find it.
            self._log_mistake("centre.late_reply_not_taken", exc)

    def _log_mistake(self, event: str, exc: Exception) -> None:
        """Kind and place only: a traceback may be rendered with its local values, a patient's among them."""
        last = exc.__traceback__
        while last is not None and last.tb_next is not None:
            last = last.tb_next
        where = f"{last.tb_frame.f_code.co_qualname}:{last.tb_lineno}" if last is not None else ""
        _log.error(
            event, call=self._call.call.value, message_id=self._call.message_id, error=type(exc).__name__, where=where
        )

    async def _end(self) -> End:
        try:
            reply = await self._exchange.run()
            return await self._centre.understand(self._call, reply, self._begun)
        except Lost as lost:
            if self._stopped and not self._exchange.sent:
                return NotSent("system.stopping")
            return faults.of_lost(sent=self._exchange.sent, cause=lost.cause, detail=lost.detail)
        except Fault as fault:  # the caller's on_first_byte said no: nothing left
            return NotSent(fault.code) if not self._exchange.sent else Unknown("crash", fault.code)
        except Exception as exc:  # noqa: BLE001 - send never raises
            # Ours, and the message may be out: the only safe word is Unknown.
            self._log_mistake("centre.internal", exc)
            return Unknown("crash", type(exc).__name__) if self._exchange.sent else NotSent("system.internal")

    def _answer(self, outcome: End) -> None:
        self._answered = True
        if not self.outcome.called:
            self.outcome.callback(outcome)

    def _give_up(self, cause: str, detail: str) -> None:
        """Tell the caller now; when bytes are out, keep listening for a late reply."""
        if self._answered:
            return
        if not self._exchange.sent:
            self._exchange.abort(cause, "not connected in time" if cause == "time-out" else detail)
            return
        self._answer(Unknown(cause, detail))
        if self._timer.active():
            self._timer.cancel()
        wait = self._centre.options.late_reply_s
        self._timer = self._centre.later(wait, lambda: self._exchange.abort("time-out", "no late reply"))

    def stop(self) -> None:
        """Our process is stopping: no more listening."""
        self._stopped = True
        self._exchange.abort("stopping")


def _cause(outcome: End) -> str:
    match outcome:
        case Refused():
            return outcome.code
        case NotSent():
            return outcome.fault
        case Unknown():
            return outcome.cause
        case Answered():
            return ""


def _health(outcome: End, at: dt.datetime) -> PartHealth:
    when = at.isoformat(timespec="seconds")
    match outcome:
        case Answered() | Refused():
            return PartHealth("centre", Condition.GOOD, "", f"answered at {when}")
        case NotSent():
            return PartHealth("centre", Condition.DOWN, outcome.fault, f"not reached at {when}")
        case Unknown():
            return PartHealth("centre", Condition.DEGRADED, "centre.no_answer", f"{outcome.cause} at {when}")
