"""A resident health card whose read key was proved: one checked identity, and what it says for emergencies. Pure.

Order: what is free first (DDF1/EF05), then the holder (EF06) and the validity (EF08), whole or a ``Fault`` and nothing.
"""

from __future__ import annotations

import datetime as dt

from attrs import evolve, frozen

from middleware.domain.card import HEALTH_CARD, ClinicalItem, Emergency, person_read
from middleware.domain.card_key import FACTOR_BYTES
from middleware.domain.credential import Credential, Shown
from middleware.domain.fault import Fault
from middleware.domain.identity import IdNumber, PersonName
from readers.apdu import Exchange
from readers.cards import health
from readers.cards.declaration import Access, CardFile, Environment
from readers.cards.encoding import Malformed, decode, is_blank
from readers.cards.looking import FileRead, Value, look_at
from readers.cards.reading import FileReader
from readers.cards.social_security_read import CardContext, Reading

ISSUED_ON, NUMBER, CITY = 0x06, 0x08, 0x39
NAME, SEX, NATION, BIRTH_DATE, ID_NUMBER = 0x0B, 0x0C, 0x0D, 0x0E, 0x0F
VALID_UNTIL = 0x07
# GB/T 2261.1 as a binary byte, or as the character of its digit: the coding of the byte is not published.
_SEXES = {f"{byte:02X}": sex for sex in "0129" for byte in (int(sex), ord(sex))}
_STATES = frozenset({"read", "blank", "missing"})
EMERGENCY = ("DDF1/DF02/EF05", "DDF1/DF02/EF07")  # clinical basics and allergies; nothing else is asked for


@frozen(slots=True, repr=False)
class OpenedHealth:
    """What is known of a health card before any proof: its number, its city, since when it is good."""

    reader: str
    number: str
    city: str
    historical: str
    issued_on: dt.date


def opened(exchange: Exchange, context: CardContext) -> OpenedHealth:
    """Which card this is. Raises ``card.unsupported`` for what is no health card, and what a reading raises."""
    files = FileReader(exchange)
    enter(files, health.DDF1)
    files.select_file(health.ISSUER)
    issued_on = dt.date.fromisoformat(_text(files, health.ISSUER, ISSUED_ON))
    number, city = _text(files, health.ISSUER, NUMBER), _text(files, health.ISSUER, CITY)
    if not city[:2].isdecimal():
        raise _malformed(health.ISSUER, CITY, "does not begin with two digits")
    if len(context.atr_historical) < 2 * FACTOR_BYTES:
        raise Fault("card.malformed", f"ATR: fewer than {FACTOR_BYTES} historical bytes")  # no key goes down to this card
    if context.today < issued_on:
        raise Fault("card.not_yet_valid", health.ISSUER.where(health.ISSUER.item(ISSUED_ON)))
    return OpenedHealth(context.reader, number, city, context.atr_historical, issued_on)


def enter(files: FileReader, environment: Environment) -> None:
    """Select that application; ``card.unsupported`` when this card has none."""
    if files.enter(environment) is None:
        raise Fault("card.unsupported", f"{environment.label}: not on this card")


def identity(exchange: Exchange, context: CardContext, card: OpenedHealth) -> Reading:
    """The holder, with EF06 selected and the key of DDF1 proved.

    Raises ``card.expired``, ``card.id_number`` (its check, or another number than the card's own), ``card.malformed``,
    ``card.access_denied`` and the other faults of a status word.
    """
    files = FileReader(exchange)
    name = PersonName(_text(files, health.HOLDER, NAME))
    sex = _SEXES.get(_text(files, health.HOLDER, SEX))
    if sex is None:
        raise _malformed(health.HOLDER, SEX, "not a code of GB/T 2261.1")
    nation = _text(files, health.HOLDER, NATION)
    birth_date = dt.date.fromisoformat(_text(files, health.HOLDER, BIRTH_DATE))
    id_number = _id_number(_text(files, health.HOLDER, ID_NUMBER), card)
    files.select_file(health.VALIDITY)
    valid_until = _valid_until(files)
    if valid_until is not None and valid_until < context.today:
        raise Fault("card.expired", health.VALIDITY.where(health.VALIDITY.item(VALID_UNTIL)))
    read = person_read(
        HEALTH_CARD,
        context.reader,
        Credential(Shown.IDENTITY),
        id_number,
        name,
        birth_date=birth_date,
        sex=sex,
        nation=nation,
        validity=(card.issued_on, valid_until),
    )
    differs = tuple(f"{what}_differs_from_id_number" for what in id_number.differs(birth_date, sex))
    return Reading(evolve(read, atr_historical=context.atr_historical), differs)


def emergency(exchange: Exchange) -> Emergency:
    """Clinical basics and allergies, with DF02 selected and its key proved. An item that is wrong hides no other."""
    only = tuple(file for file in health.CLINICAL.files if file.path in EMERGENCY)
    clinical = evolve(health.CLINICAL, files=only)
    found = look_at(FileReader(exchange), clinical, frozenset({Access.READ_KEY}))
    faults = [one.fault for one in found if one.fault is not None]
    if faults:
        raise faults[0]
    return Emergency(tuple(_clinical(one, value) for one in found for value in one.values))


def _clinical(found: FileRead, value: Value) -> ClinicalItem:
    assert value.item is not None  # noqa: S101 - neither file is transparent
    _, _, record = value.where.rpartition(" record ")
    return ClinicalItem(
        file=found.file.path,
        record=int(record) if record.isdecimal() else 0,
        tag=f"{value.item.tag:02X}",
        zh=value.item.zh,
        en=value.item.en,
        state=value.state if value.state in _STATES else "unreadable",
        text=value.text if value.state == "read" else "",
    )


def _id_number(text: str, card: OpenedHealth) -> IdNumber:
    where = health.HOLDER.where(health.HOLDER.item(ID_NUMBER))
    try:
        number = IdNumber.parse(text)
    except ValueError as exc:
        raise Fault("card.id_number", f"{where}: {exc}") from None
    if number.reveal() != card.number.strip().upper():
        raise Fault("card.id_number", f"{where}: not the card's own number (DDF1/EF05 tag {NUMBER:02X})")
    return number


def _valid_until(files: FileReader) -> dt.date | None:
    raw = files.read_ordered(health.VALIDITY, health.VALIDITY.item(VALID_UNTIL))
    if raw is None or is_blank(raw):
        return None
    return dt.date.fromisoformat(_decoded(health.VALIDITY, VALID_UNTIL, raw))


def _text(files: FileReader, file: CardFile, tag: int) -> str:
    raw = files.read_ordered(file, file.item(tag))
    if raw is None:
        raise _malformed(file, tag, "not on the card")
    return _decoded(file, tag, raw)


def _decoded(file: CardFile, tag: int, raw: bytes) -> str:
    try:
        return decode(file.item(tag), raw)
    except Malformed as exc:
        raise _malformed(file, tag, str(exc)) from None


def _malformed(file: CardFile, tag: int, rule: str) -> Fault:
    return Fault("card.malformed", f"{file.where(file.item(tag))}: {rule}")
