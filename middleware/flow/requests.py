"""From a command and what is known to the centre's request, and to the HIS's message. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from attrs import evolve, frozen

from middleware.domain.centre import (
    CANCEL_CALLS,
    Admit,
    Call,
    CancelSettlement,
    CentreRequest,
    ChangeAdmission,
    Confirm,
    Discharge,
    Holder,
    PreSettle,
    QueryPerson,
    QueryVisits,
    RegisterVisit,
    Reverse,
    Settle,
    UploadCharges,
    UploadVisit,
    VisitFacts,
    WithdrawCharges,
    WithdrawDischarge,
    WithdrawVisit,
)
from middleware.domain.charge import Bill, ChargeLine
from middleware.domain.command import CallCentre, HisMatter, TellHis
from middleware.domain.errand import Errand, Matter
from middleware.domain.his import ChangeAccount, HisMessage, PostCharges, RegisterPatient
from middleware.domain.kind import UPLOAD_VISIT_CALLS, VisitKind
from middleware.domain.mobile import (
    Amounts,
    MobileOrder,
    OrderRequest,
    PlaceOrder,
    QueryOrder,
    Refund,
    RefundOrder,
    UploadBill,
)
from middleware.domain.money import ZERO
from middleware.domain.visit import Settlement, Visit
from middleware.flow.errand import window

MAX_DESCRIPTION = 200  # adm_diag_dscr


def centre_request(command: CallCentre, visit: Visit, holder: Holder, bill: Bill | None, now: dt.datetime) -> CentreRequest:
    """The request that ``command`` means, in the centre's terms of our vocabulary."""
    if command.errand_id and command.call is not Call.QUERY_VISITS:
        return _errand(command, visit, visit.errand(command.errand_id), holder, bill)
    if not command.settlement_id:
        return _of_registration(command.call, visit, holder, bill, now)
    if command.call is Call.QUERY_VISITS:
        return QueryVisits(visit.facts, *window(visit, now))
    return _of_settlement(command.call, visit, visit.settlement(command.settlement_id), holder, bill, now)


def _of_registration(call: Call, visit: Visit, holder: Holder, bill: Bill | None, now: dt.datetime) -> CentreRequest:
    match call:
        case Call.QUERY_PERSON:
            return QueryPerson(holder, now)
        case Call.REGISTER_VISIT:
            return _register(visit, holder)
        case Call.ADMIT:
            return _admit(visit, holder, bill)
        case Call.QUERY_VISITS:
            return QueryVisits(visit.facts, *window(visit, now))
    raise AssertionError(f"{call} is no call of a registration")


def _of_settlement(
    call: Call, visit: Visit, settlement: Settlement, holder: Holder, bill: Bill | None, now: dt.datetime
) -> CentreRequest:
    calls = visit.calls
    match call:
        case Call.OPEN_ORDER | Call.PLACE_ORDER | Call.REFUND_ORDER | Call.QUERY_ORDER:
            return _of_order(call, visit, settlement, holder, bill, now)
        case calls.cancel:
            return CancelSettlement(_facts_of(visit, settlement), _number(settlement))
        case Call.REVERSE:
            return _reverse(visit, settlement)
        case Call.CONFIRM | Call.CHECK:
            return _confirm(call, visit, settlement)
        case calls.pre_settle:
            lines = _carried(visit, settlement, bill)
            return PreSettle(visit.facts, holder, settlement.batch, settlement.total, settlement.use_account, lines)
        case calls.settle:
            return _settle(visit, settlement, holder, _carried(visit, settlement, bill))
    if bill is None:
        raise AssertionError("a settlement without its bill")
    if call in UPLOAD_VISIT_CALLS:
        order = visit.order
        return UploadVisit(
            visit.facts, order.begun_at, bill.diagnoses, order.department_name, order.doctor_code, order.doctor_name, call
        )
    return UploadCharges(visit.facts, settlement.batch, numbered(settlement, bill.lines))


def _of_order(
    call: Call, visit: Visit, settlement: Settlement, holder: Holder, bill: Bill | None, now: dt.datetime
) -> OrderRequest:
    mobile, order = settlement.mobile, visit.order
    if mobile is None or bill is None:
        raise AssertionError("an order without its facts")
    match call:
        case Call.PLACE_ORDER:
            return PlaceOrder(mobile.number, mobile.token, settlement.settle_message_id, visit.visit_number)
        case Call.QUERY_ORDER:
            return QueryOrder(mobile.number, mobile.token, holder, mobile.our_number)
        case Call.REFUND_ORDER:
            return RefundOrder(
                mobile.number, settlement.cancel_message_id, now, Refund.ALL, given_back(mobile), mobile.voucher
            )
    return UploadBill(
        visit=visit.facts,
        holder=holder,
        voucher=mobile.voucher,
        our_number=mobile.our_number,
        batch=settlement.batch,
        begun_at=order.begun_at,
        outpatient_no=visit.visit_id,
        lines=numbered(settlement, bill.lines),
        diagnoses=bill.diagnoses,
        total=settlement.total,
        use_account=settlement.use_account,
        department_code=order.department_code,
        department_name=order.department_name,
        specialty=order.specialty,
        doctor_code=order.doctor_code,
        doctor_name=order.doctor_name,
        fee_type="",
    )


