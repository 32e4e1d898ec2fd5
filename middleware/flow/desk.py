"""The manual desk: what no machine could establish is decided by two persons, one who proposes and another who approves.

A proposal on an outcome that is still being pursued stops nothing: the pursuit goes on, and whatever it learns, or any
late word of the centre, withdraws the proposal, for it was made without knowing of it.
"""

from __future__ import annotations

import datetime as dt
import hashlib

from attrs import evolve, fields

from middleware.domain.centre import CANCEL_CALLS, SETTLE_CALLS, Call, Settled, SettlementCancelled
from middleware.domain.decision import CentreAmounts, Decided, Decision, Proposal, Verdict
from middleware.domain.event import (
    CentreCancelled,
    CentreConfirmed,
    CentreListed,
    CentreRefusedCancel,
    CentreRefusedConfirm,
    CentreRefusedReversal,
    CentreRefusedSettle,
    CentreReversed,
    CentreSettled,
    CentreShowedVisits,
    Event,
    ManualApproved,
    ManualProposed,
    ManualRejected,
)
from middleware.domain.fault import Fault
from middleware.domain.money import ZERO
from middleware.domain.split import Split
from middleware.domain.visit import Settlement, SettlementState, Visit
from middleware.flow import cancel, reversal
from middleware.flow import settlement as settling
from middleware.flow.guards import not_now
from middleware.flow.step import At, Row, Step

S = SettlementState

FITTING: dict[Call, frozenset[Verdict]] = {
    **dict.fromkeys(SETTLE_CALLS, frozenset({Verdict.SETTLED, Verdict.REVERSED})),
    **dict.fromkeys(CANCEL_CALLS, frozenset({Verdict.CANCELLED, Verdict.STANDS})),
}
CLOCKS = dt.timedelta(hours=1)  # so far may the centre's clock be from ours, now that a person looks at both
WRONG_BEFORE = dt.timedelta(days=1)  # so far ahead may ours have been when the settlement was made: nobody looked then
_DIGEST_DIGITS = 32
_OPEN = (S.UNKNOWN, S.MANUAL)
_AT_REST = (S.QUOTED, S.SETTLED, S.DELIVERED, S.CANCELLED, S.REFUSED, S.REVERSED)  # here a difference may be shown
_UNDONE_THERE = frozenset({Verdict.STANDS, Verdict.CANCELLED})
_ON_FINDING = {S.SETTLED: _UNDONE_THERE, S.DELIVERED: _UNDONE_THERE}
_TOLD = (
    CentreSettled,
    CentreRefusedSettle,
    CentreConfirmed,
    CentreRefusedConfirm,
    CentreReversed,
    CentreRefusedReversal,
    CentreCancelled,
    CentreRefusedCancel,
    CentreListed,
    CentreShowedVisits,
)


def proposed(settlement: Settlement, event: ManualProposed, at: At, visit: Visit) -> Step[Settlement]:
    """Stays; the proposal waits for another person, in the place of an earlier one."""
    _fits(settlement, event.decision, at)
    _late_enough(settlement, at)
    waiting = settlement.proposal
    by = event.caller.account
    if waiting and (waiting.decision, waiting.evidence, waiting.proposed_by) == (event.decision, event.evidence, by):
        return Step(settlement)  # asked again after a lost answer
    facts = (settlement.settlement_id, event.decision, event.evidence, by, at.now.isoformat())
    digest = hashlib.sha256(repr(facts).encode()).hexdigest()[:_DIGEST_DIGITS]
    return Step(evolve(settlement, proposal=Proposal(digest, event.decision, event.evidence, by, at.now)))


def approved(settlement: Settlement, event: ManualApproved, at: At, visit: Visit) -> Step[Settlement]:
    """-> Settled, Reversed or Cancelled, as proposed (a cancel that did not happen: Settled/Delivered again)."""
    proposal = _shown(settlement, event.proposal)
    if proposal.proposed_by == event.caller.account:
        raise Fault("desk.same_person", f"proposed by {proposal.proposed_by}")
    decided = Decided(proposal, event.caller.account, at.now)
    done = _carried_out(evolve(settlement, proposal=None, decided=decided), proposal.decision, at, visit)
    return Step(done.state, done.commands)


