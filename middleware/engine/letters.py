"""Letters that the HIS refused, for an operator: see them, send them again, or give one up by two persons.

What a letter says is made from the settlement that stands. It is mended where the mistake is - in the HIS's master data or
the link's configuration - and then sent again, under the same control id; or a field of it is corrected, never an amount
(``domain.correction``), and it goes under an id of its own.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import sqlalchemy as sa
from attrs import frozen

from middleware.domain.command import MERGES, NOTICES, HisMatter
from middleware.domain.correction import MAX_CORRECTIONS, correctable, corrected, needs_two, wire_id
from middleware.domain.fault import Fault
from middleware.domain.order import Caller
from middleware.domain.visit import Trouble
from middleware.engine.composing import message_of
from middleware.engine.counter import Answer
from middleware.engine.desk import why_view
from middleware.engine.runner import Engine
from middleware.store.codec import decode_json, encode
from middleware.store.letter_notes import APPLIED, PROPOSED, Correction, correction_note, reject_correction
from middleware.store.letters import LetterRow, LettersReader, Work, given_up, mended, reopened, still_refused
from middleware.store.units import Letter, Put, Record, Unit

_PROPOSAL = "discard."
_DIGEST_DIGITS = 32


class Letters(Protocol):
    """What the door asks; every method raises ``Fault`` and none blocks the reactor. Every act is journalled."""

    async def list(self, after: int, limit: int, *, waiting: bool) -> Answer:
        """Letters that the HIS refused, the oldest first; or those that wait for its answer."""

    async def show(self, control_id: str) -> Answer:
        """One of them, why the HIS refused it, and the proposal that waits."""

    async def resend(self, caller: Caller, control_id: str, reason: str) -> Answer:
        """Let it leave again, if what it says still holds; ``reason`` is journalled, sealed."""

    async def fix(self, caller: Caller, control_id: str, fields: dict[str, str], reason: str) -> Answer:
        """Correct fields and let it leave again, under an MSH-10 of its own; who the patient is takes a second person."""

    async def discard(self, caller: Caller, control_id: str, why: str, reference: str) -> Answer:
        """Propose to give it up; another person approves."""

    async def approve(self, caller: Caller, control_id: str, proposal: str) -> Answer:
        """Give it up: the HIS will never hear it from us. Or, when a correction is proposed, let it leave with that."""

    async def reject(self, caller: Caller, control_id: str, proposal: str) -> Answer:
        """Reject the proposal, or take it back."""


@frozen(slots=True)
class _Proposed:
    """A proposal as the meta table holds it."""

    name: str
    text: str
    digest: str
    by: str
    at: str
    why: str
    reference: str


class LetterDesk:
    """Implements ``Letters``. ``look_again`` is called when a letter waits that did not a moment ago."""

    def __init__(self, engine: Engine, reader: LettersReader, look_again: Callable[[], None]) -> None:
        self._engine = engine
        self._reader = reader
        self._look_again = look_again

    async def list(self, after: int, limit: int, *, waiting: bool) -> Answer:
        """See ``Letters.list``."""
        rows = await self._engine.means.pool.run(self._reader.page, after, limit, dead=not waiting)
        return {
            "rows": [_view(row) for row in rows],
            "next_after": rows[-1].sequence if rows else after,
            "complete": len(rows) < limit,
        }

    async def show(self, control_id: str) -> Answer:
        """See ``Letters.show``."""
        row = await self._engine.means.pool.run(self._reader.letter, control_id)
        state, trouble = await self._about(row)
        view = _view(row) | {"state": state}
        if (row.copy or row.matter in NOTICES) and row.outcome.startswith("refused"):
            told = await self._engine.means.pool.run(self._reader.refusal, control_id)
            trouble = Trouble("his.refused", *told) if told else None
        if isinstance(trouble, Trouble) and trouble.code == "his.refused" and row.outcome.startswith("refused"):
            view["refusal"] = why_view(trouble)
        made = await self._engine.means.pool.run(self._reader.corrections, control_id)
        if row.outcome.startswith("refused"):
            view["content"] = await self._content(row)
        if made:
            view["corrections"] = [_correction_view(one) for one in made]
        proposed = await self._proposed(control_id)
        return view | ({"proposal": _proposal_view(proposed)} if proposed else {})

    async def _about(self, row: LetterRow) -> tuple[str, Trouble | None]:
        """The state of what the letter tells of, and what is wrong with that."""
        means = self._engine.means
        if row.matter in MERGES:
            return await means.pool.run(means.reader.his_people.merge_state, row.visit_id), None
        visit = await self._engine.visits.visit(row.visit_id)
        if not row.settlement_id:
            return str(visit.state), visit.trouble
        settlement = visit.settlement(row.settlement_id)
        return str(settlement.state), settlement.trouble

    async def _content(self, row: LetterRow) -> Sequence[Answer]:
        """What one person may correct, as it is now."""
        at = dt.datetime.fromisoformat(row.created_at)
        to = (row.destination, row.copy, row.number, row.revision)
        letter = Letter(row.control_id, row.visit_id, row.settlement_id, row.matter, at, *to)
        try:
            message = await message_of(self._engine, letter)
        except Fault as fault:
            if fault.code not in {"his.message", "person.forgotten"}:
                raise
            return []  # what it said is forgotten: it can only be given up
        return [{"field": field, "value": value} for field, value in correctable(message).items()]

    async def fix(self, caller: Caller, control_id: str, fields: dict[str, str], reason: str) -> Answer:
        """See ``Letters.fix``."""
        means = self._engine.means
        row = await means.pool.run(self._reader.letter, control_id)
        made = await means.pool.run(self._reader.corrections, control_id)
        if any(one.state == PROPOSED for one in made):
            raise Fault("desk.stale", "another correction waits")
        if len(made) >= MAX_CORRECTIONS:
            raise Fault("desk.not_fitting", f"{MAX_CORRECTIONS} corrections were made")
        at = dt.datetime.fromisoformat(row.created_at)
        plain = Letter(row.control_id, row.visit_id, row.settlement_id, row.matter, at, row.destination, row.copy)
        before = next((one.values for one in reversed(made) if one.state == APPLIED), {})
        corrected(await message_of(self._engine, plain), values := before | fields)  # raises what cannot be
        place, two = len(made) + 1, needs_two(fields)
        names = ",".join(sorted(fields))
        note = correction_note(control_id, place, PROPOSED if two else APPLIED, caller.account, means.now(), values, names)
        told = {"fields": names, "revision": place}
        async with self._engine.visits.alone(row.visit_id):
            if two:
                await self._commit(
                    caller, row, "LetterFixProposed", still_refused(control_id), told, note="", words=reason, puts=(note,)
                )
            else:
                work = mended(control_id, place, means.now())
                await self._commit(caller, row, "LetterFixed", work, told, note="", words=reason, puts=(note,))
        self._look_again()
        return await self.show(control_id)

    async def resend(self, caller: Caller, control_id: str, reason: str) -> Answer:
        """See ``Letters.resend``."""
        row = await self._engine.means.pool.run(self._reader.letter, control_id)
        # Beside the visit's own steps, so that no cancel begins between the look at its state and the letter's opening.
        async with self._engine.visits.alone(row.visit_id):
            await self._commit(caller, row, "LetterSentAgain", reopened(control_id), {}, words=reason, note="")
        self._look_again()
        return await self.show(control_id)

    async def discard(self, caller: Caller, control_id: str, why: str, reference: str) -> Answer:
        """See ``Letters.discard``."""
        means = self._engine.means
        row = await means.pool.run(self._reader.letter, control_id)
        waiting = await self._proposed(control_id)
        if waiting is None or (waiting.by, waiting.why, waiting.reference) != (caller.account, why, reference):
            facts = encode({"by": caller.account, "at": means.now().isoformat(), "why": why, "reference": reference})
            made = _read(_PROPOSAL + control_id, facts)
            told = {"proposal": made.digest, "why": why, "reference": reference}
            await self._commit(caller, row, "LetterDiscardProposed", still_refused(control_id), told, note=facts)
        return await self.show(control_id)

    async def approve(self, caller: Caller, control_id: str, proposal: str) -> Answer:
        """See ``Letters.approve``."""
        if (fix := await self._fix_of(control_id, proposal)) is not None:
            return await self._apply_fix(caller, control_id, fix)
        row, waiting = await self._shown(control_id, proposal)
        if waiting.by == caller.account:
            raise Fault("desk.same_person", f"proposed by {waiting.by}")
        work = given_up(control_id, (waiting.name, waiting.text))
        told = {"proposal": proposal, "proposed_by": waiting.by, "why": waiting.why, "reference": waiting.reference}
        await self._commit(caller, row, "LetterDiscarded", work, told, note="")
        return await self.show(control_id)

    async def reject(self, caller: Caller, control_id: str, proposal: str) -> Answer:
        """See ``Letters.reject``."""
        if (fix := await self._fix_of(control_id, proposal)) is not None:
            row = await self._engine.means.pool.run(self._reader.letter, control_id)
            told = {"proposal": proposal, "revision": fix.place}

            def work(connection: sa.Connection) -> None:
                reject_correction(connection, control_id, fix.place)

            await self._commit(caller, row, "LetterFixRejected", work, told, note="")
            return await self.show(control_id)
        row, _ = await self._shown(control_id, proposal)
        await self._commit(caller, row, "LetterDiscardRejected", None, {"proposal": proposal}, note="")
        return await self.show(control_id)

    async def _fix_of(self, control_id: str, proposal: str) -> Correction | None:
        """The correction that is proposed under that name."""
        made = await self._engine.means.pool.run(self._reader.corrections, control_id)
        return next((one for one in made if one.state == PROPOSED and one.digest == proposal), None)

    async def _apply_fix(self, caller: Caller, control_id: str, fix: Correction) -> Answer:
        means = self._engine.means
        if fix.by == caller.account:
            raise Fault("desk.same_person", f"proposed by {fix.by}")
        row = await means.pool.run(self._reader.letter, control_id)
        told = {"fields": fix.names, "revision": fix.place, "proposal": fix.digest, "proposed_by": fix.by}
        async with self._engine.visits.alone(row.visit_id):
            await self._commit(caller, row, "LetterFixed", mended(control_id, fix.place, means.now()), told, note="")
        self._look_again()
        return await self.show(control_id)

    async def _proposed(self, control_id: str) -> _Proposed | None:
        name = _PROPOSAL + control_id
        text = await self._engine.means.pool.run(self._reader.note, name)
        return _read(name, text) if text else None

    async def _shown(self, control_id: str, proposal: str) -> tuple[LetterRow, _Proposed]:
        row = await self._engine.means.pool.run(self._reader.letter, control_id)
        waiting = await self._proposed(control_id)
        if waiting is None or waiting.digest != proposal:
            raise Fault("desk.stale", "no proposal waits" if waiting is None else "another proposal waits")
        return row, waiting

    async def _commit(
        self,
        caller: Caller,
        row: LetterRow,
        event: str,
        work: Work | None,
        facts: dict[str, Any],
        *,
        note: str,
        words: str = "",
        puts: tuple[Put, ...] = (),
    ) -> None:
        """One act, its record and the proposal that stands afterwards ("" = none), or nothing of it."""
        now: dt.datetime = self._engine.means.now()
        who = {"role": str(caller.role), "account": caller.account, "control_id": row.control_id}
        who |= {"visit_id": row.visit_id, "settlement": row.settlement_id}
        record = Record(now, "", "", event, "", "", encode(who | facts), words)  # no state changes
        meta = ((_PROPOSAL + row.control_id, note),)
        await self._engine.means.journal.commit(Unit(records=(record,), now=now, meta=meta, work=work, puts=puts))


def _read(name: str, text: str) -> _Proposed:
    raw = decode_json(text)
    digest = hashlib.sha256(f"{name}\n{text}".encode()).hexdigest()[:_DIGEST_DIGITS]
    return _Proposed(name, text, digest, raw["by"], raw["at"], raw["why"], raw["reference"])


def _proposal_view(proposed: _Proposed) -> Answer:
    return {
        "proposal": proposed.digest,
        "proposed_by": proposed.by,
        "proposed_at": proposed.at,
        "why": proposed.why,
        "reference": proposed.reference,
    }


def _correction_view(one: Correction) -> Answer:
    values = [{"field": name, "value": one.values[name]} for name in one.names.split(",") if name in one.values]
    view = {"revision": one.place, "state": one.state, "by": one.by, "at": one.at, "fields": values}
    return view | ({"proposal": one.digest} if one.state == PROPOSED else {})


def _view(row: LetterRow) -> Answer:
    return {
        "sequence": row.sequence,
        "control_id": row.control_id,
        "visit_id": row.visit_id,
        "settlement_id": row.settlement_id,
        "matter": str(HisMatter(row.matter)),
        "created_at": row.created_at,
        "outcome": row.outcome or "waiting",
        "destination": row.destination,
        "message_control_id": wire_id(row.control_id, row.revision),
    }
