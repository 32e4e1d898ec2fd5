"""What is refused to an asker while a bank payment of the same settlement is not known yet."""

from __future__ import annotations

from middleware.domain.fault import Fault
from middleware.domain.payment import LegState, is_open
from middleware.domain.visit import Settlement

_WORDS = {LegState.UNKNOWN: "payment.outcome_unknown", LegState.MANUAL: "payment.manual"}


def payer_is_free(settlement: Settlement) -> None:
    """Raise ``payment.busy`` (or that it is unknown, or with a person) while one of its legs is open."""
    for leg in settlement.legs:
        if is_open(leg):
            raise Fault(_WORDS.get(leg.state, "payment.busy"), f"payment {leg.number} is {leg.state}")
