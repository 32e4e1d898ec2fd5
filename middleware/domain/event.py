"""What happened, in the past tense, by who said it. Each event that changes a state is one journal record.

No event holds personal data; a stranger's words (``message``) are kept as they came, as evidence.
"""

from __future__ import annotations

import datetime as dt

from attrs import field, frozen

from middleware.domain.centre import Call, FoundVisit, LineVerdict, PersonKnown, Settled, SettlementCancelled
from middleware.domain.decision import Decision, Evidence
from middleware.domain.errand import Matter
from middleware.domain.mobile import Amounts, OrderRefunded
from middleware.domain.money import ZERO, Money
from middleware.domain.order import Caller, References, RegisterOrder
from middleware.domain.payment import Means
from middleware.domain.payment_event import PaymentEvent
from middleware.domain.reconciliation import Finding, Listing, Proof
from middleware.domain.remark import Remark
from middleware.domain.split import Split

# -- of a registration


@frozen(slots=True)
class RegistrationRequested:
    """A caller asked to register the holder of a card."""

    visit_id: str
    person_ref: str
    caller: Caller
    order: RegisterOrder


@frozen(slots=True)
class CentreKnewPerson:
    """1101 was answered."""

    reply: PersonKnown


@frozen(slots=True)
class CentreRegisteredVisit:
    """2201 was answered."""

    visit_number: str


@frozen(slots=True)
class CentreRegisteredLate:
    """A registration was answered after we had stopped waiting for it."""

    visit_number: str


@frozen(slots=True)
class CentreFoundVisits:
    """5201 was answered, for a registration or an errand whose outcome nobody knows."""

    visits: tuple[FoundVisit, ...]
    errand_id: str = ""


@frozen(slots=True)
class HisAcceptedPatient:
    """The HIS acknowledged the registration."""

    patient_number: str


@frozen(slots=True)
class HisRefusedPatient:
    """The HIS said AE or AR to the registration."""

    code: str
    message: str


# -- of calls that move no money (1101, 2201, 2203, 2204, 2206); settlement_id "" = the registration's


@frozen(slots=True)
class CentreRefusedCall:
    """The centre's business layer said no."""

    call: Call
    code: str
    message: str
    settlement_id: str = ""
    errand_id: str = ""


@frozen(slots=True)
class CallNotSent:
    """Nothing left the house."""

    call: Call
    fault: str
    detail: str
    settlement_id: str = ""
    errand_id: str = ""


@frozen(slots=True)
class CallUnanswered:
    """No clear answer came; no money is involved."""

    call: Call
    cause: str
    settlement_id: str = ""
    errand_id: str = ""


@frozen(slots=True)
class CallAnsweredLate:
    """A definite answer came after we had stopped waiting for it; the request may be under way again by now."""

    call: Call
    settlement_id: str = ""
    errand_id: str = ""


@frozen(slots=True)
class RequestRepeated:
    """The caller sent the same request again after it had come to rest without an answer."""

    settlement_id: str = ""
    errand_id: str = ""


# -- of an errand


@frozen(slots=True)
class ErrandRequested:
    """A caller asked for something that a visit needs done at the centre."""

    errand_id: str
    caller: Caller
    matter: Matter
    total: Money = ZERO
    lines: int = 0
    oldest: dt.datetime | None = None  # of the lines
    ended_at: dt.datetime | None = None
    way: str = ""
    department_code: str = ""
    department_name: str = ""
    bed: str = ""
    doctor_code: str = ""
    doctor_name: str = ""


@frozen(slots=True)
class CentreDidErrand:
    """One call of an errand was answered. ``borne`` is of 2301, as of ``CentreTookCharges``."""

    errand_id: str
    call: Call
    borne: tuple[LineVerdict, ...] = ()


# -- of a settlement


@frozen(slots=True)
class QuoteRequested:
    """A caller asked how a bill would split."""

    settlement_id: str
    caller: Caller
    total: Money
    bill_digest: str
    diagnoses_digest: str
    use_account: bool
    lines: int = 0
    oldest: dt.datetime | None = None  # when the first of the lines was charged
    remarks: tuple[Remark, ...] = ()  # what the catalogues say against the lines
    references: References = References()  # noqa: RUF009 - frozen


@frozen(slots=True)
class CentreTookVisit:
    """2203 was answered."""

    settlement_id: str


@frozen(slots=True)
class CentreTookCharges:
    """2204 was answered. ``borne``: the verdicts on lines of which something is not shared by any fund."""

    settlement_id: str
    borne: tuple[LineVerdict, ...] = ()


@frozen(slots=True)
class CentreQuoted:
    """2206 was answered. ``borne``: as of ``CentreTookCharges``, where the quote itself tells it; else None."""

    settlement_id: str
    split: Split
    borne: tuple[LineVerdict, ...] | None = None


