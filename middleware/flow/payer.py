"""The payer's leg at the bank: hold, capture, release, refund; each can be unknown, and none moves money twice.

A capture and a release are repeated with the same data, which a bank answers once and for all (ISO 8583 advices); a hold is
never repeated but reversed (0400), a refund never repeated but handed to a person. What the settlement means for its leg
stands in ``paying.py``; here is only what the bank's words mean.
"""

from __future__ import annotations

from attrs import evolve

from middleware.domain.command import AskBank, WakePayer
from middleware.domain.event import DaemonRestarted
from middleware.domain.money import Money
from middleware.domain.payment import BankCall, Leg, LegState, Traced
from middleware.domain.payment_event import BankAgreed, BankNotAsked, BankRefused, BankUnanswered, PaymentDue
from middleware.domain.visit import Settlement
from middleware.flow.due import still_to_come
from middleware.flow.step import At, IllegalEvent, Row, Step, plus

S = LegState
C = BankCall
_INTENDED = {
    C.HOLD: S.HOLD_INTENDED,
    C.CAPTURE: S.CAPTURE_INTENDED,
    C.RELEASE: S.RELEASE_INTENDED,
    C.REVERSE: S.RELEASE_INTENDED,
    C.REFUND: S.REFUND_INTENDED,
}


# -- asking


def begin(settlement: Settlement, amount: Money, card_ref: str, at: At) -> Step[Leg]:
    """A leg comes into being: hold the own share."""
    message_id = at.message_id()
    number = len(settlement.legs) + 1
    leg = Leg(
        number=number,
        state=S.HOLD_INTENDED,
        hold=Traced(at.trace(), at.now, amount),
        hold_id=message_id,
        message_id=message_id,
        call=C.HOLD,
        card_ref=card_ref,
        attempts=1,
        asked_at=at.now,
    )
    return Step(leg, (AskBank(C.HOLD, message_id, settlement.settlement_id, number),))


def take(leg: Leg, amount: Money, at: At, settlement: Settlement) -> Step[Leg]:
    """-> CaptureIntended: of a hold, exactly so much."""
    if leg.held is None or amount.fen > leg.hold.amount.fen or amount.fen <= 0:
        raise IllegalEvent("a capture of more than is held")
    return _ask(
        evolve(leg, capture=Traced(at.trace(), at.now, amount), attempts=0, doubtful=False), C.CAPTURE, at, settlement
    )


def give_back(leg: Leg, at: At, settlement: Settlement) -> Step[Leg]:
    """-> ReleaseIntended of a hold that is certain, RefundIntended of what was captured."""
    call, amount = (C.REFUND, leg.charged) if leg.charged else (C.RELEASE, leg.hold.amount)
    named = evolve(leg, giving_back=Traced(at.trace(), at.now, amount), attempts=0, doubtful=False)
    return _ask(named, call, at, settlement)


def _ask(leg: Leg, call: BankCall, at: At, settlement: Settlement) -> Step[Leg]:
    """The message, under an id of its own; trace, time and amount are those of the first try."""
    message_id = at.message_id()
    asked = evolve(
        leg,
        state=_INTENDED[call],
        call=call,
        message_id=message_id,
        attempts=leg.attempts + 1,
        asked_at=at.now,
        next_due=None,
        fault="",
        detail="",
        foreign="",
    )
    return Step(asked, (AskBank(call, message_id, settlement.settlement_id, leg.number),))


# -- what the bank's words mean


def held(leg: Leg, event: BankAgreed, at: At, settlement: Settlement) -> Step[Leg]:
    """-> Held."""
    _ours(leg, event)
    return Step(evolve(leg, state=S.HELD, held=event.reply, unknown_since=None))


def taken(leg: Leg, event: BankAgreed, at: At, settlement: Settlement) -> Step[Leg]:
    """-> Captured; the card's number is forgotten. An earlier try's answer counts as well: all tries are one capture."""
    if event.call is not C.CAPTURE:
        return Step(leg)
    return Step(certain(leg, S.CAPTURED, captured=event.reply))


