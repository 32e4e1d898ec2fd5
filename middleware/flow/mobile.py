"""Paying by phone: an order is opened (6201), placed (6202), paid by the person in the app, and given back by 6203.

Opening moves nothing: whoever wants to pay an order needs its token, which only the answer to 6201 has; without one the
order is dropped and another opened. From the intent of 6202 on the visit is locked. What decides is 6301 (``ordering``);
what is paid after it was called off or written off goes back, and is never adopted (invariant 13).
"""

from __future__ import annotations

import datetime as dt

from attrs import evolve

from middleware.domain.centre import Call, Settled, SettlementCancelled
from middleware.domain.command import CallCentre
from middleware.domain.decision import CentreAmounts
from middleware.domain.event import (
    CentreCancelled,
    CentreOpenedOrder,
    CentrePlacedOrder,
    CentreRefundedOrder,
    DaemonRestarted,
    OrderNoticed,
    OrderNotShown,
    OrderRequested,
    OrderShown,
)
from middleware.domain.fault import Fault
from middleware.domain.kind import VisitKind
from middleware.domain.mobile import STANDINGS, MobileOrder, Standing
from middleware.domain.money import ZERO
from middleware.domain.payment import Means
from middleware.domain.visit import Settlement, SettlementState, Trouble, Visit
from middleware.flow import cancel, ordering, reversal
from middleware.flow import settlement as settling
from middleware.flow.desk import held, undoing
from middleware.flow.doubt import doubt
from middleware.flow.guards import clock_is_right
from middleware.flow.ordering import of
from middleware.flow.step import At, Row, Step, plus

S = SettlementState
MAX_NOTICES = 32  # of one order that are followed by a question; each more is evidence
PAID = frozenset({Standing.SETTLED, Standing.INSURANCE_PAID})


# -- opening and placing


def requested(settlement: Settlement, event: OrderRequested, at: At, visit: Visit) -> Step[Settlement]:
    """Stays Quoted while 6201 opens an order, when the quote holds, is what was confirmed, and no money is open."""
    if at.policy.mobile is None:
        raise Fault("mobile.not_offered")
    if visit.order.kind is not VisitKind.OUTPATIENT:
        raise Fault("mobile.not_offered", "an outpatient's bill only")
    clock_is_right(at)
    settling.still_good(settlement, event, at, visit)
    if not event.voucher:
        raise Fault("mobile.voucher")
    message_id = at.message_id()
    order = MobileOrder(our_number=message_id, voucher=event.voucher)
    asked = evolve(settlement, means=Means.MOBILE, mobile=order, awaiting=Call.OPEN_ORDER, trouble=None)
    return Step(asked, (CallCentre(Call.OPEN_ORDER, message_id, settlement.settlement_id),))


def opened(settlement: Settlement, event: CentreOpenedOrder, at: At, visit: Visit) -> Step[Settlement]:
    """-> SettleIntended: 6202 places the order; or stays, when the quote ran out meanwhile."""
    if settlement.expires_at is None or at.now >= settlement.expires_at:
        return Step(evolve(ordering.dropped(settlement), trouble=Trouble("settlement.quote_expired")))
    message_id = at.message_id()
    order = evolve(
        of(settlement),
        number=event.number,
        token=event.token,
        cashier=event.cashier,
        expires_at=plus(at, ordering.rules(at).valid_s),
    )
    intended = evolve(
        settlement, state=S.SETTLE_INTENDED, awaiting=None, settle_message_id=message_id, mobile=order, trouble=None
    )
    return Step(intended, (CallCentre(Call.PLACE_ORDER, message_id, settlement.settlement_id),))


def restarted(settlement: Settlement, event: DaemonRestarted, at: At, visit: Visit) -> Step[Settlement]:
    """Stays Quoted, without the order whose opening was in flight."""
    if settlement.awaiting is None:
        return Step(settlement)
    trouble = Trouble("centre.no_answer", f"{settlement.awaiting} crash")
    return Step(evolve(ordering.dropped(settlement), trouble=trouble))


