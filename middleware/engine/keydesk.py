"""Keys and persons, for an operator: rotation beside work, destruction by two persons, and whose visits there are.

Each act and each look is a journal record with who, when and why, and no data about a person.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
from typing import Any, Protocol

import sqlalchemy as sa
import structlog
from attrs import frozen

from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.domain.money import Money
from middleware.domain.order import Caller
from middleware.engine.counter import Answer
from middleware.engine.runner import Engine
from middleware.engine.tasks import spawn
from middleware.store import rotation
from middleware.store.codec import decode_json, encode
from middleware.store.people import People, PersonVisit
from middleware.store.units import Record, Unit
from middleware.store.vault import Vault

log = structlog.get_logger()

_PROPOSAL = "destroy."
_DIGEST_DIGITS = 32


class Keys(Protocol):
    """What the door asks; every method raises ``Fault`` and none blocks the reactor."""

    async def list(self) -> Answer:
        """All data keys, what waits for a second person, and how far a rewriting is."""

    async def rotate(self, caller: Caller, *, rewrap: bool, reseal: bool) -> Answer:
        """New data keys for what is sealed from now on.

        ``rewrap``: the master keys are read anew and the current one wraps all data keys. ``reseal``: old values too get
        the new keys, beside the work.
        """

    async def destroy(self, caller: Caller, period: str) -> Answer:
        """Propose to destroy a period's keys; another person approves."""

    async def approve(self, caller: Caller, period: str, proposal: str) -> Answer:
        """Destroy them, for ever."""

    async def reject(self, caller: Caller, period: str, proposal: str) -> Answer:
        """Reject the proposal, or take it back."""

    async def find(
        self, caller: Caller, *, id_number: str, card_number: str, reason: str, after: str, limit: int
    ) -> Answer:
        """The visits of whoever has this number; one of the two is given. ``reason`` is journalled with the look."""


@frozen(slots=True)
class _Waiting:
    """A proposal as the meta table holds it."""

    name: str
    text: str
    digest: str
    by: str
    at: str


