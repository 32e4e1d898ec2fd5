"""What the flow wants done next, in the imperative. A command leaves only after it is durable (rule 1)."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from attrs import frozen

from middleware.domain.centre import Call
from middleware.domain.payment import BankCall


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
    UPDATED = "updated"  # of a person whose registration it took
    MERGED = "merged"
    UNMERGED = "unmerged"
    ACCOUNT_OPENED = "account-opened"
    ACCOUNT_ENDED = "account-ended"


MERGES = frozenset({HisMatter.MERGED, HisMatter.UNMERGED})  # about two patients of the HIS, and about no visit
# What these say was fixed when they were written; the others are made from the visit.
WRITTEN = frozenset({HisMatter.UPDATED}) | MERGES
# On its answer to these nothing of a visit or of money depends.
NOTICES = WRITTEN | {HisMatter.ACCOUNT_OPENED, HisMatter.ACCOUNT_ENDED}


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


@frozen(slots=True)
class AskBank:
    """Send this to the bank under this message id, once. ``leg`` counts the settlement's tries."""

    call: BankCall
    message_id: str
    settlement_id: str
    leg: int


@frozen(slots=True)
class WakePayer:
    """Say ``PaymentDue`` at that time."""

    settlement_id: str
    leg: int
    due: dt.datetime


Command = CallCentre | TellHis | WakeAt | AskBank | WakePayer