def placed(settlement: Settlement, event: CentrePlacedOrder, at: At, visit: Visit) -> Step[Settlement]:
    """Stays; 6301 asks what of the order is paid."""
    if event.message_id != settlement.settle_message_id or of(settlement).query_id:
        return Step(settlement)
    return ordering.ask(settlement, at)


def placed_late(settlement: Settlement, event: CentrePlacedOrder, at: At, visit: Visit) -> Step[Settlement]:
    """Stays; 6301 asks at once."""
    return ordering.now(settlement, at)


def placed_after_all(settlement: Settlement, event: CentrePlacedOrder, at: At, visit: Visit) -> Step[Settlement]:
    """-> Unknown, due at once: what we called not done may have been done; what is paid of it goes back."""
    return _suspected(settlement, at, "placed after all")


def refunded(settlement: Settlement, event: CentreRefundedOrder, at: At, visit: Visit) -> Step[Settlement]:
    """Stays; 6301 asks whether the order is cancelled."""
    order = of(settlement)
    if event.message_id != settlement.cancel_message_id or order.query_id:
        return Step(settlement)
    return ordering.ask(evolve(settlement, mobile=evolve(order, refunded_at=event.reply.at)), at)


def refunded_late(settlement: Settlement, event: CentreRefundedOrder, at: At, visit: Visit) -> Step[Settlement]:
    """Stays; 6301 asks at once."""
    order = of(settlement)
    if event.message_id == settlement.cancel_message_id:
        settlement = evolve(settlement, mobile=evolve(order, refunded_at=event.reply.at))
    return ordering.now(settlement, at)


def refunded_after_all(settlement: Settlement, event: CentreRefundedOrder, at: At, visit: Visit) -> Step[Settlement]:
    """-> Unknown of kind cancel, due at once: a refund that we called not done may have been done."""
    if event.message_id != settlement.cancel_message_id:
        return Step(settlement)
    return doubt(settlement, Call.REFUND_ORDER, at, "refunded after all", wait_s=0)


# -- what 6301 says


def shown(settlement: Settlement, event: OrderShown, at: At, visit: Visit) -> Step[Settlement]:
    """-> Settled, Ordered, CancelIntended (what is not wanted goes back), Quoted, Reversed, Unknown, Manual."""
    order = of(settlement)
    if event.message_id != order.query_id:
        return Step(settlement)  # of an earlier question
    standing = _standing(event)
    order = evolve(order, query_id="", state=event.state, amounts=event.amounts)
    known = evolve(settlement, mobile=order)
    match standing:
        case Standing.SETTLED | Standing.INSURANCE_PAID:
            return _paid(known, event, at, visit)
        case Standing.CANCELLED:
            return reversal.undone(known)
        case Standing.BROKEN:
            known = evolve(known, unknown_call=Call.PLACE_ORDER, unknown_since=known.unknown_since or at.now)
            return reversal.hand_over(known, f"the channel says {event.state} of the order")
    return _undecided(known, at)


def _paid(settlement: Settlement, event: OrderShown, at: At, visit: Visit) -> Step[Settlement]:
    order = of(settlement)
    whole = _standing(event) is Standing.SETTLED
    over = order.expires_at is not None and at.now >= order.expires_at
    if order.unwanted or settlement.written_off == settlement.settle_message_id or (over and not whole):
        return _give_back(settlement, event, at, visit)
    if not whole:
        return ordering.wait(evolve(settlement, trouble=None), at)
    own = evolve(order, own_paid=True)
    return settling.holds(evolve(settlement, mobile=own), _settled(settlement, event, at), at, visit)


