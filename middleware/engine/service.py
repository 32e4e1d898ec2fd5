"""The counter's business: from a caller's order to events, and from the journal's state to the caller's answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import evolve, frozen

from middleware.domain.centre import Holder
from middleware.domain.charge import Bill, ChargeLine, bill_digest, bill_total, diagnoses_digest
from middleware.domain.event import (
    CancelConfirmed,
    OrderRequested,
    QuoteRequested,
    RegistrationRequested,
    RequestRepeated,
    SettleConfirmed,
)
from middleware.domain.fault import Fault
from middleware.domain.kind import VisitKind
from middleware.domain.order import (
    Caller,
    CancelOrder,
    ChargeOrder,
    Contact,
    HisQuoteOrder,
    PhoneOrder,
    QuoteOrder,
    RegisterOrder,
    Role,
    SettleOrder,
)
from middleware.domain.payment import Means
from middleware.domain.shift import ShiftOrder
from middleware.domain.visit import Settlement, Visit
from middleware.engine import views
from middleware.engine.answering import in_yuan
from middleware.engine.audit import Audit
from middleware.engine.cards import CardDesk
from middleware.engine.counter import Answer, ErrandOrder
from middleware.engine.errands import METHODS, asked, visit_view
from middleware.engine.explaining import explained
from middleware.engine.gate import Gate, GateRules
from middleware.engine.his_quote import take, unchanged
from middleware.engine.item_check import ItemCheck
from middleware.engine.masters import NameRule, named
from middleware.engine.repeats import Repeats
from middleware.engine.runner import Engine
from middleware.engine.shifts import ShiftDesk
from middleware.engine.writing import Extra, Write
from middleware.ports import Readers
from middleware.store.his_charges import ERRAND
from middleware.store.units import Request


@frozen(slots=True)
class Waits:
    """How long a caller waits for an answer before hearing that the work goes on; seconds. And what names are held to."""

    register_s: float = 30
    quote_s: float = 90
    settle_s: float = 90
    card_read_valid_s: float = 300
    names: NameRule = NameRule.FILL


class CounterService:
    """Implements ``Counter``."""

    def __init__(self, engine: Engine, readers: Readers, waits: Waits, rules: GateRules | None = None) -> None:
        self._engine = engine
        self.means = engine.means
        self._waits = waits
        self.audit = Audit(engine.means)
        self.gate = Gate(engine.means, self.audit, rules or GateRules())
        self._cards = CardDesk(engine.means, readers, waits.card_read_valid_s, self.audit, self.gate)
        self.items: ItemCheck | None = None  # set where the centre's catalogues are kept
        self._shifts = ShiftDesk(engine.means, engine.means.reader.shifts)
        self._repeats = Repeats(engine, self._go_on)
        self.find_first: Callable[[Caller, Holder], Awaitable[str]] = _knows_nobody

    # -- the card

    @property
    def card_desk(self) -> CardDesk:
        """Where reads are kept, for whoever reads cards in another way."""
        return self._cards

    async def read_card(self, caller: Caller, reader: str) -> Answer:
        """See ``Counter.read_card``; the read is journalled without its data."""
        self._repeats.refuse_when_stopping()
        return await self._cards.read(caller, reader)

    def holder(self, caller: Caller, card_read_id: str) -> Holder:
        """Whose card this account read a while ago. Raises ``card.read_expired``."""
        return self._cards.holder(caller, card_read_id)

    # -- money and what leads to it

    async def register(self, caller: Caller, key: str, order: RegisterOrder) -> Answer:
        """See ``Counter.register``."""
        method = "inpatient.admit" if order.kind is VisitKind.INPATIENT else "patient.register"

        async def begin(digest: str) -> Request:
            number = await self._number_first(caller, order)
            with self._cards.used(caller, order.card_read_id) as read:
                whole = await named(self.means, order, self._waits.names)
                visit_id, person_ref = self._new_id("V"), self._new_id("H")
                request = self._request(caller, key, method, digest, visit_id, "")
                # What a visit was for is kept where it can be forgotten, not in the journal.
                bill = (visit_id, Bill((), order.diagnoses)) if order.diagnoses else None
                known = evolve(whole, diagnoses=(), diagnosed=bool(order.diagnoses), contact=Contact())
                known = evolve(known, patient_number=number)
                holder = evolve(read, phone=order.contact.phone, employer=order.contact.employer)
                event = RegistrationRequested(visit_id, person_ref, caller, known)
                await self._repeats.start(request, event, Extra(person=(person_ref, holder), bill=bill, request=request))
            return request

        return await self._repeats.once(caller, key, method, order, begin, self._waits.register_s)

    async def _number_first(self, caller: Caller, order: RegisterOrder) -> str:
        """The HIS's number of the person: as the caller says, or as the HIS says where it is asked."""
        told = self._engine.means.policy.rules(order.kind).tell_visit
        if order.patient_number or not told:
            return order.patient_number
        return await self.find_first(caller, self._cards.holder(caller, order.card_read_id))

    async def errand(self, caller: Caller, key: str, method: str, order: ErrandOrder) -> Answer:
        """See ``Counter.errand``."""

        async def begin(digest: str) -> Request:
            await self._mine(caller, order.visit_id)
            errand_id = self._new_id(ERRAND)
            request = self._request(caller, key, method, digest, order.visit_id, errand_id)
            what = asked(METHODS[method], order, errand_id, caller)
            bill = (errand_id, what.bill) if what.bill is not None else None
            await self._repeats.start(request, what.event, Extra(bill=bill, request=request))
            return request

        return await self._repeats.once(caller, key, method, order, begin, self._waits.register_s)

    async def charge_from_his(self, caller: Caller, key: str, order: HisQuoteOrder) -> Answer:
        """See ``Counter.charge_from_his``."""
        method = "inpatient.charge_from_his"

        async def begin(digest: str) -> Request:
            visit = await self._mine(caller, order.visit_id)
            if visit.order.kind is not VisitKind.INPATIENT:
                raise Fault("request.bad_params", "params.visit_id: no stay; other visits: settlement.quote_from_his")
            taken = await take(self._engine, visit, order)
            errand_id = self._new_id(ERRAND)
            request = self._request(caller, key, method, digest, order.visit_id, errand_id)
            what = asked(METHODS[method], ChargeOrder(order.visit_id, taken.order.lines), errand_id, caller)
            bill = (errand_id, what.bill) if what.bill is not None else None
            extra = Extra(bill=bill, request=request, work=taken.claim(errand_id))
            await self._repeats.start(request, what.event, extra)
            return request

        return await self._repeats.once(caller, key, method, order, begin, self._waits.register_s)

    async def visit(self, caller: Caller, visit_id: str) -> Answer:
        """See ``Counter.visit``."""
        await self._mine(caller, visit_id)
        return visit_view(await self._engine.visits.visit(visit_id))

    async def quote(self, caller: Caller, key: str, order: QuoteOrder) -> Answer:
        """See ``Counter.quote``."""

        async def begin(digest: str) -> Request:
            visit = await self._mine(caller, order.visit_id)
            settlement_id = self._new_id("S")
            request = self._request(caller, key, "settlement.quote", digest, order.visit_id, settlement_id)
            await unchanged(self._engine, visit)
            await self._quoted(request, caller, order, visit, await self._lines(visit, order))
            return request

        return await self._repeats.once(caller, key, "settlement.quote", order, begin, self._waits.quote_s)

    async def quote_from_his(self, caller: Caller, key: str, order: HisQuoteOrder) -> Answer:
        """See ``Counter.quote_from_his``."""

        async def begin(digest: str) -> Request:
            visit = await self._mine(caller, order.visit_id)
            if visit.order.kind is VisitKind.INPATIENT:
                raise Fault("request.bad_params", "params.visit_id: a stay is charged by inpatient.charge_from_his")
            taken = await take(self._engine, visit, order)
            settlement_id = self._new_id("S")
            request = self._request(caller, key, "settlement.quote_from_his", digest, order.visit_id, settlement_id)
            lines = await self._lines(visit, taken.order)
            await self._quoted(request, caller, taken.order, visit, lines, taken.claim(settlement_id))
            return request

        return await self._repeats.once(caller, key, "settlement.quote_from_his", order, begin, self._waits.quote_s)

    async def _quoted(
        self,
        request: Request,
        caller: Caller,
        order: QuoteOrder,
        visit: Visit,
        lines: tuple[ChargeLine, ...],
        work: Callable[[Any], None] | None = None,
    ) -> None:
        event = QuoteRequested(
            settlement_id=request.settlement_id,
            caller=caller,
            total=bill_total(lines),
            bill_digest=bill_digest(lines),
            diagnoses_digest=diagnoses_digest(order.diagnoses),
            use_account=order.use_account,
            lines=len(lines),
            oldest=min((line.charged_at for line in lines), default=None),
            remarks=await self.items.of(visit, lines) if self.items is not None else (),
            references=order.references,
        )
        bill = (request.settlement_id, Bill(lines, order.diagnoses))
        await self._repeats.start(request, event, Extra(bill=bill, request=request, work=work))

    async def settle(self, caller: Caller, key: str, order: SettleOrder) -> Answer:
        """See ``Counter.settle``."""

        async def begin(digest: str) -> Request:
            visit, settlement = await self._settlement(caller, order.settlement_id)
            held = await self._pass_gate(caller, visit, settlement)
            request = self._request(caller, key, "settlement.settle", digest, visit.visit_id, order.settlement_id)
            event, extra = self._confirmed(order, caller)
            await self._repeats.start(request, event, Extra(request=request, card=extra.card, work=held))
            return request

        mine = order.password is not None and order.settlement_id not in self._engine.passwords
        if order.password is not None and mine:
            self._engine.passwords[order.settlement_id] = order.password
        try:
            return await self._repeats.once(caller, key, "settlement.settle", order, begin, self._waits.settle_s)
        finally:
            if mine:
                self._engine.passwords.pop(order.settlement_id, None)

    async def order(self, caller: Caller, key: str, order: PhoneOrder) -> Answer:
        """See ``Counter.order``."""

        async def begin(digest: str) -> Request:
            visit, settlement = await self._settlement(caller, order.settlement_id)
            held = await self._pass_gate(caller, visit, settlement)
            request = self._request(caller, key, "mobile.order", digest, visit.visit_id, order.settlement_id)
            await self._repeats.start(request, await self._ordered(order, caller, visit), Extra(request=request, work=held))
            return request

        return await self._repeats.once(caller, key, "mobile.order", order, begin, self._waits.settle_s)

    async def _ordered(self, order: PhoneOrder, caller: Caller, visit: Visit) -> OrderRequested:
        """The event, with the token that was given, or that of the e-voucher with which the person registered."""
        holder = await self._engine.visits.holder(visit)
        voucher = order.voucher or holder.credential.token.reveal()
        return OrderRequested(order.settlement_id, caller, order.total, order.cash, voucher)

    async def cancel(self, caller: Caller, key: str, order: CancelOrder, method: str = "settlement.cancel") -> Answer:
        """See ``Counter.cancel``."""

        async def begin(digest: str) -> Request:
            visit, _ = await self._settlement(caller, order.settlement_id)
            request = self._request(caller, key, method, digest, visit.visit_id, order.settlement_id)
            event = CancelConfirmed(order.settlement_id, caller, order.reason)
            await self._repeats.start(request, event, Extra(request=request))
            return request

        return await self._repeats.once(caller, key, method, order, begin, self._waits.settle_s)

    async def get(self, caller: Caller, *, settlement_id: str = "", request_id: str = "") -> Answer:
        """See ``Counter.get``."""
        visit, settlement = await self._asked(caller, settlement_id, request_id)
        return views.whole_view(visit, settlement)

    async def explain(self, caller: Caller, *, settlement_id: str = "", request_id: str = "") -> Answer:
        """See ``Counter.explain``."""
        visit, settlement = await self._asked(caller, settlement_id, request_id)
        return await explained(self._engine, visit, settlement)

    async def _asked(self, caller: Caller, settlement_id: str, request_id: str) -> tuple[Visit, Settlement]:
        if request_id:
            means = self._engine.means
            row = await means.pool.run(means.reader.request, caller.account, request_id)
            if row is None or not row.settlement_id:
                raise Fault("request.not_found", "no settlement under this request_id")
            settlement_id = row.settlement_id
        return await self._settlement(caller, settlement_id)

    async def shift_totals(self, caller: Caller, since: dt.datetime, until: dt.datetime) -> Answer:
        """See ``Counter.shift_totals``."""
        means = self._engine.means
        sums = await means.pool.run(means.reader.shift, caller.account, caller.terminal, since, until)
        return {
            "terminal": caller.terminal,
            "since": since.isoformat(),
            "until": until.isoformat(),
            "settled": in_yuan(sums["settled"]),
            "cancelled": in_yuan(sums["cancelled"]),
            "unknown": {"count": sums["unknown"]},
        }

    async def close_shift(self, caller: Caller, key: str, order: ShiftOrder) -> Answer:
        """See ``Counter.close_shift``."""

        async def begin(digest: str) -> Request:
            return await self._shifts.close(caller, self._request(caller, key, "shift.close", digest, "", ""), order)

        return await self._repeats.once(caller, key, "shift.close", order, begin, 0)

    async def shift(self, caller: Caller, number: int, after: int, limit: int) -> Answer:
        """See ``Counter.shift``."""
        return await self._shifts.get(caller, number, after, limit)

    # -- repeats

    async def _go_on(self, request: Request, order: object, caller: Caller, visit: Visit) -> None:
        """A repeat of what came to rest without a final answer goes on from what is known."""
        match order:
            case SettleOrder():
                settlement = visit.settlement(order.settlement_id)
                if settlement.state == "Quoted" and not settlement.is_open:
                    held = await self._pass_gate(caller, visit, settlement)
                    event, extra = self._confirmed(order, caller)
                    await self._engine.apply(visit.visit_id, event, evolve(extra, work=held))
            case PhoneOrder():
                settlement = visit.settlement(order.settlement_id)
                if settlement.state == "Quoted" and not settlement.is_open:
                    held = await self._pass_gate(caller, visit, settlement)
                    await self._engine.apply(visit.visit_id, await self._ordered(order, caller, visit), Extra(work=held))
            case CancelOrder():
                if visit.settlement(order.settlement_id).state in {"Settled", "Delivered", "Ordered"}:
                    event_ = CancelConfirmed(order.settlement_id, caller, order.reason)
                    await self._engine.apply(visit.visit_id, event_)
            case _ if request.method in METHODS:
                await self._engine.apply(visit.visit_id, RequestRepeated(errand_id=request.settlement_id))
            case _:
                await self._engine.apply(visit.visit_id, RequestRepeated(request.settlement_id))

    async def _pass_gate(self, caller: Caller, visit: Visit, settlement: Settlement) -> Write | None:
        """A card that was reported lost since it was read pays nothing: asked before the first intent, of a quote only.

        What it gives is asked once more in the transaction of that intent: whether the HIS's lines are still this bill's.
        """
        if settlement.state != "Quoted":
            return None
        held = await unchanged(self._engine, visit, settlement.settlement_id)
        holder = await self._engine.visits.holder(visit)
        await self.gate.before_money(caller, holder, settlement.settlement_id)
        return held

    def _confirmed(self, order: SettleOrder, caller: Caller) -> tuple[SettleConfirmed, Extra]:
        """The event, and beside it the bank card, which is in none. Raises ``payment.no_bank``."""
        payment = order.payment
        if payment.means is Means.BANK_CARD and self._engine.means.bank is None:
            raise Fault("payment.no_bank")
        reference = self._new_id("K") if payment.card is not None else ""
        event = SettleConfirmed(order.settlement_id, caller, order.total, order.cash, payment.means, reference)
        return event, Extra(card=(reference, payment.card)) if payment.card is not None else Extra()

    # -- small things

    def _new_id(self, letter: str) -> str:
        return letter + self._engine.means.next_message_id()[12:]

    def _request(self, caller: Caller, key: str, method: str, digest: str, visit_id: str, settlement_id: str) -> Request:
        return Request(caller.account, key, method, digest, visit_id, settlement_id, self._engine.means.now())

    async def _settlement(self, caller: Caller, settlement_id: str) -> tuple[Visit, Settlement]:
        visit_id = await self._engine.visits.visit_of(settlement_id)
        if not visit_id:
            raise Fault("request.not_found", "settlement")
        visit = await self._engine.visits.visit(visit_id)
        settlement = visit.settlement(settlement_id)
        if caller.role is Role.POS and (settlement.owner.account, settlement.owner.terminal) != (
            caller.account,
            caller.terminal,
        ):
            raise Fault("access.not_yours")
        return visit, settlement

    async def _mine(self, caller: Caller, visit_id: str) -> Visit:
        visit = await self._engine.visits.visit(visit_id)
        if caller.role is Role.POS and visit.owner.account != caller.account:
            raise Fault("access.not_yours")
        return visit

    async def _lines(self, visit: Visit, order: QuoteOrder) -> tuple[ChargeLine, ...]:
        """The lines of a quote: of a stay all that was charged; of every other kind what the order gives."""
        if (visit.order.kind is VisitKind.INPATIENT) is bool(order.lines):
            raise Fault("request.bad_params", "params.lines: none for a stay, at least one for every other visit")
        if not (order.diagnoses or visit.order.kind is not VisitKind.OUTPATIENT):
            raise Fault("request.bad_params", "params.diagnoses: at least one for an outpatient")
        bills = [await self._engine.visits.bill(visit.visit_id, one.errand_id) for one in visit.charges]
        return order.lines or tuple(line for bill in bills for line in bill.lines)


async def _knows_nobody(_caller: Caller, _holder: Holder) -> str:
    """The HIS is not asked."""
    return ""
