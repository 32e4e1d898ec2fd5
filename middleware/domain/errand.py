"""What a visit needs done at the centre beside its money: a stay's charges, its end, and taking either back.

An errand moves no money. It is asked for under a key, or by the flow itself, and is done once: while nobody knows whether
it was done it is asked of the centre, never assumed.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from attrs import frozen

from middleware.domain.kind import Call
from middleware.domain.money import ZERO, Money
from middleware.domain.order import Caller
from middleware.domain.trouble import Trouble

MAX_ERRANDS = 128  # of one visit
MAX_STAY_LINES = 2000  # standing charge lines of one stay


class ErrandState(StrEnum):
    """States of an errand. (t) = terminal."""

    ASKED = "Asked"  # it is durable; its call is on its way, or it rests until it is asked again or due
    DONE = "Done"  # the centre did it (t)
    DECLINED = "Declined"  # the centre said no, nothing of it was done (t)
    LEFT = "Left"  # the flow's own came to nothing: a person must ask the centre; it is tried again each day


class Matter(StrEnum):
    """What is to be done."""

    CHARGE = "charge"  # 2301: lines of a stay
    WITHDRAW_CHARGES = "withdraw-charges"  # 2302: all lines of a stay that are not settled
    DISCHARGE = "discharge"  # 2402: the stay ends
    UNDO_DISCHARGE = "undo-discharge"  # 2405: it goes on
    CHANGE = "change-admission"  # 2403: ward, bed, doctor or diagnoses of the stay are others
    LOOK = "look-for-orphans"  # 5201, when the centre's limit is over: did an unanswered registration make another visit
    WITHDRAW_VISIT = "withdraw-visit"  # 2202, 2404: it never was; charges that the centre has of it are withdrawn first


@frozen(slots=True)
class Errand:
    """One of them; knowledge is only ever added."""

    errand_id: str
    matter: Matter
    state: ErrandState
    owner: Caller
    created_at: dt.datetime
    awaiting: Call | None = None
    attempts: int = 0  # how often a call of it has left
    doubtful: bool = False  # an earlier call of it got no clear answer: what became of it is asked before it is repeated
    emptied: bool = False  # of a withdrawal: the visit's charges are gone from the centre
    next_due: dt.datetime | None = None  # of one that nobody else repeats
    by_itself: bool = False  # begun by the flow, not by a caller
    visit_number: str = ""  # of a withdrawal: the registration that it withdraws
    total: Money = ZERO  # of charges
    lines: int = 0
    withdrawn: bool = False  # of charges: they were taken back since
    ended_at: dt.datetime | None = None  # of a discharge: when the person left
    way: str = ""  # of a discharge: dscg_way
    department_code: str = ""
    department_name: str = ""
    bed: str = ""
    doctor_code: str = ""  # of a change
    doctor_name: str = ""
    trouble: Trouble | None = None

    @property
    def stands(self) -> bool:
        """Whether the centre holds what it did."""
        return self.state is ErrandState.DONE and not self.withdrawn