def _undecided(settlement: Settlement, at: At) -> Step[Settlement]:
    """Neither paid nor not paid, or certainly not: it depends on what may still come."""
    order, region = of(settlement), ordering.rules(at)
    if order.refused and not order.handed:  # two say so: the refusal, and the order as it was
        if settlement.state is S.UNKNOWN:
            return Step(evolve(settlement, state=S.REFUSED, unknown_call=None, next_due=None))
        return Step(evolve(ordering.dropped(settlement), state=S.QUOTED))
    if order.state in region.unpaid and _limit_over(settlement, at):
        done = reversal.undone(settlement)
        return Step(evolve(done.state, trouble=Trouble("mobile.expired")), done.commands)
    if settlement.state is S.UNKNOWN:
        return ordering.again(settlement, at)
    if order.expires_at is None or at.now < order.expires_at + dt.timedelta(seconds=at.policy.processing_limit_s):
        return ordering.wait(settlement, at)
    return doubt(settlement, Call.PLACE_ORDER, at, f"the order is {order.state} after its time")


def _limit_over(settlement: Settlement, at: At) -> bool:
    """Whether the question left when nothing more could be done of the order (invariant 12): by us, or by the person."""
    order = of(settlement)
    if order.handed and order.expires_at is not None:
        asked, over = order.asked_at or at.now, order.expires_at + dt.timedelta(seconds=at.policy.processing_limit_s)
        trusted = at.trusted_since is None or at.trusted_since <= asked <= at.now
        return trusted and asked >= over
    return reversal.waited_s(settlement, order.asked_at, at) >= at.policy.processing_limit_s


def _give_back(settlement: Settlement, event: OrderShown, at: At, visit: Visit) -> Step[Settlement]:
    """-> CancelIntended: all that is paid of it."""
    whole = _standing(event) is Standing.SETTLED
    order = evolve(of(settlement), unwanted=True, own_paid=whole)
    if order.refunds >= at.policy.max_attempts:
        known = evolve(settlement, mobile=order, unknown_call=Call.PLACE_ORDER)
        return reversal.hand_over(known, f"{order.refunds} refunds without a clear answer")
    reply = settlement.settled or _settled(settlement, event, at)
    known = evolve(
        settlement,
        settled=reply,
        broken_identities=settling.broken(settlement, reply),
        mobile=order,
        unknown_call=None,
        trouble=Trouble("mobile.expired"),
    )
    return cancel.intend(known, settlement.cancel_reason, at, visit)


def shown_after_refund(settlement: Settlement, event: OrderShown, at: At, visit: Visit) -> Step[Settlement]:
    """-> Cancelled; Settled or Delivered again when the refund was not done; Unknown; Manual when it is neither."""
    order = of(settlement)
    if event.message_id != order.query_id:
        return Step(settlement)
    standing = _standing(event)
    known = evolve(settlement, mobile=evolve(order, query_id="", state=event.state, amounts=event.amounts))
    if standing is Standing.CANCELLED and settlement.settled is not None:
        when = order.refunded_at or event.at or at.now
        undone = SettlementCancelled(order.number, when, undoing(settlement.settled.split))
        done = CentreCancelled(settlement.settlement_id, settlement.cancel_message_id, undone)
        return cancel.cancelled(known, done, at, visit)
    torn = order.own_paid and standing is Standing.INSURANCE_PAID  # the one half went back, the other did not
    if standing is Standing.BROKEN or torn:
        known = evolve(known, unknown_call=Call.REFUND_ORDER, unknown_since=known.unknown_since or at.now)
        return reversal.hand_over(known, f"the channel says {event.state} of an order that is given back")
    in_doubt = settlement.state is S.UNKNOWN
    over = in_doubt and reversal.waited_s(settlement, order.asked_at, at) >= at.policy.processing_limit_s
    if standing in PAID and (order.refused or over):
        return _not_refunded(known, at)
    return ordering.again(known, at) if in_doubt else doubt(known, Call.REFUND_ORDER, at, f"the order is {event.state}")


