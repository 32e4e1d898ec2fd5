"""How the own share is paid: from checked parameters to the domain. A card's faults never name its number. Pure."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from middleware.domain.fault import Fault
from middleware.domain.payment import BankCard, Means, Payment
from middleware.doors.local_api.params import PaymentParams


def payment_of(params: PaymentParams | UnsetType) -> Payment:
    """settlement.settle's ``payment``; left out it is cash, and a card belongs to means bank_card."""
    if params is UNSET:
        return Payment()
    if Means(params.means) is Means.CASH:
        if params.card_number or params.expiry or params.track2 or params.pin_block:
            raise _bad("a card belongs to means bank_card")
        return Payment()
    try:
        card = BankCard(params.card_number, params.expiry, params.track2, params.pin_block)
    except ValueError as exc:
        raise _bad(str(exc)) from None
    return Payment(Means.BANK_CARD, card)


def _bad(rule: str) -> Fault:
    return Fault("request.bad_params", f"params.payment: {rule}")
