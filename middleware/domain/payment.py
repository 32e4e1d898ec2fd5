"""How the payer's own share is paid, and its leg at the bank: what is known, and nothing that is only guessed.

Cash is the cashier's; a bank card is a leg with the same four outcomes as the centre's: the amount is held before the
centre is asked to settle, captured once it has, and given back when it has not (SETTLEMENT.md). The card itself is not in
a leg: ``card_ref`` points to where its number is kept for as long as a message may have to name it.
"""

from __future__ import annotations

import datetime as dt
import re
from enum import StrEnum

from attrs import field, frozen

from middleware.domain.decision import Decided, Proposal
from middleware.domain.money import ZERO, Money
from middleware.domain.outcome import Refused

_PAN = re.compile(r"\d{12,19}\Z", re.ASCII)
_EXPIRY = re.compile(r"\d{2}(0[1-9]|1[0-2])\Z", re.ASCII)
_TRACK2 = re.compile(r"[0-9=D]{0,37}\Z", re.ASCII)
_PIN_BLOCK = re.compile(r"([0-9A-Fa-f]{16})?\Z", re.ASCII)
_LUHN = 10
_TWICE_AT_MOST = 9


class Means(StrEnum):
    """How the own share is paid."""

    CASH = "cash"  # the cashier has it, or another system of the hospital; nothing goes over a wire of ours
    BANK_CARD = "bank_card"
    MOBILE = "mobile"  # the person pays in the insurance app, with the whole order


class BankCall(StrEnum):
    """What is asked of the bank; the value is what our books call it, never a code of the wire."""

    HOLD = "hold"  # pre-authorisation
    CAPTURE = "capture"  # completion: so much of the hold is taken, the rest is free
    RELEASE = "release"  # pre-authorisation cancel: of a hold that is certain
    REVERSE = "reverse"  # 0400: undo exactly one hold whose outcome is unknown
    REFUND = "refund"  # give back what was captured


class RefusalReason(StrEnum):
    """Why a bank said no, in classes that a cashier can act on."""

    FUNDS = "funds"  # not enough on the card
    CARD = "card"  # expired, invalid, not known
    PIN = "pin"
    LIMIT = "limit"  # amount or number of payments
    NOT_PERMITTED = "not-permitted"
    STOLEN = "stolen"  # lost, stolen, to be kept
    BANK = "bank"  # the bank's or its network's own trouble: nothing was done
    OTHER = "other"


@frozen(slots=True, repr=False)
class BankCard:
    """A payer's card as a terminal read it; shows itself masked and is written nowhere but to the wire and its own table.

    ``track2`` and ``pin_block`` go into one message and are never stored (PCI DSS 3.3.1). ``ValueError`` names the rule
    that is broken, never the number.
    """

    number: str = field()
    expiry: str = field(default="")  # YYMM
    track2: str = field(default="")
    pin_block: str = field(default="")  # 16 hex digits, encrypted by the terminal's PIN pad

    def __attrs_post_init__(self) -> None:
        if not _PAN.match(self.number) or not _luhn(self.number):
            raise ValueError("a card number is 12 to 19 digits with a right check digit")
        if self.expiry and not _EXPIRY.match(self.expiry):
            raise ValueError("an expiry date is YYMM")
        if not _TRACK2.match(self.track2):
            raise ValueError("track 2 is at most 37 digits with one separator")
        if not _PIN_BLOCK.match(self.pin_block):
            raise ValueError("a PIN block is 16 hex digits")

    @property
    def last_four(self) -> str:
        """What a receipt shows; the only part that a digest or a comparison may use."""
        return self.number[-4:]

    @property
    def masked(self) -> str:
        """What a person may see: ``************1234``."""
        return "*" * (len(self.number) - 4) + self.last_four

    def __repr__(self) -> str:
        return f"BankCard({self.masked})"

    __str__ = __repr__