def proposed_on_finding(settlement: Settlement, event: ManualProposed, at: At, visit: Visit) -> Step[Settlement]:
    """Stays; a proposal on a difference with the centre's books waits. Where there is none the asker hears no."""
    if settlement.finding is None:
        raise not_now(settlement)
    return proposed(settlement, event, at, visit)


def approved_on_finding(settlement: Settlement, event: ManualApproved, at: At, visit: Visit) -> Step[Settlement]:
    """-> Cancelled, when the centre undid it; else stays, and the difference is closed. The desk's rules hold."""
    if settlement.finding is None or settlement.proposal is None:
        return approved_before(settlement, event, at, visit)
    return approved(settlement, event, at, visit)


def closed(settlement: Settlement, event: ManualApproved, at: At, visit: Visit) -> Step[Settlement]:
    """Stays; the difference is closed. The desk's rules hold."""
    return approved_on_finding(settlement, event, at, visit)


def rejected_on_finding(settlement: Settlement, event: ManualRejected, at: At, visit: Visit) -> Step[Settlement]:
    """Stays; no proposal waits any more. Where none waits the asker hears no."""
    return rejected(settlement, event, at, visit)


def approved_before(settlement: Settlement, event: ManualApproved, at: At, visit: Visit) -> Step[Settlement]:
    """Refused to the asker: it is decided, or known, by now. The same approval again changes nothing."""
    decided = settlement.decided
    if decided and (decided.proposal.digest, decided.approved_by) == (event.proposal, event.caller.account):
        return Step(settlement)
    raise Fault("desk.stale", f"state {settlement.state}")


def rejected(settlement: Settlement, event: ManualRejected, at: At, visit: Visit) -> Step[Settlement]:
    """Stays; no proposal waits any more."""
    _shown(settlement, event.proposal)
    return Step(evolve(settlement, proposal=None))


def nothing_to_reject(settlement: Settlement, event: ManualRejected, at: At, visit: Visit) -> Step[Settlement]:
    """Refused to the asker: no proposal waits in this state."""
    raise Fault("desk.stale", f"state {settlement.state}")


def nothing_to_decide(settlement: Settlement, event: ManualProposed, at: At, visit: Visit) -> Step[Settlement]:
    """Refused to the asker: the outcome is known, or a message about it is on its way."""
    raise not_now(settlement)


def outdated(settlement: Settlement, event: Event) -> Settlement:
    """The same without a proposal that ``event`` has overtaken: it was made without knowing of it."""
    waits = settlement.state in _OPEN or (settlement.state in _AT_REST and settlement.finding is not None)
    if settlement.proposal is None or (waits and not isinstance(event, _TOLD)):
        return settlement
    return evolve(settlement, proposal=None)


def _shown(settlement: Settlement, digest: str) -> Proposal:
    if settlement.proposal is None or settlement.proposal.digest != digest:
        raise Fault("desk.stale", "no proposal waits" if settlement.proposal is None else "another proposal waits")
    return settlement.proposal


def _fits(settlement: Settlement, decision: Decision, at: At) -> None:
    verdict = decision.verdict
    if settlement.state in _AT_REST:
        if verdict not in _ON_FINDING.get(settlement.state, frozenset({Verdict.STANDS})):
            raise Fault("desk.not_fitting", "what is shown is a difference with the centre's books")
    elif settlement.unknown_call is None or verdict not in FITTING[settlement.unknown_call]:
        raise Fault("desk.not_fitting", f"what is in doubt is a {settlement.unknown_call}")
    if verdict is Verdict.SETTLED and settlement.written_off == settlement.settle_message_id:
        # Invariant 13: the bill may have been paid in another way since.
        raise Fault("desk.not_fitting", "it was called undone before: have the centre undo it, then propose reversed")
    number, when, amounts = bool(decision.centre_number), decision.centre_time, decision.amounts
    facts = (number, when is not None, amounts is not None)
    needed = {Verdict.SETTLED: (True, True, True), Verdict.CANCELLED: (True, True, False)}
    if facts != needed.get(verdict, (False, False, False)):
        raise Fault("desk.not_fitting", "settled needs number, time and amounts; cancelled number and time; others none")
    if when is not None and when < settlement.created_at - WRONG_BEFORE:
        raise Fault("desk.not_fitting", "centre_time lies a day before the settlement")
    if when is not None and when > at.now + CLOCKS:
        raise Fault("desk.not_fitting", "centre_time lies in the future")
    others = (decision.clearing_type, decision.clearing_way, decision.clearing_agency)
    if verdict is not Verdict.SETTLED and any(others):
        raise Fault("desk.not_fitting", "clearing_... belongs to settled only")


