"""The manual desk for a payer's leg: the same two persons, the same rules as ``desk.py``, other verdicts.

A person learns from the bank what is true there; nothing that they decide moves money by itself: what follows does so by
the same moves as the bank's own answer.
"""

from __future__ import annotations

import hashlib

from attrs import evolve

from middleware.domain.decision import PAYMENT_VERDICTS, Decided, Proposal, Verdict
from middleware.domain.event import ManualApproved, ManualProposed, ManualRejected
from middleware.domain.fault import Fault
from middleware.domain.payment import LEG_IN_DOUBT, BankCall, Leg, LegState
from middleware.domain.visit import Settlement
from middleware.flow import payer
from middleware.flow.step import At, Row, Step

S = LegState
V = Verdict
_DIGEST_DIGITS = 32
_FITTING = {
    BankCall.HOLD: frozenset({V.PAYMENT_RELEASED}),
    BankCall.REVERSE: frozenset({V.PAYMENT_RELEASED}),
    BankCall.RELEASE: frozenset({V.PAYMENT_RELEASED}),
    BankCall.CAPTURE: frozenset({V.PAYMENT_CAPTURED, V.PAYMENT_NOT_CAPTURED}),
    BankCall.REFUND: frozenset({V.PAYMENT_REFUNDED, V.PAYMENT_NOT_REFUNDED}),
}


def fitting(leg: Leg) -> frozenset[Verdict]:
    """What a person can decide of this leg now; empty when nothing is in doubt."""
    if leg.state is S.COLLECT:
        return frozenset({V.PAYMENT_COLLECTED})
    return _FITTING[leg.call] if leg.state in LEG_IN_DOUBT else frozenset()


def concerned(settlement: Settlement, event: object) -> Leg | None:
    """The leg that a desk's event is about, or None: then it is about the settlement itself."""
    match event:
        case ManualProposed(decision=decision) if decision.verdict in PAYMENT_VERDICTS:
            doubtful = next((leg for leg in settlement.legs if decision.verdict in fitting(leg)), settlement.leg)
            if doubtful is None:
                raise Fault("desk.not_fitting", "no bank card was used")
            return doubtful
        case ManualApproved(proposal=digest) | ManualRejected(proposal=digest):
            return next((leg for leg in settlement.legs if digest in _digests(leg)), None)
    return None


def _digests(leg: Leg) -> set[str]:
    waiting = {leg.proposal.digest} if leg.proposal else set()
    return waiting | ({leg.decided.proposal.digest} if leg.decided else set())


def proposed(leg: Leg, event: ManualProposed, at: At, settlement: Settlement) -> Step[Leg]:
    """Stays; the proposal waits for another person, in the place of an earlier one."""
    if event.decision.verdict not in fitting(leg):
        raise Fault("desk.not_fitting", f"what is in doubt is a {leg.call}")
    if _needless(event):
        raise Fault("desk.not_fitting", "a verdict on a payment needs evidence and nothing else")
    _late_enough(leg, at)
    waiting, by = leg.proposal, event.caller.account
    if waiting and (waiting.decision, waiting.evidence, waiting.proposed_by) == (event.decision, event.evidence, by):
        return Step(leg)  # asked again after a lost answer
    facts = (settlement.settlement_id, leg.number, event.decision, event.evidence, by, at.now.isoformat())
    digest = hashlib.sha256(repr(facts).encode()).hexdigest()[:_DIGEST_DIGITS]
    return Step(evolve(leg, proposal=Proposal(digest, event.decision, event.evidence, by, at.now)))


def _needless(event: ManualProposed) -> bool:
    d = event.decision
    return any((d.centre_number, d.centre_time, d.amounts, d.clearing_type, d.clearing_way, d.clearing_agency))


