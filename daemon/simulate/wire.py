"""The centre as one life of the node reaches it: the port, with every way in which a call can end.

A request goes out as the fields that our own mapping makes and our own tables check; the centre answers in its own words,
and our own reading says what they stand for. What was sent is done by the centre whether or not the node still lives. The
centre keeps its promise to do a request within ``PROCESSING_LIMIT_S`` or never, except where the dial ``overdue`` makes it
break that promise; then its late approval is told on the same connection, if there still is one.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import random
from collections.abc import Callable

from attrs import evolve, frozen
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from adapters.insurance.dictionaries import DICTIONARIES
from adapters.insurance.exchange import faults
from adapters.insurance.exchange.mapping import to_input
from adapters.insurance.exchange.meaning import meaning
from adapters.insurance.exchange.reading import to_reply
from adapters.insurance.exchange.signs import Signs
from adapters.insurance.mobile.messages import written
from adapters.insurance.schema import Input, SiteRules, check_input
from adapters.insurance.transactions import TRANSACTIONS
from daemon.simulate.categories import looked_at, person_known
from daemon.simulate.corruption import corrupted, page
from daemon.simulate.cycles import PROFILE, OldCentre
from daemon.simulate.dials import PROCESSING_LIMIT_S, Dials
from daemon.simulate.ledger import SIGN_IN, Held, Ledger
from daemon.simulate.parts import Mortal
from daemon.simulate.phones import Phones
from daemon.simulate.registry import charged
from daemon.simulate.speech import Said, heard, said
from daemon.simulate.statements import Office
from daemon.simulate.story import Story
from daemon.simulate.trade import cancelled_of, quote_of, settled_of
from middleware.domain import centre as c
from middleware.domain.catalogue import CatalogueRequest
from middleware.domain.centre import Call
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.domain.kind import VisitKind
from middleware.domain.mobile import OrderRequest, UploadBill
from middleware.domain.money import Money
from middleware.domain.outcome import Answered, NotSent, Outcome, Refused, Unknown
from middleware.ports import PreparedCall

DEADLINE_S = 30.0
_REGION, _US = "999900", "H99990000001"
_NOTHING_ADDED = SiteRules()
_STAY = VisitKind.INPATIENT
Late = Callable[[Outcome[c.CentreReply]], None]


@frozen(slots=True)
class Carried:
    """What a message carries: its fields, and beside them what it was made of. Files of a reconciliation have no fields."""

    request: c.CentreRequest
    nodes: Input | None
    at: dt.datetime  # by the sender's clock

    def heard(self) -> c.CentreRequest:
        """As the centre reads it."""
        return self.request if self.nodes is None else heard(self.request, self.nodes)


class Exchange:
    """The centre's own side: what it does with a request, at the moment when it does it."""

    def __init__(
        self,
        clock: Clock,
        rng: random.Random,
        odd: random.Random,
        story: Story,
        true_now: Callable[[], dt.datetime],
        phones: random.Random | None = None,
    ) -> None:
        self.clock = clock
        self.rng = rng
        self.odd = odd  # for what happens to answers on their way
        self.story = story
        self.true_now = true_now
        self.ledger = Ledger()
        self.office = Office(self.ledger, rng, story)
        self.phones = Phones(clock, phones or odd, story, self.ledger, true_now)
        self.dials = Dials()
        self.signed: set[object] = set()  # the lives that the centre knows
        self.cycles: OldCentre | None = None
        self.connecting: Callable[[object], None] = lambda _life: None
        self.leaving: Callable[[str, str, str, tuple[str, str] | None], None] = lambda _id, _call, _digest, _original: None

    def arrives(self, call: PreparedCall) -> None:
        """The request is at the centre."""
        self.ledger.receipts.append((call.message_id, str(call.call), call.digest))
        self.story.tell(f"centre got {call.call} {call.message_id} {_about(call.body.request)}")
        looked_at(self.story, call.call, call.message_id, call.body.nodes)

    def does(self, life: object, call: PreparedCall, *, refuse: bool) -> Outcome[c.CentreReply]:
        """Do it."""
        outcome: Outcome[c.CentreReply]
        if (stranger := self._is_a_stranger(life, call)) is not None:
            outcome = stranger
        elif refuse:
            self.story.fault("refused", f"{call.call} {call.message_id}")
            outcome = Refused("4300", "不予受理")
        else:
            outcome = self._business(life, call)
        self.story.tell(f"centre did {call.call} {call.message_id} -> {_word(outcome)}")
        return outcome

    def _is_a_stranger(self, life: object, call: PreparedCall) -> Refused | None:
        request = call.body.request
        if self.cycles is not None:
            if (refused := self.cycles.refuses(call.sign_number, request, self.true_now())) is not None:
                return refused
            if isinstance(request, c.SignOut | c.CompareTotals):
                return None
        elif call.call is not Call.SIGN_IN and life not in self.signed:
            return Refused(SIGN_IN, "请先签到")
        if call.call is Call.SIGN_IN or self.rng.random() >= self.dials.signed_out:
            return None
        self.signed.discard(life)
        return Refused(SIGN_IN, "请先签到")

    def understood(self, call: PreparedCall, outcome: Outcome[c.CentreReply]) -> Outcome[c.CentreReply]:
        """The answer in the centre's words, as it arrives, by our own reading of it."""
        carried: Carried = call.body
        if carried.nodes is None:
            return outcome
        match outcome:
            case Answered(reply):
                answer = Said("0", "", said(carried.heard(), call.message_id, reply))
            case Refused(code, message):
                answer = Said(code, message, None)
            case _:
                return outcome
        way = ""
        if self.odd.random() < self.dials.corrupted:
            way, answer = corrupted(call.call, answer, self.odd)
            self.story.fault("corrupted", f"{call.call} {call.message_id} {way}")
        read = meaning(
            call.call,
            answer.code,
            answer.message,
            answer.output,
            lambda output: to_reply(carried.request, call.message_id, output),  # type: ignore[arg-type]
        )
        if way:
            self.story.require(
                "29", f"{way}: read as {_word(read)}", holds=isinstance(read, Unknown), about=call.message_id
            )
        else:
            same = _gist(read) == _gist(outcome)
            self.story.require(
                "28", f"{call.call} {_word(outcome)} is read as {_word(read)}", holds=same, about=call.message_id
            )
        return read

    def _business(self, life: object, call: PreparedCall) -> Outcome[c.CentreReply]:
        ledger, request = self.ledger, call.body.heard()
        if self.cycles is not None and (done := self.cycles.does(life, call, request, self.true_now())) is not None:
            return done
        if (outcome := ledger.registry.does(request)) is not None:
            return outcome
        if (outcome := self.office.does(request, self.dials)) is not None:
            return outcome
        if (outcome := self.phones.does(call.message_id, request)) is not None:
            return outcome
        match request:
            case c.SignIn():
                self.signed.add(life)
                return Answered(c.SignedIn("SIGN"))
            case c.QueryPerson(holder):
                return Answered(person_known(holder))
            case c.UploadVisit():
                return Answered(c.VisitUploaded())
            case c.UploadCharges(_, batch, lines):
                ledger.batches[batch] = sum(line.amount.fen for line in lines)
                ledger.charged[batch] = charged(lines)
                return Answered(c.ChargesTaken(()))
        return self._money(call, request)

    def _money(self, call: PreparedCall, asked: c.CentreRequest) -> Outcome[c.CentreReply]:
        ledger, now = self.ledger, self.true_now()
        match asked:
            case c.PreSettle(visit, _, _, total, use_account):
                charged = Money(ledger.registry.visits[visit.visit_number].total) if visit.kind is _STAY else total
                split = quote_of(charged, use_account=use_account)
                if self.rng.random() < self.dials.bad_split:
                    self.story.fault("bad-split", call.message_id)
                    split = evolve(split, cash=split.cash + total)
                return Answered(c.Quoted(split))
            case c.Settle() as request:
                held = ledger.settle(call.message_id, request, pending=self.dials.finish)
                if held:
                    held.settled_at, held.cycle = now, call.sign_number
                return Answered(settled_of(held, now)) if held else Refused("4301", "无此批次")
            case c.Confirm(_, number):
                return Answered(c.Confirmed()) if ledger.confirm(number) else Refused("4302", "无此结算")
            case c.CancelSettlement(_, number):
                held = ledger.cancel(call.message_id, number)
                if held:
                    held.cancelled_at, held.cancel_cycle = now, call.sign_number
                return Answered(cancelled_of(held, now)) if held else Refused("4302", "无此结算")
            case c.Reverse() as request:
                return ledger.reverse(request)
        raise AssertionError(type(asked).__name__)


