"""The manual desk: what is in doubt, what is known of it, and what two persons decide by the rules of ``flow/desk.py``."""

from __future__ import annotations

from attrs import evolve

from middleware.domain.decision import Decided, Decision, Evidence, Proposal, Verdict
from middleware.domain.errand import ErrandState
from middleware.domain.event import ManualApproved, ManualProposed, ManualRejected
from middleware.domain.fault import FAULTS, Fault
from middleware.domain.order import Caller
from middleware.domain.payment import Leg
from middleware.domain.reconciliation import Finding
from middleware.domain.visit import Settlement, SettlementState, Trouble, Visit
from middleware.engine.counter import Answer
from middleware.engine.runner import Engine
from middleware.engine.views import payment_view, pursuit_view, split_view
from middleware.store.doubts import LEGS, STATES, Doubts, Line, Sent

_WORDS = ("code", "cause", "fault", "detail", "reason", "proposal")  # members of an event that say why, without a person


class ManualDesk:
    """Implements ``Desk``. Every answer is made from what is durable; an account of role operator is one person."""

    def __init__(self, engine: Engine, doubts: Doubts) -> None:
        self._engine = engine
        self._doubts = doubts

    async def list(self, after: str, limit: int) -> Answer:
        """See ``Desk.list``."""
        page = await self._engine.means.pool.run(self._doubts.page, after, limit)
        rows = [row_view(visit, visit.settlement(settlement_id)) for settlement_id, visit in page]
        # An outcome may have become known between the reading of the two tables' rows: then it is no doubt any more.
        doubtful = [row for row in rows if _waits(row)]
        answer: Answer = {"rows": doubtful, "next_after": page[-1][0] if page else after, "complete": len(page) < limit}
        if not after:  # once, with the first page
            left = await self._engine.means.pool.run(self._doubts.left)
            answer["errands"] = [row for visit in left for row in errand_rows(visit)]
        return answer

    async def show(self, settlement_id: str) -> Answer:
        """See ``Desk.show``."""
        visit = await self._visit(settlement_id)
        settlement = visit.settlement(settlement_id)
        run = self._engine.means.pool.run
        lines = await run(self._doubts.lines, visit.visit_id, settlement_id)
        mentioned = {one for line in lines if (one := line.body.get("message_id"))} | set(message_ids(settlement).values())
        messages = await run(self._doubts.messages, mentioned - {""})
        answer = row_view(visit, settlement) | {
            "messages": [_sent_view(one) for one in messages],
            "journal": [_line_view(one) for one in lines],
        }
        if settlement.quoted is not None:
            answer["quoted"] = split_view(settlement.quoted)
        return answer

    async def propose(self, caller: Caller, settlement_id: str, decision: Decision, evidence: Evidence) -> Answer:
        """See ``Desk.propose``."""
        visit = await self._visit(settlement_id)
        if decision.verdict is Verdict.SETTLED:
            owner = await self._engine.means.pool.run(self._doubts.owner_of, decision.centre_number)
            if owner not in {"", settlement_id}:
                raise Fault("desk.not_fitting", f"centre_number is that of settlement {owner}")
        return await self._take(visit, ManualProposed(settlement_id, caller, decision, evidence))

    async def approve(self, caller: Caller, settlement_id: str, proposal: str) -> Answer:
        """See ``Desk.approve``."""
        return await self._take(await self._visit(settlement_id), ManualApproved(settlement_id, caller, proposal))

    async def reject(self, caller: Caller, settlement_id: str, proposal: str, reason: str) -> Answer:
        """See ``Desk.reject``."""
        event = ManualRejected(settlement_id, caller, proposal, reason)
        return await self._take(await self._visit(settlement_id), event)

    async def _visit(self, settlement_id: str) -> Visit:
        visit_id = await self._engine.visits.visit_of(settlement_id)
        if not visit_id:
            raise Fault("request.not_found", "settlement")
        return await self._engine.visits.visit(visit_id)

    async def _take(self, visit: Visit, event: ManualProposed | ManualApproved | ManualRejected) -> Answer:
        after = await self._engine.apply(visit.visit_id, event)
        return row_view(after, after.settlement(event.settlement_id))


def errand_rows(visit: Visit) -> list[Answer]:
    """What nobody asked for, could not be done, and waits for a person at the centre."""
    return [
        {
            "visit_id": visit.visit_id,
            "errand_id": one.errand_id,
            "matter": str(one.matter),
            "visit_number": one.visit_number,
            "since": one.created_at.isoformat(),
        }
        | ({"next_check_at": one.next_due.isoformat()} if one.next_due else {})
        | ({"why": why_view(one.trouble)} if one.trouble else {})
        for one in visit.errands
        if one.state is ErrandState.LEFT
    ]


def why_view(trouble: Trouble) -> Answer:
    """A trouble in the table's words, with the other side's own."""
    spec = FAULTS[trouble.code]
    return {"code": spec.code, "zh": spec.zh, "en": spec.en, "detail": trouble.detail, "foreign": trouble.foreign}


def _waits(row: Answer) -> bool:
    return row["state"] in STATES or row.get("payment", {}).get("state", "") in LEGS or "difference" in row


