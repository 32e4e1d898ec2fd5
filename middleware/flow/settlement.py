"""Settling what was quoted. A settle (2102, 2207, 2304) is sent once; no answer is a state, not a no."""

from __future__ import annotations

from attrs import evolve

from middleware.domain.centre import SETTLE_CALLS, Settled
from middleware.domain.command import CallCentre, HisMatter, TellHis, WakeAt
from middleware.domain.event import (
    CentreRefusedSettle,
    CentreSettled,
    DaemonRestarted,
    DueTimePassed,
    FirstByteLeft,
    HisAcceptedCharges,
    HisRefusedCharges,
    OrderRequested,
    SettleConfirmed,
    SettleNotSent,
    SettleUnanswered,
)
from middleware.domain.fault import Fault
from middleware.domain.kind import VisitKind
from middleware.domain.payment import Means
from middleware.domain.rules import DischargeBy, OnHisSilence
from middleware.domain.split import Split, broken_identities
from middleware.domain.visit import Settlement, SettlementState, Trouble, Visit
from middleware.flow import cancel, ordering, paying
from middleware.flow.doubt import doubt
from middleware.flow.due import still_to_come
from middleware.flow.guards import charges_mark, clock_is_right, is_locked, money_is_free, not_now
from middleware.flow.payer_guard import payer_is_free
from middleware.flow.step import At, IllegalEvent, Row, Step, plus

S = SettlementState


def confirmed(settlement: Settlement, event: SettleConfirmed, at: At, visit: Visit) -> Step[Settlement]:
    """-> SettleIntended, when the quote holds, is what was confirmed, no money is open; a bank card: stays for a hold."""
    clock_is_right(at)
    quote = still_good(settlement, event, at, visit)
    if event.means is Means.BANK_CARD and quote.cash:
        return paying.hold(settlement, event, quote.cash, at)
    return send(evolve(settlement, means=Means.CASH), at, visit)


def still_good(settlement: Settlement, event: SettleConfirmed | OrderRequested, at: At, visit: Visit) -> Split:
    """The quote, when it is what was confirmed and nothing stands in its way; else the fault that says why not."""
    money_is_free(visit, but=settlement.settlement_id)
    quote = settlement.quoted
    if settlement.awaiting is not None:
        raise Fault("settlement.busy", f"{settlement.awaiting} is on its way")
    if quote is None or settlement.expires_at is None or at.now >= settlement.expires_at:
        raise Fault("settlement.quote_expired")
    if (event.total, event.cash) != (quote.total, quote.cash):
        raise Fault("settlement.quote_changed", "total or cash differs from the quote")
    _stay_allows(settlement, at, visit)
    payer_is_free(settlement)
    return quote


def send(settlement: Settlement, at: At, visit: Visit) -> Step[Settlement]:
    """-> SettleIntended."""
    message_id = at.message_id()
    intended = evolve(settlement, state=S.SETTLE_INTENDED, settle_message_id=message_id, trouble=None)
    return Step(intended, (CallCentre(visit.calls.settle, message_id, settlement.settlement_id),))


def _stay_allows(settlement: Settlement, at: At, visit: Visit) -> None:
    """Of a stay: what was quoted is what is there, and nothing about it is on its way."""
    if visit.busy:
        raise Fault("visit.busy")
    if visit.withdrawn:
        raise Fault("visit.not_registered", "visit is withdrawn")
    if settlement.charges_mark != charges_mark(visit):
        raise Fault("settlement.quote_changed", "the charges of the stay changed since the quote")
    if visit.order.kind is VisitKind.INPATIENT:
        order = at.policy.rules(visit.order.kind).discharge
        if (visit.discharge is None) is not (order is DischargeBy.AFTER):
            raise Fault("visit.order", "discharge first" if visit.discharge is None else "discharged: undo it first")


def not_possible(settlement: Settlement, event: object, at: At, visit: Visit) -> Step[Settlement]:
    """Refused to the asker: the state does not allow it."""
    raise not_now(settlement)