class KeyDesk:
    """Implements ``Keys``. ``keep_days``: so long a period is kept after its end; ``page``: rows rewritten at once."""

    def __init__(
        self, engine: Engine, database: sa.Engine, vault: Vault, keep_days: int, page: int = rotation.PAGE
    ) -> None:
        self._engine = engine
        self._database = database
        self._vault = vault
        self._people = People(database, vault)
        self._keep_days = keep_days
        self._page = page
        self._resealing = self._wanted = False
        self._failed = ""
        self._stopped = False

    def start(self) -> None:
        """Go on with what an earlier life began: a rewriting, and taking out of the log what was destroyed."""
        spawn(self._cut_if_noted(), "cut log")
        self._reseal()

    def _reseal(self) -> None:
        self._wanted = True
        if not self._resealing:
            self._resealing, self._failed = True, ""
            spawn(self._go_on(), "reseal")

    def stop(self) -> None:
        """Begin no further page; the next start goes on."""
        self._stopped = True

    def health(self) -> PartHealth:
        """DEGRADED when a rewriting stopped on something that a person must see."""
        if self._failed:
            return PartHealth("keys", Condition.DEGRADED, "system.keys", self._failed)
        return PartHealth("keys", Condition.GOOD, "", "resealing" if self._resealing else "")

    async def list(self) -> Answer:
        """See ``Keys.list``."""
        means = self._engine.means
        rows = await means.pool.run(rotation.list_keys, self._database)
        periods = sorted({row.period for row in rows})
        waiting = [one for period in periods if (one := await self._waiting(period)) is not None]
        text = await means.pool.run(rotation.noted, self._database, rotation.RESEALING)
        answer: Answer = {
            "keys": [_key_view(row) for row in rows],
            "proposals": [_proposal_view(one) for one in waiting],
        }
        if (progress := rotation.progress_in(text)) is not None:
            answer["resealing"] = {"column": progress.name, "done": progress.done}
        return answer

    async def rotate(self, caller: Caller, *, rewrap: bool, reseal: bool) -> Answer:
        """See ``Keys.rotate``."""
        means, vault = self._engine.means, self._vault
        now, counted = means.now(), rotation.Counted()
        if rewrap:
            await means.pool.run(vault.keys.masters.reload)
            await self._commit(caller, "KeysRewrapped", {}, rotation.rewrap(vault, counted))
        await self._commit(caller, "KeysRotated", {}, rotation.retire(now))
        vault.keys.forget()
        if reseal:
            await self._commit(caller, "KeysResealing", {}, rotation.begin_resealing())
            self._reseal()
        return {"rewrapped": counted.rows, "resealing": reseal}

    async def _go_on(self) -> None:
        try:
            while self._wanted:  # it may be asked for again while the end of this one is written
                self._wanted = False
                await self._to_the_end()
        except Fault as fault:
            # The next start goes on where this one stopped.
            self._failed = fault.detail
            log.warning("keys.reseal_stopped", code=fault.code, detail=fault.detail)
        finally:
            self._resealing = False

    async def _to_the_end(self) -> None:
        means = self._engine.means
        while not self._stopped:
            text = await means.pool.run(rotation.noted, self._database, rotation.RESEALING)
            progress = rotation.progress_in(text)
            if progress is None:
                return
            if not progress.complete:
                work = rotation.reseal_page(self._vault, means.now(), self._page)
                await means.journal.commit(Unit(now=means.now(), work=work))
                continue
            try:
                await self._commit(None, "KeysResealed", {"values": progress.done}, rotation.end_resealing(text))
            except Fault as fault:
                if fault.code != "desk.stale":
                    raise
            self._vault.keys.forget()

    # -- destruction

    async def destroy(self, caller: Caller, period: str) -> Answer:
        """See ``Keys.destroy``."""
        means = self._engine.means
        now = means.now()
        why = await means.pool.run(self._refusal, period, now)
        if why is not None:
            raise why
        waiting = await self._waiting(period)
        if waiting is not None and waiting.by == caller.account:
            return _proposal_view(waiting)  # asked again after a lost answer
        facts = encode({"by": caller.account, "at": now.isoformat()})
        made = _proposal(_PROPOSAL + period, facts)
        body = {"period": period, "proposal": made.digest}
        await self._commit(caller, "KeyDestructionProposed", body, None, (made.name, facts))
        return _proposal_view(made)

    async def approve(self, caller: Caller, period: str, proposal: str) -> Answer:
        """See ``Keys.approve``."""
        means = self._engine.means
        waiting = await self._shown(period, proposal)
        if waiting.by == caller.account:
            raise Fault("desk.same_person", f"proposed by {waiting.by}")
        work = rotation.destroy(period, means.now(), self._keep_days, (waiting.name, waiting.text))
        body = {"period": period, "proposal": proposal, "proposed_by": waiting.by}
        await self._commit(caller, "PeriodDestroyed", body, work, (waiting.name, ""), (rotation.UNCUT, period))
        self._vault.keys.forget()
        self._engine.visits.forget_people()
        return {"period": period, "state": "destroyed", "log_cut": await self._cut()}

    async def _cut_if_noted(self) -> None:
        with contextlib.suppress(Fault):  # the note stays, and the next start tries again
            if await self._engine.means.pool.run(rotation.noted, self._database, rotation.UNCUT):
                await self._cut()

    async def _cut(self) -> bool:
        """Whether what was overwritten is out of the log; what could not be done now the next start does."""
        means = self._engine.means
        cut = await means.journal.run(lambda _writer: rotation.cut_log(self._database))
        if cut:
            with contextlib.suppress(Fault):
                await means.journal.commit(Unit(now=means.now(), meta=((rotation.UNCUT, ""),)))
        return cut

    async def reject(self, caller: Caller, period: str, proposal: str) -> Answer:
        """See ``Keys.reject``."""
        waiting = await self._shown(period, proposal)
        await self._commit(
            caller, "KeyDestructionRejected", {"period": period, "proposal": proposal}, None, (waiting.name, "")
        )
        return {"period": period, "state": "kept"}

    def _refusal(self, period: str, now: dt.datetime) -> Fault | None:
        with self._database.connect() as connection:
            return rotation.refusal(connection, period, now, self._keep_days)

    async def _waiting(self, period: str) -> _Waiting | None:
        means = self._engine.means
        text = await means.pool.run(rotation.noted, self._database, _PROPOSAL + period)
        return _proposal(_PROPOSAL + period, text) if text else None

    async def _shown(self, period: str, proposal: str) -> _Waiting:
        waiting = await self._waiting(period)
        if waiting is None or waiting.digest != proposal:
            raise Fault("desk.stale", "no proposal waits" if waiting is None else "another proposal waits")
        return waiting

    # -- persons

    async def find(
        self, caller: Caller, *, id_number: str, card_number: str, reason: str, after: str, limit: int
    ) -> Answer:
        """See ``Keys.find``."""
        run, by = self._engine.means.pool.run, "id_number" if id_number else "card_number"
        if id_number:
            found = await run(self._people.by_id_number, id_number, after, limit)
        else:
            found = await run(self._people.by_card_number, card_number, after, limit)
        # The look is on disk before anybody sees what it showed.
        await self._commit(caller, "PersonSought", {"by": by, "found": len(found)}, None, words=reason)
        next_after = found[-1].visit_id if found else after
        return {"visits": [_visit_view(one) for one in found], "next_after": next_after, "complete": len(found) < limit}

    async def _commit(
        self,
        caller: Caller | None,
        event: str,
        facts: dict[str, Any],
        work: rotation.Work | None,
        *meta: tuple[str, str],
        words: str = "",
    ) -> None:
        now = self._engine.means.now()
        who = {"role": str(caller.role), "account": caller.account} if caller else {}
        record = Record(now, "", "", event, "", "", encode(who | facts), words)
        await self._engine.means.journal.commit(Unit(records=(record,), now=now, meta=meta, work=work))


def _proposal(name: str, text: str) -> _Waiting:
    raw = decode_json(text)
    digest = hashlib.sha256(f"{name}\n{text}".encode()).hexdigest()[:_DIGEST_DIGITS]
    return _Waiting(name, text, digest, raw["by"], raw["at"])


def _proposal_view(waiting: _Waiting) -> Answer:
    return {
        "period": waiting.name.removeprefix(_PROPOSAL),
        "proposal": waiting.digest,
        "proposed_by": waiting.by,
        "proposed_at": waiting.at,
    }


def _key_view(row: rotation.KeyRow) -> Answer:
    view = {name: getattr(row, name) for name in ("id", "period", "purpose", "algorithm", "state", "made_at")}
    ends = {name: when for name in ("retired_at", "destroyed_at") if (when := getattr(row, name))}
    return view | {"master": row.master_id} | ends


def _visit_view(visit: PersonVisit) -> Answer:
    return {
        "visit_id": visit.visit_id,
        "state": visit.state,
        "updated_at": visit.updated_at,
        "settlements": [
            {
                "settlement_id": bill.settlement_id,
                "state": bill.state,
                "total": Money(bill.total_fen).yuan,
                "settlement_number": bill.settlement_number,
                "settled_at": bill.settled_at,
            }
            for bill in visit.bills
        ],
    }