def _late_enough(settlement: Settlement, at: At) -> None:
    """What the centre is asked while a message of ours may still be carried out there proves nothing (invariant 12)."""
    known = (settlement.unknown_since, settlement.reversal_intended_at)
    last = max((when for when in known if when is not None), default=settlement.created_at)
    if at.trusted_since is not None and not at.trusted_since <= last <= at.now:
        last = at.trusted_since  # the clock stepped since, or we were not there: the limit is waited for anew
    left = at.policy.processing_limit_s - (at.now - last).total_seconds()
    if left > 0:
        raise Fault("desk.too_early", f"{left:.0f} s left")


def _carried_out(settlement: Settlement, decision: Decision, at: At, visit: Visit) -> Step[Settlement]:
    sid, number, when = settlement.settlement_id, decision.centre_number, decision.centre_time
    if settlement.state in _AT_REST:
        settlement = evolve(settlement, finding=None)
        if decision.verdict is Verdict.STANDS:
            return Step(settlement)
    match decision.verdict:
        case Verdict.SETTLED:
            if when is None or decision.amounts is None or settlement.quoted is None:
                raise AssertionError("a proposal that does not fit was kept")
            split = held(settlement.quoted, decision.amounts)
            clearing = (decision.clearing_type, decision.clearing_way, decision.clearing_agency)
            reply = Settled(number, when, split, *clearing)
            return settling.holds(settlement, reply, at, visit)
        case Verdict.CANCELLED:
            if when is None or settlement.settled is None:
                raise AssertionError("a proposal that does not fit was kept")
            undone = SettlementCancelled(number, when, undoing(settlement.settled.split))
            return cancel.cancelled(settlement, CentreCancelled(sid, settlement.cancel_message_id, undone), at, visit)
        case Verdict.REVERSED | Verdict.STANDS:
            return reversal.undone(settlement)
    raise AssertionError("a verdict on a payment is its leg's")


def held(quoted: Split, amounts: CentreAmounts) -> Split:
    """The split that the centre holds: the quote's with these amounts; its finer parts stand as quoted.

    When the amounts are not the quote's, the parts do not add up to them, and the settlement is never shown as certain.
    """
    return evolve(
        quoted,
        total=amounts.total,
        fund=amounts.fund,
        account=amounts.account,
        cash=amounts.cash,
        hospital=amounts.hospital,
        personal=amounts.account + amounts.cash,
    )


def undoing(split: Split) -> Split:
    """The split of a cancel that undoes this one: every amount negative; the balance after it is not known and zero."""
    names = [one.name for one in fields(Split) if one.name not in {"funds", "balance_after"}]
    negative = {name: -getattr(split, name) for name in names}
    funds = tuple(evolve(line, amount=-line.amount) for line in split.funds)
    return evolve(split, **negative, funds=funds, balance_after=ZERO)


_DECIDED = tuple(s for s in S if s not in _OPEN and s not in _AT_REST)

_ROWS: tuple[Row[Settlement], ...] = (
    Row(
        ManualProposed,
        {
            **dict.fromkeys(_OPEN, proposed),
            **dict.fromkeys(_AT_REST, proposed_on_finding),
            **dict.fromkeys(_DECIDED, nothing_to_decide),
        },
        {},
        "",
    ),
    Row(
        ManualApproved,
        {
            **dict.fromkeys(_OPEN, approved),
            **dict.fromkeys(_AT_REST, closed),
            **dict.fromkeys(_ON_FINDING, approved_on_finding),
            **dict.fromkeys(_DECIDED, approved_before),
        },
        {},
        "",
    ),
    Row(
        ManualRejected,
        {
            **dict.fromkeys(_OPEN, rejected),
            **dict.fromkeys(_AT_REST, rejected_on_finding),
            **dict.fromkeys(_DECIDED, nothing_to_reject),
        },
        {},
        "",
    ),
)
ROWS: dict[type, Row[Settlement]] = {row.event: row for row in _ROWS}