def approved(leg: Leg, event: ManualApproved, at: At, settlement: Settlement) -> Step[Leg]:
    """-> Released, Captured, Refunded, Collected as proposed; not captured ReleaseIntended, not refunded RefundIntended."""
    if leg.proposal is None and _is_decided_so(leg, event):
        return Step(leg)  # said again, while what followed from it is in doubt itself
    proposal = _shown(leg, event.proposal)
    if proposal.proposed_by == event.caller.account:
        raise Fault("desk.same_person", f"proposed by {proposal.proposed_by}")
    known = evolve(leg, proposal=None, decided=Decided(proposal, event.caller.account, at.now))
    match proposal.decision.verdict:
        case V.PAYMENT_RELEASED:
            return Step(payer.certain(known, S.RELEASED))
        case V.PAYMENT_CAPTURED:
            return Step(payer.certain(known, S.CAPTURED, captured=known.held))
        case V.PAYMENT_REFUNDED:
            return Step(payer.certain(known, S.REFUNDED))
        case V.PAYMENT_COLLECTED:
            return Step(payer.certain(known, S.COLLECTED))
        case V.PAYMENT_NOT_CAPTURED:
            return payer.give_back(evolve(known, capture=None), at, settlement)
        case V.PAYMENT_NOT_REFUNDED:
            return payer.give_back(known, at, settlement)
    raise AssertionError("a proposal that does not fit was kept")


def approved_before(leg: Leg, event: ManualApproved, at: At, settlement: Settlement) -> Step[Leg]:
    """Refused to the asker: it is decided, or known, by now. The same approval again changes nothing."""
    if _is_decided_so(leg, event):
        return Step(leg)
    raise Fault("desk.stale", f"state {leg.state}")


def _is_decided_so(leg: Leg, event: ManualApproved) -> bool:
    decided = leg.decided
    return decided is not None and (decided.proposal.digest, decided.approved_by) == (event.proposal, event.caller.account)


def rejected(leg: Leg, event: ManualRejected, at: At, settlement: Settlement) -> Step[Leg]:
    """Stays; no proposal waits any more."""
    _shown(leg, event.proposal)
    return Step(evolve(leg, proposal=None))


def nothing_in_doubt(leg: Leg, event: object, at: At, settlement: Settlement) -> Step[Leg]:
    """Refused to the asker: the payment is known, or a message about it is on its way."""
    raise Fault("desk.stale", f"state {leg.state}")


def outdated(leg: Leg) -> Leg:
    """The same without a proposal that was overtaken by what is known or asked now."""
    return leg if leg.proposal is None or leg.state in LEG_IN_DOUBT else evolve(leg, proposal=None)


def _shown(leg: Leg, digest: str) -> Proposal:
    if leg.proposal is None or leg.proposal.digest != digest:
        raise Fault("desk.stale", "no proposal waits" if leg.proposal is None else "another proposal waits")
    return leg.proposal


def _late_enough(leg: Leg, at: At) -> None:
    """What a bank is asked while a message of ours may still be carried out there proves nothing (invariant 12)."""
    if leg.state is S.COLLECT:
        return
    last = max(when for when in (leg.unknown_since, leg.asked_at, leg.hold.at) if when is not None)
    if at.trusted_since is not None and not at.trusted_since <= last <= at.now:
        last = at.trusted_since
    left = at.policy.bank_limit_s - (at.now - last).total_seconds()
    if left > 0:
        raise Fault("desk.too_early", f"{left:.0f} s left")


_DOUBT = tuple(s for s in S if s in LEG_IN_DOUBT)
_REST = tuple(s for s in S if s not in LEG_IN_DOUBT)

_ROWS: tuple[Row[Leg], ...] = (
    Row(ManualProposed, {**dict.fromkeys(_DOUBT, proposed), **dict.fromkeys(_REST, nothing_in_doubt)}, {}, ""),
    Row(ManualApproved, {**dict.fromkeys(_DOUBT, approved), **dict.fromkeys(_REST, approved_before)}, {}, ""),
    Row(ManualRejected, {**dict.fromkeys(_DOUBT, rejected), **dict.fromkeys(_REST, nothing_in_doubt)}, {}, ""),
)
ROWS: dict[type, Row[Leg]] = {row.event: row for row in _ROWS}
