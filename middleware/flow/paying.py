"""What the settlement means for its payer's leg, and the leg for the settlement.

Insurance settles only what the payer can pay.

The rule is by state, not by event, so that no way to a state can forget it: whenever neither side is moving, ``follow``
compares what the bank has with what the centre holds, and asks for the difference.
"""

from __future__ import annotations

from attrs import evolve

from middleware.domain.event import Event, SettleConfirmed
from middleware.domain.fault import Fault
from middleware.domain.money import Money
from middleware.domain.payment import Leg, LegState, Means
from middleware.domain.payment_event import BankAgreed, BankNotAsked, BankRefused, BankUnanswered, PaymentDue
from middleware.domain.visit import MONEY_OPEN, Settlement, SettlementState, Trouble
from middleware.flow import payer, payer_desk
from middleware.flow.step import At, Row, Step

L, S = LegState, SettlementState
ROWS: dict[type, Row[Leg]] = {**payer.ROWS, **payer_desk.ROWS}
MAX_LEGS = 16  # tries of one bill: a bound, not a rule of the trade
_STANDING = frozenset({S.SETTLED, S.DELIVERED})


def hold(settlement: Settlement, event: SettleConfirmed, amount: Money, at: At) -> Step[Settlement]:
    """Stays Quoted while the bank is asked to hold the own share; the 2207 waits for its yes."""
    if len(settlement.legs) >= MAX_LEGS:
        raise Fault("system.busy", f"a bill has at most {MAX_LEGS} tries with a bank card")
    begun = payer.begin(settlement, amount, event.card_ref, at)
    asked = evolve(settlement, means=Means.BANK_CARD, trouble=None, legs=(*settlement.legs, begun.state))
    return Step(asked, begun.commands)


def with_leg(settlement: Settlement, leg: Leg) -> Settlement:
    """The settlement with this leg in the place of its earlier self, and in its trouble what that means for an asker."""
    before = settlement.legs[leg.number - 1]
    leg = payer_desk.outdated(leg)
    legs = tuple(leg if one.number == leg.number else one for one in settlement.legs)
    changed = evolve(settlement, legs=legs)
    if changed.state is not S.QUOTED or changed.leg is not leg or before == leg:
        return changed
    return evolve(changed, trouble=_trouble(changed.trouble, leg))


def _trouble(before: Trouble | None, leg: Leg) -> Trouble | None:
    """Why the 2207 never left, when it was the bank that stopped it; an earlier reason of the centre's stays."""
    if leg.held is not None:
        return before
    if leg.state is L.RELEASED:
        return Trouble("payment.reversed")
    if leg.fault and leg.state in {L.NOT_HELD, L.UNKNOWN, L.MANUAL}:
        return Trouble(leg.fault, leg.detail, leg.foreign)
    return before


def follow(settlement: Settlement, at: At) -> Step[Settlement]:
    """What is to be asked of the bank now, when anything is."""
    leg = settlement.leg
    if leg is None or settlement.means is not Means.BANK_CARD or settlement.state in MONEY_OPEN:
        return Step(settlement)
    done = _follow(settlement, leg, at)
    return Step(with_leg(settlement, done.state), done.commands)


def _follow(settlement: Settlement, leg: Leg, at: At) -> Step[Leg]:
    stands = settlement.state in _STANDING
    match leg.state:
        case L.HELD if stands:
            return _capture(settlement, leg, at)
        case L.HELD:
            return payer.give_back(leg, at, settlement)
        case L.CAPTURED if not stands:
            return payer.give_back(leg, at, settlement)
        case L.NOT_HELD | L.RELEASED if stands and _share(settlement):
            return Step(evolve(leg, state=L.COLLECT, fault="payment.collect", detail=""))
        case L.COLLECT if not stands:
            return Step(payer.certain(leg, L.RELEASED))
    return Step(leg)


def _capture(settlement: Settlement, leg: Leg, at: At) -> Step[Leg]:
    """Exactly the settled own share, never more than is held (invariant: charged at the bank = settled own share)."""
    share = _share(settlement)
    if settlement.broken_identities or share.fen > leg.hold.amount.fen or share.fen < 0:
        doubtful = evolve(leg, call=payer.C.RELEASE)
        return Step(payer.hand_over(doubtful, f"settled own share {share}, held {leg.hold.amount}"))
    return payer.take(leg, share, at, settlement) if share else payer.give_back(leg, at, settlement)


def _share(settlement: Settlement) -> Money:
    if settlement.settled is None:
        raise AssertionError("a share of what was never settled")
    return settlement.settled.split.cash


def leg_of(settlement: Settlement, event: Event) -> Leg | None:
    """The leg that an event is about, or None: then it is about the settlement itself."""
    if isinstance(event, BankAgreed | BankRefused | BankNotAsked | BankUnanswered | PaymentDue):
        return settlement.legs[event.leg - 1]
    return payer_desk.concerned(settlement, event)


def may_settle(before: Leg, settlement: Settlement) -> bool:
    """Whether this is the moment for which the 2207 waited: the hold's own yes, and the bill still waits for it."""
    newest = settlement.leg
    if newest is None or newest.number != before.number:
        return False
    return (before.state, newest.state, settlement.state) == (L.HOLD_INTENDED, L.HELD, S.QUOTED)


def is_to_cancel(before: Settlement, after: Settlement, at: At) -> bool:
    """Whether the region wants a settlement cancelled of which the bank certainly took nothing."""
    if not at.policy.cancel_on_capture_refusal or after.state not in _STANDING or after.leg is None:
        return False
    was = before.leg.state if before.leg else None
    return after.leg.state is L.COLLECT is not was
