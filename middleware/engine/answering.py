"""A request's answer: from the journal's state, stored once it is final, and given again word for word. Pure."""

from __future__ import annotations

from middleware.domain.centre import Holder
from middleware.domain.fault import Fault, Moved, Retry
from middleware.domain.money import Money
from middleware.domain.visit import Visit, VisitState
from middleware.engine import views
from middleware.engine.counter import Answer
from middleware.engine.errands import METHODS, errand_answer
from middleware.store.codec import decode_json, encode
from middleware.store.units import Request


def is_final(fault: Fault) -> bool:
    """Whether this will be the answer for ever. While money may have moved it is not: somebody is still to find out."""
    return fault.spec.retry in {Retry.NEVER, Retry.AFTER_FIX} and fault.spec.moved is not Moved.UNKNOWN


def same(request: Request, method: str, digest: str) -> None:
    """Raise ``request.key_reused`` when this key was used for something else."""
    if (request.method, request.digest) != (method, digest):
        raise Fault("request.key_reused", f"used for {request.method}")


def stored_answer(known: Answer | Fault) -> str | None:
    """A final answer as it is stored; None for what is not the answer for ever."""
    if not isinstance(known, Fault):
        return encode({"result": known})
    if not is_final(known):
        return None
    return encode({"fault": known.code, "detail": known.detail, "foreign": known.foreign})


def replay(request: Request) -> Answer:
    """The stored answer, or the stored fault raised."""
    stored = decode_json(request.answer)
    if "fault" in stored:
        raise Fault(stored["fault"], stored["detail"], foreign=stored["foreign"])
    result: Answer = stored["result"]
    return result


def known_answer(request: Request, visit: Visit, holder: Holder) -> Answer | Fault | None:
    """The answer that the visit's state gives to this request, the fault, or None while it is not known yet."""
    if request.method in {"patient.register", "inpatient.admit"}:
        return views.register_answer(visit, holder)
    try:
        if request.method in METHODS:
            return errand_answer(visit, visit.errand(request.settlement_id))
        settlement = visit.settlement(request.settlement_id)
    except KeyError:
        return None  # its unit is not durable yet
    of = {
        "settlement.quote": views.quote_answer,
        "settlement.quote_from_his": views.quote_answer,
        "settlement.settle": views.settle_answer,
        "settlement.cancel": views.cancel_answer,
        "mobile.order": views.order_answer,
        "mobile.refund": views.cancel_answer,
    }
    return of[request.method](visit, settlement)


def still_going(visit: Visit) -> Fault:
    """What an asker hears whose patience ended before the work did."""
    if visit.state is VisitState.ENROLLED:
        return Fault("his.no_answer", "the registration is at the centre and waits for the HIS")
    if visit.state is not VisitState.REGISTERED:
        return Fault("centre.no_answer")
    if visit.busy:
        return Fault("visit.busy")
    return Fault("settlement.busy")


def in_yuan(sums: dict[str, int]) -> Answer:
    """Sums of fen as an answer has them."""
    return {name: value if name == "count" else Money(value).yuan for name, value in sums.items()}
