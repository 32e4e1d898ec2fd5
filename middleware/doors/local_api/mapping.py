"""Checked parameters -> orders of the domain: the rules that no schema can say. Pure."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from decimal import Decimal

from msgspec import UNSET, UnsetType

from middleware.domain.charge import ChargeLine, Diagnosis, Disease
from middleware.domain.decision import CentreAmounts, Decision, Evidence, EvidenceKind, Verdict
from middleware.domain.fault import Fault
from middleware.domain.identity import IdNumber, Password
from middleware.domain.kind import VisitKind
from middleware.domain.money import Money
from middleware.domain.order import (
    CancelOrder,
    ChangeOrder,
    ChargeOrder,
    Contact,
    DischargeOrder,
    Maternity,
    QuoteOrder,
    References,
    RegisterOrder,
    SettleOrder,
    StayFacts,
    VisitOrder,
)
from middleware.doors.local_api.card_payment import payment_of
from middleware.doors.local_api.params import (
    AdmitParams,
    CancelParams,
    ChangeParams,
    ChargeLineParams,
    ChargeParams,
    DeskProposeParams,
    DeskRejectParams,
    DiagnosisParams,
    DischargeParams,
    DiseaseParams,
    EvidenceParams,
    GetParams,
    MaternityParams,
    QuoteParams,
    RegisterParams,
    SettleParams,
    ShiftTotalsParams,
    VisitParams,
)

# Beyond these years a time is a typing error, and near the ends of datetime a change of zone overflows.
_YEARS = range(2000, 2100)
_LIKE_ID_NUMBER = re.compile(r"(?<![0-9A-Za-z])[0-9]{17}[0-9Xx](?![0-9A-Za-z])")  # alone: a message id holds digits too
MAX_SHIFT = dt.timedelta(days=31)


def register_order(params: RegisterParams) -> RegisterOrder:
    """patient.register; only a pharmacy's sale has no department and no doctor. Names may be left to the HIS."""
    for name in ("department_code", "doctor_code"):
        if params.kind == "outpatient" and not getattr(params, name):
            raise _bad(name, "is required for an outpatient")
    return RegisterOrder(
        card_read_id=params.card_read_id,
        patient_number=params.patient_number,
        department_code=params.department_code,
        department_name=params.department_name,
        specialty=params.specialty,
        doctor_code=params.doctor_code,
        doctor_name=params.doctor_name,
        begun_at=_time(params.begun_at, "begun_at"),
        med_type=params.med_type or ("41" if params.kind == "pharmacy" else "11"),
        insurance=params.insurance,
        kind=VisitKind(params.kind),
        disease=_disease(params.disease),
        maternity=_maternity(params.maternity),
        references=_references(params.appointment, params.order_numbers),
        contact=Contact(params.phone, params.employer),
    )


def admit_order(params: AdmitParams) -> RegisterOrder:
    """inpatient.admit."""
    return RegisterOrder(
        card_read_id=params.card_read_id,
        patient_number=params.patient_number,
        department_code=params.department_code,
        department_name=params.department_name,
        specialty="",
        doctor_code=params.doctor_code,
        doctor_name=params.doctor_name,
        begun_at=_time(params.begun_at, "begun_at"),
        med_type=params.med_type,
        insurance=params.insurance,
        kind=VisitKind.INPATIENT,
        disease=_disease(params.disease),
        maternity=_maternity(params.maternity),
        stay=StayFacts(params.stay_number, params.bed, params.description),
        diagnoses=diagnoses_of(params.diagnoses),
        references=_references(params.appointment, params.order_numbers),
        contact=Contact(params.phone, params.employer),
    )


def _references(appointment: str, numbers: list[str] | UnsetType) -> References:
    orders = () if numbers is UNSET else tuple(numbers)
    _unique(orders, "order_numbers[{}]")
    return References(appointment, orders)


def charge_order(params: ChargeParams) -> ChargeOrder:
    """inpatient.charge; the rules of a quote's lines."""
    return ChargeOrder(visit_id=params.visit_id, lines=_lines(params.lines))


def discharge_order(params: DischargeParams) -> DischargeOrder:
    """inpatient.discharge."""
    return DischargeOrder(
        visit_id=params.visit_id,
        ended_at=_time(params.ended_at, "ended_at"),
        way=params.way,
        department_code=params.department_code,
        department_name=params.department_name,
        bed=params.bed,
        diagnoses=diagnoses_of(params.diagnoses),
    )


def change_order(params: ChangeParams) -> ChangeOrder:
    """inpatient.change."""
    return ChangeOrder(
        visit_id=params.visit_id,
        department_code=params.department_code,
        department_name=params.department_name,
        bed=params.bed,
        doctor_code=params.doctor_code,
        doctor_name=params.doctor_name,
        diagnoses=diagnoses_of(params.diagnoses),
    )


def visit_order(params: VisitParams) -> VisitOrder:
    """What names nothing but a visit."""
    return VisitOrder(params.visit_id)


def quote_order(params: QuoteParams) -> QuoteOrder:
    """settlement.quote; each line's amount is within one fen of price x quantity, ids and orders are unique."""
    diagnoses = () if params.diagnoses is UNSET else diagnoses_of(params.diagnoses)
    lines = () if params.lines is UNSET else _lines(params.lines)
    return QuoteOrder(
        visit_id=params.visit_id,
        diagnoses=diagnoses,
        lines=lines,
        use_account=params.use_account,
        references=_references(params.appointment, params.order_numbers),
    )


