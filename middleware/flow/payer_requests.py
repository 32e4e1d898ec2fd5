"""From a command to the bank's request, and from how it ended to what happened. Pure."""

from __future__ import annotations

from attrs import evolve

from middleware.domain.command import AskBank
from middleware.domain.outcome import Answered, NotSent, Outcome, Refused, Unknown
from middleware.domain.payment import BankCall, BankCard, BankRefusal, BankReply, BankRequest, Leg, Traced
from middleware.domain.payment_event import BankAgreed, BankNotAsked, BankRefused, BankUnanswered, PaymentEvent

C = BankCall


def bank_request(command: AskBank, leg: Leg, card: BankCard | None) -> BankRequest:
    """The message that ``command`` means. Track and PIN go with the hold alone, whatever was given."""
    if card is not None and command.call is not C.HOLD:
        card = evolve(card, track2="", pin_block="")
    return BankRequest(
        call=command.call,
        traced=_traced(command, leg),
        repeat=leg.attempts > 1 and command.call in {C.CAPTURE, C.RELEASE, C.REVERSE},
        card=card,
        original=None if command.call is C.HOLD else _original(command, leg),
        original_reply=leg.captured if command.call is C.REFUND else leg.held,
    )


def _traced(command: AskBank, leg: Leg) -> Traced:
    """A repeat, and a reversal, carry what the first message carried."""
    match command.call:
        case C.HOLD | C.REVERSE:
            return leg.hold
        case C.CAPTURE if leg.capture is not None:
            return leg.capture
        case C.RELEASE | C.REFUND if leg.giving_back is not None:
            return leg.giving_back
    raise AssertionError("a message to the bank that nobody decided on")


def _original(command: AskBank, leg: Leg) -> Traced:
    return leg.capture if command.call is C.REFUND and leg.capture is not None else leg.hold


def signed_amount(command: AskBank, leg: Leg) -> int:
    """Fen: what is held or taken is positive, what is given back negative."""
    fen = _traced(command, leg).amount.fen
    return fen if command.call in {C.HOLD, C.CAPTURE} else -fen


def bank_event(command: AskBank, outcome: Outcome[BankReply], *, late: bool = False) -> PaymentEvent:
    """The event that this outcome of that command is."""
    names = (command.settlement_id, command.leg, command.message_id, command.call)
    match outcome:
        case Answered(BankReply() as reply):
            return BankAgreed(*names, reply, late)
        case BankRefusal(code, message, reason, not_found, done_before):
            return BankRefused(*names, code, reason, message, not_found, done_before)
        case NotSent(fault, detail):
            return BankNotAsked(*names, fault, detail)
        case Unknown(cause):
            return BankUnanswered(*names, cause)
        case Refused() | Answered():
            return BankUnanswered(*names, "unreadable")
