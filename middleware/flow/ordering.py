"""Asking how an order of mobile payment stands (6301), and what of an order is kept: parts that several machines use.

No answer to 6202 or 6203, and no notice, decides about money: each leads here, and what 6301 says is what is true.
"""

from __future__ import annotations

import datetime as dt

from attrs import evolve

from middleware.domain.centre import Call
from middleware.domain.command import CallCentre, WakeAt
from middleware.domain.event import CallNotSent, CallUnanswered, CentreRefusedCall, DueTimePassed
from middleware.domain.mobile import MobileOrder, MobileRules
from middleware.domain.payment import Means
from middleware.domain.visit import Settlement, SettlementState, Trouble, Visit
from middleware.flow.doubt import doubt
from middleware.flow.due import still_to_come
from middleware.flow.step import At, Step, plus

S = SettlementState


def of(settlement: Settlement) -> MobileOrder:
    """Its order, which it must have."""
    if settlement.mobile is None:
        raise AssertionError("a settlement without an order")
    return settlement.mobile


def rules(at: At) -> MobileRules:
    """The region's; for an order of a time when there was mobile payment here, the usual ones."""
    return at.policy.mobile or MobileRules()


def ask(settlement: Settlement, at: At) -> Step[Settlement]:
    """The same, and 6301 is on its way. What rests has a due time of its own, so that a crash leaves nothing unasked."""
    message_id, order = at.message_id(), of(settlement)
    order = evolve(order, query_id=message_id, asked_at=at.now, queries=order.queries + 1)
    asked = evolve(settlement, mobile=order)
    call = CallCentre(Call.QUERY_ORDER, message_id, settlement.settlement_id)
    if settlement.state not in {S.ORDERED, S.UNKNOWN}:
        return Step(asked, (call,))
    resting = rest(asked, plus(at, at.policy.repeat_max_s))
    return Step(resting.state, (*resting.commands, call))


def rest(settlement: Settlement, when: dt.datetime) -> Step[Settlement]:
    """The same, to be looked at again then; a doubt no later than its limit."""
    due = min(when, settlement.pursuit.until) if settlement.pursuit else when
    return Step(evolve(settlement, next_due=due), (WakeAt(settlement.settlement_id, due),))


def wait(settlement: Settlement, at: At) -> Step[Settlement]:
    """-> Ordered: to be asked again soon, and surely when the person's time is over."""
    region, order = rules(at), of(settlement)
    wait_s = min(region.poll_max_s, region.poll_s * 2 ** min(order.queries, 16))
    when = plus(at, wait_s * (1 + at.jitter / 4))
    if order.expires_at is not None and at.now < order.expires_at:
        when = min(when, order.expires_at)
    waiting = evolve(settlement, state=S.ORDERED, unknown_call=None, mobile=evolve(order, handed=True))
    return rest(waiting, when)


def again(settlement: Settlement, at: At) -> Step[Settlement]:
    """Stays Unknown: asked again after a delay that doubles each time."""
    policy = at.policy
    wait_s = min(policy.repeat_max_s, policy.repeat_s * 2 ** max(0, min(of(settlement).queries, 16) - 1))
    return rest(settlement, plus(at, wait_s * (1 + at.jitter / 4)))


def now(settlement: Settlement, at: At) -> Step[Settlement]:
    """Stays: something was heard, so it is asked at once, from the beginning; a question that is out is enough."""
    order, pursuit = of(settlement), settlement.pursuit
    if order.query_id and order.asked_at is not None and at.now - order.asked_at < dt.timedelta(seconds=60):
        return Step(settlement)
    heard = evolve(settlement, mobile=evolve(order, queries=0), pursuit=evolve(pursuit, through=()) if pursuit else None)
    return rest(heard, at.now)


def due(settlement: Settlement, event: DueTimePassed, at: At, visit: Visit) -> Step[Settlement]:
    """Stays; 6301 asks how the order stands."""
    longest_s = max(2 * rules(at).poll_max_s, at.policy.repeat_max_s)
    if settlement.next_due is not None and still_to_come(settlement.next_due, at, longest_s):
        return Step(settlement, (WakeAt(settlement.settlement_id, settlement.next_due),))
    return ask(settlement, at)


def refunding(order: MobileOrder | None) -> MobileOrder | None:
    """The order as one whose 6203 is to leave."""
    if order is None:
        return None
    return evolve(order, refunds=order.refunds + 1, refused=False, refunded_at=None, query_id="", queries=0)


def refused(settlement: Settlement, trouble: Trouble, at: At) -> Step[Settlement]:
    """Stays: the channel said no; before that is believed, 6301 asks whether the order is as it was."""
    known = evolve(settlement, mobile=evolve(of(settlement), refused=True), trouble=trouble)
    return ask(known, at) if known.state is not S.UNKNOWN else now(known, at)


def dropped(settlement: Settlement) -> Settlement:
    """The same without an order that was never placed: nothing of it can be paid, for nobody has its token."""
    return evolve(settlement, mobile=None, means=Means.CASH, awaiting=None)


def call_off(settlement: Settlement, reason: str, at: At) -> Step[Settlement]:
    """Stays Ordered: 6301 asks at once what of the order is paid, and that goes back."""
    order = evolve(of(settlement), unwanted=True, expires_at=at.now, queries=0)
    return rest(evolve(settlement, mobile=order, cancel_reason=reason), at.now)


def still_paid(settlement: Settlement, at: At, why: str) -> Step[Settlement]:
    """-> Unknown: what is paid of the order is not wanted; it is asked about again, and given back anew."""
    wait_s = min(at.policy.repeat_max_s, at.policy.repeat_s * 2 ** min(of(settlement).refunds, 16))
    known = evolve(settlement, written_off=settlement.settle_message_id)
    return doubt(known, Call.PLACE_ORDER, at, why, wait_s=wait_s)


def not_opened(
    settlement: Settlement, event: CentreRefusedCall | CallNotSent | CallUnanswered, at: At, visit: Visit
) -> Step[Settlement]:
    """Stays Quoted, without an order: the bill may be paid in any way, or another order be opened."""
    match event:
        case CentreRefusedCall():
            trouble = Trouble("centre.refused", f"{event.call} {event.code}", event.message)
        case CallNotSent():
            trouble = Trouble(event.fault, event.detail)
        case _:
            trouble = Trouble("centre.no_answer", f"{event.call} {event.cause}")
    return Step(evolve(dropped(settlement), trouble=trouble))