def _not_refunded(settlement: Settlement, at: At) -> Step[Settlement]:
    if not of(settlement).unwanted:
        done = reversal.undone(evolve(settlement, unknown_call=Call.REFUND_ORDER))
        kept = settlement.trouble if of(settlement).refused else done.state.trouble
        return Step(evolve(done.state, trouble=kept), done.commands)
    return ordering.still_paid(settlement, at, "its refund was not done")


def shown_waiting(settlement: Settlement, event: OrderShown, at: At, visit: Visit) -> Step[Settlement]:
    """-> Settled, CancelIntended (what is not wanted goes back), Reversed, Unknown, Manual; or stays Ordered."""
    return shown(settlement, event, at, visit)


def shown_in_doubt(settlement: Settlement, event: OrderShown, at: At, visit: Visit) -> Step[Settlement]:
    """-> Settled, Ordered, CancelIntended, Refused, Reversed, Cancelled, Delivered, Manual, by what is in doubt; stays."""
    if settlement.unknown_call is Call.REFUND_ORDER:
        return shown_after_refund(settlement, event, at, visit)
    return shown(settlement, event, at, visit)


def not_shown(settlement: Settlement, event: OrderNotShown, at: At, visit: Visit) -> Step[Settlement]:
    """-> Unknown: the order is asked about until it is known."""
    order = of(settlement)
    if event.message_id != order.query_id:
        return Step(settlement)
    call = Call.REFUND_ORDER if settlement.state in _CANCELLING else Call.PLACE_ORDER
    return doubt(evolve(settlement, mobile=evolve(order, query_id="")), call, at, f"{Call.QUERY_ORDER} {event.detail}")


def not_shown_again(settlement: Settlement, event: OrderNotShown, at: At, visit: Visit) -> Step[Settlement]:
    """Stays: nothing was learned; it is asked again a few times, then the order of evidence goes on."""
    order = of(settlement)
    if event.message_id != order.query_id:
        return Step(settlement)
    return ordering.again(evolve(settlement, mobile=evolve(order, query_id="")), at)


def not_shown_waiting(settlement: Settlement, event: OrderNotShown, at: At, visit: Visit) -> Step[Settlement]:
    """Stays Ordered while the person may still pay; -> Unknown when that time is over."""
    order = of(settlement)
    if event.message_id != order.query_id:
        return Step(settlement)
    known = evolve(settlement, mobile=evolve(order, query_id=""))
    if order.expires_at is None or at.now < order.expires_at:
        return ordering.wait(known, at)
    return doubt(known, Call.PLACE_ORDER, at, f"{Call.QUERY_ORDER} {event.detail}")


# -- notices


def noticed(settlement: Settlement, event: OrderNoticed, at: At, visit: Visit) -> Step[Settlement]:
    """Stays; 6301 asks at once whether that is so."""
    order = of(settlement)
    counted = evolve(settlement, mobile=evolve(order, noticed=order.noticed + 1))
    return ordering.now(counted, at) if order.noticed < MAX_NOTICES else Step(counted)


def noticed_after_all(settlement: Settlement, event: OrderNoticed, at: At, visit: Visit) -> Step[Settlement]:
    """-> Unknown, due at once: an order that we called not paid; if it is, that goes back (invariant 13). Or stays."""
    order = settlement.mobile
    if order is None or not order.number or order.noticed >= MAX_NOTICES:
        return Step(settlement)
    counted = evolve(settlement, mobile=evolve(order, noticed=order.noticed + 1))
    return _suspected(counted, at, "noticed after all")


def _suspected(settlement: Settlement, at: At, why: str) -> Step[Settlement]:
    known = evolve(settlement, written_off=settlement.settle_message_id)
    return doubt(known, Call.PLACE_ORDER, at, why, wait_s=0)


# -- words


def _standing(event: OrderShown) -> Standing:
    standing = STANDINGS.get(event.state, Standing.UNDECIDED)
    if standing is Standing.INSURANCE_PAID and event.amounts.cash == ZERO:
        return Standing.SETTLED  # there is nothing left to pay
    return standing