def released(leg: Leg, event: BankAgreed, at: At, settlement: Settlement) -> Step[Leg]:
    """-> Released; the card's number is forgotten. A late answer to the hold itself is evidence: what is out decides."""
    if event.call not in {C.RELEASE, C.REVERSE}:
        return Step(leg)
    return Step(certain(leg, S.RELEASED))


def refunded(leg: Leg, event: BankAgreed, at: At, settlement: Settlement) -> Step[Leg]:
    """-> Refunded."""
    if event.call is not C.REFUND:
        return Step(leg)
    return Step(certain(leg, S.REFUNDED))


def agreed_late(leg: Leg, event: BankAgreed, at: At, settlement: Settlement) -> Step[Leg]:
    """-> Captured, Released or Refunded when that is what was in doubt; a hold in doubt is reversed all the same: stays."""
    if event.call is not leg.call or event.call is C.HOLD:
        return Step(leg)
    return {C.CAPTURE: taken, C.RELEASE: released, C.REVERSE: released, C.REFUND: refunded}[event.call](
        leg, event, at, settlement
    )


def held_after_all(leg: Leg, event: BankAgreed, at: At, settlement: Settlement) -> Step[Leg]:
    """-> LegUnknown, due at once: a hold that we called gone is reversed, never used. Of anything else: stays."""
    if event.call is not C.HOLD or leg.held is not None:
        return Step(leg)
    return doubt(evolve(leg, attempts=0), C.HOLD, at, settlement, "held after all", wait_s=0)


def refused(leg: Leg, event: BankRefused, at: At, settlement: Settlement) -> Step[Leg]:
    """-> NotHeld: the bank said no."""
    _ours(leg, event)
    return Step(_refusal(certain(leg, S.NOT_HELD), event))


def refused_late(leg: Leg, event: BankRefused, at: At, settlement: Settlement) -> Step[Leg]:
    """-> NotHeld, when it is the hold that was in doubt: it is known now that nothing is held. Else stays."""
    if event.call is not C.HOLD or leg.call not in {C.HOLD, C.REVERSE} or event.message_id != leg.hold_id:
        return Step(leg)
    return Step(_refusal(certain(leg, S.NOT_HELD), event))


def capture_refused(leg: Leg, event: BankRefused, at: At, settlement: Settlement) -> Step[Leg]:
    """-> Captured when it says "done before", ReleaseIntended when certainly nothing was taken, else LegManual."""
    if event.call is not C.CAPTURE or event.message_id != leg.message_id:
        return Step(leg)
    if event.done_before and leg.doubtful:
        return Step(certain(leg, S.CAPTURED, captured=leg.held))
    if leg.doubtful or event.done_before:
        return Step(_refusal(hand_over(leg, "refused, and not certainly nothing was taken"), event))
    # The hold may still stand there: it is given back, and the cashier collects (paying.py).
    return give_back(evolve(leg, capture=None), at, settlement)


def release_refused(leg: Leg, event: BankRefused, at: At, settlement: Settlement) -> Step[Leg]:
    """-> Released when the bank has no such hold (a reversal: after its limit), LegUnknown before; else LegManual."""
    if event.call is not leg.call or event.message_id != leg.message_id:
        return Step(leg)
    if (event.done_before and leg.doubtful) or (event.not_found and event.call is C.RELEASE):
        return Step(certain(leg, S.RELEASED))
    if event.not_found:
        if _waited_s(leg, at) >= at.policy.bank_limit_s:
            return Step(certain(leg, S.RELEASED))
        return again(leg, at, settlement, "original not found yet", at.policy.bank_limit_s)
    return Step(_refusal(hand_over(leg, f"{event.call} refused with {event.code}"), event))


def refund_refused(leg: Leg, event: BankRefused, at: At, settlement: Settlement) -> Step[Leg]:
    """-> LegManual: the patient is owed the money."""
    if event.call is not C.REFUND or event.message_id != leg.message_id:
        return Step(leg)
    return Step(_refusal(hand_over(leg, f"{event.call} refused with {event.code}"), event))