@frozen(slots=True)
class SettleConfirmed:
    """A person confirmed the quote, and said how the own share is paid; ``card_ref``: where the bank card is kept."""

    settlement_id: str
    caller: Caller
    total: Money
    cash: Money
    means: Means = Means.CASH
    card_ref: str = ""


@frozen(slots=True)
class FirstByteLeft:
    """The first byte of a money call was handed to the wire."""

    settlement_id: str
    message_id: str


@frozen(slots=True)
class CentreSettled:
    """2207 was answered; ``late`` when the answer came after we had stopped waiting for it."""

    settlement_id: str
    message_id: str
    reply: Settled
    late: bool = False


@frozen(slots=True)
class CentreRefusedSettle:
    """The centre's business layer refused 2207."""

    settlement_id: str
    message_id: str
    code: str
    message: str


@frozen(slots=True)
class SettleNotSent:
    """No byte of 2207 left."""

    settlement_id: str
    message_id: str
    fault: str
    detail: str


@frozen(slots=True)
class SettleUnanswered:
    """2207 left and no clear answer came."""

    settlement_id: str
    message_id: str
    cause: str


@frozen(slots=True)
class CentreConfirmed:
    """The call after the settle was answered: the settlement stands."""

    settlement_id: str
    message_id: str
    late: bool = False  # after the call had ended as unknown


@frozen(slots=True)
class CentreRefusedConfirm:
    """The centre does not stand by what it said yes to."""

    settlement_id: str
    message_id: str
    code: str
    message: str


@frozen(slots=True)
class ConfirmNotSent:
    """No byte of it left."""

    settlement_id: str
    message_id: str
    fault: str
    detail: str


@frozen(slots=True)
class ConfirmUnanswered:
    """It left and no clear answer came."""

    settlement_id: str
    message_id: str
    cause: str


@frozen(slots=True)
class DueTimePassed:
    """The time that an unknown outcome was given has passed."""

    settlement_id: str = ""
    errand_id: str = ""


@frozen(slots=True)
class CentreReversed:
    """2601 was answered: the message it names is undone."""

    settlement_id: str
    message_id: str


@frozen(slots=True)
class CentreRefusedReversal:
    """The centre refused 2601; ``not_found`` when it says that it never had the original."""

    settlement_id: str
    message_id: str
    code: str
    message: str
    not_found: bool


@frozen(slots=True)
class ReversalNotSent:
    """No byte of 2601 left."""

    settlement_id: str
    message_id: str
    fault: str
    detail: str


@frozen(slots=True)
class ReversalUnanswered:
    """2601 left and no clear answer came; it reversed nothing that we know of."""

    settlement_id: str
    message_id: str
    cause: str


@frozen(slots=True)
class CancelConfirmed:
    """A person asked to undo a finished settlement."""

    settlement_id: str
    caller: Caller
    reason: str


@frozen(slots=True)
class CentreCancelled:
    """2208 was answered."""

    settlement_id: str
    message_id: str
    reply: SettlementCancelled
    late: bool = False


@frozen(slots=True)
class CentreRefusedCancel:
    """The centre refused 2208; the settlement stands."""

    settlement_id: str
    message_id: str
    code: str
    message: str


@frozen(slots=True)
class CancelNotSent:
    """No byte of 2208 left."""

    settlement_id: str
    message_id: str
    fault: str
    detail: str


@frozen(slots=True)
class CancelUnanswered:
    """2208 left and no clear answer came."""

    settlement_id: str
    message_id: str
    cause: str


@frozen(slots=True)
class HisAcceptedCharges:
    """The HIS acknowledged a settlement, or (``cancelled``) its cancel."""

    settlement_id: str
    cancelled: bool


@frozen(slots=True)
class HisRefusedCharges:
    """The HIS said AE or AR to a settlement, or to its cancel."""

    settlement_id: str
    cancelled: bool
    code: str
    message: str


@frozen(slots=True)
class ManualProposed:
    """A person at the manual desk proposed what is true, with the evidence for it."""

    settlement_id: str
    caller: Caller
    decision: Decision
    evidence: Evidence


@frozen(slots=True)
class ManualApproved:
    """Another person approved the proposal that was shown to them."""

    settlement_id: str
    caller: Caller
    proposal: str


@frozen(slots=True)
class ManualRejected:
    """A person rejected the proposal that was shown to them, or took back their own."""

    settlement_id: str
    caller: Caller
    proposal: str
    reason: str


# -- of a comparison with the centre's own books; ``seen`` is the settlement as it was before the centre was asked


@frozen(slots=True)
class CentreListed:
    """The centre's file of a day holds this message, and it is no row of ours: money may have moved unseen."""

    settlement_id: str
    message_id: str
    refund: bool
    listing: Listing
    seen: str


@frozen(slots=True)
class CentreListedAbsent:
    """No complete file of any day that this message can belong to holds it; the first of them was asked for then."""

    settlement_id: str
    message_id: str
    refund: bool
    proofs: tuple[Proof, ...]
    intended_at: dt.datetime
    asked_at: dt.datetime
    seen: str


