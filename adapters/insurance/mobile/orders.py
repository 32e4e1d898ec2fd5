"""Orders of mobile payment in our words: what is asked, what came back. Nothing here sends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from attrs import field, frozen

from middleware.domain.centre import Holder, VisitFacts
from middleware.domain.charge import ChargeLine, Diagnosis
from middleware.domain.money import ZERO, Money


class Standing(StrEnum):
    """What an order's state (ordStas) means for money."""

    INSURANCE_PAID = "insurance-paid"  # funds and account have moved, the person's own share has not
    SETTLED = "settled"  # all of it
    CANCELLED = "cancelled"  # nothing stands
    BROKEN = "broken"  # the channel says itself that it is not in order: for a person
    UNDECIDED = "undecided"  # any other state, known or not: neither paid nor not paid


STANDINGS: Mapping[str, Standing] = MappingProxyType(
    {
        "4": Standing.INSURANCE_PAID,
        "6": Standing.SETTLED,
        "12": Standing.CANCELLED,
        "13": Standing.CANCELLED,
        "14": Standing.BROKEN,
        "16": Standing.BROKEN,  # insurance failed, and taking back the cash failed too
    }
)
"""ordStas -> its meaning; what stands not here proves nothing."""


class Refund(StrEnum):
    """What of an order is given back (refdType)."""

    ALL = "ALL"
    CASH = "CASH"
    INSURANCE = "HI"


@frozen(slots=True)
class Amounts:
    """Of an order or a refund; whole fen."""

    total: Money
    fund: Money = ZERO
    account: Money = ZERO
    cash: Money = ZERO

    @property
    def agree(self) -> bool:
        """Whether the parts make the whole."""
        return self.total.fen == self.fund.fen + self.account.fen + self.cash.fen


@frozen(slots=True)
class UploadBill:
    """6201: a bill to be paid by phone. ``our_number`` names it in every later message, and is never used twice."""

    visit: VisitFacts
    holder: Holder
    voucher: str = field(repr=False)  # ecToken
    our_number: str
    batch: str
    begun_at: dt.datetime
    outpatient_no: str
    lines: tuple[ChargeLine, ...]
    diagnoses: tuple[Diagnosis, ...]
    total: Money
    use_account: bool
    department_code: str
    department_name: str
    specialty: str
    doctor_code: str
    doctor_name: str
    fee_type: str  # of the channel's own list, which is published nowhere


@frozen(slots=True)
class PlaceOrder:
    """6202: pay it. ``trace_number`` is ours, of this one message."""

    order_number: str
    token: str = field(repr=False)
    trace_number: str
    visit_number: str


@frozen(slots=True)
class RefundOrder:
    """6203. ``refund_number`` is ours: the same refund bears the same one each time it is asked for."""

    order_number: str
    refund_number: str
    at: dt.datetime
    what: Refund
    amounts: Amounts
    voucher: str = field(repr=False)


@frozen(slots=True)
class QueryOrder:
    """6301: how an order stands. Moves nothing."""

    order_number: str
    token: str = field(repr=False)
    holder: Holder
    our_number: str = ""  # what the answer must name, when we know it


OrderRequest = UploadBill | PlaceOrder | RefundOrder | QueryOrder


@frozen(slots=True)
class OrderOpened:
    """6201's answer. Whoever holds the token can pay."""

    order_number: str
    token: str = field(repr=False)
    cashier: str = field(repr=False)  # the page where the person pays


@frozen(slots=True)
class OrderStands:
    """What 6202, 6301 and the notice 6302 say of an order. ``state`` is ordStas as it came; a notice has none."""

    order_number: str
    state: str
    amounts: Amounts
    our_number: str = ""
    reversal_token: str = field(default="", repr=False)  # good for an hour

    @property
    def standing(self) -> Standing:
        """What the state means."""
        return STANDINGS.get(self.state, Standing.UNDECIDED)


@frozen(slots=True)
class OrderRefunded:
    """6203's answer. ``state`` is refStatus as it came: its values are published nowhere, so 6301 says what stands."""

    number_at_centre: str
    insurance_number: str
    state: str


OrderReply = OrderOpened | OrderStands | OrderRefunded
CALLS: Mapping[type, str] = MappingProxyType(
    {UploadBill: "6201", PlaceOrder: "6202", RefundOrder: "6203", QueryOrder: "6301"}
)
