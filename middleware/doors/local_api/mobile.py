"""mobile.order, mobile.status, mobile.refund: what they take, what they answer, and who does it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from middleware.domain.money import Money
from middleware.domain.order import CancelOrder, PhoneOrder
from middleware.doors.local_api import mapping
from middleware.doors.local_api.handlers import Visit
from middleware.doors.local_api.params import END, Amount, CancelParams, GetParams, Id, Key, Params
from middleware.doors.local_api.results import OrderAmounts, Result, When
from middleware.engine.counter import Answer


class MobileOrderParams(Params, frozen=True, kw_only=True):
    """mobile.order."""

    request_id: Key
    settlement_id: Annotated[Id, Meta(description="settlement.quote 的结果 / from settlement.quote")]
    total: Annotated[Amount, Meta(description="已向病人确认的总额 / the total that the patient confirmed")]
    cash: Annotated[Amount, Meta(description="已向病人确认的个人现金 / the own share that the patient confirmed")]
    voucher: Annotated[
        str,
        Meta(
            pattern=rf"^[!-~]{{0,40}}{END}",
            description="医保电子凭证令牌（6101 的 ecToken），空为登记时所用凭证的令牌；不落日志 / the e-voucher's token "
            "(ecToken of 6101); empty = that of the e-voucher of the registration. Never logged",
        ),
    ] = ""


class Pay(Result, frozen=True, kw_only=True):
    """Where the person pays; as good as money until the order's end: show it, never keep it."""

    url: str = ""


class MobileOrderResult(Result, frozen=True, kw_only=True):
    """mobile.order. "Ordered": it waits for the person; "Settled": nothing was left to pay."""

    settlement_id: str
    visit_id: str
    state: Literal["Ordered", "Settled"]
    order_number: Annotated[str, Meta(description="支付订单号 / the channel's number (payOrdId)")]
    expires_at: When
    pay: Pay
    amounts: OrderAmounts | UnsetType = UNSET


async def mobile_order(visit: Visit, params: MobileOrderParams) -> Answer:
    """Have the person pay by phone."""
    order = PhoneOrder(params.settlement_id, Money.parse(params.total), Money.parse(params.cash), params.voucher)
    mapping.check_cash(order.total, order.cash)
    return await visit.business.counter.order(visit.caller, params.request_id, order)


async def mobile_status(visit: Visit, params: GetParams) -> Answer:
    """What is known of it now."""
    mapping.check_get(params)
    return await visit.business.counter.get(
        visit.caller, settlement_id=params.settlement_id, request_id=params.request_id
    )  # fmt: skip


async def mobile_refund(visit: Visit, params: CancelParams) -> Answer:
    """Give it back, or call it off."""
    order = CancelOrder(settlement_id=params.settlement_id, reason=params.reason)
    return await visit.business.counter.cancel(visit.caller, params.request_id, order, "mobile.refund")