def not_asked(leg: Leg, event: BankNotAsked, at: At, settlement: Settlement) -> Step[Leg]:
    """-> NotHeld: no byte left."""
    _ours(leg, event)
    return Step(evolve(certain(leg, S.NOT_HELD), fault=event.fault, detail=event.detail))


def not_asked_again(leg: Leg, event: BankNotAsked, at: At, settlement: Settlement) -> Step[Leg]:
    """-> LegUnknown: to be tried again."""
    if event.message_id != leg.message_id:
        return Step(leg)
    return again(leg, at, settlement, f"{event.call} {event.fault}")


def unanswered(leg: Leg, event: BankUnanswered, at: At, settlement: Settlement) -> Step[Leg]:
    """-> LegUnknown: whether it is held is to be established."""
    _ours(leg, event)
    return doubt(leg, C.HOLD, at, settlement, event.cause)


def unanswered_again(leg: Leg, event: BankUnanswered, at: At, settlement: Settlement) -> Step[Leg]:
    """-> LegUnknown: it may have been done; to be tried again with the same data."""
    if event.message_id != leg.message_id:
        return Step(leg)
    return again(evolve(leg, doubtful=True), at, settlement, f"{event.call} {event.cause}")


def restarted(leg: Leg, event: DaemonRestarted, at: At, settlement: Settlement) -> Step[Leg]:
    """-> LegUnknown: after a crash nobody knows whether the bytes left."""
    if leg.state is S.HOLD_INTENDED:
        return doubt(leg, C.HOLD, at, settlement, "crash")
    return again(evolve(leg, doubtful=True), at, settlement, f"{leg.call} crash")


def due(leg: Leg, event: PaymentDue, at: At, settlement: Settlement) -> Step[Leg]:
    """-> ReleaseIntended (a doubtful hold is reversed) or what was in doubt again; LegManual when that proves nothing."""
    longest_s = 2 * at.policy.bank_limit_s
    if leg.next_due is not None and still_to_come(leg.next_due, at, longest_s):
        return Step(leg, (WakePayer(settlement.settlement_id, leg.number, leg.next_due),))
    if leg.attempts >= at.policy.max_attempts:
        return Step(hand_over(leg, f"{leg.attempts} messages without a clear answer"))
    if leg.call is C.REFUND and leg.doubtful:
        return Step(hand_over(leg, "a refund without an answer is not sent again"))
    return _ask(leg, C.REVERSE if leg.call is C.HOLD else leg.call, at, settlement)


# -- small things


def doubt(leg: Leg, call: BankCall, at: At, settlement: Settlement, cause: str, wait_s: float | None = None) -> Step[Leg]:
    """-> LegUnknown: whether ``call`` was done, first looked into after the policy's delay (or ``wait_s``)."""
    when = plus(at, at.policy.first_check_s * (1 + at.jitter) if wait_s is None else wait_s)
    doubtful = evolve(
        leg,
        state=S.UNKNOWN,
        call=call,
        doubtful=True,
        attempts=0,
        unknown_since=at.now,
        next_due=when,
        fault="payment.outcome_unknown",
        detail=f"{call} {cause}",
    )
    return Step(doubtful, (WakePayer(settlement.settlement_id, leg.number, when),))


def again(leg: Leg, at: At, settlement: Settlement, why: str, at_most_s: float = 0) -> Step[Leg]:
    """-> LegUnknown, due after a delay that doubles with each try."""
    policy = at.policy
    wait_s = min(policy.repeat_max_s, policy.repeat_s * 2 ** max(0, leg.attempts - 1))
    wait_s = min(wait_s, at_most_s) if at_most_s else wait_s
    when = plus(at, wait_s * (1 + at.jitter / 4))
    waiting = evolve(
        leg,
        state=S.UNKNOWN,
        unknown_since=leg.unknown_since or at.now,
        next_due=when,
        fault="payment.outcome_unknown",
        detail=why,
    )
    return Step(waiting, (WakePayer(settlement.settlement_id, leg.number, when),))


def hand_over(leg: Leg, why: str) -> Leg:
    """-> LegManual: a person must decide."""
    return evolve(leg, state=S.MANUAL, next_due=None, fault="payment.manual", detail=why)


