"""What the HIS is told and asked, in our words; ``adapters/his`` makes HL7 of it."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from attrs import frozen

from middleware.domain.centre import Holder
from middleware.domain.charge import ChargeLine
from middleware.domain.identity import IdNumber, MediumNumber, PersonName
from middleware.domain.kind import VisitKind
from middleware.domain.order import References
from middleware.domain.outcome import Outcome
from middleware.domain.split import Split
from middleware.domain.told import PatientFacts

NO_REFERENCES = References()


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
    references: References = NO_REFERENCES


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
    references: References = NO_REFERENCES


@frozen(slots=True)
class ChangeAccount:
    """BAR^P01, BAR^P06: the account of a visit is opened, or it has ended with a settlement."""

    control_id: str
    created_at: dt.datetime
    holder: Holder
    visit_id: str
    visit_number: str
    patient_number: str
    insurance: str
    begun_at: dt.datetime
    ended: bool
    settlement_id: str = ""  # that ended it, or whose cancelling opened it again
    kind: VisitKind = VisitKind.OUTPATIENT


@frozen(slots=True)
class OldMedium:
    """A card or number of a person; ``moved_on`` is when the one card took its place, None while it is good."""

    kind: str
    number: MediumNumber
    moved_on: dt.date | None = None


@frozen(slots=True, repr=False)
class HisPatient:
    """A person as the HIS was last told, with the visit whose registration it took last."""

    holder: Holder
    patient_number: MediumNumber  # the HIS's own; "" when it never said one
    person_number: str
    insurance: str
    visit_id: str
    visit_kind: VisitKind
    media: tuple[OldMedium, ...] = ()


@frozen(slots=True)
class UpdatePatient:
    """ADT^A08, ADT^A31: something about a person whom the HIS has is known otherwise now."""

    control_id: str
    created_at: dt.datetime
    patient: HisPatient


@frozen(slots=True)
class MergePatients:
    """ADT^A40: ``prior`` is ``kept`` from now on; ``undone``, ADT^A37: they are two again."""

    control_id: str
    created_at: dt.datetime
    kept: PatientFacts
    prior: PatientFacts
    undone: bool = False


HisMessage = RegisterPatient | PostCharges | ChangeAccount | UpdatePatient | MergePatients


class FindBy(StrEnum):
    """What a HIS is asked by."""

    NUMBER = "number"
    PERSON = "person"  # name, birth date, sex, and the id number where the HIS looks at it


@frozen(slots=True, repr=False)
class FindPatient:
    """QBP: whom has the HIS by this? Nothing changes anywhere. ``number`` is an id number or, ``own``, the HIS's own."""

    control_id: str
    created_at: dt.datetime
    by: FindBy
    id_number: IdNumber
    own_number: MediumNumber
    name: PersonName
    birth_date: str  # YYYYMMDD
    sex: str
    most: int


@frozen(slots=True)
class HisFound:
    """Whom the HIS has, as far as it told; ``more`` says that there were too many to take."""

    patients: tuple[PatientFacts, ...]
    more: bool = False


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
