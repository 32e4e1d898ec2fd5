"""A channel of mobile payment in memory, for tests that need no wire: orders, what of them is paid, and who is asked."""

from __future__ import annotations

from attrs import define, field

from middleware.domain import mobile as m
from middleware.domain.money import ZERO, Money
from middleware.domain.outcome import Answered, Refused

WAITING, INSURANCE_PAID, SETTLED, CANCELLED = "0", "4", "6", "12"


@define
class Order:
    number: str
    ours: str
    amounts: m.Amounts
    state: str = WAITING
    refunds: list[str] = field(factory=list)


class FakeChannel:
    """``answer`` does what the request says; ``approved`` counts what insurance paid in all, ``refunded`` what went back."""

    def __init__(self, now):
        self.now = now
        self.orders: dict[str, Order] = {}
        self.approved = self.refunded = 0

    def pay(self, number):
        order = self.orders[number]
        assert order.state == INSURANCE_PAID
        order.state = SETTLED

    def answer(self, request):
        match request:
            case m.UploadBill():
                number = f"O{len(self.orders) + 1}"
                fund = request.total.fen * 6 // 10
                amounts = m.Amounts(request.total, Money(fund), ZERO, Money(request.total.fen - fund))
                self.orders[number] = Order(number, request.our_number, amounts)
                return Answered(m.OrderOpened(number, f"T{number}", f"https://cashier.invalid/{number}"))
            case m.PlaceOrder():
                order = self.orders[request.order_number]
                assert order.state == WAITING, "placed twice"
                order.state, self.approved = INSURANCE_PAID, self.approved + 1
                return Answered(self.stands(order))
            case m.QueryOrder():
                return Answered(self.stands(self.orders[request.order_number]))
        return self._refund(request)

    def _refund(self, request):
        order = self.orders[request.order_number]
        cash = order.amounts.cash if order.state == SETTLED else ZERO
        if order.state not in {INSURANCE_PAID, SETTLED} or request.amounts.cash != cash:
            return Refused("2082", "不可退")
        order.state, self.refunded = CANCELLED, self.refunded + 1
        order.refunds.append(request.refund_number)
        return Answered(m.OrderRefunded("F" + order.number, "H1", "SUCC", self.now()))

    def stands(self, order):
        return m.OrderStands(order.number, order.state, order.amounts, order.ours, self.now().replace(microsecond=0))

    def notice(self, number, **changes):
        order = self.orders[number]
        amounts = changes.get("amounts", order.amounts)
        return m.OrderStands(number, "", amounts, changes.get("ours", order.ours))