def message_ids(settlement: Settlement) -> dict[str, str]:
    """The message ids to ask the centre by; "" for what was never sent."""
    return {
        "settle": settlement.settle_message_id,
        "cancel": settlement.cancel_message_id,
        "reversal": settlement.reversal_message_id,
    }


def _leg(s: Settlement) -> Leg | None:
    """The leg that a person must look at, else the newest."""
    return next((leg for leg in s.legs if str(leg.state) in LEGS), s.leg)


def row_view(visit: Visit, settlement: Settlement) -> Answer:
    """One settlement as the desk sees it."""
    s = settlement
    view: Answer = {
        "settlement_id": s.settlement_id,
        "visit_id": visit.visit_id,
        "visit_number": visit.visit_number,
        "state": str(s.state),
        "in_doubt": str(s.unknown_call or ""),
        "total": s.total.yuan,
        "account": s.owner.account,
        "terminal": s.owner.terminal,
        "settlement_number": s.settled.settlement_number if s.settled else "",
        "attempts": s.reversal_attempts if s.state in _DOUBT else 0,
        "message_ids": message_ids(s),
    }
    if s.unknown_since is not None:
        view["since"] = s.unknown_since.isoformat()
    if s.next_due is not None:
        view["next_check_at"] = s.next_due.isoformat()
    if (pursued := pursuit_view(visit, s)) is not None:
        view["pursuit"] = pursued
    if s.trouble is not None:
        view["why"] = why_view(s.trouble)
    if (leg := _leg(s)) is not None:
        view["payment"] = payment_view(evolve(s, legs=(leg,)))
    if (proposal := s.proposal or (leg.proposal if leg else None)) is not None:
        view["proposal"] = proposal_view(proposal)
    if s.decided is None and leg is not None and leg.decided is not None:
        view["decided"] = decided_view(leg.decided)
    if s.decided is not None:
        view["decided"] = decided_view(s.decided)
    if s.finding is not None:
        view["difference"] = finding_view(s.finding)
    return view


def finding_view(finding: Finding) -> Answer:
    """A difference with the centre's books, and where it is written."""
    listing, proof = finding.listing, finding.listing.proof
    view: Answer = {
        "class": str(finding.difference),
        "message_id": finding.message_id,
        "refund": finding.refund,
        "day": proof.day.isoformat(),
        "run_id": proof.run_id,
        "file_digest": proof.file_digest,
        "line": proof.line,
        "settlement_number": listing.settlement_number,
        "found_at": finding.found_at.isoformat(),
    }
    amounts = {name: amount.yuan for name in ("total", "fund", "account") if (amount := getattr(listing, name)) is not None}
    return view | amounts


_DOUBT = frozenset(SettlementState(name) for name in STATES)


def proposal_view(proposal: Proposal) -> Answer:
    """A proposal with everything that its digest is of."""
    decision, evidence = proposal.decision, proposal.evidence
    view: Answer = {
        "proposal": proposal.digest,
        "decision": str(decision.verdict),
        "evidence": {
            "kind": str(evidence.kind),
            "reference": evidence.reference,
            "note": evidence.note,
            "sha256": evidence.sha256,
        },
        "proposed_by": proposal.proposed_by,
        "proposed_at": proposal.proposed_at.isoformat(),
    }
    if decision.centre_number:
        view["centre_number"] = decision.centre_number
    if decision.centre_time is not None:
        view["centre_time"] = decision.centre_time.isoformat()
    if (amounts := decision.amounts) is not None:
        names = ("total", "fund", "account", "cash", "hospital")
        view["amounts"] = {name: getattr(amounts, name).yuan for name in names}
    clearing = {name: value for name in _CLEARING if (value := getattr(decision, name))}
    return view | clearing


_CLEARING = ("clearing_type", "clearing_way", "clearing_agency")


def decided_view(decided: Decided) -> Answer:
    """What was decided, and by whom."""
    return {
        "proposal": proposal_view(decided.proposal),
        "approved_by": decided.approved_by,
        "approved_at": decided.approved_at.isoformat(),
    }


def _sent_view(sent: Sent) -> Answer:
    view = {
        "message_id": sent.message_id,
        "call": sent.call,
        "outcome": sent.outcome,
        "intended_at": sent.intended_at.isoformat(),
    }
    return view | ({"ended_at": sent.ended_at.isoformat()} if sent.ended_at else {})


_OUR_CALLERS = frozenset({"CancelConfirmed"})  # their words are a caller's reason, not another side's refusal


def _line_view(line: Line) -> Answer:
    body = line.body
    said = "; ".join(f"{name} {body[name]}" for name in _WORDS if body.get(name))
    if line.words and line.event in _OUR_CALLERS:
        said = f"reason {line.words}"
    return {
        "sequence": line.sequence,
        "at": line.at,
        "event": line.event,
        "before": line.before,
        "after": line.after,
        "message_id": body.get("message_id", ""),
        "by": (body.get("caller") or {}).get("account", ""),
        "said": said,
        "foreign": line.words if line.event not in _OUR_CALLERS else "",
    }