def _lines(given: Sequence[ChargeLineParams]) -> tuple[ChargeLine, ...]:
    lines = tuple(_line(line, f"lines[{i}]") for i, line in enumerate(given))
    _unique([line.line_id for line in lines], "lines[{}].line_id")
    return lines


def diagnoses_of(given: Sequence[DiagnosisParams]) -> tuple[Diagnosis, ...]:
    """Diagnoses; their orders are unique."""
    diagnoses = tuple(_diagnosis(diagnosis, i) for i, diagnosis in enumerate(given))
    _unique([diagnosis.order for diagnosis in diagnoses], "diagnoses[{}].order")
    return diagnoses


def _disease(given: DiseaseParams | UnsetType) -> Disease | None:
    return None if given is UNSET else Disease(given.code, given.name)


def _maternity(given: MaternityParams | UnsetType) -> Maternity | None:
    return None if given is UNSET else Maternity(given.on, given.operation)


def settle_order(params: SettleParams) -> SettleOrder:
    """settlement.settle; cash cannot exceed the total."""
    order = SettleOrder(
        settlement_id=params.settlement_id,
        total=Money.parse(params.total),
        cash=Money.parse(params.cash),
        payment=payment_of(params.payment),
        password=Password(params.password) if params.password else None,
    )
    check_cash(order.total, order.cash)
    return order


def check_cash(total: Money, cash: Money) -> None:
    """The own share cannot exceed the total."""
    if cash > total:
        raise _bad("cash", "is more than total")


def cancel_order(params: CancelParams) -> CancelOrder:
    """settlement.cancel."""
    return CancelOrder(settlement_id=params.settlement_id, reason=params.reason)


def check_get(params: GetParams) -> None:
    """settlement.get names its object in exactly one way."""
    if bool(params.settlement_id) == bool(params.request_id):
        raise _bad("settlement_id", "give settlement_id or request_id, exactly one of them")


def check_shift(params: ShiftTotalsParams) -> None:
    """shift.totals is asked for a time that has a length, of at most 31 days."""
    since, until = _time(params.since, "since"), _time(params.until, "until")
    if not since < until <= since + MAX_SHIFT:
        raise _bad("until", f"must be after since, and at most {MAX_SHIFT.days} days after")


def decision(params: DeskProposeParams) -> Decision:
    """desk.propose: the decision; whether it fits the settlement is the flow's to say."""
    held = params.amounts
    amounts = None
    if held is not UNSET:
        amounts = CentreAmounts(
            total=Money.parse(held.total),
            fund=Money.parse(held.fund),
            account=Money.parse(held.account),
            cash=Money.parse(held.cash),
            hospital=Money.parse(held.hospital),
        )
    return Decision(
        verdict=Verdict(params.decision),
        centre_number=params.centre_number,
        centre_time=None if params.centre_time is UNSET else _time(params.centre_time, "centre_time"),
        amounts=amounts,
        clearing_type=params.clearing_type,
        clearing_way=params.clearing_way,
        clearing_agency=params.clearing_agency,
    )


def evidence(params: EvidenceParams) -> Evidence:
    """What it rests on; an id number in it is refused, for the journal could never forget it."""
    _impersonal(params.reference, "evidence.reference")
    _impersonal(params.note, "evidence.note")
    return Evidence(EvidenceKind(params.kind), params.reference, params.note, params.sha256)


def check_reason(params: DeskRejectParams) -> None:
    """desk.reject: the same rule for its reason."""
    _impersonal(params.reason, "reason")


def _impersonal(text: str, path: str) -> None:
    for number in _LIKE_ID_NUMBER.findall(text):
        try:
            IdNumber.parse(number)
        except ValueError:
            continue
        raise _bad(path, "holds an id number; the journal keeps no personal data")


def _line(line: ChargeLineParams, path: str) -> ChargeLine:
    price, quantity, amount = Decimal(line.unit_price), Decimal(line.quantity), Money.parse(line.amount)
    if not quantity:
        raise _bad(f"{path}.quantity", "must not be zero")
    if abs(price * quantity * 100 - amount.fen) > 1:
        raise _bad(f"{path}.amount", "is more than one fen from unit_price x quantity")
    return ChargeLine(
        line_id=line.line_id,
        catalogue_code=line.catalogue_code,
        hospital_code=line.hospital_code,
        name=line.name,
        unit_price=price,
        quantity=quantity,
        amount=amount,
        charged_at=_time(line.charged_at, f"{path}.charged_at"),
        department_code=line.department_code,
        department_name=line.department_name,
        doctor_code=line.doctor_code,
        doctor_name=line.doctor_name,
        approval=line.approval,
        prescription_no=line.prescription_no,
    )


def _diagnosis(diagnosis: DiagnosisParams, place: int) -> Diagnosis:
    return Diagnosis(
        code=diagnosis.code, name=diagnosis.name, kind=diagnosis.kind, order=diagnosis.order or place + 1
    )  # fmt: skip


def _unique(values: Sequence[object], path: str) -> None:
    seen: set[object] = set()
    for place, value in enumerate(values):
        if value in seen:
            raise _bad(path.format(place), "stands twice")
        seen.add(value)


def _time(value: dt.datetime, path: str) -> dt.datetime:
    if value.year not in _YEARS:
        raise _bad(path, f"must lie between {_YEARS.start} and {_YEARS.stop - 1}")
    return value


def _bad(path: str, rule: str) -> Fault:
    return Fault("request.bad_params", f"params.{path}: {rule}")
