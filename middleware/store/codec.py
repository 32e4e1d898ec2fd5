"""Domain values to JSON and back, for the store only."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from middleware.domain.centre import Holder, LineVerdict
from middleware.domain.charge import Bill
from middleware.domain.credential import BY_CARD, Credential, Document, Shown
from middleware.domain.identity import CardIdCode, CardNumber, IdNumber, PersonName, VoucherToken
from middleware.domain.payment import BankCard
from middleware.domain.visit import Visit

_encoder = msgspec.json.Encoder(decimal_format="string")
_visits = msgspec.json.Decoder(Visit)
_bills = msgspec.json.Decoder(Bill)


def encode(value: object) -> str:
    """Any domain value (without personal data) as compact JSON; the same value always gives the same text."""
    return _encoder.encode(value).decode()


def encoded(value: object) -> bytes:
    """The same in UTF-8."""
    return _encoder.encode(value)


def decode_visit(text: str) -> Visit:
    """The inverse for a visit; raises ``msgspec.ValidationError`` when the row is not one."""
    return _visits.decode(text)


def decode_bill(text: str) -> Bill:
    """The inverse for a bill."""
    return _bills.decode(text)


def decode_verdicts(body: object) -> tuple[LineVerdict, ...]:
    """Verdicts as a journal record holds them."""
    return msgspec.convert(body, tuple[LineVerdict, ...])


def encode_holder(holder: Holder) -> str:
    """The one place where personal data becomes text; it goes into the person table and nowhere else."""
    shown = holder.credential
    credential = {"shown": shown.shown, "document": shown.document, "token": shown.token.reveal()}
    return encode(
        {
            "id_number": holder.id_number.reveal(),
            "name": holder.name.reveal(),
            "card_number": holder.card_number.reveal(),
            "card_id_code": holder.card_id_code.reveal(),
            "sex": holder.sex,
            "nation": holder.nation,
            "birth_date": holder.birth_date.isoformat(),
            **({} if shown == BY_CARD else {"credential": credential}),
            **({"phone": holder.phone} if holder.phone else {}),
            **({"employer": holder.employer} if holder.employer else {}),
        }
    )


def encode_card(card: BankCard) -> str:
    """A payer's card for the payer table: number and expiry. Track and PIN are never stored, whoever gives them."""
    return encode({"number": card.number, "expiry": card.expiry})


def decode_card(text: str) -> BankCard:
    """The inverse."""
    raw: dict[str, str] = msgspec.json.decode(text)
    return BankCard(raw["number"], raw["expiry"])


def decode_holder(text: str) -> Holder:
    """The inverse."""
    raw: dict[str, Any] = msgspec.json.decode(text)
    return Holder(
        id_number=IdNumber(raw["id_number"]),
        name=PersonName(raw["name"]),
        card_number=CardNumber(raw["card_number"]),
        card_id_code=CardIdCode(raw["card_id_code"]),
        sex=raw["sex"],
        nation=raw["nation"],
        birth_date=dt.date.fromisoformat(raw["birth_date"]),
        credential=_credential(raw["credential"]) if "credential" in raw else BY_CARD,
        phone=raw.get("phone", ""),
        employer=raw.get("employer", ""),
    )


def _credential(raw: dict[str, str]) -> Credential:
    return Credential(Shown(raw["shown"]), Document(raw["document"]), VoucherToken(raw["token"]))


def decode_json(text: str) -> Any:
    """A stored answer."""
    return msgspec.json.decode(text)
