"""Our requests as messages, and the host's messages as outcomes. Pure.

| ours | first / repeat | processing code | 60.1 |
|---|---|---|---|
| hold | 0100, never repeated | 030000 | 10 |
| capture | 0220 / 0221, an advice | 000000 | 24 |
| release | 0100 / 0101 | 200000 | 11 |
| reverse | 0400 / 0401 | the hold's | 10 |
| refund | 0200, never repeated | 200000 | 25 |

A reversal carries the original's processing code, amount and trace number, and its reason in field 39.
"""

from __future__ import annotations

import datetime as dt

from attrs import frozen

from adapters.bank.iso8583.frame import Message, Value
from adapters.bank.iso8583.tables import CODES, FIELDS, Meaning
from middleware.domain.fault import Fault
from middleware.domain.outcome import Answered, Outcome, Unknown
from middleware.domain.payment import BankCall, BankCard, BankRefusal, BankReply, BankRequest, RefusalReason, Traced

NO_ANSWER = "98"  # field 39 of a reversal: the answer did not come
_PIN_LENGTH = "12"
_PIN_SECURITY = "2600000000000000"
C = BankCall


@frozen(slots=True)
class Identity:
    """Who we are to the host."""

    terminal: str
    merchant: str
    merchant_name: str
    batch: str
    currency: str
    utc_offset: dt.timezone


@frozen(slots=True)
class _Shape:
    first: str
    repeat: str
    processing: str
    kind: str
    condition: str


_SHAPES = {
    C.HOLD: _Shape("0100", "", "030000", "10", "06"),
    C.CAPTURE: _Shape("0220", "0221", "000000", "24", "06"),
    C.RELEASE: _Shape("0100", "0101", "200000", "11", "06"),
    C.REVERSE: _Shape("0400", "0401", "030000", "10", "06"),
    C.REFUND: _Shape("0200", "", "200000", "25", "00"),
}


def message_of(request: BankRequest, who: Identity) -> Message:
    """The message without its MAC. ``Fault("payment.field")`` when something that it needs is missing."""
    shape = _SHAPES[request.call]
    if request.repeat and not shape.repeat:
        raise Fault("payment.field", f"a {request.call} is never repeated")
    at = request.traced.at.astimezone(who.utc_offset)
    fields: dict[int, Value] = {
        3: shape.processing,
        4: f"{request.traced.amount.fen:012d}",
        11: request.traced.trace,
        12: at.strftime("%H%M%S"),
        13: at.strftime("%m%d"),
        25: shape.condition,
        41: who.terminal,
        42: who.merchant,
        49: who.currency,
        60: f"{shape.kind}{who.batch}000",
    }
    if request.traced.amount.fen <= 0:
        raise Fault("payment.field", "field 4: an amount is positive")
    if who.merchant_name:
        fields[43] = who.merchant_name
    fields |= _card(request)
    if request.call is not C.HOLD:
        if request.original is None:
            raise Fault("payment.field", "field 61: no original")
        fields[61] = _original(request.original, who)
    if request.call is C.REVERSE:
        fields[39] = NO_ANSWER
    elif request.original_reply is not None:
        known = {37: request.original_reply.reference, 38: request.original_reply.authorisation}
        fields |= {number: value for number, value in known.items() if value}
    return Message(shape.repeat if request.repeat else shape.first, fields)


def _card(request: BankRequest) -> dict[int, Value]:
    """Field 22 says how the card was read; a repeat or a later message has its number at most."""
    card = request.card
    if card is None:
        if request.call is C.HOLD:
            raise Fault("payment.field", "field 2: no card")
        return {22: "012"}
    fields: dict[int, Value] = {2: card.number, 22: ("02" if card.track2 else "01") + ("1" if card.pin_block else "2")}
    if card.expiry:
        fields[14] = card.expiry
    if request.call is C.HOLD:
        fields |= _secrets(card)
    return fields


def _secrets(card: BankCard) -> dict[int, Value]:
    fields: dict[int, Value] = {35: card.track2.replace("D", "=")} if card.track2 else {}
    if card.pin_block:
        fields |= {26: _PIN_LENGTH, 52: bytes.fromhex(card.pin_block), 53: _PIN_SECURITY}
    return fields


def _original(original: Traced, who: Identity) -> str:
    return f"{who.batch}{original.trace}{original.at.astimezone(who.utc_offset):%m%d}"


def sign_on(who: Identity, trace: str, *, echo: bool = False) -> Message:
    """0800: we are here, or (``echo``) are you there. Moves nothing."""
    kind = "301" if echo else "003"
    fields: dict[int, Value] = {11: trace, 41: who.terminal, 42: who.merchant, 60: f"00{who.batch}{kind}"}
    return Message("0800", fields)


def masked(message: Message) -> Message:
    """The same with a card's data taken out: what a digest may be of."""
    hidden = {number for number, row in FIELDS.items() if row.hidden}
    return Message(message.mti, {number: value for number, value in message.fields.items() if number not in hidden})


def answer_key(message: Message) -> tuple[str, str]:
    """By which an answer is known to be of this request: its type and trace number."""
    return f"{message.mti[:2]}{int(message.mti[2]) + 1}0", message.text(11)


def key_of(answer: Message) -> tuple[str, str]:
    """The same, of an answer."""
    return answer.mti, answer.text(11)


def outcome_of(request: Message, answer: Message) -> Outcome[BankReply]:
    """What the answer says; ``Unknown`` for everything that is not a clear word about exactly this request."""
    for number in (3, 4, 41, 42):
        if number in answer.fields and answer.text(number) != request.text(number):
            return Unknown("not-ours", f"field {number}")
    if answer.text(41) != request.text(41):
        return Unknown("not-ours", "field 41")
    code = answer.text(39)
    row = CODES.get(code)
    if row is None or row.meaning is Meaning.UNKNOWN:
        return Unknown("bank-code", code)
    if row.meaning is Meaning.APPROVED:
        reply = BankReply(answer.text(37), answer.text(38), answer.text(15))
        if (
            request.mti == "0100"
            and request.text(3) == _SHAPES[C.HOLD].processing
            and not (reply.reference and reply.authorisation)
        ):
            return Unknown("incomplete", "field 37 or 38")
        return Answered(reply)
    return BankRefusal(
        code,
        f"{row.zh} / {row.en}",
        RefusalReason(row.reason),
        not_found=row.meaning is Meaning.NOT_FOUND,
        done_before=row.meaning is Meaning.DONE_BEFORE,
    )