class Wire:
    """Implements ``Centre`` for one life of the node."""

    def __init__(self, exchange: Exchange, life: Mortal, wall: Callable[[], dt.datetime]) -> None:
        self._exchange = exchange
        self._life = life
        self._wall = wall
        self._signed_in = False
        self._signs = Signs(PROFILE) if exchange.cycles is not None else None

    def needs_sign_in(self, at: dt.datetime) -> bool:
        """Once a life, and whenever the centre says so; at an old centre as our own adapter knows it."""
        return self._signs.needed(at) if self._signs is not None else not self._signed_in

    def sign_in_request(self) -> c.SignIn:
        """The 9001."""
        return c.SignIn("op", "00-00-00-00-00-00", "127.0.0.1")

    def clock_ahead_s(self) -> float | None:
        """As if each answer told the time, when the dials say so."""
        exchange = self._exchange
        return (self._wall() - exchange.true_now()).total_seconds() if exchange.dials.tells_time else None

    async def prepare(self, message_id: str, request: c.CentreRequest, at: dt.datetime) -> PreparedCall:
        """Fix the bytes: here the text of the fields, made and checked as for the wire."""
        call = c.call_of(request)
        nodes = None
        if isinstance(request, OrderRequest):
            written(evolve(request, fee_type="01") if isinstance(request, UploadBill) else request, _US, _NOTHING_ADDED)
        elif not isinstance(request, c.StatementRequest | c.ServiceRequest | CatalogueRequest):
            nodes = to_input(request, _REGION)
            check_input(TRANSACTIONS[call.value], nodes, DICTIONARIES, _NOTHING_ADDED)
        text = f"{message_id} {request!r}" if nodes is None else f"{message_id} {nodes!r}"
        number = self._signs.number_for(request) if self._signs is not None else ""
        carried = Carried(request, nodes, at)
        return PreparedCall(message_id, call, hashlib.sha256(text.encode()).hexdigest(), carried, number)

    async def send(
        self, call: PreparedCall, on_first_byte: Callable[[], None], on_late_reply: Late
    ) -> Outcome[c.CentreReply]:
        """See ``Centre.send``: drawn once, played out on the world's clock."""
        x = self._exchange
        if not self._life.alive:
            return await self._life.never()  # type: ignore[no-any-return]
        dials, draw = x.dials, x.rng.random
        if draw() < dials.not_sent:
            x.story.fault("not-sent", f"{call.call} {call.message_id}")
            await self._pause(x.rng.uniform(0.01, 3))
            return NotSent("centre.unreachable", "refused")
        if dials.nodes > 1:
            x.connecting(self._life)
            await self._pause(x.rng.uniform(0, 2))  # connecting takes time, and a node may stand still meanwhile
        try:
            on_first_byte()
        except Fault as fault:
            x.story.fault("forbidden", f"{call.call} {call.message_id}")
            return NotSent(fault.code)
        x.leaving(call.message_id, str(call.call), call.digest, _original(call.body.request))
        if x.cycles is not None:
            x.cycles.leaves(call, call.body.request)
        ended: Deferred[Outcome[c.CentreReply]] = Deferred()

        def late(outcome: Outcome[c.CentreReply]) -> None:
            self._heard(call, outcome)
            on_late_reply(outcome)

        _Flight(x, self._life, call, ended, late).begin()
        outcome = await ended
        self._heard(call, outcome)
        if isinstance(outcome, Answered) and call.call is Call.SIGN_IN:
            self._signed_in = True
        elif isinstance(outcome, Refused) and outcome.code == SIGN_IN:
            self._signed_in = False
        return outcome

    def _heard(self, call: PreparedCall, outcome: Outcome[c.CentreReply]) -> None:
        if self._signs is not None:
            self._signs.heard(call.body.request, call.body.at, outcome)

    async def _pause(self, seconds: float) -> None:
        waiter: Deferred[None] = Deferred()
        self._life.graves.append(waiter)
        self._exchange.clock.callLater(seconds, self._life.do, waiter.callback, None)
        await waiter

    def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Nothing to stop."""

    def health(self) -> PartHealth:
        """Not asked here."""
        return PartHealth("centre", Condition.GOOD)


class _Flight:
    """One request under way. Exactly one end is told, and at most one late reply after a time-out."""

    def __init__(
        self, x: Exchange, life: Mortal, call: PreparedCall, ended: Deferred[Outcome[c.CentreReply]], late: Late
    ) -> None:
        self._x = x
        self._life = life
        self._call = call
        self._ended = ended
        self._late = late
        self._told = ""  # how it ended, once it did
        life.graves.append(ended)

    def begin(self) -> None:
        x, dials, draw = self._x, self._x.dials, self._x.rng.random
        name = f"{self._call.call} {self._call.message_id}"
        travel, work = x.rng.uniform(0.005, 0.3), x.rng.uniform(0.005, 1.0)
        after_all = False
        if draw() < dials.slow:
            x.story.fault("slow", name)
            work += x.rng.uniform(0, PROCESSING_LIMIT_S - 5)
        elif self._call.call in c.SETTLE_CALLS | c.CANCEL_CALLS and draw() < dials.overdue:
            x.story.fault("overdue", name)
            work, after_all = x.rng.uniform(PROCESSING_LIMIT_S + 150, PROCESSING_LIMIT_S + 900), True
        lost, cut = draw() < dials.request_lost, draw() < dials.cut and not after_all
        x.clock.callLater(DEADLINE_S, self._end, Unknown("time-out"))
        if cut:
            x.story.fault("cut", name)
            x.clock.callLater(x.rng.uniform(0, travel + work), self._end, Unknown("connection-lost"))
        if lost:
            x.story.fault("request-lost", name)
            return
        refuse = draw() < dials.refused
        x.clock.callLater(travel, self._arrive, work, after_all, refuse)

    def _arrive(self, work: float, after_all: bool, refuse: bool) -> None:
        self._x.arrives(self._call)
        self._x.clock.callLater(work, self._do, after_all, refuse)

    def _do(self, after_all: bool, refuse: bool) -> None:
        x = self._x
        outcome = x.does(self._life, self._call, refuse=refuse)
        if after_all:
            heard = x.understood(self._call, outcome)
            self._answer(heard)  # on the connection that is still there, if any
            nobody = not self._life.alive or self._told != "time-out" or isinstance(heard, Unknown)
            if nobody and isinstance(outcome, Answered):
                self._untold(x.ledger.settlements.values())
        elif x.rng.random() < x.dials.reply_lost:
            x.story.fault("reply-lost", f"{self._call.call} {self._call.message_id}")
        elif x.rng.random() < x.dials.garbled:
            x.story.fault("garbled", f"{self._call.call} {self._call.message_id}")
            x.clock.callLater(x.rng.uniform(0.005, 0.2), self._end, faults.of_unusable(page(x.odd)))
        else:
            x.clock.callLater(x.rng.uniform(0.005, 0.2), self._answer, x.understood(self._call, outcome))

    def _untold(self, holdings: object) -> None:
        """The centre broke its promise and could tell nobody: only a reconciliation can find this one."""
        for held in holdings:  # type: ignore[attr-defined]
            if isinstance(held, Held) and self._call.message_id in {held.message_id, held.cancel_message_id}:
                held.told = False

    def _answer(self, outcome: Outcome[c.CentreReply]) -> None:
        if self._told == "time-out" and self._life.alive and not isinstance(outcome, Unknown):
            self._x.story.fault("late-reply", f"{self._call.call} {self._call.message_id}")
            self._life.do(self._late, outcome)
        else:
            self._end(outcome)
        x = self._x
        # A refusal is told once (the port's promise): after it the same bill may be under way under another message id.
        if x.odd.random() < x.dials.duplicated and isinstance(outcome, Answered):
            x.story.fault("duplicate", f"{self._call.call} {self._call.message_id}")
            x.clock.callLater(x.odd.uniform(0.01, 60), self._again, outcome)

    def _again(self, outcome: Outcome[c.CentreReply]) -> None:
        """The same answer once more, when whatever followed the first is under way."""
        if self._life.alive:
            self._life.do(self._late, outcome)

    def _end(self, outcome: Outcome[c.CentreReply]) -> None:
        if self._told:
            return
        self._told = _word(outcome)
        self._life.do(self._heard, outcome)

    def _heard(self, outcome: Outcome[c.CentreReply]) -> None:
        self._x.story.tell(f"wire {self._call.call} {self._call.message_id} ended {self._told}")
        self._ended.callback(outcome)


def _word(outcome: Outcome[c.CentreReply]) -> str:
    match outcome:
        case Unknown(cause):
            return cause
        case Refused(code):
            return f"refused {code}"
    return type(outcome).__name__.lower()


def _gist(outcome: Outcome[c.CentreReply]) -> object:
    """What must be the same on both sides: refusals whole, of answers the numbers and amounts that money hangs on."""
    match outcome:
        case Refused():
            return outcome
        case Answered(c.Quoted(split)):
            return split
        case Answered(c.Settled() as settled):
            number = settled.visit_number
            return settled.settlement_number, settled.split, settled.settled_at.replace(microsecond=0), number
        case Answered(c.SettlementCancelled() as undone):
            return undone.settlement_number, undone.split, undone.cancelled_at.replace(microsecond=0)
        case Answered(c.VisitsFound() | c.VisitRegistered() | c.PersonKnown() | c.SignedIn() as reply):
            return reply
        case Answered(reply):
            return type(reply)
    return outcome


def _original(request: object) -> tuple[str, str] | None:
    if isinstance(request, c.Reverse):
        return str(request.original_call), request.original_message_id
    return None


def _about(request: object) -> str:
    for name in ("original_message_id", "settlement_number", "batch", "outpatient_no"):
        if found := getattr(request, name, ""):
            return str(found)
    return ""