@frozen(slots=True)
class CentreListedOtherwise:
    """The centre's file of a day does not say of a row of ours what we say."""

    settlement_id: str
    finding: Finding
    seen: str


@frozen(slots=True)
class CentreListedEqual:
    """The centre agrees by now with a row that differed before."""

    settlement_id: str
    message_id: str
    proof: Proof


# -- of 5201, asked about a settlement in doubt


@frozen(slots=True)
class CentreShowedVisits:
    """5201 was answered, about a settlement in doubt. Weak: it shows visits, and no settlements."""

    settlement_id: str
    message_id: str
    visits: tuple[FoundVisit, ...]


@frozen(slots=True)
class VisitQueryFailed:
    """It was not: refused, not sent, or unanswered. Nothing was learned."""

    settlement_id: str
    message_id: str
    detail: str  # our own word for it


# -- of mobile payment


@frozen(slots=True)
class OrderRequested:
    """A person confirmed the quote, and that it is to be paid by phone; ``voucher`` is the e-voucher's token."""

    settlement_id: str
    caller: Caller
    total: Money
    cash: Money
    voucher: str = field(default="", repr=False)


@frozen(slots=True)
class CentreOpenedOrder:
    """6201 was answered: an order is there, and nothing of it is paid."""

    settlement_id: str
    message_id: str
    number: str
    token: str = field(default="", repr=False)
    cashier: str = field(default="", repr=False)


@frozen(slots=True)
class CentrePlacedOrder:
    """6202 was answered. What it says is a hint: how the order stands is asked."""

    settlement_id: str
    message_id: str
    state: str
    late: bool = False


@frozen(slots=True)
class CentreRefundedOrder:
    """6203 was answered. What it says is a hint, as with 6202."""

    settlement_id: str
    message_id: str
    reply: OrderRefunded
    late: bool = False


@frozen(slots=True)
class OrderShown:
    """6301 was answered: so the order stood when it was asked."""

    settlement_id: str
    message_id: str
    state: str
    amounts: Amounts
    at: dt.datetime | None = None


@frozen(slots=True)
class OrderNotShown:
    """It was not: refused, not sent, or unanswered. Nothing was learned."""

    settlement_id: str
    message_id: str
    detail: str  # our own word for it


@frozen(slots=True)
class OrderNoticed:
    """A genuine 6302 said that the order is paid. It decides nothing; it is why 6301 is asked now."""

    settlement_id: str
    number: str
    amounts: Amounts


# -- of the process


@frozen(slots=True)
class DaemonRestarted:
    """We started and found this in flight: nobody knows whether its bytes left."""

    settlement_id: str = ""
    errand_id: str = ""


VisitEvent = (
    CentreKnewPerson
    | CentreRegisteredVisit
    | CentreRegisteredLate
    | CentreFoundVisits
    | HisAcceptedPatient
    | HisRefusedPatient
    | CentreRefusedCall
    | CallNotSent
    | CallUnanswered
    | CallAnsweredLate
    | RequestRepeated
    | DaemonRestarted
)
ErrandEvent = (
    CentreDidErrand
    | CentreFoundVisits
    | CentreRefusedCall
    | CallNotSent
    | CallUnanswered
    | CallAnsweredLate
    | RequestRepeated
    | DueTimePassed
    | DaemonRestarted
)
SettlementEvent = (
    CentreTookVisit
    | CentreTookCharges
    | CentreQuoted
    | CentreRefusedCall
    | CallNotSent
    | CallUnanswered
    | CallAnsweredLate
    | RequestRepeated
    | SettleConfirmed
    | FirstByteLeft
    | CentreSettled
    | CentreRefusedSettle
    | SettleNotSent
    | SettleUnanswered
    | CentreConfirmed
    | CentreRefusedConfirm
    | ConfirmNotSent
    | ConfirmUnanswered
    | DueTimePassed
    | CentreReversed
    | CentreRefusedReversal
    | ReversalNotSent
    | ReversalUnanswered
    | CentreShowedVisits
    | VisitQueryFailed
    | CancelConfirmed
    | CentreCancelled
    | CentreRefusedCancel
    | CancelNotSent
    | CancelUnanswered
    | HisAcceptedCharges
    | HisRefusedCharges
    | ManualProposed
    | ManualApproved
    | ManualRejected
    | CentreListed
    | CentreListedAbsent
    | CentreListedOtherwise
    | CentreListedEqual
    | OrderRequested
    | CentreOpenedOrder
    | CentrePlacedOrder
    | CentreRefundedOrder
    | OrderShown
    | OrderNotShown
    | OrderNoticed
    | DaemonRestarted
)
Event = VisitEvent | SettlementEvent | PaymentEvent | ErrandEvent | RegistrationRequested | QuoteRequested | ErrandRequested
