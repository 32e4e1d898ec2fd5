"""What a caller at a door may ask for, checked and typed; the doors build these, the engine carries them out."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from attrs import frozen

from middleware.domain.charge import ChargeLine, Diagnosis
from middleware.domain.kind import VisitKind
from middleware.domain.money import Money


class Role(StrEnum):
    """Who is calling; what each may do stands in the method table."""

    HIS = "his"
    POS = "pos"
    BUREAU = "bureau"
    OPERATOR = "operator"


@frozen(slots=True)
class Caller:
    """An authenticated caller. ``account`` is the name of its token in the configuration, never the token."""

    role: Role
    account: str
    terminal: str = ""


@frozen(slots=True)
class RegisterOrder:
    """patient.register: the holder of a card just read begins an outpatient visit."""

    card_read_id: str
    patient_number: str  # the HIS's own number for the person, when the caller knows it; else ""
    department_code: str
    department_name: str
    specialty: str
    doctor_code: str
    doctor_name: str
    begun_at: dt.datetime
    med_type: str = "11"
    insurance: str = ""  # insutype to use when the person has several; "" = the first active one
    kind: VisitKind = VisitKind.OUTPATIENT


@frozen(slots=True)
class QuoteOrder:
    """settlement.quote: how would these lines split."""

    visit_id: str
    diagnoses: tuple[Diagnosis, ...]
    lines: tuple[ChargeLine, ...]
    use_account: bool = True


@frozen(slots=True)
class SettleOrder:
    """settlement.settle: a person confirmed these two figures of the quote."""

    settlement_id: str
    total: Money
    cash: Money


@frozen(slots=True)
class CancelOrder:
    """settlement.cancel: undo a finished settlement."""

    settlement_id: str
    reason: str = ""
