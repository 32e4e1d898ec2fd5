"""Domain messages to segments as values, and the HIS's answer to an acknowledgement. Pure.

Everything that may differ between sites is in :class:`Dialect`. Nothing here depends on the moment: the same message
makes the same segments on every repeat, whatever zone its times were stored in.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import lru_cache

from attrs import frozen

from adapters.his.hl7v2 import tables
from adapters.his.hl7v2.frame import Field, Repetition, Segment
from adapters.his.hl7v2.numbers import expected_number
from middleware.domain.centre import Holder
from middleware.domain.charge import ChargeLine
from middleware.domain.fault import Fault
from middleware.domain.his import HisMessage, PostCharges, RegisterPatient
from middleware.domain.kind import VisitKind
from middleware.domain.money import Money
from middleware.hl7.message import Message, decode
from middleware.hl7.message import Segment as Received


@frozen(slots=True)
class Dialect:
    """How one HIS wants to be spoken to. An identifier type of "" leaves that number out."""

    version: str = "2.5"
    codec: str = "utf-8"
    charset_name: str = "UNICODE UTF-8"  # MSH-18, written as the site wants it
    sending_application: str = "YIKATONG"
    sending_facility: str = ""
    receiving_application: str = "HIS"
    receiving_facility: str = ""
    processing_id: str = "P"
    accept_ack: str = "AL"
    application_ack: str = "NE"
    country: str = "CHN"
    utc_offset_minutes: int = 480
    card_type: str = "HC"
    id_number_type: str = "NNCHN"
    social_security_type: str = "SS"
    patient_type: str = "PI"
    ssn_in_pid19: bool = True
    credit_type: str = tables.CREDIT
    insurer_id: str = "NHSA"
    register_event: str = "A04"


@frozen(slots=True)
class Ack:
    """What an answer says: MSA-1, MSA-2, its text (a stranger's), the HIS's number for the person, and MSA-4."""

    code: str
    control_id: str
    text: str
    patient_number: str
    expected: int | None = None


EMPTY: Field = ()


def structure_of(message: HisMessage, dialect: Dialect) -> tuple[str, str, str]:
    """Message type, trigger event and structure: MSH-9's three components."""
    if isinstance(message, RegisterPatient):
        event = "A01" if message.kind is VisitKind.INPATIENT else dialect.register_event
        return ("ADT", event, tables.ADT_STRUCTURES[event])
    return ("DFT", "P03", "DFT_P03")


def segments_of(message: HisMessage, dialect: Dialect) -> tuple[Segment, ...]:
    """All segments of the message, in the order of its structure."""
    if isinstance(message, RegisterPatient):
        return (
            _msh(message, dialect),
            _evn(message, message.begun_at, dialect),
            _pid(message, dialect),
            _pv1_registered(message, dialect),
            *_in1(message.insurance, message.person_number, dialect),
        )
    return (
        _msh(message, dialect),
        _evn(message, message.settled_at, dialect),
        _pid(message, dialect),
        _pv1_charged(message),
        *(_ft1(number, line, message, dialect) for number, line in enumerate(message.lines, 1)),
        *_in1(message.insurance, "", dialect),
        _zst(message, dialect),
    )


# -- segments


def _msh(message: HisMessage, dialect: Dialect) -> Segment:
    return _segment(
        "MSH",
        {
            1: _one("|"),
            2: _one("^~\\&"),
            3: _one(dialect.sending_application),
            4: _one(dialect.sending_facility),
            5: _one(dialect.receiving_application),
            6: _one(dialect.receiving_facility),
            7: _one(_stamp(message.created_at, dialect)),
            9: (structure_of(message, dialect),),
            10: _one(message.control_id),
            11: _one(dialect.processing_id),
            12: _one(dialect.version),
            15: _one(dialect.accept_ack),
            16: _one(dialect.application_ack),
            17: _one(dialect.country),
            18: _one(dialect.charset_name),
        },
    )


def _evn(message: HisMessage, happened: dt.datetime, dialect: Dialect) -> Segment:
    event = structure_of(message, dialect)[1]
    return _segment(
        "EVN", {1: _one(event), 2: _one(_stamp(message.created_at, dialect)), 6: _one(_stamp(happened, dialect))}
    )


def _pid(message: HisMessage, dialect: Dialect) -> Segment:
    holder = message.holder
    # Tag 08 of the card: the social-security number is the citizen id number, so both types carry it.
    social_security = holder.id_number.reveal()
    return _segment(
        "PID",
        {
            1: _one("1"),
            3: _identifiers(holder, message.patient_number, dialect),
            # Nobody can split a Chinese name into family and given by rule: the whole name is the family name, as the
            # sites write it, and the type says that it is the legal one.
            5: ((holder.name.reveal(), "", "", "", "", "", tables.LEGAL_NAME),),
            7: _one(holder.birth_date.strftime("%Y%m%d")),
            8: _one(tables.SEX.get(holder.sex, tables.SEX_OTHER)),
            19: _one(social_security if dialect.ssn_in_pid19 else ""),
            22: ((holder.nation, "", tables.NATION_SYSTEM),) if holder.nation else EMPTY,
        },
    )


def _identifiers(holder: Holder, patient_number: str, dialect: Dialect) -> Field:
    numbers = (
        (patient_number, dialect.patient_type),
        (holder.card_number.reveal(), dialect.card_type),
        (holder.id_number.reveal(), dialect.id_number_type),
        (holder.id_number.reveal(), dialect.social_security_type),
    )
    return tuple(_typed(number, kind) for number, kind in numbers if number and kind)


def _class_of(message: HisMessage) -> str:
    return tables.INPATIENT if message.kind is VisitKind.INPATIENT else tables.OUTPATIENT


def _pv1_registered(message: RegisterPatient, dialect: Dialect) -> Segment:
    department: Repetition = (message.department_code, *[""] * 7, message.department_name)
    return _segment(
        "PV1",
        {
            1: _one("1"),
            2: _one(_class_of(message)),
            3: (department,),
            7: ((message.doctor_code, message.doctor_name),),
            19: (_typed(message.visit_id, tables.VISIT_NUMBER_TYPE),),
            44: _one(_stamp(message.begun_at, dialect)),
            50: _one(message.visit_number),
        },
    )


def _pv1_charged(message: PostCharges) -> Segment:
    return _segment(
        "PV1",
        {
            1: _one("1"),
            2: _one(_class_of(message)),
            19: (_typed(message.visit_id, tables.VISIT_NUMBER_TYPE),),
            50: _one(message.visit_number),
        },
    )


def _ft1(number: int, line: ChargeLine, message: PostCharges, dialect: Dialect) -> Segment:
    sign = -1 if message.cancelled else 1
    amount = Money(sign * abs(line.amount.fen)) if message.cancelled else line.amount
    code: Repetition = (
        line.hospital_code, line.name, tables.HOSPITAL_SYSTEM, line.catalogue_code, "", tables.CENTRE_SYSTEM
    )  # fmt: skip
    return _segment(
        "FT1",
        {
            1: _one(str(number)),
            2: _one(line.line_id),
            4: _one(_stamp(line.charged_at, dialect)),
            5: _one(_stamp(message.settled_at, dialect)),
            6: _one(dialect.credit_type if message.cancelled else tables.CHARGE),
            7: (code,),
            10: _one(number_text(line.quantity)),
            11: (((amount.yuan, tables.CURRENCY),),),
            12: (((number_text(sign * abs(line.unit_price)), tables.CURRENCY),),),
            13: ((line.department_code, line.department_name),),
            14: _insurance(message.insurance),
            20: ((line.doctor_code, line.doctor_name),),
            23: _one(line.prescription_no),
        },
    )


def _in1(insurance: str, person_number: str, dialect: Dialect) -> tuple[Segment, ...]:
    if not insurance:
        return ()
    return (
        _segment(
            "IN1",
            {1: _one("1"), 2: _insurance(insurance), 3: _one(dialect.insurer_id), 49: _one(person_number)},
        ),
    )


def _zst(message: PostCharges, dialect: Dialect) -> Segment:
    split = message.split
    # The centre's cancel answers are negative already; a split kept from the settlement is not. Either way the HIS
    # reads a cancellation as negative, and the sign of the total says which of the two this is.
    sign = -1 if message.cancelled and split.total.fen > 0 else 1
    amounts = (split.total, split.fund, split.account, split.cash, split.hospital, split.family_account)
    fields: dict[int, Field] = {
        1: _one("1"),
        2: _one(tables.ZST_CANCELLED if message.cancelled else tables.ZST_SETTLED),
        3: _one(message.settlement_number),
        4: _one(message.settlement_id),
        5: _one(message.visit_number),
        6: _one(_stamp(message.settled_at, dialect)),
        7: _insurance(message.insurance),
        14: ((split.balance_after.yuan, tables.CURRENCY),),
    }
    for number, amount in enumerate(amounts, 8):
        fields[number] = ((Money(sign * amount.fen).yuan, tables.CURRENCY),)
    return _segment("ZST", fields)


# -- values


def _segment(name: str, values: dict[int, Field]) -> Segment:
    """The segment of these fields; a repetition without any text is no repetition, a field without any is absent."""
    present = {number: tuple(filter(_says_something, value)) for number, value in values.items()}
    last = max((number for number, value in present.items() if value), default=0)
    return Segment(name, tuple(present.get(number, EMPTY) for number in range(1, last + 1)))


def _says_something(repetition: Repetition) -> bool:
    first = repetition[0]
    if first and isinstance(first, str):  # nearly always
        return True
    return any(component if isinstance(component, str) else any(component) for component in repetition)


def _one(text: str) -> Field:
    return ((text,),) if text else EMPTY


def _typed(number: str, kind: str) -> Repetition:
    return (number, "", "", "", kind)


def _insurance(kind: str) -> Field:
    return ((kind, tables.INSURANCE_NAMES.get(kind, ""), tables.CENTRE_SYSTEM),) if kind else EMPTY


def _stamp(moment: dt.datetime, dialect: Dialect) -> str:
    """Local time of the site to the second, always in its own offset: the journal may give the moment back in UTC."""
    if moment.tzinfo is None:
        raise Fault("his.message", "a time without its zone")
    return _local(moment, dialect.utc_offset_minutes)


@lru_cache(maxsize=512)  # the lines of a bill share their times
def _local(moment: dt.datetime, offset_minutes: int) -> str:
    zone = dt.timezone(dt.timedelta(minutes=offset_minutes))
    return moment.astimezone(zone).strftime("%Y%m%d%H%M%S")


def number_text(value: Decimal) -> str:
    """A quantity or a price as NM: plain digits, no exponent, no zeros at either end, and never "-0"."""
    if not value.is_finite():
        raise Fault("his.message", "a number that is not finite")
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", "0", ""} else text


# -- the answer


def read_ack(payload: bytes, dialect: Dialect) -> Ack:
    """What a block from the HIS says. Raises ``Fault("his.no_answer")`` when it is no acknowledgement.

    The charset is that of its own MSH-18, else ours; a text that fits neither is read with marks for what is lost, for
    the code and the id that decide are ASCII in both.
    """
    reading = _decode(payload, dialect)
    msa = reading.first(b"MSA")
    if not msa:
        raise Fault("his.no_answer", "the answer has no MSA segment")
    return Ack(
        code=reading.value(msa, 1).strip().upper(),
        control_id=reading.value(msa, 2).strip(),
        text=_reason(reading, msa),
        patient_number=_patient_number(reading, dialect),
        expected=expected_number(reading.value(msa, 4)),
    )


def _decode(payload: bytes, dialect: Dialect) -> Message:
    try:
        return decode(payload, dialect.codec)
    except Fault as fault:
        raise Fault("his.no_answer", f"the answer cannot be read: {fault.detail}") from fault


def _reason(reading: Message, msa: Received) -> str:
    """MSA-3, and what ERR adds: 2.5 has a code in ERR-3 and a text in ERR-8, 2.4 both in ERR-1."""
    err = reading.first(b"ERR")
    parts = (
        reading.value(msa, 3),
        reading.value(err, 3),
        reading.value(err, 3, 2),
        reading.value(err, 8),
        "" if len(err) > 2 else reading.value(err, 1, 4),  # noqa: PLR2004 - 2.4: ERR has one field only
    )
    return " ".join(dict.fromkeys(part.strip() for part in parts if part.strip()))[:500]


def _patient_number(reading: Message, dialect: Dialect) -> str:
    """The repetition of PID-3 that carries our configured type; "" when there is none or it cannot be trusted."""
    for repetition in reading.repetitions(reading.first(b"PID"), 3):
        number = reading.component(repetition, 1).strip()
        if reading.component(repetition, 5).strip() == dialect.patient_type and _usable(number):
            return number
    return ""


def _usable(number: str) -> bool:
    return bool(number) and number != '""' and number.isprintable() and "\ufffd" not in number and len(number) <= 50  # noqa: PLR2004 - far above any HIS's own
