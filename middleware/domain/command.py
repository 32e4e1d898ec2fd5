"""What the flow wants done next, in the imperative. A command leaves only after it is durable (rule 1)."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from attrs import frozen

from middleware.domain.centre import Call


@frozen(slots=True)
class CallCentre:
    """Send this call under this message id, once."""

    call: Call
    message_id: str
    settlement_id: str = ""
    errand_id: str = ""

    @property
    def subject(self) -> str:
        """What of the visit it is about: a settlement, an errand, or "" for the registration."""
        return self.settlement_id or self.errand_id


class HisMatter(StrEnum):
    """What the HIS is told of."""

    REGISTERED = "registered"
    SETTLED = "settled"
    CANCELLED = "cancelled"


@frozen(slots=True)
class TellHis:
    """Deliver this to the HIS, in order, until it says yes or no."""

    matter: HisMatter
    control_id: str
    settlement_id: str = ""


@frozen(slots=True)
class WakeAt:
    """Say ``DueTimePassed`` at that time."""

    settlement_id: str
    due: dt.datetime
    errand_id: str = ""


Command = CallCentre | TellHis | WakeAt
