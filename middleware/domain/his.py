"""What the HIS is told, in our words; ``adapters/his`` makes HL7 of it."""

from __future__ import annotations

import datetime as dt

from attrs import frozen

from middleware.domain.centre import Holder
from middleware.domain.charge import ChargeLine
from middleware.domain.kind import VisitKind
from middleware.domain.outcome import Outcome
from middleware.domain.split import Split


@frozen(slots=True)
class RegisterPatient:
    """ADT^A04: this person is here for this visit."""

    control_id: str  # MSH-10, at most 20 characters, unique for ever: the HIS may see it twice
    created_at: dt.datetime  # MSH-7 and EVN-2: the same on every repeat, so that a repeat is the same bytes
    holder: Holder
    visit_id: str
    visit_number: str  # the centre's
    patient_number: str  # the HIS's own, when the caller knows it
    person_number: str
    insurance: str
    department_code: str
    department_name: str
    doctor_code: str
    doctor_name: str
    begun_at: dt.datetime
    kind: VisitKind = VisitKind.OUTPATIENT


@frozen(slots=True)
class PostCharges:
    """DFT^P03: these lines were settled (``cancelled`` False) or their settlement was cancelled (True)."""

    control_id: str
    created_at: dt.datetime
    holder: Holder
    visit_id: str
    visit_number: str
    patient_number: str
    settlement_id: str
    settlement_number: str
    settled_at: dt.datetime
    insurance: str
    split: Split
    lines: tuple[ChargeLine, ...]
    cancelled: bool
    kind: VisitKind = VisitKind.OUTPATIENT


HisMessage = RegisterPatient | PostCharges


@frozen(slots=True)
class HisAccepted:
    """AA (or CA): the HIS has it. ``patient_number`` is the HIS's number for the person, when its answer carries one.

    ``committed``: it only arrived (CA); what the other side makes of it comes over another connection.
    """

    patient_number: str = ""
    committed: bool = False


@frozen(slots=True)
class Told:
    """How a message over a numbered link ended, and which number the other side expects (MSA-4), where it says so."""

    outcome: Outcome[HisAccepted]
    expected: int | None = None
