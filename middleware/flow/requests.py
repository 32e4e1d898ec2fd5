"""From a command and what is known to the centre's request, and to the HIS's message. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from attrs import evolve

from middleware.domain.centre import (
    CANCEL_CALLS,
    Call,
    CancelSettlement,
    CentreRequest,
    Holder,
    PreSettle,
    QueryPerson,
    RegisterVisit,
    Reverse,
    Settle,
    UploadCharges,
    UploadVisit,
)
from middleware.domain.charge import Bill, ChargeLine
from middleware.domain.command import CallCentre, HisMatter, TellHis
from middleware.domain.his import HisMessage, PostCharges, RegisterPatient
from middleware.domain.visit import Settlement, Visit


def centre_request(command: CallCentre, visit: Visit, holder: Holder, bill: Bill | None, now: dt.datetime) -> CentreRequest:
    """The request that ``command`` means, in the centre's terms of our vocabulary."""
    match command.call:
        case Call.QUERY_PERSON:
            return QueryPerson(holder, now)
        case Call.REGISTER_VISIT:
            return _register(visit, holder)
    settlement, calls = visit.settlement(command.settlement_id), visit.calls
    match command.call:
        case calls.cancel:
            return CancelSettlement(visit.facts, _number(settlement))
        case Call.REVERSE:
            return _reverse(visit, settlement)
        case calls.pre_settle:
            return PreSettle(visit.facts, holder, settlement.batch, settlement.total, settlement.use_account)
        case calls.settle:
            return _settle(visit, settlement, holder)
    if bill is None:
        raise AssertionError("a settlement without its bill")
    if command.call is Call.UPLOAD_VISIT:
        order = visit.order
        return UploadVisit(
            visit.facts, order.begun_at, bill.diagnoses, order.department_name, order.doctor_code, order.doctor_name
        )
    return UploadCharges(visit.facts, settlement.batch, numbered(settlement, bill.lines))


def numbered(settlement: Settlement, lines: Sequence[ChargeLine]) -> tuple[ChargeLine, ...]:
    """The lines under numbers (feedetl_sn) that are unique in the institution for ever, digits only: batch and index."""
    digits = settlement.batch[1:]
    return tuple(evolve(line, line_id=f"{digits}{index:04d}") for index, line in enumerate(lines, 1))


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


def _settle(visit: Visit, settlement: Settlement, holder: Holder) -> Settle:
    if settlement.quoted is None:
        raise AssertionError("a settlement without a quote")
    return Settle(visit.facts, holder, settlement.batch, settlement.total, settlement.use_account, settlement.quoted)


def _number(settlement: Settlement) -> str:
    if settlement.settled is None:
        raise AssertionError("a cancel of what was never settled")
    return settlement.settled.settlement_number


def _reverse(visit: Visit, settlement: Settlement) -> Reverse:
    if settlement.unknown_call in CANCEL_CALLS:
        return Reverse(visit.facts, settlement.cancel_message_id, visit.calls.cancel)
    return Reverse(visit.facts, settlement.settle_message_id, visit.calls.settle)


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
        visit_number=visit.visit_number,
        patient_number=visit.patient_number,
        settlement_id=settlement.settlement_id,
        settlement_number=settlement.settled.settlement_number,  # of a cancel too: it is what the HIS booked
        settled_at=undone.cancelled_at if cancelled and undone else settlement.settled.settled_at,
        insurance=visit.insurance,
        split=undone.split if cancelled and undone else settlement.settled.split,
        lines=bill.lines,
        cancelled=cancelled,
    )
