"""From how a call ended to what happened: the bridge between the wire's four outcomes and the machines' events."""

from __future__ import annotations

from middleware.domain.centre import (
    CANCEL_CALLS,
    FINISH_CALLS,
    MONEY_CALLS,
    SETTLE_CALLS,
    Call,
    CentreReply,
    ChargesTaken,
    Confirmed,
    Done,
    LineVerdict,
    PersonKnown,
    Quoted,
    Reversed,
    Settled,
    SettlementCancelled,
    VisitRegistered,
    VisitsFound,
    VisitUploaded,
)
from middleware.domain.command import CallCentre
from middleware.domain.event import (
    CallAnsweredLate,
    CallNotSent,
    CallUnanswered,
    CancelNotSent,
    CancelUnanswered,
    CentreCancelled,
    CentreConfirmed,
    CentreDidErrand,
    CentreFoundVisits,
    CentreKnewPerson,
    CentreOpenedOrder,
    CentrePlacedOrder,
    CentreQuoted,
    CentreRefundedOrder,
    CentreRefusedCall,
    CentreRefusedCancel,
    CentreRefusedConfirm,
    CentreRefusedReversal,
    CentreRefusedSettle,
    CentreRegisteredLate,
    CentreRegisteredVisit,
    CentreReversed,
    CentreSettled,
    CentreShowedVisits,
    CentreTookCharges,
    CentreTookVisit,
    ConfirmNotSent,
    ConfirmUnanswered,
    Event,
    OrderNotShown,
    OrderShown,
    ReversalNotSent,
    ReversalUnanswered,
    SettleNotSent,
    SettleUnanswered,
    VisitQueryFailed,
)
from middleware.domain.kind import CHARGE_CALLS, PRE_SETTLE_CALLS, REGISTER_CALLS, UPLOAD_VISIT_CALLS
from middleware.domain.mobile import OrderOpened, OrderRefunded, OrderStands
from middleware.domain.outcome import Answered, NotSent, Outcome, Refused, Unknown
from middleware.flow.step import Policy


def event_of(command: CallCentre, outcome: Outcome[CentreReply], policy: Policy, *, late: bool = False) -> Event:
    """The event that this outcome of that command is. An answer of the wrong kind is no answer.

    ``late``: it came after the command had ended as Unknown.
    """
    if late and command.call not in MONEY_CALLS:
        if isinstance(outcome, Answered) and isinstance(outcome.reply, VisitRegistered) and command.call in REGISTER_CALLS:
            return CentreRegisteredLate(outcome.reply.visit_number)
        return CallAnsweredLate(command.call, command.settlement_id, command.errand_id)
    if command.call is Call.QUERY_VISITS and command.settlement_id:
        return _queried(command, outcome)
    if command.call is Call.QUERY_ORDER:
        return _order_shown(command, outcome)
    match outcome:
        case Answered(reply):
            return _answered(command, reply, late=late)
        case Refused(code, message):
            return _refused(command, code, message, policy)
        case NotSent(fault, detail):
            return _not_sent(command, fault, detail)
        case Unknown(cause):
            return _unanswered(command, cause)


def _queried(command: CallCentre, outcome: Outcome[CentreReply]) -> Event:
    """5201 about a settlement in doubt: weak evidence, or none."""
    sid, mid = command.settlement_id, command.message_id
    match outcome:
        case Answered(VisitsFound(visits)):
            return CentreShowedVisits(sid, mid, visits)
        case Answered():
            return VisitQueryFailed(sid, mid, "unreadable")
        case Refused(code):
            return VisitQueryFailed(sid, mid, f"refused {code}")
        case NotSent(fault):
            return VisitQueryFailed(sid, mid, f"not-sent {fault}")
        case Unknown(cause):
            return VisitQueryFailed(sid, mid, f"unknown {cause}")


def _order_shown(command: CallCentre, outcome: Outcome[CentreReply]) -> Event:
    """6301: so the order stands, or nothing was learned."""
    sid, mid = command.settlement_id, command.message_id
    match outcome:
        case Answered(OrderStands(state=state, amounts=amounts, at=at)):
            return OrderShown(sid, mid, state, amounts, at)
        case Answered():
            return OrderNotShown(sid, mid, "unreadable")
        case Refused(code):
            return OrderNotShown(sid, mid, f"refused {code}")
        case NotSent(fault):
            return OrderNotShown(sid, mid, f"not-sent {fault}")
        case Unknown(cause):
            return OrderNotShown(sid, mid, f"unknown {cause}")