def given_back(order: MobileOrder) -> Amounts:
    """All of an order that was paid, as the channel told it last: what 6203 asks for."""
    paid = order.amounts or Amounts(ZERO)
    cash = paid.cash if order.own_paid else ZERO
    return Amounts(paid.fund + paid.account + cash, paid.fund, paid.account, cash)


def numbered(settlement: Settlement, lines: Sequence[ChargeLine]) -> tuple[ChargeLine, ...]:
    """The lines under numbers (feedetl_sn) that are unique in the institution for ever, digits only: batch and index."""
    digits = settlement.batch[1:]
    return tuple(evolve(line, line_id=f"{digits}{index:04d}") for index, line in enumerate(lines, 1))


def _carried(visit: Visit, settlement: Settlement, bill: Bill | None) -> tuple[ChargeLine, ...]:
    """The lines that quote and settlement carry themselves: a pharmacy's."""
    if visit.order.kind is not VisitKind.PHARMACY:
        return ()
    if bill is None:
        raise AssertionError("a settlement without its bill")
    return numbered(settlement, bill.lines)


def _facts_of(visit: Visit, settlement: Settlement) -> VisitFacts:
    """The visit as the centre knows it: of a pharmacy only the settlement's answer gave its number."""
    known = settlement.settled or settlement.approved
    given = known.visit_number if known else ""
    return evolve(visit.facts, visit_number=visit.visit_number or given)


def _errand(command: CallCentre, visit: Visit, errand: Errand, holder: Holder, bill: Bill | None) -> CentreRequest:
    facts = evolve(visit.facts, visit_number=errand.visit_number or visit.visit_number)
    if command.call is visit.calls.withdraw_charges:
        return WithdrawCharges(facts)
    match errand.matter:
        case Matter.WITHDRAW_VISIT | Matter.WITHDRAW_CHARGES:
            return WithdrawVisit(facts, visit.visit_id)
        case Matter.UNDO_DISCHARGE:
            return WithdrawDischarge(facts)
        case Matter.CHARGE:
            if bill is None:
                raise AssertionError("charges without their lines")
            digits = errand.errand_id[1:]
            lines = tuple(evolve(line, line_id=f"{digits}{index:04d}") for index, line in enumerate(bill.lines, 1))
            return UploadCharges(facts, "", lines)
        case Matter.CHANGE:
            return _change(visit, errand, holder, bill)
    if bill is None or errand.ended_at is None:
        raise AssertionError("a discharge without its facts")
    ward = _ward(visit)
    return Discharge(
        visit=facts,
        ended_at=errand.ended_at,
        way=errand.way,
        bed=errand.bed,
        diagnoses=bill.diagnoses,
        department_code=errand.department_code or ward.department_code,
        department_name=errand.department_name or ward.department_name,
        doctor_code=ward.doctor_code,
        doctor_name=ward.doctor_name,
    )


@frozen(slots=True)
class _Ward:
    """Where a stay is, and whose it is."""

    department_code: str
    department_name: str
    bed: str
    doctor_code: str
    doctor_name: str

    def after(self, change: Errand) -> _Ward:
        """What it is once that change was made; what the change does not say stays."""
        said = {name: getattr(change, name) for name in _WARD}
        return evolve(self, **{name: value for name, value in said.items() if value})


_WARD = ("department_code", "department_name", "bed", "doctor_code", "doctor_name")


def _ward(visit: Visit) -> _Ward:
    """As admitted, with every change that the centre took since."""
    order = visit.order
    bed = order.stay.ward_bed if order.stay is not None else ""
    ward = _Ward(order.department_code, order.department_name, bed, order.doctor_code, order.doctor_name)
    for change in visit.errands:
        if change.matter is Matter.CHANGE and change.stands:
            ward = ward.after(change)
    return ward


def _change(visit: Visit, errand: Errand, holder: Holder, bill: Bill | None) -> ChangeAdmission:
    """The whole admission as it is now. The description is the diagnoses' names, which lie sealed."""
    if bill is None or visit.order.stay is None:
        raise AssertionError("a change without its facts")
    ward = _ward(visit).after(errand)
    return ChangeAdmission(
        visit=visit.facts,
        holder=holder,
        begun_at=visit.order.begun_at,
        stay_number=visit.order.stay.stay_number,
        our_number=visit.visit_id,
        description="；".join(one.name for one in bill.diagnoses)[:MAX_DESCRIPTION],
        bed=ward.bed,
        diagnoses=bill.diagnoses,
        department_code=ward.department_code,
        department_name=ward.department_name,
        doctor_code=ward.doctor_code,
        doctor_name=ward.doctor_name,
    )