def left(settlement: Settlement, event: FirstByteLeft, at: At, visit: Visit) -> Step[Settlement]:
    """-> ...Sent: bytes left. Stays, when they are of a reversal that was overtaken."""
    message_id, sent = {
        S.SETTLE_INTENDED: (settlement.settle_message_id, S.SETTLE_SENT),
        S.CONFIRM_INTENDED: (settlement.confirm_message_id, S.CONFIRM_SENT),
        S.REVERSAL_INTENDED: (settlement.reversal_message_id, S.REVERSAL_SENT),
        S.CANCEL_INTENDED: (settlement.cancel_message_id, S.CANCEL_SENT),
    }[settlement.state]
    if event.message_id == message_id:
        return Step(evolve(settlement, state=sent))
    if any(one.message_id == event.message_id for one in settlement.undoings):
        return Step(settlement)
    raise IllegalEvent("bytes of a message that is not the one in flight")


def _ours(settlement: Settlement, event: CentreSettled | CentreRefusedSettle | SettleNotSent | SettleUnanswered) -> None:
    """A settlement has one 2207 that is neither refused nor unsent; an outcome of another one is our mistake."""
    if event.message_id != settlement.settle_message_id:
        raise IllegalEvent("the outcome of a 2207 that is not this settlement's")


def settled(settlement: Settlement, event: CentreSettled, at: At, visit: Visit) -> Step[Settlement]:
    """-> Settled; tell the HIS. Where a yes must be confirmed: ConfirmIntended, or Unknown if its amounts are unsound."""
    _ours(settlement, event)
    if at.policy.finish is None:
        return holds(settlement, event.reply, at, visit)
    approved = evolve(settlement, approved=event.reply, unknown_call=None, next_due=None, trouble=None)
    if broken(settlement, event.reply):
        unsound = evolve(approved, written_off=event.message_id)
        return doubt(unsound, visit.calls.settle, at, "its amounts do not add up, it is not confirmed", wait_s=0)
    message_id = at.message_id()
    intended = evolve(approved, state=S.CONFIRM_INTENDED, confirm_message_id=message_id)
    return Step(intended, (CallCentre(at.policy.finish, message_id, settlement.settlement_id),))


def broken(settlement: Settlement, reply: Settled) -> tuple[int, ...]:
    """Which identities the centre's amounts break; 0: its total is not the bill's."""
    found = broken_identities(reply.split)
    return (*found, 0) if reply.split.total != settlement.total else found


def holds(settlement: Settlement, reply: Settled, at: At, visit: Visit) -> Step[Settlement]:
    """-> Settled; tell the HIS. A broken identity is recorded and raised: the money has moved all the same."""
    unsound = broken(settlement, reply)
    known = evolve(
        settlement,
        state=S.SETTLED,
        settled=reply,
        broken_identities=unsound,
        trouble=Trouble("centre.identity_broken", ",".join(map(str, unsound))) if unsound else None,
        unknown_call=None,
        next_due=None,
    )
    return _tell(known, at, visit)


def _tell(settlement: Settlement, at: At, visit: Visit) -> Step[Settlement]:
    """The HIS hears of it, where it hears of such visits; and its silence gets a time, where something follows from it."""
    rules = at.policy.rules(visit.order.kind)
    if not rules.tell_charges:
        return Step(settlement)
    control_id = "P" + settlement.settlement_id[1:]
    letter = TellHis(HisMatter.SETTLED, control_id, settlement.settlement_id)
    if rules.on_his_silence is OnHisSilence.TELL or settlement.delivered:
        return Step(settlement, (letter,))
    due = plus(at, rules.his_silence_s)
    return Step(evolve(settlement, next_due=due), (letter, WakeAt(settlement.settlement_id, due)))


def his_silent(settlement: Settlement, event: DueTimePassed, at: At, visit: Visit) -> Step[Settlement]:
    """-> CancelIntended, where the policy says so and the visit is not locked; else stays, raised to a person."""
    if settlement.next_due is None:
        return Step(settlement)
    if still_to_come(settlement.next_due, at, at.policy.rules(visit.order.kind).his_silence_s):
        return Step(settlement, (WakeAt(settlement.settlement_id, settlement.next_due),))
    trouble = Trouble("his.no_answer", "the HIS has not said that it has the settlement")
    raised = evolve(settlement, next_due=None, trouble=trouble)
    cancels = at.policy.rules(visit.order.kind).on_his_silence is OnHisSilence.CANCEL
    if cancels and not is_locked(visit, settlement.settlement_id):
        return cancel.intend(raised, "the HIS is silent", at, visit)
    return Step(raised)