def _luhn(number: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (1 + place % 2)
        total += value - _TWICE_AT_MOST if value > _TWICE_AT_MOST else value
    return total % _LUHN == 0


@frozen(slots=True)
class Payment:
    """What a caller says of how the own share is paid."""

    means: Means = Means.CASH
    card: BankCard | None = None


@frozen(slots=True)
class Traced:
    """One message as both sides name it: the same in every repeat."""

    trace: str  # six digits, per terminal (STAN)
    at: dt.datetime
    amount: Money


@frozen(slots=True)
class BankReply:
    """What a bank's yes carries; none of it is personal."""

    reference: str = ""  # its own number (RRN)
    authorisation: str = ""  # approval code
    settled_on: str = ""  # MMDD, the bank's settlement day


@frozen(slots=True)
class BankRefusal(Refused):
    """The bank said no: nothing was done. ``not_found``: it has no such original; ``done_before``: it did this before."""

    reason: RefusalReason = RefusalReason.OTHER
    not_found: bool = False
    done_before: bool = False


@frozen(slots=True)
class BankRequest:
    """One message to the bank. ``original`` is what a capture, release, reverse or refund refers to."""

    call: BankCall
    traced: Traced
    repeat: bool = False  # the same data left before
    card: BankCard | None = None
    original: Traced | None = None
    original_reply: BankReply | None = None


class LegState(StrEnum):
    """States of the payer's leg, named by what is known at the bank. (t) = terminal."""

    HOLD_INTENDED = "HoldIntended"  # the intent to hold is durable, its bytes may have left
    HELD = "Held"  # the bank holds the amount
    CAPTURE_INTENDED = "CaptureIntended"  # the centre settled; taking exactly the own share is durable
    CAPTURED = "Captured"  # taken
    RELEASE_INTENDED = "ReleaseIntended"  # giving the hold back is durable: its cancel, or its reversal
    RELEASED = "Released"  # the bank holds nothing any more (t)
    REFUND_INTENDED = "RefundIntended"  # the centre cancelled; giving back what was taken is durable
    REFUNDED = "Refunded"  # given back (t)
    NOT_HELD = "NotHeld"  # the bank refused, or nothing left the house (t)
    UNKNOWN = "LegUnknown"  # whether the newest message was done is to be established
    MANUAL = "LegManual"  # a person must decide
    COLLECT = "Collect"  # settled at the centre, certainly not taken at the bank: the cashier collects it
    COLLECTED = "Collected"  # the cashier has it (t)


LEG_IN_FLIGHT = frozenset(
    {LegState.HOLD_INTENDED, LegState.CAPTURE_INTENDED, LegState.RELEASE_INTENDED, LegState.REFUND_INTENDED}
)
# In these the payer's money may be moving or may have moved unseen. ``Held`` is the settlement's own open time.
LEG_OPEN = LEG_IN_FLIGHT | {LegState.HELD, LegState.UNKNOWN, LegState.MANUAL}
# What a person must see.
LEG_IN_DOUBT = frozenset({LegState.UNKNOWN, LegState.MANUAL, LegState.COLLECT})


@frozen(slots=True)
class Leg:
    """One try to have the own share from a bank card; knowledge is only ever added."""

    number: int  # of the settlement's tries, from 1
    state: LegState
    hold: Traced
    hold_id: str  # the message that asked for the hold
    message_id: str  # the newest message
    call: BankCall  # what the newest message, or the doubt, is about
    card_ref: str = ""  # where the card's number is kept; "" once it was forgotten
    held: BankReply | None = None
    capture: Traced | None = None
    captured: BankReply | None = None
    giving_back: Traced | None = None  # the release, or the refund
    attempts: int = 0  # of the newest call
    doubtful: bool = False  # one of these attempts may have been carried out
    asked_at: dt.datetime | None = None  # the newest attempt: what its answer can prove is of that moment
    unknown_since: dt.datetime | None = None
    next_due: dt.datetime | None = None
    fault: str = ""  # a code of the fault table
    detail: str = ""
    foreign: str = ""
    proposal: Proposal | None = None
    decided: Decided | None = None

    @property
    def charged(self) -> Money:
        """What the bank certainly took and has not given back."""
        kept = self.captured is not None and self.state is not LegState.REFUNDED
        return self.capture.amount if kept and self.capture is not None else ZERO


def is_open(leg: Leg) -> bool:
    """Whether the payer's money may be moving."""
    return leg.state in LEG_OPEN
