"""Mobile payment at the centre: orders on the same books as the counter's settlements. ``data`` in, ``data`` out; no wire.

A bill is uploaded, the person pays by phone (``pay`` stands for the cashier's page), the hospital hears of it by 6202,
6301 or the notice 6302, and takes it back by 6203. Each step happens whole or is refused.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, evolve, field

from middleware.domain.money import ZERO, Money
from simulators.centre.business import Business
from simulators.centre.ledger import Settlement, State
from simulators.centre.refusals import Refusal
from simulators.centre.visits import Visit, line_of, money_of

MAX_ORDERS = 10_000
WAITING, INSURANCE_PAID, SETTLED, CANCELLED, ABNORMAL = "0", "4", "6", "12", "14"
# Whether insurance still pays, and whether the person's own share is still paid -> ordStas.
_AFTER_A_REFUND = {
    (True, True): SETTLED,
    (True, False): INSURANCE_PAID,
    (False, True): ABNORMAL,
    (False, False): CANCELLED,
}
Data = Mapping[str, Any]


@define
class Order:
    """One order. ``settlement`` is what the books hold of it once insurance has paid."""

    number: str
    token: str = field(repr=False)
    our_number: str
    visit: Visit
    row: dict[str, str]
    state: str = WAITING
    settlement: Settlement | None = None
    cash_paid: bool = False
    changed_at: dt.datetime | None = None
    refunds: dict[str, tuple[str, dict[str, str]]] = field(factory=dict)  # appRefdSn -> what was asked, what was answered

    @property
    def amounts(self) -> dict[str, str]:
        """What was paid, by whom; of a cancelled order too, as it was."""
        bill = self.settlement.bill if self.settlement else None
        fund = bill.fund + bill.hospital if bill else ZERO  # the channel has no word for the hospital's part
        parts = (
            (bill.total, fund, bill.account, bill.cash) if bill else (money_of(self.row["medfee_sumamt"]), ZERO, ZERO, ZERO)
        )
        names = ("feeSumamt", "fundPay", "psnAcctPay", "ownPayAmt")
        told = dict(zip(names, (one.yuan for one in parts), strict=True))
        return told if bill else told | {"ownPayAmt": told["feeSumamt"]}


class MobileOrders:
    """The channel of one centre. ``handle`` raises ``Refusal`` and has changed nothing, or has done the whole."""

    def __init__(self, business: Business) -> None:
        self._b = business
        self.orders: dict[str, Order] = {}
        self._handlers: dict[str, Callable[[Data], dict[str, Any]]] = {
            "6201": self._upload,
            "6202": self._place,
            "6203": self._refund,
            "6301": self._query,
        }

    @property
    def calls(self) -> frozenset[str]:
        """The transactions that it carries out."""
        return frozenset(self._handlers)

    def handle(self, call: str, data: Data) -> dict[str, Any]:
        """One message's answer."""
        if call not in self._handlers:
            raise Refusal("0103")
        return self._handlers[call](data)

    def pay(self, number: str) -> None:
        """The person pays the own share in the app."""
        order = self.orders[number]
        if order.state == INSURANCE_PAID:
            order.cash_paid, order.state = True, SETTLED

    def notice(self, number: str) -> dict[str, str]:
        """The 6302 of an order: told once or many times, always the same."""
        order = self.orders[number]
        amounts = order.amounts
        return {
            "payOrdId": number, "callType": "1", "medOrgOrd": order.our_number, "traceTime": self._when(order),
            "ownpayAmt": amounts.pop("ownPayAmt"), **amounts, "hiChrgTime": "100000", "hiDocSn": number, "hiRgstSn": number,
            "orgName": "测试医院", "setlType": "ALL", "revsToken": f"R{number}",
        }  # fmt: skip

    # -- the transactions
    def _upload(self, data: Data) -> dict[str, Any]:
        if any(order.our_number == data["medOrgOrd"] for order in self.orders.values()):
            raise Refusal("0102")
        if len(self.orders) >= MAX_ORDERS:
            raise RuntimeError("the simulator holds too many orders; start a new one")
        who = {"psn_no": data["psnNo"], "certno": data["idNo"], "psn_name": data["userName"], "insutype": data["insutype"]}
        self._b.insured(who)
        visits = {one["mdtrtId"] for one in data["feedetailList"]}
        if len(visits) != 1:
            raise Refusal("0101")
        registered = self._b.visit_of({"psn_no": data["psnNo"], "mdtrt_id": visits.pop()})
        if self._b.settled(registered, data["chrgBchno"]) is not None:
            raise Refusal("2072")
        lines = [line_of(_line_row(one)) for one in data["feedetailList"]]
        batches = {**registered.batches, data["chrgBchno"]: {line.line_id: line for line in lines}}
        visit = registered
        row = {
            **who, "chrg_bchno": data["chrgBchno"], "medfee_sumamt": data["medfeeSumamt"], "med_type": data["medType"],
            "acct_used_flag": data["acctUsedFlag"], "mdtrt_id": visit.number,
        }  # fmt: skip
        # Whether it can be settled is said now, and nothing of the visit has changed when it cannot.
        self._b.bill(evolve(visit, batches=batches), row)
        visit.med_type, visit.batches = data["medType"], batches
        number = self._b.new_number("O")
        self.orders[number] = Order(number, f"T{number}", data["medOrgOrd"], visit, row)
        return {"payOrdId": number, "payToken": f"T{number}", "cashierUrl": f"https://cashier.invalid/{number}"}

    def _place(self, data: Data) -> dict[str, Any]:
        order = self._known(data)
        if order.state != WAITING:
            raise Refusal("2072")
        head = {"infno": "2207", "msgid": data["orgBizSer"]}
        self._b.book(head, order.visit, order.row, self._b.bill(order.visit, order.row))
        order.settlement = self._b.ledger.by_message(data["orgBizSer"])
        if order.settlement is not None:
            order.settlement.settlement_number = order.number  # an order's rows bear its own number
        order.state = SETTLED if order.amounts["ownPayAmt"] == "0.00" else INSURANCE_PAID
        return {"payOrdId": order.number, "ordStas": order.state, **order.amounts}

    def _query(self, data: Data) -> dict[str, Any]:
        order = self._known(data)
        if data["idNo"] != order.visit.person.id_number:
            raise Refusal("1012")
        about = {
            "payOrdId": order.number,
            "ordStas": order.state,
            "medOrgOrd": order.our_number,
            "traceTime": self._when(order),
        }
        return about | {"revsToken": f"R{order.number}"} | order.amounts

    def _refund(self, data: Data) -> dict[str, Any]:
        order = self.orders.get(data["payOrdId"])
        if order is None:
            raise Refusal("2081")
        asked = f"{data['refdType']} {data['totlRefdAmt']}"
        if data["appRefdSn"] in order.refunds:
            before, answer = order.refunds[data["appRefdSn"]]
            if before != asked:
                raise Refusal("0102")
            return answer
        settlement, insurance = order.settlement, data["refdType"] != "CASH"
        if settlement is None or (insurance and settlement.state is not State.APPROVED):
            raise Refusal("2082")
        self._must_fit(order, data)
        if insurance:
            cancel = {
                "setl_id": settlement.settlement_number,
                "mdtrt_id": order.visit.number,
                "psn_no": order.row["psn_no"],
            }
            self._b.undoing.cancel({"infno": "2208", "msgid": data["appRefdSn"]}, {"data": [cancel]})
            settlement.cancel_number = order.number
        if data["refdType"] != "HI":
            order.cash_paid = False
        insured = settlement in self._b.ledger.in_state(State.APPROVED)
        order.state = _AFTER_A_REFUND[insured, order.cash_paid]
        order.changed_at = at = self._b.now()
        answer = {
            "refdSn": self._b.new_number("F"),
            "hiFefdSn": self._b.new_number("H"),
            "hiTrnsDate": f"{at:%Y%m%d}",
            "hiTrnsTime": f"{at:%H%M%S}",
        }
        order.refunds[data["appRefdSn"]] = (asked, answer | {"refStatus": "SUCC"})
        return answer | {"refStatus": "SUCC"}

    def _must_fit(self, order: Order, data: Data) -> None:
        """Whole shares go back, never more than was paid."""
        paid = order.amounts
        insurance, cash = data["refdType"] != "CASH", data["refdType"] != "HI"
        wanted = {
            "fundRefdAmt": paid["fundPay"] if insurance else "0.00",
            "psnAcctRefdAmt": paid["psnAcctPay"] if insurance else "0.00",
            "cashRefdAmt": paid["ownPayAmt"] if cash and order.cash_paid else "0.00",
        }
        given = {name: money_of(data.get(name) or "0") for name in wanted}
        whole = Money(sum(one.fen for one in given.values()))
        if given != {name: money_of(amount) for name, amount in wanted.items()} or money_of(data["totlRefdAmt"]) != whole:
            raise Refusal("2071")

    def _when(self, order: Order) -> str:
        """When it came to stand as it does: insurance's own moment, or that of its refund."""
        paid = order.settlement.settled_at if order.settlement else None
        return f"{order.changed_at or paid or self._b.now():%Y%m%d%H%M%S}"

    def _known(self, data: Data) -> Order:
        order = self.orders.get(data["payOrdId"])
        if order is None or order.token != data["payToken"]:
            raise Refusal("2081")
        return order


def _line_row(one: Data) -> dict[str, str]:
    names = {
        "feedetl_sn": "feedetlSn", "med_list_codg": "medListCodg", "det_item_fee_sumamt": "detItemFeeSumamt", "cnt": "cnt",
        "pric": "pric", "hosp_appr_flag": "hospApprFlag",
    }  # fmt: skip
    return {ours: str(one[theirs]) for ours, theirs in names.items()}
