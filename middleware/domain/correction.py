"""What a person may correct in a message that a destination refused, and the message with it. Pure.

Amounts, quantities, prices, dates and numbers of the centre are what was settled: nobody corrects them here, nor which two
numbers a merge is about, for that is what two persons decided. What says who the patient is takes a second person. A
corrected message is another message, so it has an MSH-10 of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import evolve

from middleware.domain.charge import ChargeLine
from middleware.domain.fault import Fault
from middleware.domain.his import (
    HisMessage,
    HisPatient,
    MergePatients,
    PostCharges,
    RegisterPatient,
    UpdatePatient,
)
from middleware.domain.identity import MediumNumber, PersonName

MAX_CORRECTIONS = 9  # of one message: the last character of its MSH-10 counts them
MAX_FIELDS, MAX_VALUE = 20, 64
PLACE = ("department_code", "department_name", "doctor_code", "doctor_name")
OF_A_LINE = (*PLACE, "hospital_code", "name", "prescription_no")
ABOUT_A_PERSON = ("nation", "phone", "employer")  # of an update; what stands in them is shown to nobody
IDENTITY = ("patient_number", "patient_name", "prior_name")  # a second person approves these
_LINE = "line"
_CENTURY = "20"
_LONGEST = 20  # characters of an MSH-10
# A notice's id has no century to give away, but a month and a day that fit a character each: 1 to C, 1 to V.
_NOTICE = re.compile(r"([A-Z]\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(\d{12}.?)")
_SHORT_NOTICE = re.compile(r"([A-Z]\d\d)([1-9A-C])([1-9A-V])(\d{12}.?)")
_SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUV"


def corrected(message: HisMessage, fields: Mapping[str, str]) -> HisMessage:
    """The message with those values. Raises ``Fault("letter.field")`` that names the field and never the value."""
    for field, value in fields.items():
        if not value or len(value) > MAX_VALUE or not value.isprintable():
            raise Fault("letter.field", f"{field}: 1 to {MAX_VALUE} printable characters")
        message = _with(message, field, value)
    return message


def needs_two(fields: Mapping[str, str]) -> bool:
    """Whether a second person must approve them."""
    return any(field in IDENTITY for field in fields)


def correctable(message: HisMessage) -> dict[str, str]:
    """What may be corrected by one person, as the message has it now; "" for what is about a person and shown to nobody."""
    if isinstance(message, RegisterPatient):
        return {field: getattr(message, field) for field in PLACE}
    if isinstance(message, PostCharges):
        return {f"{_LINE}.{line.line_id}.{field}": getattr(line, field) for line in message.lines for field in OF_A_LINE}
    return dict.fromkeys(ABOUT_A_PERSON, "") if isinstance(message, UpdatePatient) else {}


def wire_id(control_id: str, revision: int) -> str:
    """The MSH-10 of a letter after so many corrections: at most 20 characters, and no other letter's."""
    if not revision:
        return control_id
    # The room is taken from the date; a letter's own id has no full stop.
    short = control_id[:1] + control_id[3:] if control_id[1:3] == _CENTURY else control_id
    if len(short) + 2 > _LONGEST and (found := _NOTICE.fullmatch(short)):
        short = f"{found[1]}{_SIGNS[int(found[2])]}{_SIGNS[int(found[3])]}{found[4]}"
    return f"{short}.{revision}"


def letter_ids(msh_10: str) -> tuple[tuple[str, ...], int]:
    """The letter that a MSH-10 may be of, and after how many corrections."""
    short, dot, revision = msh_10.rpartition(".")
    if not dot or not revision.isdecimal() or len(revision) != 1:
        return (msh_10,), 0
    names: tuple[str, ...] = (short, short[:1] + _CENTURY + short[1:])
    if found := _SHORT_NOTICE.fullmatch(short):
        names += (f"{found[1]}{_SIGNS.index(found[2]):02d}{_SIGNS.index(found[3]):02d}{found[4]}",)
    return names, int(revision)


def _with(message: HisMessage, field: str, value: str) -> HisMessage:
    if isinstance(message, MergePatients):
        return _merge_with(message, field, value)
    if isinstance(message, UpdatePatient):
        return evolve(message, patient=_patient_with(message.patient, field, value))
    if field == "patient_number":
        return evolve(message, patient_number=value)
    if field == "patient_name":
        return evolve(message, holder=evolve(message.holder, name=PersonName(value)))
    if isinstance(message, RegisterPatient) and field in PLACE:
        return evolve(message, **{field: value})  # type: ignore[arg-type]  # all of them are texts
    if isinstance(message, PostCharges) and field.startswith(f"{_LINE}."):
        return evolve(message, lines=_lines(message.lines, field, value))
    raise _not_corrected(field)


def _patient_with(patient: HisPatient, field: str, value: str) -> HisPatient:
    if field == "patient_number":
        return evolve(patient, patient_number=MediumNumber(value))
    if field == "patient_name":
        return evolve(patient, holder=evolve(patient.holder, name=PersonName(value)))
    if field in ABOUT_A_PERSON:
        return evolve(patient, holder=evolve(patient.holder, **{field: value}))  # type: ignore[arg-type]  # texts
    raise _not_corrected(field)


def _merge_with(message: MergePatients, field: str, value: str) -> MergePatients:
    if field == "patient_name":
        return evolve(message, kept=evolve(message.kept, name=PersonName(value)))
    if field == "prior_name":
        return evolve(message, prior=evolve(message.prior, name=PersonName(value)))
    raise _not_corrected(field)


_SHOWN = 60


def _not_corrected(field: str) -> Fault:
    return Fault("letter.field", f"{field[:_SHOWN]} is nothing that may be corrected in this message")


def _lines(lines: tuple[ChargeLine, ...], field: str, value: str) -> tuple[ChargeLine, ...]:
    line_id, _, name = field.removeprefix(f"{_LINE}.").rpartition(".")
    if name not in OF_A_LINE or all(line.line_id != line_id for line in lines):
        raise _not_corrected(field)
    change: dict[str, str] = {name: value}
    return tuple(evolve(line, **change) if line.line_id == line_id else line for line in lines)  # type: ignore[arg-type]  # texts
