"""From a caller's order to an errand's event, and from an errand's state to the caller's answer. Pure."""

from __future__ import annotations

from attrs import frozen

from middleware.domain.charge import Bill, bill_total
from middleware.domain.errand import Errand, ErrandState, Matter
from middleware.domain.event import ErrandRequested
from middleware.domain.fault import FAULTS, Fault
from middleware.domain.money import total
from middleware.domain.order import Caller, ChangeOrder, ChargeOrder, DischargeOrder
from middleware.domain.visit import Visit
from middleware.engine.counter import Answer, ErrandOrder

# Which method asks for what; no other method's request is an errand.
METHODS = {
    "inpatient.charge": Matter.CHARGE,
    "inpatient.charge_from_his": Matter.CHARGE,
    "inpatient.withdraw_charges": Matter.WITHDRAW_CHARGES,
    "inpatient.discharge": Matter.DISCHARGE,
    "inpatient.undo_discharge": Matter.UNDO_DISCHARGE,
    "inpatient.change": Matter.CHANGE,
    "visit.withdraw": Matter.WITHDRAW_VISIT,
}
_STATES = {
    ErrandState.ASKED: "pending",
    ErrandState.DONE: "done",
    ErrandState.DECLINED: "declined",
    ErrandState.LEFT: "left",
}


@frozen(slots=True)
class Asked:
    """What an order means: the event, and the bill that is written beside it."""

    event: ErrandRequested
    bill: Bill | None


def asked(matter: Matter, order: ErrandOrder, errand_id: str, caller: Caller) -> Asked:
    """The event of an order; lines and diagnoses go into the bill, for the journal keeps neither."""
    match order:
        case ChargeOrder(_, lines):
            event = ErrandRequested(
                errand_id,
                caller,
                matter,
                total=bill_total(lines),
                lines=len(lines),
                oldest=min(line.charged_at for line in lines),
            )
            return Asked(event, Bill(lines, ()))
        case DischargeOrder():
            event = ErrandRequested(
                errand_id,
                caller,
                matter,
                ended_at=order.ended_at,
                way=order.way,
                department_code=order.department_code,
                department_name=order.department_name,
                bed=order.bed,
            )
            return Asked(event, Bill((), order.diagnoses))
        case ChangeOrder():
            event = ErrandRequested(
                errand_id,
                caller,
                matter,
                department_code=order.department_code,
                department_name=order.department_name,
                bed=order.bed,
                doctor_code=order.doctor_code,
                doctor_name=order.doctor_name,
            )
            return Asked(event, Bill((), order.diagnoses))
    return Asked(ErrandRequested(errand_id, caller, matter), None)


def errand_answer(visit: Visit, errand: Errand) -> Answer | Fault | None:
    """The answer, the fault, or None while it is not known yet."""
    if errand.state is ErrandState.DONE:
        return {
            "visit_id": visit.visit_id,
            "errand_id": errand.errand_id,
            "matter": str(errand.matter),
            "state": "done",
            "total": errand.total.yuan,
            "charged": _charged(visit),
            "discharged": visit.discharge is not None,
        }
    if errand.awaiting is None and errand.trouble is not None:
        return Fault(errand.trouble.code, errand.trouble.detail, foreign=errand.trouble.foreign)
    return None


def _charged(visit: Visit) -> str:
    return total(one.total for one in visit.charges).yuan


def visit_view(visit: Visit) -> Answer:
    """visit.get's answer: all that is known of a visit now."""
    view: Answer = {
        "visit_id": visit.visit_id,
        "kind": str(visit.order.kind),
        "state": "Withdrawn" if visit.withdrawn else str(visit.state),
        "visit_number": visit.visit_number,
        "med_type": visit.order.med_type,
        "insurance": visit.insurance,
        "insured_region": visit.insured_region,
        "cross_region": visit.cross_region,
        "discharged": visit.discharge is not None,
        "charged": _charged(visit),
        "errands": [_errand_view(one) for one in visit.errands],
        "found": [
            {
                "visit_number": one.visit_number,
                "ours": one.our_number == visit.visit_id,
                "med_type": one.med_type,
                "begun_at": one.begun_at,
            }
            for one in visit.found
        ],
        "settlements": [{"settlement_id": s.settlement_id, "state": str(s.state)} for s in visit.settlements],
    }
    if visit.trouble is not None:
        view["fault"] = _fault_view(visit.trouble.code, visit.trouble.detail)
    return view


def _errand_view(errand: Errand) -> Answer:
    view: Answer = {
        "errand_id": errand.errand_id,
        "matter": str(errand.matter),
        "state": "withdrawn" if errand.withdrawn else _STATES[errand.state],
        "total": errand.total.yuan,
        "lines": errand.lines,
        "visit_number": errand.visit_number,
        "created_at": errand.created_at.isoformat(),
    }
    if errand.trouble is not None:
        view["fault"] = _fault_view(errand.trouble.code, errand.trouble.detail)
    return view


def _fault_view(code: str, detail: str) -> Answer:
    spec = FAULTS[code]
    return {"code": spec.code, "zh": spec.zh, "en": spec.en, "detail": detail}