def _answered(command: CallCentre, reply: CentreReply, *, late: bool) -> Event:
    sid, mid = command.settlement_id, command.message_id
    if command.errand_id:
        return _did(command, command.errand_id, reply)
    match command.call, reply:
        case _, Settled() if command.call in SETTLE_CALLS:
            return CentreSettled(sid, mid, reply, late)
        case _, SettlementCancelled() if command.call in CANCEL_CALLS:
            return CentreCancelled(sid, mid, reply, late)
        case _, Confirmed() if command.call in FINISH_CALLS:
            return CentreConfirmed(sid, mid, late)
        case Call.REVERSE, Reversed():
            return CentreReversed(sid, mid)
        case Call.PLACE_ORDER, OrderStands(state=state):
            return CentrePlacedOrder(sid, mid, state, late)
        case Call.REFUND_ORDER, OrderRefunded():
            return CentreRefundedOrder(sid, mid, reply, late)
        case Call.OPEN_ORDER, OrderOpened(number, token, cashier):
            return CentreOpenedOrder(sid, mid, number, token, cashier)
    return _told(command, reply)


def _told(command: CallCentre, reply: CentreReply) -> Event:
    """Of what moves no money."""
    sid = command.settlement_id
    match command.call, reply:
        case Call.QUERY_PERSON, PersonKnown():
            return CentreKnewPerson(reply)
        case _, VisitRegistered(visit_number) if command.call in REGISTER_CALLS:
            return CentreRegisteredVisit(visit_number)
        case Call.QUERY_VISITS, VisitsFound(visits):
            return CentreFoundVisits(visits)
        case _, VisitUploaded() if command.call in UPLOAD_VISIT_CALLS:
            return CentreTookVisit(sid)
        case Call.UPLOAD_CHARGES, ChargesTaken(lines):
            return CentreTookCharges(sid, _borne(lines))
        case _, Quoted(split, cuts) if command.call in PRE_SETTLE_CALLS:
            return CentreQuoted(sid, split, None if cuts is None else _borne(cuts))
    return _unanswered(command, "unreadable")


def _did(command: CallCentre, errand_id: str, reply: CentreReply) -> Event:
    match reply:
        case VisitsFound(visits) if command.call is Call.QUERY_VISITS:
            return CentreFoundVisits(visits, errand_id)
        case ChargesTaken(lines) if command.call in CHARGE_CALLS:
            return CentreDidErrand(errand_id, command.call, _borne(lines))
        case Done() if command.call not in CHARGE_CALLS and command.call is not Call.QUERY_VISITS:
            return CentreDidErrand(errand_id, command.call)
    return _unanswered(command, "unreadable")


def _borne(lines: tuple[LineVerdict, ...]) -> tuple[LineVerdict, ...]:
    """What settlement.explain tells: the journal keeps it, the state does not need it."""
    return tuple(line for line in lines if line.borne)


def _refused(command: CallCentre, code: str, message: str, policy: Policy) -> Event:
    sid, mid = command.settlement_id, command.message_id
    # The centre did nothing: the same request may be sent again. A settle or a cancel did leave: its asker hears a refusal.
    if code in policy.sign_in_again_codes and command.call not in SETTLE_CALLS | CANCEL_CALLS:
        return _not_sent(command, "centre.sign_in", f"{command.call} {code}")
    if command.call is Call.REVERSE and code in policy.already_reversed_codes:
        return CentreReversed(sid, mid)
    if command.call in SETTLE_CALLS:
        return CentreRefusedSettle(sid, mid, code, message)
    if command.call in CANCEL_CALLS:
        return CentreRefusedCancel(sid, mid, code, message)
    if command.call in FINISH_CALLS:
        return CentreRefusedConfirm(sid, mid, code, message)
    if command.call is Call.REVERSE:
        return CentreRefusedReversal(sid, mid, code, message, code in policy.not_found_codes)
    return CentreRefusedCall(command.call, code, message, sid, command.errand_id)


def _not_sent(command: CallCentre, fault: str, detail: str) -> Event:
    sid, mid = command.settlement_id, command.message_id
    if command.call in SETTLE_CALLS:
        return SettleNotSent(sid, mid, fault, detail)
    if command.call in CANCEL_CALLS:
        return CancelNotSent(sid, mid, fault, detail)
    if command.call in FINISH_CALLS:
        return ConfirmNotSent(sid, mid, fault, detail)
    if command.call is Call.REVERSE:
        return ReversalNotSent(sid, mid, fault, detail)
    return CallNotSent(command.call, fault, detail, sid, command.errand_id)


def _unanswered(command: CallCentre, cause: str) -> Event:
    sid, mid = command.settlement_id, command.message_id
    if command.call in SETTLE_CALLS:
        return SettleUnanswered(sid, mid, cause)
    if command.call in CANCEL_CALLS:
        return CancelUnanswered(sid, mid, cause)
    if command.call in FINISH_CALLS:
        return ConfirmUnanswered(sid, mid, cause)
    if command.call is Call.REVERSE:
        return ReversalUnanswered(sid, mid, cause)
    return CallUnanswered(command.call, cause, sid, command.errand_id)
