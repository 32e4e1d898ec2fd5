"""The registers' desk: what is registered, what one person proposes, and what another approves.

Nothing in a register changes by one person. Who proposed does not approve (``desk.same_person``), and who approves names
the digest of what was shown (``desk.stale``). Each act is a journal record with who, when and what; registers hold nobody.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import msgspec
from attrs import asdict

from middleware.domain.fault import Fault
from middleware.domain.order import Caller
from middleware.domain.patients import MergeState
from middleware.domain.registry import REGISTERS, Issuer, Keep, ListState, Matter, Psam, Terminal
from middleware.engine.counter import Answer
from middleware.engine.merges import Merges
from middleware.engine.runner import Means
from middleware.store import his_people, links, registers
from middleware.store.codec import decode_json, encode
from middleware.store.registers import Change, Proposed, Stored, Work
from middleware.store.units import Record, Unit

_KEYS = {Matter.PSAM: "serial", Matter.TERMINAL: "terminal", Matter.ISSUER: "region"}
INSTALL, DROP = "install", "drop"
MERGE_DECISIONS = {"follow": MergeState.FOLLOWED, "undo": MergeState.UNDONE}


class RegistryDesk:
    """Each method raises ``Fault`` and none blocks the reactor. ``changed`` is called when something took effect."""

    def __init__(self, means: Means, changed: Callable[[], None] = lambda: None) -> None:
        self._means = means
        self._changed = changed
        self.merges: Merges | None = None  # None: the HIS is told of none

    # -- looking

    async def entries(self, matter: Matter, after: str, limit: int) -> Answer:
        """One register's entries by key; a PSAM with its last success and the failures since."""
        rows = await self._means.pool.run(self._means.reader.registers.page, matter, after, limit)
        entries = [entry_view(one) for one in rows]
        return {
            "entries": entries,
            "next_after": entries[-1]["key"] if entries else after,
            "complete": len(entries) < limit,
        }

    async def proposals(self) -> Answer:
        """What waits for a second person."""
        found = await self._means.pool.run(self._means.reader.registers.proposals)
        return {"proposals": [proposal_view(one) for one in found]}

    # -- changing

    async def propose(
        self, caller: Caller, matter: Matter, key: str, entry: dict[str, Any] | None, decision: str, note: str
    ) -> Answer:
        """Propose an entry (None takes it away), what becomes of a list (install, drop), or a decision of a conflict."""
        means = self._means
        if matter in REGISTERS:
            change = await self._change(matter, key, entry, note)
        elif matter is Matter.LIST:
            change = await self._about_list(key, decision, note)
        elif matter is Matter.MERGE:
            change = await self._about_merge(key, decision, note)
        else:
            change = await self._about_conflict(key, decision, note)
        made = registers.proposed_of(change, caller.account, means.now())
        sealed = await means.pool.run(means.reader.registers.sealed_note, made, means.now())
        await self._commit(caller, "RegistryProposed", made, registers.propose(made, sealed))
        return proposal_view(made)

    async def approve(self, caller: Caller, proposal: str) -> Answer:
        """Approve it: it takes effect at once."""
        waiting = await self._waiting(proposal)
        if waiting.by == caller.account:
            raise Fault("desk.same_person", f"proposed by {waiting.by}")
        now = self._means.now()
        works = [registers.withdraw(proposal), self._carried_out(waiting.change, now)]
        if waiting.change.matter is Matter.CONFLICT and waiting.change.decision == Keep.BOTH and self.merges is not None:
            works += filter(None, [await self.merges.both(waiting.change.key, now)])
        await self._commit(caller, "RegistryApproved", waiting, _both(*works))
        self._changed()
        if self.merges is not None:
            self.merges.told()
        return proposal_view(waiting) | {"state": "approved"}

    async def reject(self, caller: Caller, proposal: str) -> Answer:
        """Reject it, or take one's own back. A list that waited for it is dropped: it was for nothing else."""
        waiting = await self._waiting(proposal)
        works = [registers.withdraw(proposal)]
        if waiting.change.matter is Matter.LIST and waiting.change.decision == INSTALL:
            works.append(registers.drop_list(waiting.change.key, self._means.now()))
        if waiting.change.matter is Matter.MERGE:
            works.append(his_people.withdrawn(waiting.change.key, self._means.now()))
        await self._commit(caller, "RegistryRejected", waiting, _both(*works))
        return proposal_view(waiting) | {"state": "rejected"}

    def _carried_out(self, change: Change, now: dt.datetime) -> Work:
        if change.matter in REGISTERS:
            return registers.put_entry(change, now)
        if change.matter is Matter.CONFLICT:
            return links.decide(change.key, Keep(change.decision), now)
        if change.matter is Matter.MERGE:
            state = MERGE_DECISIONS[change.decision]
            decided = self.merges.decided if self.merges is not None else his_people.decide_merge
            return decided(change.key, state, now)
        return (
            registers.install_list(change.key, now) if change.decision == INSTALL else registers.drop_list(change.key, now)
        )

    async def _change(self, matter: Matter, key: str, entry: dict[str, Any] | None, note: str) -> Change:
        found = await self._means.pool.run(self._means.reader.registers.entry, matter, key)
        if entry is None:
            if found is None:
                raise Fault("request.not_found", f"{matter} {key}")
            return Change(matter, key, None, "", found.version, note)
        try:
            whole = registers.entry_of(matter, entry | {_KEYS[matter]: key})
        except msgspec.ValidationError as exc:
            raise Fault("request.bad_params", f"params.entry: {exc}") from None
        return Change(matter, key, decode_json(encode(whole)), "", found.version if found is not None else 0, note)

    async def _about_list(self, key: str, decision: str, note: str) -> Change:
        found = await self._means.pool.run(self._means.reader.registers.list_of, key)
        if found is None:
            raise Fault("request.not_found", "list")
        if (decision, found.state) not in {
            (INSTALL, ListState.WAITING),
            (DROP, ListState.CURRENT),
            (DROP, ListState.WAITING),
        }:
            raise Fault("desk.not_fitting", f"a list that is {found.state} is not to {decision or 'nothing'}")
        return Change(Matter.LIST, key, None, decision, 0, note)

    async def _about_conflict(self, key: str, decision: str, note: str) -> Change:
        conflict = await self._means.pool.run(self._means.reader.links.conflict, key)
        if conflict is None:
            raise Fault("request.not_found", "conflict")
        several = conflict.first.number != conflict.second.number
        if decision not in set(Keep) or (decision == Keep.BOTH and not several):
            raise Fault("desk.not_fitting", f"{conflict.kind}: first, second or neither{', or both' * several}")
        return Change(Matter.CONFLICT, key, None, decision, 0, note)

    async def _about_merge(self, key: str, decision: str, note: str) -> Change:
        state = await self._means.pool.run(self._means.reader.his_people.merge_state, key)
        if not state:
            raise Fault("request.not_found", "merge")
        if MERGE_DECISIONS.get(decision) in {None, state}:
            raise Fault("desk.not_fitting", f"a merge that is {state}: {', '.join(MERGE_DECISIONS)}, and not what it is")
        if decision == "undo" and self.merges is not None:
            await self.merges.may_undo(key)
        return Change(Matter.MERGE, key, None, decision, 0, note)

    async def _waiting(self, proposal: str) -> Proposed:
        found = await self._means.pool.run(self._means.reader.registers.proposal, proposal)
        if found is None:
            raise Fault("desk.stale", "no such proposal waits")
        return found

    async def _commit(self, caller: Caller, event: str, about: Proposed, work: Work) -> None:
        """The note may hold words about somebody: it is sealed beside the chain, not in it."""
        change, now = about.change, self._means.now()
        facts = {"role": str(caller.role), "account": caller.account, "proposal": about.proposal, "proposed_by": about.by}
        body = facts | {"matter": str(change.matter), "key": change.key, "entry": change.entry, "decision": change.decision}
        record = Record(now, "", "", event, "", "", encode(body), change.note)
        await self._means.journal.commit(Unit(records=(record,), now=now, work=work))


