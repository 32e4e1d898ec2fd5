"""One visit and its settlements: what is known, and nothing that is only guessed.

Personal data is not here: ``person_ref`` points to where it is kept, so that the journal can be shown to a bureau.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from attrs import frozen

from middleware.domain.centre import Call, FoundVisit, Settled, SettlementCancelled, VisitFacts
from middleware.domain.decision import Decided, Proposal
from middleware.domain.errand import Errand, ErrandState, Matter
from middleware.domain.kind import CALLS, CANCEL_CALLS, Calls
from middleware.domain.mobile import MobileOrder
from middleware.domain.money import ZERO, Money
from middleware.domain.order import Caller, References, RegisterOrder
from middleware.domain.payment import Leg, Means, is_open
from middleware.domain.pursuit import Pursuit, Shown
from middleware.domain.reconciliation import Finding
from middleware.domain.remark import Remark
from middleware.domain.split import Split
from middleware.domain.trouble import Trouble

__all__ = ["Trouble"]


class VisitState(StrEnum):
    """States of a registration, named by what is known."""

    RECEIVED = "Received"  # a request is on disk; of the person only the card is known
    IDENTIFIED = "Identified"  # the centre knows the person and how they are insured
    ENROLLED = "Enrolled"  # the visit exists at the centre; the HIS has not said yes yet
    REGISTERED = "Registered"  # the visit exists in the HIS and at the centre
    REFUSED = "Refused"  # one of the two said no (t)


class SettlementState(StrEnum):
    """States of a settlement (SETTLEMENT.md), named by what is known. (t) = terminal."""

    RECEIVED = "Received"  # a request with an idempotency key is on disk
    ITEMISED = "Itemised"  # the charge lines are at the centre, under one batch
    QUOTED = "Quoted"  # the split, bound to the digest of the lines, with an expiry
    SETTLE_INTENDED = "SettleIntended"  # intent, message id, digest and amount are durable
    SETTLE_SENT = "SettleSent"  # bytes left
    CONFIRM_INTENDED = "ConfirmIntended"  # the centre said yes; the call without which that counts for nothing is durable
    CONFIRM_SENT = "ConfirmSent"  # its bytes left
    ORDERED = "Ordered"  # a mobile order stands there; it is asked again and again whether the person has paid
    UNKNOWN = "Unknown"  # money may have moved; the visit is locked for money
    REVERSAL_INTENDED = "ReversalIntended"  # a reversal of exactly one message is durable
    REVERSAL_SENT = "ReversalSent"  # its bytes left
    SETTLED = "Settled"  # the centre holds it; its number is durable
    DELIVERED = "Delivered"  # the HIS acknowledged it
    CANCEL_INTENDED = "CancelIntended"  # a cancel is durable
    CANCEL_SENT = "CancelSent"  # its bytes left
    CANCELLED = "Cancelled"  # the centre undid it (t)
    REFUSED = "Refused"  # nothing was ever settled (t)
    REVERSED = "Reversed"  # undone, or proven never done (t)
    MANUAL = "Manual"  # a person must decide


# In these, money may be moving or may have moved unseen: the visit takes no other money.
MONEY_OPEN = frozenset(
    {
        SettlementState.SETTLE_INTENDED,
        SettlementState.SETTLE_SENT,
        SettlementState.CONFIRM_INTENDED,
        SettlementState.CONFIRM_SENT,
        SettlementState.ORDERED,
        SettlementState.UNKNOWN,
        SettlementState.REVERSAL_INTENDED,
        SettlementState.REVERSAL_SENT,
        SettlementState.CANCEL_INTENDED,
        SettlementState.CANCEL_SENT,
        SettlementState.MANUAL,
    }
)

# A crash in one of these leaves a call whose bytes may have left (invariant 9: none of them survives a recovery).
IN_FLIGHT = frozenset(
    {
        SettlementState.SETTLE_INTENDED,
        SettlementState.SETTLE_SENT,
        SettlementState.CONFIRM_INTENDED,
        SettlementState.CONFIRM_SENT,
        SettlementState.REVERSAL_INTENDED,
        SettlementState.REVERSAL_SENT,
        SettlementState.CANCEL_INTENDED,
        SettlementState.CANCEL_SENT,
    }
)


@frozen(slots=True)
class Undoing:
    """One 2601 that was intended, and the message that it names."""

    message_id: str
    original: str


@frozen(slots=True)
class Settlement:
    """One bill on its way; knowledge is only ever added."""

    settlement_id: str
    state: SettlementState
    owner: Caller
    total: Money
    bill_digest: str
    diagnoses_digest: str
    use_account: bool
    created_at: dt.datetime
    batches: int = 0  # charge batches uploaded so far; a lost 2204 is repeated under a new batch number
    awaiting: Call | None = None  # a call that moves no money is in flight
    quoted: Split | None = None
    expires_at: dt.datetime | None = None
    charges_mark: str = ""  # of a stay: the charges that were quoted
    settle_message_id: str = ""
    approved: Settled | None = None  # the centre's yes, where it counts for nothing until it was confirmed
    confirm_message_id: str = ""
    settled: Settled | None = None
    unknown_call: Call | None = None  # whose outcome is unknown: one of SETTLE_CALLS or CANCEL_CALLS
    unknown_since: dt.datetime | None = None
    next_due: dt.datetime | None = None
    reversal_message_id: str = ""
    undoings: tuple[Undoing, ...] = ()  # every 2601, the newest last: of which message its answer speaks
    reversal_attempts: int = 0
    reversal_intended_at: dt.datetime | None = None  # of the newest attempt: what its answer can prove is of that moment
    written_off: str = ""  # a message that we called not done: its approval is undone, never adopted (invariant 13)
    cancel_message_id: str = ""
    cancel_reason: str = ""
    cancelled: SettlementCancelled | None = None
    delivered: bool = False
    broken_identities: tuple[int, ...] = ()
    trouble: Trouble | None = None
    proposal: Proposal | None = None  # of the manual desk: it waits for a second person
    decided: Decided | None = None  # by two persons, the newest
    means: Means = Means.CASH  # how the own share is paid, as last confirmed
    legs: tuple[Leg, ...] = ()  # tries to have it from a bank card, the newest last
    pursuit: Pursuit | None = None  # how far the doubt has been pursued; None when there is none
    shown: Shown | None = None  # weak evidence, for the desk
    mobile: MobileOrder | None = None  # the order by which it is paid by phone
    finding: Finding | None = None  # of a comparison with the centre: it stands until both say the same
    remarks: tuple[Remark, ...] = ()  # what the catalogues say against its lines: for people, no move reads it
    references: References = References()  # noqa: RUF009 - frozen; the visit's, and what the quote said

    @property
    def leg(self) -> Leg | None:
        """The newest try at the bank."""
        return self.legs[-1] if self.legs else None

    @property
    def is_open(self) -> bool:
        """Whether money may be moving or may have moved unseen, at the centre or at the bank; or is about to."""
        return self.state in MONEY_OPEN or any(is_open(leg) for leg in self.legs) or self.awaiting is Call.OPEN_ORDER

    @property
    def batch(self) -> str:
        """The number of the newest charge batch (chrg_bchno), unique in the institution."""
        return f"{self.settlement_id}{self.batches:02d}"

    @property
    def seen(self) -> str:
        """Its state and newest messages: when this is the same later, nothing was learned of it meanwhile."""
        ids = (self.settle_message_id, self.confirm_message_id, self.reversal_message_id, self.cancel_message_id)
        return " ".join((str(self.state), *ids))

    @property
    def doubted(self) -> str:
        """The message that is in doubt, and that a 2601 would name."""
        return self.cancel_message_id if self.unknown_call in CANCEL_CALLS else self.settle_message_id

    @property
    def standing(self) -> SettlementState:
        """Where a settlement that holds stands."""
        return SettlementState.DELIVERED if self.delivered else SettlementState.SETTLED


_ENDINGS = (Matter.DISCHARGE, Matter.UNDO_DISCHARGE)


@frozen(slots=True)
class Visit:
    """One person's visit: its registration and its settlements."""

    visit_id: str
    state: VisitState
    person_ref: str
    owner: Caller
    order: RegisterOrder
    awaiting: Call | None = None
    person_number: str = ""
    insurance: str = ""
    person_type: str = ""
    insured_region: str = ""
    balance: Money = ZERO
    visit_number: str = ""
    patient_number: str = ""
    untold: bool = False  # the HIS is not told of visits of this kind
    cross_region: bool = False  # insured elsewhere: the region's rules for that apply
    doubtful: bool = False  # a registration got no clear answer: the centre is asked before it is repeated
    found: tuple[FoundVisit, ...] = ()  # what the centre has of this person and may be ours: shown, never guessed at
    diagnoses_digest: str = ""  # of the diagnoses that the centre holds
    settlements: tuple[Settlement, ...] = ()
    errands: tuple[Errand, ...] = ()
    trouble: Trouble | None = None

    @property
    def calls(self) -> Calls:
        """The transactions of its kind."""
        return CALLS[self.order.kind]

    def settle_call(self, settlement: Settlement) -> Call:
        """What settles it: of a mobile order 6202, of every other what its kind of visit has."""
        return Call.PLACE_ORDER if settlement.mobile is not None else self.calls.settle

    def cancel_call(self, settlement: Settlement) -> Call:
        """What undoes it."""
        return Call.REFUND_ORDER if settlement.mobile is not None else self.calls.cancel

    @property
    def facts(self) -> VisitFacts:
        """What identifies the visit at the centre."""
        return VisitFacts(
            person_number=self.person_number,
            visit_number=self.visit_number,
            insurance=self.insurance,
            person_type=self.person_type,
            insured_region=self.insured_region,
            med_type=self.order.med_type,
            kind=self.order.kind,
            disease=self.order.disease,
            maternity=self.order.maternity,
            begun_at=self.order.begun_at,
            ended_at=self.discharge.ended_at if self.discharge else None,
        )

    @property
    def charges(self) -> tuple[Errand, ...]:
        """The charges of a stay that the centre holds, in order."""
        return tuple(one for one in self.errands if one.matter is Matter.CHARGE and one.stands)

    @property
    def discharge(self) -> Errand | None:
        """The discharge that holds, or None while the stay goes on."""
        last = [one for one in self.errands if one.matter in _ENDINGS and one.state is ErrandState.DONE][-1:]
        return last[0] if last and last[0].matter is Matter.DISCHARGE else None

    @property
    def withdrawn(self) -> bool:
        """Whether its registration was taken back, or is to be."""
        gone = (ErrandState.ASKED, ErrandState.DONE, ErrandState.LEFT)
        return any(
            one.matter is Matter.WITHDRAW_VISIT and one.state in gone and one.visit_number == self.visit_number
            for one in self.errands
        )

    @property
    def busy(self) -> bool:
        """Whether an errand that somebody asked for is not done yet."""
        return any(one.state is ErrandState.ASKED and not one.by_itself for one in self.errands)

    def errand(self, errand_id: str) -> Errand:
        """The errand with that id; ``KeyError`` when the visit has none."""
        for errand in self.errands:
            if errand.errand_id == errand_id:
                return errand
        raise KeyError(errand_id)

    def settlement(self, settlement_id: str) -> Settlement:
        """The settlement with that id; ``KeyError`` when the visit has none."""
        for settlement in self.settlements:
            if settlement.settlement_id == settlement_id:
                return settlement
        raise KeyError(settlement_id)
