"""What happened at the bank, in the past tense. No event holds a card's data; ``leg`` counts the settlement's tries."""

from __future__ import annotations

from attrs import frozen

from middleware.domain.payment import BankCall, BankReply, RefusalReason


@frozen(slots=True)
class BankAgreed:
    """The bank did it and said so; ``late`` when that came after we had stopped waiting."""

    settlement_id: str
    leg: int
    message_id: str
    call: BankCall
    reply: BankReply
    late: bool = False


@frozen(slots=True)
class BankRefused:
    """The bank said no; ``not_found``: it has no such original; ``done_before``: it did exactly this before."""

    settlement_id: str
    leg: int
    message_id: str
    call: BankCall
    code: str
    reason: RefusalReason
    message: str
    not_found: bool = False
    done_before: bool = False


@frozen(slots=True)
class BankNotAsked:
    """No byte of the message left."""

    settlement_id: str
    leg: int
    message_id: str
    call: BankCall
    fault: str
    detail: str


@frozen(slots=True)
class BankUnanswered:
    """It left and no clear answer came."""

    settlement_id: str
    leg: int
    message_id: str
    call: BankCall
    cause: str


@frozen(slots=True)
class PaymentDue:
    """The time that a leg's unknown outcome was given has passed."""

    settlement_id: str
    leg: int


PaymentEvent = BankAgreed | BankRefused | BankNotAsked | BankUnanswered | PaymentDue
