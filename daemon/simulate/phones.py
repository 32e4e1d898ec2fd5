"""The channel of mobile payment and the people with their phones: orders, who pays them and when, and what is noticed.

It keeps its own promises only: an order is placed once, is given back once, and says of itself how it stands. A person pays
soon, late, after the order's time, or never; the notice of it comes not at all, once, or again and again.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable

from attrs import define, field
from twisted.internet.task import Clock

from daemon.simulate.dials import Dials
from daemon.simulate.ledger import Held, Ledger
from daemon.simulate.story import Story
from daemon.simulate.trade import quote_of
from middleware.domain import centre as c
from middleware.domain import mobile as m
from middleware.domain.money import ZERO
from middleware.domain.outcome import Answered, Outcome, Refused

WAITING, INSURANCE_PAID, SETTLED, CANCELLED = "0", "4", "6", "12"
VALID_S = 1800.0
RULES = m.MobileRules(
    valid_s=VALID_S, poll_s=20, poll_max_s=300, unpaid=frozenset({WAITING}), clearing_type="11", clearing_agency="999900"
)
TOKEN = "EC-TOKEN"  # noqa: S105 - invented
_UNTRUE = 0.3  # of orders: a notice comes before anybody has paid
_PAYS_AFTER = ((5, 300), (300, VALID_S), (VALID_S, 2 * VALID_S))  # s; or never


@define
class Order:
    """One order as the channel has it."""

    number: str
    bill: m.UploadBill
    state: str = WAITING
    held: Held | None = None
    own_paid: bool = False
    refunds: int = field(default=0)

    @property
    def amounts(self) -> m.Amounts:
        """What it is about, by whom."""
        split = quote_of(self.bill.total, use_account=self.bill.use_account)
        return m.Amounts(split.total, split.fund, split.account, split.cash)


class Phones:
    """``tells`` is what a notice goes to."""

    def __init__(
        self, clock: Clock, rng: random.Random, story: Story, ledger: Ledger, true_now: Callable[[], dt.datetime]
    ) -> None:
        self._clock, self._rng, self._story, self._ledger, self._now = clock, rng, story, ledger, true_now
        self.orders: dict[str, Order] = {}
        self.tells: Callable[[m.OrderStands], None] = lambda _notice: None

    def chosen(self, dials: Dials) -> bool:
        """Whether the next bill is paid by phone."""
        return dials.phone > 0 and self._rng.random() < dials.phone

    def impatient(self) -> bool:
        """Whether somebody goes to the window with the same bill, too."""
        return self._rng.random() < 0.5  # noqa: PLR2004 - every second one

    def does(self, message_id: str, request: c.CentreRequest) -> Outcome[c.CentreReply] | None:
        """What it does with a message about an order; None for what is none."""
        match request:
            case m.UploadBill():
                number = f"ORDER{len(self.orders) + 1:06d}"
                self.orders[number] = Order(number, request)
                return Answered(m.OrderOpened(number, f"T{number}", f"https://cashier.invalid/{number}"))
            case m.PlaceOrder(number):
                return self._place(self.orders[number], message_id)
            case m.QueryOrder(number):
                return Answered(self._stands(self.orders[number]))
            case m.RefundOrder(number):
                return self._refund(self.orders[number], message_id, request)
        return None

    def _place(self, order: Order, message_id: str) -> Outcome[c.CentreReply]:
        bill = order.bill
        if order.state != WAITING or self._ledger.batches.get(bill.batch) != bill.total.fen:
            return Refused("4301", "不能下单")
        split = quote_of(bill.total, use_account=bill.use_account)
        settle = c.Settle(bill.visit, bill.holder, bill.batch, bill.total, bill.use_account, split)
        order.held = Held(message_id, order.number, bill.batch, settle, settled_at=self._now(), order=True)
        self._ledger.settlements[message_id] = order.held
        order.state = SETTLED if split.cash == ZERO else INSURANCE_PAID
        if (when := self._rng.choice((*_PAYS_AFTER, None))) is not None:
            self._clock.callLater(self._rng.uniform(*when), self._pay, order)
        if self._rng.random() < _UNTRUE:
            self._clock.callLater(self._rng.uniform(1, 300), self._notice, order)
        return Answered(self._stands(order))

    def _pay(self, order: Order) -> None:
        if order.state != INSURANCE_PAID:
            return  # the page says that the order is over
        order.own_paid, order.state = True, SETTLED
        self._story.tell(f"person paid {order.number}")
        for _ in range(self._rng.choice((0, 1, 1, 3))):
            self._clock.callLater(self._rng.uniform(0, 120), self._notice, order)

    def _notice(self, order: Order) -> None:
        self.tells(m.OrderStands(order.number, "", order.amounts, order.bill.our_number))

    def _refund(self, order: Order, message_id: str, request: m.RefundOrder) -> Outcome[c.CentreReply]:
        cash = order.amounts.cash if order.own_paid else ZERO
        if order.held is None or order.state not in {INSURANCE_PAID, SETTLED} or request.amounts.cash != cash:
            return Refused("4302", "不可退")
        order.state, order.own_paid, order.refunds = CANCELLED, False, order.refunds + 1
        held = order.held
        held.state, held.cancel_message_id, held.cancelled_at = "cancelled", message_id, self._now()
        return Answered(m.OrderRefunded("F" + order.number, "H", "SUCC", self._now()))

    def _stands(self, order: Order) -> m.OrderStands:
        held = order.held
        when = (held.cancelled_at or held.settled_at) if held is not None else None
        return m.OrderStands(order.number, order.state, order.amounts, order.bill.our_number, when)
