"""Debits on cards that nobody knows the end of: an operator sees them, two persons decide where no card can be asked."""

from __future__ import annotations

import hashlib
from typing import Protocol

from middleware.domain.card_debit import DebitState
from middleware.domain.fault import Fault
from middleware.domain.identity import CardNumber
from middleware.domain.money import Money
from middleware.domain.order import Caller
from middleware.engine.counter import Answer
from middleware.engine.open_count import OpenCount
from middleware.engine.runner import Means
from middleware.store import card_debits
from middleware.store.card_debits import Debit
from middleware.store.codec import decode_json, encode
from middleware.store.units import Record, Unit

PART = "debits"
_DIGITS = 32


class Debits(Protocol):
    """What the door asks; every method raises ``Fault``. Every act is journalled."""

    async def list(self, after: str, limit: int, *, every: bool) -> Answer:
        """Open debits, the oldest first; or all."""

    async def propose(self, caller: Caller, debit_id: str, decision: DebitState, reference: str) -> Answer:
        """Propose that it was done or not; ``reference``: where the evidence is found, sealed in the journal."""

    async def approve(self, caller: Caller, debit_id: str, proposal: str) -> Answer:
        """It is so from now on. Who proposed cannot."""

    async def reject(self, caller: Caller, debit_id: str, proposal: str) -> Answer:
        """Reject the proposal, or take it back."""


class DebitDesk(OpenCount):
    """Implements ``Debits``, and is the part ``debits`` of the daemon's health."""

    def __init__(self, means: Means) -> None:
        super().__init__(means, PART, "card.debit_open", means.reader.debits.open)

    async def list(self, after: str, limit: int, *, every: bool) -> Answer:
        """See ``Debits.list``."""
        rows = await self._means.pool.run(self._means.reader.debits.page, after, limit, every=every)
        return {
            "rows": [_view(row) for row in rows],
            "next_after": rows[-1].debit_id if rows else after,
            "complete": len(rows) < limit,
        }

    async def propose(self, caller: Caller, debit_id: str, decision: DebitState, reference: str) -> Answer:
        """See ``Debits.propose``."""
        await self._open_one(debit_id)
        made = {"by": caller.account, "at": self._means.now().isoformat(), "decision": str(decision)}
        await self._commit(caller, debit_id, "CardDebitProposed", made, words=reference, proposal=encode(made))
        return await self._shown(debit_id)

    async def approve(self, caller: Caller, debit_id: str, proposal: str) -> Answer:
        """See ``Debits.approve``."""
        made = await self._waiting(debit_id, proposal)
        if made["by"] == caller.account:
            raise Fault("desk.same_person", f"proposed by {made['by']}")
        facts = {"state": made["decision"], "why": "desk", "ended_at": self._means.now().isoformat(), "proposal": ""}
        told = {"decision": made["decision"], "proposed_by": made["by"]}
        await self._commit(caller, debit_id, "CardDebitDecided", told, **facts)
        self.kick()
        return await self._shown(debit_id)

    async def reject(self, caller: Caller, debit_id: str, proposal: str) -> Answer:
        """See ``Debits.reject``."""
        made = await self._waiting(debit_id, proposal)
        told = {"decision": made["decision"], "proposed_by": made["by"]}
        await self._commit(caller, debit_id, "CardDebitProposalRejected", told, proposal="")
        return await self._shown(debit_id)

    async def _open_one(self, debit_id: str) -> Debit:
        found: Debit = await self._means.pool.run(self._means.reader.debits.one, debit_id)
        if not found.open:
            raise Fault("desk.not_fitting", f"the debit is {found.state}")
        return found

    async def _waiting(self, debit_id: str, proposal: str) -> dict[str, str]:
        found = await self._open_one(debit_id)
        if not found.proposal or digest_of(found) != proposal:
            raise Fault("desk.stale", "another proposal waits" if found.proposal else "no proposal waits")
        made: dict[str, str] = decode_json(found.proposal)
        return made

    async def _shown(self, debit_id: str) -> Answer:
        return _view(await self._means.pool.run(self._means.reader.debits.one, debit_id))

    async def _commit(
        self, caller: Caller, debit_id: str, event: str, told: dict[str, str], *, words: str = "", **facts: str
    ) -> None:
        """One act and its record; nothing of it when the debit is certain by now."""
        now = self._means.now()
        body = {"role": str(caller.role), "account": caller.account, "debit_id": debit_id} | told
        record = Record(now, "", "", event, "", facts.get("state", ""), encode(body), words)
        await self._means.journal.commit(Unit(records=(record,), now=now, work=card_debits.end(debit_id, **facts)))


def digest_of(debit: Debit) -> str:
    """What whoever approves names: this proposal about this debit."""
    return hashlib.sha256(f"{debit.debit_id}\n{debit.proposal}".encode()).hexdigest()[:_DIGITS]


def _view(debit: Debit) -> Answer:
    view: Answer = {
        "debit_id": debit.debit_id,
        "state": str(debit.state),
        "why": debit.why,
        "card": CardNumber(debit.number).masked,
        "individual": Money(debit.order.individual_fen).yuan,
        "pooled": Money(debit.order.pooled_fen).yuan,
        "account": debit.account,
        "terminal": debit.terminal,
        "way": debit.way,
        "terminal_number": debit.terminal_number,
        "transaction_number": debit.transaction_number,
        "written_at": debit.order.at,
        "made_at": debit.made_at,
    }
    if debit.proposal:
        made = decode_json(debit.proposal)
        view["proposal"] = {
            "proposal": digest_of(debit),
            "decision": made["decision"],
            "proposed_by": made["by"],
            "proposed_at": made["at"],
        }
    return view