def settled_late(settlement: Settlement, event: CentreSettled, at: At, visit: Visit) -> Step[Settlement]:
    """-> Settled, or ConfirmIntended, when no reversal was ever tried; else kept as evidence: that may have undone it."""
    if (
        settlement.unknown_call not in SETTLE_CALLS
        or settlement.reversal_attempts
        or settlement.written_off == event.message_id
    ):
        return Step(settlement)
    return settled(settlement, event, at, visit)


def approved_after_all(settlement: Settlement, event: CentreSettled, at: At, visit: Visit) -> Step[Settlement]:
    """-> Unknown, due at once: a late approval of what we called undone is reversed, never adopted (invariant 13)."""
    _ours(settlement, event)
    return doubt(evolve(settlement, written_off=event.message_id), visit.calls.settle, at, "approved after all", wait_s=0)


def refused(settlement: Settlement, event: CentreRefusedSettle, at: At, visit: Visit) -> Step[Settlement]:
    """-> Quoted: the centre said no, nothing moved. Of a mobile order: stays, and 6301 asks whether that is so."""
    _ours(settlement, event)
    trouble = Trouble("centre.refused", f"{visit.settle_call(settlement)} {event.code}", event.message)
    if settlement.mobile is not None:
        return ordering.refused(settlement, trouble, at)
    return Step(evolve(settlement, state=S.QUOTED, trouble=trouble))


def refused_late(settlement: Settlement, event: CentreRefusedSettle, at: At, visit: Visit) -> Step[Settlement]:
    """-> Refused: it is known now that nothing was settled. Of a mobile order: stays, and 6301 asks."""
    if settlement.unknown_call not in SETTLE_CALLS:
        return Step(settlement)
    trouble = Trouble("centre.refused", f"{visit.settle_call(settlement)} {event.code}", event.message)
    if settlement.mobile is not None:
        return ordering.refused(settlement, trouble, at)
    return Step(evolve(settlement, state=S.REFUSED, trouble=trouble, unknown_call=None, next_due=None))


def not_sent(settlement: Settlement, event: SettleNotSent, at: At, visit: Visit) -> Step[Settlement]:
    """-> Quoted: no byte left, the same request may be sent again."""
    _ours(settlement, event)
    again = ordering.dropped(settlement) if settlement.mobile is not None else settlement
    return Step(evolve(again, state=S.QUOTED, trouble=Trouble(event.fault, event.detail)))


def unanswered(settlement: Settlement, event: SettleUnanswered, at: At, visit: Visit) -> Step[Settlement]:
    """-> Unknown: money may have moved. Of an earlier message, which was answered late meanwhile: evidence."""
    if event.message_id != settlement.settle_message_id:
        return Step(settlement)
    return doubt(settlement, visit.settle_call(settlement), at, event.cause)


def sent_and_not_sent(settlement: Settlement, event: SettleNotSent, at: At, visit: Visit) -> Step[Settlement]:
    """-> Unknown: bytes left, so "not sent" proves nothing."""
    return doubt(settlement, visit.settle_call(settlement), at, event.fault)


def restarted(settlement: Settlement, event: DaemonRestarted, at: At, visit: Visit) -> Step[Settlement]:
    """-> Unknown: after a crash "intended" and "sent" cannot be told apart."""
    return doubt(settlement, visit.settle_call(settlement), at, "crash")


def restarted_early(settlement: Settlement, event: DaemonRestarted, at: At, visit: Visit) -> Step[Settlement]:
    """Stays: whether the call arrived is not known, and no money is involved."""
    if settlement.awaiting is None:
        return Step(settlement)
    trouble = Trouble("centre.no_answer", f"{settlement.awaiting} crash")
    return Step(evolve(settlement, awaiting=None, trouble=trouble))


def delivered(settlement: Settlement, event: HisAcceptedCharges, at: At, visit: Visit) -> Step[Settlement]:
    """-> Delivered."""
    if event.cancelled:
        return Step(settlement)
    return Step(evolve(settlement, state=S.DELIVERED, delivered=True, next_due=None))


def delivered_meanwhile(settlement: Settlement, event: HisAcceptedCharges, at: At, visit: Visit) -> Step[Settlement]:
    """Stays; the HIS has it."""
    return Step(settlement if event.cancelled else evolve(settlement, delivered=True))


def his_refused(settlement: Settlement, event: HisRefusedCharges, at: At, visit: Visit) -> Step[Settlement]:
    """Stays and is raised to a person."""
    known = evolve(settlement, trouble=Trouble("his.refused", event.code, event.message))
    return Step(evolve(known, next_due=None) if known.state is S.SETTLED else known)