def _admit(visit: Visit, holder: Holder, bill: Bill | None) -> Admit:
    order = visit.order
    if bill is None or order.stay is None:
        raise AssertionError("an admission without its facts")
    return Admit(
        visit=visit.facts,
        holder=holder,
        begun_at=order.begun_at,
        our_number=visit.visit_id,
        stay_number=order.stay.stay_number,
        description=order.stay.description,
        bed=order.stay.ward_bed,
        diagnoses=bill.diagnoses,
        department_code=order.department_code,
        department_name=order.department_name,
        doctor_code=order.doctor_code,
        doctor_name=order.doctor_name,
    )


def _register(visit: Visit, holder: Holder) -> RegisterVisit:
    order = visit.order
    return RegisterVisit(
        holder=holder,
        person_number=visit.person_number,
        insurance=visit.insurance,
        person_type=visit.person_type,
        insured_region=visit.insured_region,
        begun_at=order.begun_at,
        outpatient_no=visit.visit_id,
        department_code=order.department_code,
        department_name=order.department_name,
        specialty=order.specialty,
        doctor_code=order.doctor_code,
        doctor_name=order.doctor_name,
    )


def _settle(visit: Visit, settlement: Settlement, holder: Holder, lines: tuple[ChargeLine, ...]) -> Settle:
    if settlement.quoted is None:
        raise AssertionError("a settlement without a quote")
    return Settle(visit.facts, holder, settlement.batch, settlement.total, settlement.use_account, settlement.quoted, lines)


def _confirm(call: Call, visit: Visit, settlement: Settlement) -> Confirm:
    if settlement.approved is None:
        raise AssertionError("a confirming call without the yes that it confirms")
    return Confirm(_facts_of(visit, settlement), settlement.approved.settlement_number, call)


def _number(settlement: Settlement) -> str:
    if settlement.settled is None:
        raise AssertionError("a cancel of what was never settled")
    return settlement.settled.settlement_number


def _reverse(visit: Visit, settlement: Settlement) -> Reverse:
    cancels = settlement.unknown_call in CANCEL_CALLS
    call = visit.cancel_call(settlement) if cancels else visit.settle_call(settlement)
    return Reverse(visit.facts, settlement.doubted, call)


def his_message(command: TellHis, visit: Visit, holder: Holder, bill: Bill | None, created_at: dt.datetime) -> HisMessage:
    """The message that ``command`` means; the same on each repeat, for ``created_at`` is the command's own."""
    order = visit.order
    if command.matter is HisMatter.REGISTERED:
        return RegisterPatient(
            control_id=command.control_id,
            created_at=created_at,
            holder=holder,
            visit_id=visit.visit_id,
            visit_number=visit.visit_number,
            patient_number=order.patient_number,
            person_number=visit.person_number,
            insurance=visit.insurance,
            department_code=order.department_code,
            department_name=order.department_name,
            doctor_code=order.doctor_code,
            doctor_name=order.doctor_name,
            begun_at=order.begun_at,
            kind=order.kind,
            references=order.references,
        )
    if command.matter in {HisMatter.ACCOUNT_OPENED, HisMatter.ACCOUNT_ENDED}:
        return ChangeAccount(
            control_id=command.control_id,
            created_at=created_at,
            holder=holder,
            visit_id=visit.visit_id,
            visit_number=visit.visit_number,
            patient_number=visit.patient_number,
            insurance=visit.insurance,
            begun_at=order.begun_at,
            ended=command.matter is HisMatter.ACCOUNT_ENDED,
            settlement_id=command.settlement_id,
            kind=order.kind,
        )
    settlement = visit.settlement(command.settlement_id)
    if settlement.settled is None or bill is None:
        raise AssertionError("the HIS is told only of what was settled")
    cancelled = command.matter is HisMatter.CANCELLED
    undone = settlement.cancelled
    return PostCharges(
        control_id=command.control_id,
        created_at=created_at,
        holder=holder,
        visit_id=visit.visit_id,
        visit_number=_facts_of(visit, settlement).visit_number,
        patient_number=visit.patient_number,
        settlement_id=settlement.settlement_id,
        settlement_number=settlement.settled.settlement_number,  # of a cancel too: it is what the HIS booked
        settled_at=undone.cancelled_at if cancelled and undone else settlement.settled.settled_at,
        insurance=visit.insurance,
        split=undone.split if cancelled and undone else settlement.settled.split,
        lines=bill.lines,
        cancelled=cancelled,
        kind=order.kind,
        references=settlement.references,
    )
