"""What a HIS tells of its patients and of charges, read from whatever it sent. Nothing of it is proof of an identity."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from middleware.domain.charge import ChargeLine
from middleware.domain.identity import IdNumber, MediumNumber, PersonName
from middleware.domain.masters import MastersTold

MAX_NUMBERS = 20  # of one patient


class NumberKind(StrEnum):
    """Which number of a person. Those of ``LINKED`` become links when a document stands beside them."""

    PATIENT = "his-patient"
    INPATIENT = "his-inpatient"
    MASTER = "his-master"  # of the hospital's own index (UPID)
    TREATMENT_CARD = "treatment-card"
    HEALTH_CARD = "health-card"
    INSURANCE = "insurance-card"
    CODE = "hospital-code"
    DOCUMENT = "id-number"


LINKED = (
    NumberKind.PATIENT, NumberKind.MASTER, NumberKind.TREATMENT_CARD, NumberKind.HEALTH_CARD, NumberKind.INSURANCE,
    NumberKind.CODE,
)  # fmt: skip


@frozen(slots=True)
class TheNumber:
    """One number of a patient."""

    kind: NumberKind
    number: MediumNumber


@frozen(slots=True, repr=False)
class PatientFacts:
    """Who a patient is, as the HIS says; "" = not said. ``document``: kind and number in one (``domain/document``).

    ``birth_date`` is YYYYMMDD; ``sex`` 1, 2 or "". ``mother`` is the patient number of a newborn's mother.
    """

    number: MediumNumber
    name: PersonName
    document: IdNumber
    birth_date: str = ""
    sex: str = ""
    mother: MediumNumber = MediumNumber("")  # noqa: RUF009 - frozen
    numbers: tuple[TheNumber, ...] = ()


@frozen(slots=True)
class PatientTold:
    """Somebody was registered, admitted or changed."""

    facts: PatientFacts


@frozen(slots=True)
class MergeTold:
    """``prior`` is the same person as ``facts``, under whose number it goes on."""

    prior: MediumNumber
    facts: PatientFacts


# What a bill needs of a line beside numbers and amounts.
NEEDED = ("catalogue_code", "hospital_code", "name", "department_code", "department_name", "doctor_code", "doctor_name")


class LineAct(StrEnum):
    """What is said of a line."""

    CHARGE = "charge"
    WITHDRAW = "withdraw"


@frozen(slots=True)
class LineTold:
    """One charge line. ``lacks`` names what a bill needs and nobody said."""

    act: LineAct
    line: ChargeLine
    lacks: tuple[str, ...] = ()


@frozen(slots=True)
class ChargesTold:
    """Lines of one patient; ``encounter`` is PV1-19, "" when it is not said."""

    facts: PatientFacts
    encounter: str
    lines: tuple[LineTold, ...]


Told = PatientTold | MergeTold | ChargesTold | MastersTold | None  # None: kept, and nothing is derived from it


class QueryBy(StrEnum):
    """What a query gives."""

    NUMBER = "number"
    NAME = "name"


@frozen(slots=True, repr=False)
class Query:
    """A HIS asks who somebody is. ``kind`` None: a number of whichever kind."""

    kind: NumberKind | None
    number: MediumNumber
    name: PersonName
    birth_date: str = ""
    sex: str = ""
    most: int = 20
