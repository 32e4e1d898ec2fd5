"""Those who ask: each registers a card, has bills settled and some cancelled, repeats itself, and is patient."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from attrs import evolve, frozen
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from daemon.simulate.bank import BankBook
from daemon.simulate.categories import with_category
from daemon.simulate.dials import Dials
from daemon.simulate.losses import Losses
from daemon.simulate.node import Node
from daemon.simulate.phones import TOKEN, Phones
from daemon.simulate.story import Story
from daemon.simulate.trade import KEYS, admit_order, discharge_order, lines_of, quote_order, register_order, sale_order
from middleware.domain.fault import Fault, Retry
from middleware.domain.money import Money
from middleware.domain.order import (
    Caller,
    CancelOrder,
    ChargeOrder,
    DischargeOrder,
    HisQuoteOrder,
    PhoneOrder,
    QuoteOrder,
    RegisterOrder,
    Role,
    SettleOrder,
    VisitOrder,
)
from middleware.domain.payment import Payment
from middleware.engine.counter import Answer
from middleware.engine.service import CounterService
from middleware.store.codec import encode

TRIES = 25
PATIENCE_S = 180.0  # longer than any node that runs lets a caller wait
Ask = Callable[[CounterService], Awaitable[Answer]]


@frozen(slots=True)
class Asked:
    """A request by its key, so that it can be asked again word for word."""

    name: str
    ask: Ask


class Place(Protocol):
    """What a caller sees of the world."""

    clock: Clock
    story: Story
    dials: Dials
    bank: BankBook
    losses: Losses

    @property
    def phones(self) -> Phones:
        """The people's phones."""

    seed: int

    @property
    def node(self) -> Node:
        """A node that is there now; one of them, when there are several."""

    def at(self, name: str) -> Node:
        """The node of that name, as it is now."""

    def day(self) -> dt.datetime:
        """The callers' own clock."""


