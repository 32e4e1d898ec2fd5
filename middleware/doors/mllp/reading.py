"""A message that was taken -> what it tells. Pure; by a link's profile. Raises ``Fault("hl7.content")`` that names a field.

No detail of a fault quotes what stands in a field: it may be about somebody.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from attrs import evolve

from middleware.domain.charge import MAX_LINES, ChargeLine
from middleware.domain.document import KINDS, NOBODYS, document_of, is_payable
from middleware.domain.fault import Fault
from middleware.domain.identity import IdNumber, MediumNumber, PersonName
from middleware.domain.masters import MastersTold
from middleware.domain.money import Money
from middleware.domain.told import (
    MAX_NUMBERS,
    NEEDED,
    ChargesTold,
    LineAct,
    LineTold,
    MergeTold,
    NumberKind,
    PatientFacts,
    PatientTold,
    Query,
    TheNumber,
    Told,
)
from middleware.doors.mllp.masters import EVENTS as MASTER_EVENTS
from middleware.doors.mllp.masters import records_of
from middleware.doors.mllp.profile import USUAL, Place, Profile, with_line_ends
from middleware.hl7.charset import UTF_8
from middleware.hl7.message import Message, Segment, decode

CHINA = dt.timezone(dt.timedelta(hours=8))
PATIENT_EVENTS = re.compile(r"A(01|04|05|08|28|31)|ZP1")
MERGE_EVENTS = re.compile(r"A(34|40)")
QUERIES = re.compile(r"Q2[23]|ZP7")
TELLING = ("ADT", "DFT", "ORM", "OMG", "OML", "OMP", "ORG", "ZMG", "MFN")  # MSH-9.1 of what may tell anything
ORDERS = frozenset({"ORM", "OMG", "OML", "OMP", "ORG", "ZMG"})
MAX_NUMBER, MAX_NAME, MAX_TEXT, MOST_FOUND = 64, 50, 100, 20
_NUMBER = re.compile(r"[!-~]{1,64}\Z")
_LINE_ID = re.compile(r"[A-Za-z0-9._-]{1,30}\Z")
_TIME = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:[ T]?(\d{2}):?(\d{2})(?::?(\d{2}))?)?")
_SEXES = {"M": "1", "F": "2", "1": "1", "2": "2", "男": "1", "女": "2"}
_CREDITS = frozenset({"CR", "CD"})
# ORC-1 (HL7 table 0119) of an order that is cancelled or discontinued: asked for, told, or done as asked.
_TAKEN_BACK = frozenset({"CA", "OC", "CR", "DC", "OD", "DR"})


def read(raw: bytes, charset: str, profile: Profile) -> Told:
    """What the message tells; None when nothing is derived from its type."""
    message = decode(with_line_ends(raw) if profile.lost_line_ends else raw, charset)
    kind, event = (message.value(message.header(), 9, number) for number in (1, 2))
    if f"{kind}^{event}" in profile.charges or kind in profile.charges:
        return _charges(message, profile, orders=kind in ORDERS)
    if kind == "ADT" and PATIENT_EVENTS.fullmatch(event):
        return PatientTold(_facts(message, profile))
    if kind == "ADT" and MERGE_EVENTS.fullmatch(event):
        return _merge(message, profile)
    if kind == "MFN" and MASTER_EVENTS.fullmatch(event.encode("ascii", "replace")):
        return records_of(message, profile, _moment)
    return None


def patient_of(message: Message, profile: Profile) -> PatientFacts:
    """The patient of a message that brings one. Raises ``Fault("hl7.content")``."""
    return _facts(message, profile)


def masters_of(message: Message, profile: Profile) -> MastersTold | None:
    """The records of a master file, as far as its answer needs them. Raises ``Fault("hl7.content")``."""
    return records_of(message, profile, _moment, whole=False)


# -- patients


def _facts(message: Message, profile: Profile) -> PatientFacts:
    pid = message.first(b"PID")
    if not pid:
        raise _bad("PID", "is missing")
    numbers, document = _numbers(message, pid, profile)
    patient = next((one.number for one in numbers if one.kind is NumberKind.PATIENT), MediumNumber(""))
    if not patient and (plain := message.value(pid, 2)):
        patient = _number(plain, "PID-2")
    if not patient:
        inpatient = (one.number for one in numbers if one.kind in {NumberKind.INPATIENT, NumberKind.MASTER})
        patient = next(inpatient, MediumNumber(""))
    if not patient:
        raise _bad("PID-3", "has no number by which the HIS knows the patient")
    mother = message.value(pid, 21)
    return PatientFacts(
        patient,
        PersonName(_name(message, pid)),
        document,
        _day(message.value(pid, 7), "PID-7"),
        _SEXES.get(message.value(pid, 8).strip().upper(), ""),
        _number(mother, "PID-21") if mother else MediumNumber(""),
        tuple(one for one in numbers if one.number != patient or one.kind is not NumberKind.PATIENT),
    )


def _numbers(message: Message, pid: Segment, profile: Profile) -> tuple[list[TheNumber], IdNumber]:
    found: list[TheNumber] = []
    document = NOBODYS
    repetitions = message.repetitions(pid, 3)
    if len(repetitions) > MAX_NUMBERS:
        raise _bad("PID-3", f"has more than {MAX_NUMBERS} numbers")
    for repetition in repetitions:
        text, kind = message.component(repetition, 1).strip(), message.component(repetition, 5).strip()
        meaning = profile.identifiers.get(kind, "")
        if not text or not meaning:
            continue  # a newborn's IdentifyNO is empty; a type that nobody declared means nothing
        if meaning in KINDS:
            document = _document(meaning, text, document)
        else:
            found.append(TheNumber(NumberKind(meaning), _number(text, "PID-3")))
    if insured := message.value(pid, 19).strip():
        found.append(TheNumber(NumberKind.INSURANCE, _number(insured, "PID-19")))
    return found, document


def _document(meaning: str, text: str, before: IdNumber) -> IdNumber:
    """One of two: what has a check character is worth more than a permit; two of the same worth contradict each other."""
    try:
        document = document_of(meaning, text)
    except ValueError as exc:
        raise _bad("PID-3", str(exc)) from None
    if not before or document == before:
        return document
    if is_payable(before) is is_payable(document):
        raise _bad("PID-3", "has two documents")
    return before if is_payable(before) else document


def _name(message: Message, pid: Segment) -> str:
    family, given = message.value(pid, 5).strip(), message.value(pid, 5, 2).strip()
    name = family + given
    if len(name) > MAX_NAME or not name.isprintable():
        raise _bad("PID-5", f"is no name of at most {MAX_NAME} characters")
    return name


def _merge(message: Message, profile: Profile) -> MergeTold:
    mrg = message.first(b"MRG")
    texts = [message.component(one, 1).strip() for one in message.repetitions(mrg, 1)] if mrg else []
    if len(texts) != 1 or not texts[0]:
        raise _bad("MRG-1", "does not name one number")
    prior, facts = _number(texts[0], "MRG-1"), _facts(message, profile)
    if prior == facts.number:
        raise _bad("MRG-1", "is the patient's own number")
    return MergeTold(prior, facts)


# -- charges


def _charges(message: Message, profile: Profile, *, orders: bool) -> ChargesTold:
    fields = profile.order_fields if orders else profile.fields
    name = b"OBR" if orders else b"FT1"
    control_id = message.value(message.header(), 10)
    begun, order = name + message.marks.field, b"ORC" + message.marks.field
    lines: list[LineTold] = []
    gone = False  # as the order says that the line belongs to
    for body in message.pieces:
        if orders and body.startswith(order):
            gone = message.value(message.fields(body), 1).strip().upper() in _TAKEN_BACK
        if not body.startswith(begun):
            continue
        if len(lines) == MAX_LINES:
            raise _bad(name.decode(), f"stands more than {MAX_LINES} times")
        line = _line(message, message.fields(body), fields, control_id, len(lines) + 1)
        lines.append(evolve(line, act=LineAct.WITHDRAW) if gone else line)
    if not lines:
        raise _bad(name.decode(), "is missing")
    if len({one.line.line_id for one in lines}) != len(lines):
        raise _bad(name.decode(), "has one line twice")
    encounter = message.value(message.first(b"PV1"), 19)
    return ChargesTold(_facts(message, profile), _number(encounter, "PV1-19").reveal() if encounter else "", tuple(lines))


def _line(message: Message, segment: Segment, fields: dict[str, Place], control_id: str, number: int) -> LineTold:
    def text(name: str, most: int = MAX_TEXT) -> str:
        place = fields[name]
        found = message.value(segment, place.field, place.component).strip() if place.field else ""
        if len(found) > most or not found.isprintable():
            raise _bad(where(name), f"is longer than {most} characters, or has controls")
        return found

    def where(name: str) -> str:
        place = fields[name]
        return f"{place.segment.decode()}[{number}]-{place.field}"

    price, quantity, amount = _amounts(text, where)
    line_id = text("line") or f"{control_id}.{message.value(segment, 1) or number}"
    if not _LINE_ID.match(line_id):
        raise _bad(where("line"), "is no number of a line: 1 to 30 letters, digits, . _ -")
    line = ChargeLine(
        line_id=line_id,
        catalogue_code=text("catalogue", 50),
        hospital_code=text("code", 30),
        name=text("name"),
        unit_price=price,
        quantity=quantity,
        amount=amount,
        charged_at=_moment(text("at"), where("at")),
        department_code=text("department", 30),
        department_name=text("department_name", 50),
        doctor_code=text("doctor", 30),
        doctor_name=text("doctor_name", 50),
        prescription_no=text("prescription", 30),
    )
    act = LineAct.WITHDRAW if text("kind").upper() in _CREDITS else LineAct.CHARGE
    return LineTold(act, line, tuple(name for name in NEEDED if not getattr(line, name)))


def _amounts(text: Callable[[str], str], where: Callable[[str], str]) -> tuple[Decimal, Decimal, Money]:
    """Price, quantity, amount; an amount that is not said is price times quantity where that is whole fen."""
    price, quantity = _decimal(text("price"), where("price"), 6), _decimal(text("quantity") or "1", where("quantity"), 4)
    if not quantity:
        raise _bad(where("quantity"), "is zero")
    product = price * quantity * 100
    said = text("amount")
    fen = _decimal(said, where("amount"), 2) * 100 if said else product
    if fen != int(fen) or abs(product - fen) > 1:
        raise _bad(where("amount"), "is not price times quantity in whole fen")
    return price, quantity, Money(int(fen))


def _decimal(text: str, where: str, places: int) -> Decimal:
    try:
        value = Decimal(text.partition("&")[0])
    except InvalidOperation:
        raise _bad(where, "is no number") from None
    if not value.is_finite() or value < 0 or value >= 10**10 or value != round(value, places):
        raise _bad(where, f"is no amount of at most {places} decimals")
    return value


# -- queries


def query_of(message: Message, profile: Profile) -> Query | None:
    """What a QBP asks; None when it is of another kind. Raises ``Fault("hl7.content")``.

    Q23: QPD-3 is one number. Q22 and ZP7: QPD-3 repeats ``@PID.3.1^value``; a number finds alone, a name with a birth date.
    """
    if message.value(message.header(), 9) != "QBP" or not QUERIES.fullmatch(message.value(message.header(), 9, 2)):
        return None
    qpd = message.first(b"QPD")
    if not qpd:
        raise _bad("QPD", "is missing")
    asked = {"number": "", "type": "", "name": "", "birth": "", "sex": ""}
    for repetition in message.repetitions(qpd, 3):
        _asked(message, repetition, asked)
    birth = _day(asked["birth"], "QPD-3")
    if not asked["number"] and not (asked["name"] and birth):
        raise _bad("QPD-3", "gives neither a number nor a name with a birth date")
    meaning = profile.identifiers.get(asked["type"], "") if asked["type"] else ""
    if asked["type"] and not meaning:
        raise _bad("QPD-3", "has a type of number that is not declared")
    kind = None if not meaning else NumberKind.DOCUMENT if meaning in KINDS else NumberKind(meaning)
    number = _number(asked["number"], "QPD-3") if asked["number"] else MediumNumber("")
    if kind is NumberKind.DOCUMENT:
        number = MediumNumber(_document(meaning, number.reveal(), NOBODYS).reveal())
    limit = message.value(message.first(b"RCP"), 2)
    most = min(MOST_FOUND, int(limit)) if limit.isascii() and limit.isdigit() and limit.strip("0") else MOST_FOUND
    return Query(kind, number, PersonName(asked["name"]), birth, _SEXES.get(asked["sex"].upper(), ""), most)


_PLACES = {
    "@PID.3.1": "number", "@PID.3.5": "type", "@PID.5.1": "name", "@PID.7.1": "birth", "@PID.7": "birth", "@PID.8": "sex",
    "@PID.5": "name", "@PID.3": "number", "@PID.5.1.1": "name", "@PID.8.1": "sex",
}  # fmt: skip


def _asked(message: Message, repetition: bytes, asked: dict[str, str]) -> None:
    first = message.component(repetition, 1).strip()
    if not first.startswith("@"):
        asked["number"], asked["type"] = first, message.component(repetition, 5).strip()
        return
    if first not in _PLACES:
        raise _bad("QPD-3", "asks by a field that is not looked at")
    value = message.component(repetition, 2).strip()
    if len(value) > MAX_NUMBER:
        raise _bad("QPD-3", f"is longer than {MAX_NUMBER} characters")
    asked[_PLACES[first]] = value


# -- small things


def reader_of(links: dict[str, tuple[str, Profile]]) -> Callable[[str, bytes], Told]:
    """Reads by the link's own charset and profile; a link that is configured no more, by the defaults."""

    def told(link: str, raw: bytes) -> Told:
        charset, profile = links.get(link, (UTF_8, USUAL))
        return read(raw, charset, profile)

    return told


def _number(text: str, where: str) -> MediumNumber:
    if not _NUMBER.match(text):
        raise _bad(where, f"is no number of at most {MAX_NUMBER} printable ASCII characters")
    return MediumNumber(text)


def _day(text: str, where: str) -> str:
    return _moment(text, where).strftime("%Y%m%d") if text else ""


def _moment(text: str, where: str) -> dt.datetime:
    match = _TIME.match(text)
    try:
        parts = [int(part) for part in match.groups() if part] if match else []
        return dt.datetime(*parts, tzinfo=CHINA)  # type: ignore[arg-type,misc]  # three to six whole numbers
    except (TypeError, ValueError):
        raise _bad(where, "is no time") from None


def _bad(where: str, rule: str) -> Fault:
    return Fault("hl7.content", f"{where} {rule}")