def certain(leg: Leg, state: LegState, **known: object) -> Leg:
    """A state that says what is known for sure; no message will name the card any more."""
    cleared = {"unknown_since": None, "next_due": None, "card_ref": "", "doubtful": False, "proposal": None}
    return evolve(leg, state=state, fault="", detail="", foreign="", **cleared, **known)  # type: ignore[arg-type]


def _refusal(leg: Leg, event: BankRefused) -> Leg:
    fault = "payment.manual" if leg.state is S.MANUAL else "payment.refused"
    return evolve(leg, fault=fault, detail=f"{event.code} {event.reason}", foreign=event.message)


def _ours(leg: Leg, event: BankAgreed | BankRefused | BankNotAsked | BankUnanswered) -> None:
    if event.message_id != leg.hold_id:
        raise IllegalEvent("the outcome of a hold that is not this leg's")


def _waited_s(leg: Leg, at: At) -> float:
    """How long after the hold the newest reversal asked, in seconds that certainly passed (as flow/reversal.py)."""
    since, asked = leg.hold.at, leg.asked_at or leg.hold.at
    trusted = at.trusted_since or min(since, asked)
    if not trusted <= asked <= at.now:
        return 0
    if not trusted <= since <= at.now:
        since = trusted
    return (asked - since).total_seconds()


# -- the table

_OUT = (S.CAPTURE_INTENDED, S.RELEASE_INTENDED, S.REFUND_INTENDED)
_KNOWN = "what this would tell is known already"
_PERSON = "a person decides; this is evidence"
_AFTER = (S.HELD, S.CAPTURED, S.REFUNDED, S.COLLECT, S.COLLECTED)
_OURS = "a hold has one outcome, and no leg is left before it"
_OVERTAKEN = "an earlier try's answer, or a person, established it meanwhile"
_RESTING = tuple(s for s in S if s not in {S.HOLD_INTENDED, *_OUT})

_ROWS: tuple[Row[Leg], ...] = (
    Row(
        BankAgreed,
        {
            S.HOLD_INTENDED: held,
            S.CAPTURE_INTENDED: taken,
            S.RELEASE_INTENDED: released,
            S.REFUND_INTENDED: refunded,
            S.UNKNOWN: agreed_late,
            S.RELEASED: held_after_all,
            S.NOT_HELD: held_after_all,
            S.COLLECT: held_after_all,
            S.COLLECTED: held_after_all,
        },
        {**dict.fromkeys((S.HELD, S.CAPTURED, S.REFUNDED), _KNOWN), S.MANUAL: _PERSON},
        "",
    ),
    Row(
        BankRefused,
        {
            S.HOLD_INTENDED: refused,
            S.CAPTURE_INTENDED: capture_refused,
            S.RELEASE_INTENDED: release_refused,
            S.REFUND_INTENDED: refund_refused,
            S.UNKNOWN: refused_late,
        },
        {**dict.fromkeys((*_AFTER, S.RELEASED, S.NOT_HELD), _KNOWN), S.MANUAL: _PERSON},
        "",
    ),
    Row(
        BankNotAsked,
        {S.HOLD_INTENDED: not_asked, **dict.fromkeys(_OUT, not_asked_again)},
        dict.fromkeys(_RESTING, _OVERTAKEN),
        "",
    ),
    Row(
        BankUnanswered,
        {S.HOLD_INTENDED: unanswered, **dict.fromkeys(_OUT, unanswered_again)},
        dict.fromkeys(_RESTING, _OVERTAKEN),
        "",
    ),
    Row(PaymentDue, {S.UNKNOWN: due}, {s: "nothing is due any more" for s in S if s is not S.UNKNOWN}, ""),
    Row(
        DaemonRestarted,
        dict.fromkeys((S.HOLD_INTENDED, *_OUT), restarted),
        dict.fromkeys(_RESTING, "nothing was in flight"),
        "",
    ),
)
ROWS: dict[type, Row[Leg]] = {row.event: row for row in _ROWS}