class Callers:
    """All who ask. ``answers`` holds each key's first success: whoever asks again must hear the same (invariant 6)."""

    def __init__(self, place: Place, rng: random.Random, taps: random.Random) -> None:
        self._place = place
        self._rng = rng
        self._taps = taps
        self.answers: dict[str, str] = {}
        self.asked: list[Asked] = []
        self.broken: list[Failure] = []

    def begin(self, seconds: float) -> None:
        """Let them come, spread over so many seconds."""
        for number in range(self._place.dials.visits):
            when = self._rng.uniform(0, seconds)
            self._place.clock.callLater(when, self.spawn, self._patient, number)

    def come(self, number: int) -> None:
        """One more, now."""
        self.spawn(self._patient, number)

    def spawn(self, what: Callable[..., Any], *args: object) -> Deferred[Any]:
        """Let it go on by itself; what it raises breaks the day."""
        done: Deferred[Any] = ensureDeferred(what(*args))
        return done.addErrback(self.broken.append)

    async def _patient(self, number: int) -> None:
        rng = self._rng
        caller = Caller(*rng.choice(((Role.HIS, "his-1", "window-3"), (Role.POS, "pos-1", "till-1"))))
        person = KEYS[number % len(KEYS)]
        kind = rng.random()
        dials = self._place.dials
        order: Callable[[str, dt.datetime], RegisterOrder] = register_order
        if kind < dials.stays:
            caller, order = Caller(Role.HIS, "his-1", "window-3"), admit_order
        elif kind < dials.stays + dials.sales:
            order = sale_order
        visit = None
        for attempt in range(3):
            visit = await self.register(
                caller,
                person,
                f"v{number}r{attempt}",
                lambda read, at: with_category(order(read, at), self._place.seed, number),
            )
            if visit is not None:
                break
        if visit is None:
            return
        visit_id = visit["visit_id"]
        if order is admit_order:
            await self._stay(caller, visit_id, f"v{number}")
        else:
            tills = [self.spawn(self._bill, caller, visit_id, f"v{number}b{bill}") for bill in range(rng.randint(1, 3))]
            for till in tills:
                await till

    async def _stay(self, caller: Caller, visit_id: str, name: str) -> None:
        """Charged in parts, discharged, settled; sometimes all is taken back and done again, sometimes it never was."""
        rng = self._rng
        for turn in range(2):
            for part in range(rng.randint(1, 3)):
                amounts = tuple(rng.randint(1, 300_000) for _ in range(rng.randint(1, 3)))
                order = ChargeOrder(visit_id, lines_of(amounts, self._place.day()))
                await self.errand(caller, f"{name}t{turn}u{part}", "inpatient.charge", order)
            if rng.random() < 0.2:  # noqa: PLR2004 - a ward that charged the wrong patient
                await self.errand(caller, f"{name}t{turn}w", "inpatient.withdraw_charges", VisitOrder(visit_id))
            if turn == 0 and rng.random() < 0.15:  # noqa: PLR2004 - admitted by mistake
                await self.errand(caller, f"{name}x", "visit.withdraw", VisitOrder(visit_id))
                return
            out = discharge_order(visit_id, self._place.day())
            await self.errand(caller, f"{name}t{turn}d", "inpatient.discharge", out)
            await self.settle(caller, f"{name}t{turn}b", QuoteOrder(visit_id, (), ()))
            undone = await self.errand(caller, f"{name}t{turn}o", "inpatient.undo_discharge", VisitOrder(visit_id))
            if not isinstance(undone, dict):
                return

    async def errand(
        self, caller: Caller, name: str, method: str, order: ChargeOrder | DischargeOrder | VisitOrder
    ) -> Answer | Fault:
        """Something done for a visit, asked for until it is certain."""
        await self.sleep(self._rng.choice((0, 60, 600)) * self._rng.random())
        asked = self.keyed(name, lambda counter: counter.errand(caller, name, method, order))
        if self._rng.random() < self._place.dials.repeats / 2:
            self.spawn(self.insist, asked)
        return await self.insist(asked)

    async def register(
        self, caller: Caller, person: str, name: str, make: Callable[[str, dt.datetime], RegisterOrder]
    ) -> Answer | None:
        """A card read and a visit registered with it; None when that came to nothing."""
        home = self._place.node.name  # the node that read a card is the one that knows it
        read = await self.insist(Asked("", lambda counter: counter.read_card(caller, person)), home)
        if not isinstance(read, dict):
            return None
        order = make(read["card_read_id"], self._place.day())
        again = None
        if self._taps.random() < self._place.dials.taps:  # the second tap: another request with the same read
            twice = name + "z"
            self._place.story.fault("tap", twice)
            asked = self.keyed(twice, lambda counter: counter.register(caller, twice, order))
            again = self.spawn(self.insist, asked, home)
        answer = await self.insist(self.keyed(name, lambda counter: counter.register(caller, name, order)), home)
        if again is not None:
            other = await again
            answer = answer if isinstance(answer, dict) else other
        return answer if isinstance(answer, dict) else None

    async def _bill(self, caller: Caller, visit_id: str, name: str) -> None:
        rng = self._rng
        await self.sleep(rng.choice((0, 30, 300)) * rng.random())  # one after the other, or two tills at once
        amounts = tuple(rng.randint(1, 300_000) for _ in range(rng.randint(1, 3)))
        await self.settle(caller, name, quote_order(visit_id, amounts, self._place.day()))

    async def settle(self, caller: Caller, name: str, order: QuoteOrder | HisQuoteOrder) -> Answer | Fault:
        """A bill quoted, agreed to, settled, and now and then cancelled; the quote."""
        rng = self._rng
        key = name + "q"
        quote = await self.insist(self.keyed(key, lambda counter: _quote(counter, caller, key, order)))
        if not isinstance(quote, dict):
            return quote
        if rng.random() < 0.1:  # noqa: PLR2004 - some people think it over, and some quotes expire meanwhile
            await self.sleep(rng.uniform(60, 2400))
        total, cash = Money.parse(quote["split"]["total"]), Money.parse(quote["split"]["cash"])
        await self._place.losses.perhaps(quote["visit_id"], quote["settlement_id"])
        agreed = SettleOrder(quote["settlement_id"], total, cash, self._place.bank.means())
        if self._taps.random() < self._place.dials.taps:  # the same bill confirmed at another till, under its own key
            self._place.story.fault("tap", name + "y")
            self.spawn(self.insist, self.keyed(name + "y", lambda counter: counter.settle(caller, name + "y", agreed)))
        by_phone = self._place.phones.chosen(self._place.dials) and await self._by_phone(caller, name, agreed)
        if not by_phone:
            await self._at_the_window(caller, name, agreed)
        known = await self._until_certain(caller, quote["settlement_id"])
        if known == "charged" and rng.random() < self._place.dials.cancels:
            await self.sleep(rng.uniform(0, 120))
            undo = CancelOrder(quote["settlement_id"], "wrong patient")
            method = "mobile.refund" if by_phone else "settlement.cancel"
            await self._money(name + "c", lambda counter: counter.cancel(caller, name + "c", undo, method))
            await self._until_certain(caller, quote["settlement_id"])
        return quote

    async def _at_the_window(self, caller: Caller, name: str, agreed: SettleOrder) -> None:
        heard = await self._money(name + "s", lambda counter: counter.settle(caller, name + "s", agreed))
        if isinstance(heard, Fault) and heard.code == "payment.refused":
            by_cash = SettleOrder(agreed.settlement_id, agreed.total, agreed.cash)
            await self._money(name + "t", lambda counter: counter.settle(caller, name + "t", by_cash))

    async def _by_phone(self, caller: Caller, name: str, agreed: SettleOrder) -> bool:
        """An order instead of the window, sometimes beside it; whether that is how the bill is paid now."""
        order = PhoneOrder(agreed.settlement_id, agreed.total, agreed.cash, TOKEN)
        if self._place.phones.impatient():
            self._place.story.fault("tap", name + "w")
            window = evolve(agreed, payment=Payment())
            asked = self.keyed(name + "w", lambda counter: counter.settle(caller, name + "w", window))
            self._place.clock.callLater(60, self.spawn, self.insist, asked)
        heard = await self._money(name + "p", lambda counter: counter.order(caller, name + "p", order))
        refused = isinstance(heard, Fault) and heard.code in {"mobile.not_offered", "centre.refused", "centre.no_answer"}
        return not refused

    async def _money(self, key: str, ask: Ask) -> Answer | Fault:
        asked = self.keyed(key, ask)
        if self._rng.random() < self._place.dials.repeats:
            self._place.story.fault("repeat", key)
            others = [self.spawn(self.insist, asked) for _ in range(self._rng.randint(1, 3))]
            heard = await self.insist(asked)
            for other in others:
                await other
            return heard
        return await self.insist(asked)

    async def _until_certain(self, caller: Caller, settlement_id: str) -> str:
        money = "unknown"
        for _ in range(TRIES):
            answer = await self.insist(Asked("", lambda counter: counter.get(caller, settlement_id=settlement_id)))
            money = answer["money"] if isinstance(answer, dict) else "unknown"
            if money != "unknown":
                break
            await self.sleep(self._rng.uniform(5, 120))
        return money

    def keyed(self, key: str, ask: Ask) -> Asked:
        """A request that is asked again at the end of the day."""
        asked = Asked(key, ask)
        self.asked.append(asked)
        return asked

    async def insist(self, asked: Asked, home: str = "") -> Answer | Fault:
        """Ask until there is an answer that asking again cannot change, or patience ends; at ``home`` first."""
        answer: Answer | Fault | None = None
        for attempt in range(TRIES):
            answer = await self.once(asked, "" if attempt else home)
            if isinstance(answer, dict):
                return answer
            again = answer is None or answer.spec.retry is Retry.SAME_KEY or answer.code == "system.journal"
            if not again or (answer is not None and answer.code == "card.read_expired"):
                break
            await self.sleep(self._rng.uniform(0.5, 5 + 5 * attempt))
        return answer or Fault("centre.no_answer")

    async def once(self, asked: Asked, home: str = "") -> Answer | Fault | None:
        """Ask once; None when the node died meanwhile, was not there, or stood still for too long."""
        node = self._place.at(home) if home else self._place.node
        return await self.of(node, lambda: asked.ask(node.counter), asked.name)

    async def of(self, node: Node, work: Callable[[], Awaitable[Any]], name: str = "") -> Answer | Fault | None:
        """The same, of that node and whatever it is asked; with a name the answer is the same each time."""
        if not node.ready:
            return None
        heard: Deferred[object] = Deferred()
        node.callers.append(heard)

        def begin() -> None:
            begun: Deferred[Answer] = ensureDeferred(work())  # type: ignore[arg-type]
            begun.addBoth(lambda result: None if heard.called else heard.callback(_Heard(result)))

        node.life.do(begin)
        patience = self._place.clock.callLater(PATIENCE_S, lambda: None if heard.called else heard.callback(None))
        result = await heard
        if patience.active():
            patience.cancel()
        if heard in node.callers:
            node.callers.remove(heard)
        if not isinstance(result, _Heard):
            return None
        return self._judge(name, result.value)

    async def ask_at_the_end(self, asked: Asked) -> None:
        """Whoever had an answer gets it again, whatever became of the matter since (invariant 6)."""
        answer = await self.once(asked)
        good = asked.name not in self.answers or isinstance(answer, dict)
        self._place.story.require("6", f"{asked.name} was answered before, now {answer!r}", holds=good, about=asked.name)

    def _judge(self, name: str, value: object) -> Answer | Fault:
        story = self._place.story
        if isinstance(value, Failure):
            fault = value.value
            story.require("29", f"only a Fault leaves: {fault!r}", holds=isinstance(fault, Fault), about=name)
            if not isinstance(fault, Fault):
                raise TypeError
            if name:
                story.tell(f"caller {name} heard {fault.code} ({fault.detail})")
            return fault
        answer: Answer = value  # type: ignore[assignment]
        if name:
            text = encode(answer)
            first = self.answers.setdefault(name, text)
            story.require("6", f"another answer to {name}", holds=first == text, about=name)
            story.tell(f"caller {name} answered {answer.get('settlement_id', '')} {answer.get('state', '')}")
        return answer

    async def sleep(self, seconds: float) -> None:
        """Of the world's clock."""
        waiter: Deferred[None] = Deferred()
        self._place.clock.callLater(seconds, waiter.callback, None)
        await waiter


def _quote(counter: CounterService, caller: Caller, key: str, order: QuoteOrder | HisQuoteOrder) -> Awaitable[Answer]:
    if isinstance(order, HisQuoteOrder):
        return counter.quote_from_his(caller, key, order)
    return counter.quote(caller, key, order)


@frozen(slots=True)
class _Heard:
    """An answer or a failure, so that a node's death (None) cannot be taken for one."""

    value: object