def his_refused_it(settlement: Settlement, event: HisRefusedCharges, at: At, visit: Visit) -> Step[Settlement]:
    """-> CancelIntended when the region's policy says so and the visit is not locked; else stays, raised to a person."""
    raised = his_refused(settlement, event, at, visit)
    if at.policy.cancels_when_refused(visit.order.kind) and not is_locked(visit, settlement.settlement_id):
        return cancel.intend(raised.state, "the HIS refused it", at, visit)
    return raised


_HELD = (S.SETTLED, S.DELIVERED)
_CANCELLING = (S.CANCEL_INTENDED, S.CANCEL_SENT)
_CONFIRMING = (S.CONFIRM_INTENDED, S.CONFIRM_SENT)
_INTENDED = (S.SETTLE_INTENDED, S.CONFIRM_INTENDED, S.REVERSAL_INTENDED, S.CANCEL_INTENDED)
_REVERSING = (S.REVERSAL_INTENDED, S.REVERSAL_SENT)
_PERSON = "a person decides; this is evidence"
_RESOLVED = "the outcome is known already"
_OVERTAKEN = "the answer overtook the notice that bytes left"
_OURS = "only a settle in flight has such an outcome"

_BEFORE = (S.RECEIVED, S.ITEMISED)

_ROWS: tuple[Row[Settlement], ...] = (
    Row(SettleConfirmed, {S.QUOTED: confirmed, **{s: not_possible for s in S if s is not S.QUOTED}}, {}, ""),
    Row(
        FirstByteLeft,
        dict.fromkeys(_INTENDED, left),
        {s: _OVERTAKEN for s in S if s not in _INTENDED},
        "",
    ),
    Row(
        CentreSettled,
        {
            S.SETTLE_INTENDED: settled,
            S.SETTLE_SENT: settled,
            S.UNKNOWN: settled_late,
            S.REVERSED: approved_after_all,
            S.REFUSED: approved_after_all,
        },
        {
            **dict.fromkeys(_REVERSING, "the reversal under way decides; this is evidence"),
            **dict.fromkeys((*_HELD, *_CONFIRMING, *_CANCELLING, S.CANCELLED), _RESOLVED),
            S.MANUAL: _PERSON,
        },
        _OURS,
    ),
    Row(
        CentreRefusedSettle,
        {S.SETTLE_INTENDED: refused, S.SETTLE_SENT: refused, S.UNKNOWN: refused_late},
        {
            **dict.fromkeys(_REVERSING, "the reversal under way decides; this is evidence"),
            **dict.fromkeys((*_HELD, S.ORDERED, *_CONFIRMING, *_CANCELLING, S.CANCELLED, S.REVERSED, S.REFUSED), _RESOLVED),
            S.MANUAL: _PERSON,
        },
        _OURS,
    ),
    Row(SettleNotSent, {S.SETTLE_INTENDED: not_sent, S.SETTLE_SENT: sent_and_not_sent}, {}, _OURS),
    # Written late, because the journal could not be: a late answer may have been written before it.
    Row(
        SettleUnanswered,
        {S.SETTLE_INTENDED: unanswered, S.SETTLE_SENT: unanswered},
        {s: "a late answer was written before it" for s in S if s not in {*_BEFORE, S.SETTLE_INTENDED, S.SETTLE_SENT}},
        _OURS,
    ),
    Row(
        HisAcceptedCharges,
        {
            S.SETTLED: delivered,
            **dict.fromkeys(
                (S.DELIVERED, *_CANCELLING, *_REVERSING, S.CANCELLED, S.UNKNOWN, S.MANUAL), delivered_meanwhile
            ),
        },
        {},
        "the HIS is told only of what was settled",
    ),
    Row(
        HisRefusedCharges,
        {S.SETTLED: his_refused_it, S.DELIVERED: his_refused, S.CANCELLED: his_refused},
        dict.fromkeys(
            (*_CANCELLING, *_REVERSING, S.UNKNOWN, S.MANUAL), "where the money is comes first: that trouble stays"
        ),
        "the HIS is told only of what was settled",
    ),
)
ROWS: dict[type, Row[Settlement]] = {row.event: row for row in _ROWS}

RESTART_MOVES = {
    S.RECEIVED: restarted_early,
    S.ITEMISED: restarted_early,
    S.SETTLE_INTENDED: restarted,
    S.SETTLE_SENT: restarted,
}
