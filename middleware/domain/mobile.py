"""Mobile payment in our words: the bill that a person pays by phone, what the channel says of it, what a region decides.

An order is opened (6201), placed (6202: insurance pays), and its own share is paid by the person in the app. Whether that
happened is asked (6301); a notice (6302) and every answer to the other calls are hints, which that question confirms.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from attrs import field, frozen

from middleware.domain.charge import ChargeLine, Diagnosis
from middleware.domain.kind import Call
from middleware.domain.money import ZERO, Money

if TYPE_CHECKING:
    from middleware.domain.centre import Holder, VisitFacts


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
    at: dt.datetime | None = None  # when it came to stand so, by the channel's clock, where it says that
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
    at: dt.datetime | None = None


OrderRequest = UploadBill | PlaceOrder | RefundOrder | QueryOrder
OrderReply = OrderOpened | OrderStands | OrderRefunded
CALLS: Mapping[type, Call] = MappingProxyType(
    {
        UploadBill: Call.OPEN_ORDER,
        PlaceOrder: Call.PLACE_ORDER,
        RefundOrder: Call.REFUND_ORDER,
        QueryOrder: Call.QUERY_ORDER,
    }
)


@frozen(slots=True, kw_only=True)
class MobileRules:
    """What a region decides of mobile payment. What nobody confirmed is empty: then a person decides."""

    valid_s: float = 1800  # how long a person has to pay
    poll_s: float = 5  # to the first question how it stands; doubles up to ``poll_max_s``
    poll_max_s: float = 60
    unpaid: frozenset[str] = frozenset()  # ordStas that certainly mean: nothing was paid, and nothing will be
    clearing_type: str = ""  # clr_type and clr_optins of its rows, which no answer of the channel says
    clearing_agency: str = ""


@frozen(slots=True)
class MobileOrder:
    """The order of one settlement. ``voucher``, ``token`` and ``cashier`` are as good as money: they lie sealed."""

    our_number: str  # medOrgOrd: the message id of the 6201 that opened it
    voucher: str = field(default="", repr=False)  # ecToken
    number: str = ""  # payOrdId; also what its rows are called in files and feed
    token: str = field(default="", repr=False)
    cashier: str = field(default="", repr=False)
    expires_at: dt.datetime | None = None  # until then the person may pay
    state: str = ""  # ordStas, as last shown
    amounts: Amounts | None = None  # the same
    own_paid: bool = False  # the person's own share was paid
    unwanted: bool = False  # called off or written off: what is paid goes back, and the HIS never hears of it
    query_id: str = ""  # the 6301 whose answer counts
    asked_at: dt.datetime | None = None  # when it was to leave
    queries: int = 0  # since the last news
    handed: bool = False  # the person was told where to pay
    refunds: int = 0  # 6203s that were to leave
    refunded_at: dt.datetime | None = None  # as the newest 6203's answer had it
    refused: bool = False  # the newest 6202 or 6203 was refused: then nothing of it is done later
    noticed: int = 0  # 6302s
