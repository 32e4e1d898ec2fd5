"""What is said of a person beside a visit: that something is known otherwise now, that two numbers are one. Pure."""

from __future__ import annotations

from adapters.his.hl7v2 import tables
from adapters.his.hl7v2.dialect import Dialect
from adapters.his.hl7v2.frame import Field, Segment
from adapters.his.hl7v2.segments import class_of, evn, in1, legal_name, msh, pid
from adapters.his.hl7v2.values import one, segment, typed
from middleware.domain.document import is_payable
from middleware.domain.fault import Fault
from middleware.domain.his import MergePatients, UpdatePatient
from middleware.domain.told import PatientFacts

NAMELESS: Field = (("", "", "", "", "", "", tables.UNSPECIFIED_NAME),)  # PID-5 is required


def structure_of(message: UpdatePatient | MergePatients, dialect: Dialect) -> tuple[str, str, str]:
    """MSH-9. Raises ``Fault("his.message")`` for a message that this HIS is not sent (any more)."""
    if isinstance(message, UpdatePatient):
        event, key = dialect.update_event, "update_event"
    elif message.undone:
        event, key = dialect.unmerge_event, "unmerge_event"
    else:
        event, key = dialect.merge_event, "merge_event"
    if not event:
        raise Fault("his.message", f"his.{key} is empty")
    return ("ADT", event, tables.ADT_STRUCTURES[event])


def segments_of(message: UpdatePatient | MergePatients, dialect: Dialect) -> tuple[Segment, ...]:
    """All segments of the message, in the order of its structure."""
    what = structure_of(message, dialect)
    head = (msh(what, message, dialect), evn(what[1], message.created_at, message.created_at, dialect))
    if isinstance(message, UpdatePatient):
        return (*head, *_updated(message, dialect))
    if message.undone:  # A37: two patients, each under its own number again
        return (*head, _pid_of(message.kept, dialect), _pid_of(message.prior, dialect))
    prior = {1: (typed(message.prior.number.reveal(), dialect.patient_type),), 7: legal_name(message.prior.name.reveal())}
    return (*head, _pid_of(message.kept, dialect), segment("MRG", prior))


def _updated(message: UpdatePatient, dialect: Dialect) -> tuple[Segment, ...]:
    known = message.patient
    of_visit = dialect.update_event in tables.EVENTS_OF_A_VISIT
    visit: dict[int, Field] = {1: one("1"), 2: one(class_of(known.visit_kind) if of_visit else tables.NO_CLASS)}
    if of_visit:
        visit[19] = (typed(known.visit_id, tables.VISIT_NUMBER_TYPE),)
    return (
        pid(known.holder, known.patient_number.reveal(), dialect, media=known.media),
        segment("PV1", visit),
        *in1(known.insurance, known.person_number, dialect, known.holder.employer),
    )


def _pid_of(facts: PatientFacts, dialect: Dialect) -> Segment:
    """A patient as the HIS itself told of it; a permit or passport has no type of its own there and is left out."""
    document = facts.document.reveal() if is_payable(facts.document) else ""
    numbers = ((facts.number.reveal(), dialect.patient_type), (document, dialect.id_number_type))
    return segment(
        "PID",
        {
            1: one("1"),
            3: tuple(typed(number, kind) for number, kind in numbers if number and kind),
            5: legal_name(facts.name.reveal()) or NAMELESS,
            7: one(facts.birth_date),
            8: one(tables.SEX[facts.sex]) if facts.sex else (),
        },
    )
