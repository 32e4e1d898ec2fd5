"""What a caller at a door may ask for, checked and typed; the doors build these, the engine carries them out."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from attrs import field, frozen

from middleware.domain.charge import ChargeLine, Diagnosis, Disease
from middleware.domain.identity import Password
from middleware.domain.kind import VisitKind
from middleware.domain.money import Money
from middleware.domain.payment import Payment


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
class References:
    """What the hospital itself calls it: the appointment, and orders that are paid for."""

    appointment: str = ""
    orders: tuple[str, ...] = ()

    def with_more(self, more: References) -> References:
        """These, with another's over them: the newer appointment, all orders in order."""
        return References(more.appointment or self.appointment, tuple(dict.fromkeys((*self.orders, *more.orders))))


@frozen(slots=True)
class Contact:
    """How a person is reached and where they work, as said at the counter. Sealed with the person."""

    phone: str = ""
    employer: str = ""


@frozen(slots=True)
class Maternity:
    """What a maternity visit is told: the day of the birth or operation, and which operation (birctrl_type)."""

    on: dt.date
    operation: str = ""


@frozen(slots=True)
class StayFacts:
    """What an admission (2401) tells beside the visit's own data."""

    stay_number: str  # ipt_no: the hospital's number of the stay
    ward_bed: str  # adm_bed
    description: str  # adm_diag_dscr: why, in words


@frozen(slots=True)
class RegisterOrder:
    """patient.register, inpatient.admit: the holder of a card just read begins a visit. A pharmacy has no department."""

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
    disease: Disease | None = None
    maternity: Maternity | None = None
    stay: StayFacts | None = None
    diagnoses: tuple[Diagnosis, ...] = ()  # of an admission; they are kept with the bills, never in the journal
    diagnosed: bool = False  # whether there were any
    references: References = References()
    contact: Contact = Contact()


@frozen(slots=True)
class ChargeOrder:
    """inpatient.charge: these lines belong to the stay."""

    visit_id: str
    lines: tuple[ChargeLine, ...]


@frozen(slots=True)
class DischargeOrder:
    """inpatient.discharge: the stay ended."""

    visit_id: str
    ended_at: dt.datetime
    way: str  # dscg_way
    department_code: str
    department_name: str
    bed: str
    diagnoses: tuple[Diagnosis, ...]


@frozen(slots=True)
class ChangeOrder:
    """inpatient.change: what of the stay is otherwise now; an empty member stays as it is. The diagnoses are told whole."""

    visit_id: str
    department_code: str
    department_name: str
    bed: str
    doctor_code: str
    doctor_name: str
    diagnoses: tuple[Diagnosis, ...]


@frozen(slots=True)
class VisitOrder:
    """inpatient.withdraw_charges, inpatient.undo_discharge, visit.withdraw: nothing but the visit."""

    visit_id: str


@frozen(slots=True)
class QuoteOrder:
    """settlement.quote: how would these lines split."""

    visit_id: str
    diagnoses: tuple[Diagnosis, ...]
    lines: tuple[ChargeLine, ...]  # none for a stay: all that was charged and is not settled
    use_account: bool = True
    references: References = References()


@frozen(slots=True)
class HisQuoteOrder:
    """settlement.quote_from_his: the open lines of that patient of the HIS; of one encounter, "" = of all."""

    visit_id: str
    patient: str
    encounter: str
    diagnoses: tuple[Diagnosis, ...]
    use_account: bool = True


@frozen(slots=True)
class SettleOrder:
    """settlement.settle: a person confirmed these two figures of the quote."""

    settlement_id: str
    total: Money
    cash: Money
    payment: Payment = Payment()  # noqa: RUF009 - frozen
    password: Password | None = None


@frozen(slots=True)
class PhoneOrder:
    """mobile.order: a person confirmed these two figures of the quote, and pays by phone."""

    settlement_id: str
    total: Money
    cash: Money
    voucher: str = field(default="", repr=False)  # ecToken; "" = that of the e-voucher with which they registered


@frozen(slots=True)
class CancelOrder:
    """settlement.cancel: undo a finished settlement."""

    settlement_id: str
    reason: str = ""