def _settled(settlement: Settlement, event: OrderShown, at: At) -> Settled:
    """The channel has no word for the hospital's own part: it is in the funds', and where that fits it is taken out."""
    quoted, told, region = settlement.quoted, event.amounts, ordering.rules(at)
    if quoted is None:
        raise AssertionError("an order without a quote")
    fits = told.fund.fen == quoted.fund.fen + quoted.hospital.fen
    hospital = quoted.hospital if fits else ZERO
    amounts = CentreAmounts(told.total, told.fund - hospital, told.account, told.cash, hospital)
    clearing = (region.clearing_type, "", region.clearing_agency)
    return Settled(of(settlement).number, event.at or at.now, held(quoted, amounts), *clearing)


_PLACING = (S.SETTLE_INTENDED, S.SETTLE_SENT)
_CANCELLING = (S.CANCEL_INTENDED, S.CANCEL_SENT)
_HELD = (S.SETTLED, S.DELIVERED)
_GONE = (S.REVERSED, S.REFUSED)
_KNOWN = dict.fromkeys((*_HELD, S.CANCELLED), "the outcome is known already")
_PERSON = {S.MANUAL: "a person decides; this is evidence"}
_UNDER_WAY = dict.fromkeys((*_CANCELLING,), "it is being given back; this is evidence")
_OURS = "only an order that was opened and placed has such an answer"
_RESOLVED = dict.fromkeys((*_HELD, *_GONE, S.CANCELLED), "the outcome was established meanwhile")

_ROWS: tuple[Row[Settlement], ...] = (
    Row(OrderRequested, {S.QUOTED: requested, **{s: settling.not_possible for s in S if s is not S.QUOTED}}, {}, ""),
    Row(CentreOpenedOrder, {S.QUOTED: opened}, {}, "an order is opened only for a quote that waits for it"),
    Row(
        CentrePlacedOrder,
        {
            **dict.fromkeys(_PLACING, placed),
            **dict.fromkeys((S.ORDERED, S.UNKNOWN), placed_late),
            **dict.fromkeys(_GONE, placed_after_all),
        },
        {**_KNOWN, **_UNDER_WAY, **_PERSON},
        _OURS,
    ),
    Row(
        CentreRefundedOrder,
        {
            **dict.fromkeys(_CANCELLING, refunded),
            S.UNKNOWN: refunded_late,
            **dict.fromkeys(_HELD, refunded_after_all),
        },
        {S.CANCELLED: _KNOWN[S.CANCELLED], **_PERSON},
        "only a refund in flight has such an answer",
    ),
    Row(
        OrderShown,
        {
            **dict.fromkeys(_PLACING, shown),
            S.ORDERED: shown_waiting,
            **dict.fromkeys(_CANCELLING, shown_after_refund),
            S.UNKNOWN: shown_in_doubt,
        },
        {**_RESOLVED, **_PERSON},
        _OURS,
    ),
    Row(
        OrderNotShown,
        {**dict.fromkeys((*_PLACING, *_CANCELLING), not_shown), S.ORDERED: not_shown_waiting, S.UNKNOWN: not_shown_again},
        {**_RESOLVED, **_PERSON},
        _OURS,
    ),
    Row(
        OrderNoticed,
        {**dict.fromkeys((S.ORDERED, S.UNKNOWN), noticed), **dict.fromkeys(_GONE, noticed_after_all)},
        {
            **_KNOWN,
            **_UNDER_WAY,
            **_PERSON,
            **dict.fromkeys((S.QUOTED, *_PLACING), "what is on its way is followed by the question"),
        },
        "a bill that was never ordered has no order that could be paid",
    ),
)
ROWS: dict[type, Row[Settlement]] = {row.event: row for row in _ROWS}
RESTART_MOVES = {S.QUOTED: restarted}