def _both(*works: Work) -> Work:
    def work(connection: Any) -> None:
        for one in works:
            one(connection)

    return work


def entry_view(stored: Stored) -> Answer:
    """An entry as people see it."""
    entry = stored.entry
    matter = {Psam: Matter.PSAM, Terminal: Matter.TERMINAL, Issuer: Matter.ISSUER}[type(entry)]
    members = decode_json(encode(asdict(entry)))
    view: Answer = {
        "matter": str(matter),
        "key": members.pop(_KEYS[matter]),
        "entry": members,
        "changed_at": stored.changed_at,
    }
    if matter is Matter.PSAM:
        view["failures"] = stored.failures
    return view | ({"used_at": stored.used_at} if stored.used_at else {})


def proposal_view(made: Proposed) -> Answer:
    """A proposal with everything that its digest is of."""
    change = made.change
    view: Answer = {
        "proposal": made.proposal,
        "matter": str(change.matter),
        "key": change.key,
        "proposed_by": made.by,
        "proposed_at": made.at,
        "note": change.note,
    }
    if change.matter in REGISTERS:
        entry = {name: value for name, value in (change.entry or {}).items() if name != _KEYS[change.matter]}
        return view | {"decision": "put" if change.entry is not None else "remove"} | ({"entry": entry} if entry else {})
    return view | {"decision": change.decision}
