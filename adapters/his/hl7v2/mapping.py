"""Registrations and charges to segments as values, and the HIS's answer to an acknowledgement. Pure.

Everything that may differ between sites is in :class:`~adapters.his.hl7v2.dialect.Dialect`.
"""

from __future__ import annotations

from attrs import field, frozen

from adapters.his.hl7v2 import tables
from adapters.his.hl7v2.dialect import Dialect
from adapters.his.hl7v2.frame import Field, Repetition, Segment
from adapters.his.hl7v2.numbers import expected_number
from adapters.his.hl7v2.segments import class_of, evn, in1, msh, pid, visit_numbers, zrf
from adapters.his.hl7v2.values import insured_by, number_text, one, segment, stamp, typed
from middleware.domain.charge import ChargeLine
from middleware.domain.fault import Fault
from middleware.domain.his import PostCharges, RegisterPatient
from middleware.domain.kind import VisitKind
from middleware.domain.money import Money
from middleware.domain.order import References
from middleware.hl7.message import Message, decode
from middleware.hl7.message import Segment as Received


@frozen(slots=True)
class Ack:
    """What an answer says: MSA-1, MSA-2, its text (a stranger's), the HIS's number for the person, and MSA-4."""

    code: str
    control_id: str
    text: str
    patient_number: str
    expected: int | None = None
    payload: bytes = field(default=b"", repr=False, eq=False)  # all of the answer: a reply to a query says more


def structure_of(message: RegisterPatient | PostCharges, dialect: Dialect) -> tuple[str, str, str]:
    """Message type, trigger event and structure: MSH-9's three components."""
    if isinstance(message, RegisterPatient):
        event = "A01" if message.kind is VisitKind.INPATIENT else dialect.register_event
        return ("ADT", event, tables.ADT_STRUCTURES[event])
    return ("DFT", "P03", "DFT_P03")


def segments_of(message: RegisterPatient | PostCharges, dialect: Dialect) -> tuple[Segment, ...]:
    """All segments of the message, in the order of its structure."""
    what = structure_of(message, dialect)
    if isinstance(message, RegisterPatient):
        return (
            msh(what, message, dialect),
            evn(what[1], message.created_at, message.begun_at, dialect),
            pid(message.holder, message.patient_number, dialect),
            _pv1_registered(message, dialect),
            *in1(message.insurance, message.person_number, dialect, message.holder.employer),
            *zrf(message.references, dialect),
        )
    return (
        msh(what, message, dialect),
        evn(what[1], message.created_at, message.settled_at, dialect),
        pid(message.holder, message.patient_number, dialect, account=account_of(message, dialect)),
        _pv1_charged(message, dialect),
        *_orc(message.references, dialect),
        *(_ft1(number, line, message, dialect) for number, line in enumerate(message.lines, 1)),
        *in1(message.insurance, "", dialect),
        zst(message, dialect),
        *zrf(message.references, dialect),
    )


# -- segments


def account_of(message: PostCharges, dialect: Dialect) -> str:
    """The account's number, where this HIS keeps accounts for such visits."""
    return message.visit_id if message.kind in dialect.accounts else ""


def _pv1_registered(message: RegisterPatient, dialect: Dialect) -> Segment:
    department: Repetition = (message.department_code, *[""] * 7, message.department_name)
    return segment(
        "PV1",
        {
            1: one("1"),
            2: one(class_of(message.kind)),
            3: (department,),
            7: ((message.doctor_code, message.doctor_name),),
            19: (typed(message.visit_id, tables.VISIT_NUMBER_TYPE),),
            44: one(stamp(message.begun_at, dialect)),
            **visit_numbers(message.visit_number, message.references, dialect),
        },
    )


def _pv1_charged(message: PostCharges, dialect: Dialect) -> Segment:
    return segment(
        "PV1",
        {
            1: one("1"),
            2: one(class_of(message.kind)),
            19: (typed(message.visit_id, tables.VISIT_NUMBER_TYPE),),
            **visit_numbers(message.visit_number, message.references, dialect),
        },
    )


def _ft1(number: int, line: ChargeLine, message: PostCharges, dialect: Dialect) -> Segment:
    sign = -1 if message.cancelled else 1
    amount = Money(sign * abs(line.amount.fen)) if message.cancelled else line.amount
    code: Repetition = (
        line.hospital_code, line.name, tables.HOSPITAL_SYSTEM, line.catalogue_code, "", tables.CENTRE_SYSTEM
    )  # fmt: skip
    return segment(
        "FT1",
        {
            1: one(str(number)),
            2: one(line.line_id),
            4: one(stamp(line.charged_at, dialect)),
            5: one(stamp(message.settled_at, dialect)),
            6: one(dialect.credit_type if message.cancelled else tables.CHARGE),
            7: (code,),
            10: one(number_text(line.quantity)),
            11: (((amount.yuan, tables.CURRENCY),),),
            12: (((number_text(sign * abs(line.unit_price)), tables.CURRENCY),),),
            13: ((line.department_code, line.department_name),),
            14: insured_by(message.insurance),
            20: ((line.doctor_code, line.doctor_name),),
            23: one(line.prescription_no or _only_order(message.references, dialect)),
        },
    )


def _only_order(references: References, dialect: Dialect) -> str:
    """The order of a line that names none: only where the bill has a single one, so that nothing is guessed."""
    single = dialect.orders_field == tables.LINE_ORDER and len(references.orders) == 1
    return references.orders[0] if single else ""


def _orc(references: References, dialect: Dialect) -> tuple[Segment, ...]:
    number = {tables.PLACER_ORDER: 2, tables.FILLER_ORDER: 3}.get(dialect.orders_field)
    if number is None:
        return ()
    return tuple(segment("ORC", {1: one(tables.ORDER_STATUS), number: one(order)}) for order in references.orders)


def zst(message: PostCharges, dialect: Dialect) -> Segment:
    """What was settled, and how it split."""
    split = message.split
    # The centre's cancel answers are negative already; a split kept from the settlement is not. Either way the HIS
    # reads a cancellation as negative, and the sign of the total says which of the two this is.
    sign = -1 if message.cancelled and split.total.fen > 0 else 1
    amounts = (split.total, split.fund, split.account, split.cash, split.hospital, split.family_account)
    fields: dict[int, Field] = {
        1: one("1"),
        2: one(tables.ZST_CANCELLED if message.cancelled else tables.ZST_SETTLED),
        3: one(message.settlement_number),
        4: one(message.settlement_id),
        5: one(message.visit_number),
        6: one(stamp(message.settled_at, dialect)),
        7: insured_by(message.insurance),
        14: ((split.balance_after.yuan, tables.CURRENCY),),
    }
    for number, amount in enumerate(amounts, 8):
        fields[number] = ((Money(sign * amount.fen).yuan, tables.CURRENCY),)
    return segment("ZST", fields)


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
        payload=payload,
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
