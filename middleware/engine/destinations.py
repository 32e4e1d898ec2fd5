"""Who is told, for an operator: how each destination stands, and what two persons do with a link that stopped.

A link whose sequence numbers do not fit stands still until two persons resynchronise it (-1) or start it again (0). What
waits for a destination that is not configured any more is kept until two persons hand it over or give it up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from attrs import frozen

from middleware.domain.destination import Destination
from middleware.domain.fault import Fault
from middleware.domain.numbering import HAND_OVER, RESYNCHRONISE, START_AGAIN, LinkState
from middleware.domain.order import Caller
from middleware.engine.counter import Answer
from middleware.engine.runner import Engine
from middleware.store.codec import decode_json, encode
from middleware.store.destinations import DestinationsReader, Standing, Work, decided, given_up_all, handed_over
from middleware.store.numbers import turned
from middleware.store.units import Record, Unit

_NAME, _DIGITS = "link.", 32


class Destinations(Protocol):
    """What the door asks; every method raises ``Fault`` and none blocks the reactor. Every act is journalled."""

    async def list(self) -> Answer:
        """Each that is configured, or has letters that wait or were refused."""

    async def propose(self, caller: Caller, name: str, act: str, to: str, reference: str) -> Answer:
        """Propose an act; another person approves."""

    async def approve(self, caller: Caller, name: str, proposal: str) -> Answer:
        """Do it."""

    async def reject(self, caller: Caller, name: str, proposal: str) -> Answer:
        """Reject the proposal, or take it back."""


@frozen(slots=True)
class _Proposed:
    name: str
    text: str
    digest: str
    facts: Mapping[str, Any]


class DestinationDesk:
    """Implements ``Destinations``. ``look_again`` is called when something waits, or may leave, that could not before."""

    def __init__(
        self,
        engine: Engine,
        reader: DestinationsReader,
        configured: tuple[Destination, ...],
        look_again: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._reader = reader
        self._configured = {one.name: one for one in configured}
        self._look_again = look_again

    async def list(self) -> Answer:
        """See ``Destinations.list``."""
        found = await self._engine.means.pool.run(self._reader.standing)
        names = [*self._configured, *sorted(set(found) - set(self._configured))]
        return {"rows": [await self._row(name, found.get(name, Standing())) for name in names]}

    async def propose(self, caller: Caller, name: str, act: str, to: str, reference: str) -> Answer:
        """See ``Destinations.propose``."""
        standing = (await self._engine.means.pool.run(self._reader.standing)).get(name, Standing())
        self._check(name, act, to)
        facts: dict[str, Any] = {
            "by": caller.account,
            "at": self._engine.means.now().isoformat(timespec="seconds"),
            "act": act,
        }
        facts |= {"to": to, "reference": reference, "waiting": standing.waiting}
        made = _read(_NAME + name, encode(facts))
        told = {"proposal": made.digest, "act": act, "to": to, "reference": reference, "waiting": standing.waiting}
        await self._commit(caller, name, "DestinationProposed", None, told, note=made.text)
        return await self.list()

    async def approve(self, caller: Caller, name: str, proposal: str) -> Answer:
        """See ``Destinations.approve``."""
        proposed = await self._shown(name, proposal)
        facts = proposed.facts
        if facts["by"] == caller.account:
            raise Fault("desk.same_person", f"proposed by {facts['by']}")
        self._check(name, facts["act"], facts["to"])
        work = decided((proposed.name, proposed.text), self._work(name, facts))
        told = {"proposal": proposal, "proposed_by": facts["by"]} | {k: facts[k] for k in ("act", "to", "reference")}
        await self._commit(caller, name, "DestinationDecided", work, told, note="")
        self._look_again()
        return await self.list()

    async def reject(self, caller: Caller, name: str, proposal: str) -> Answer:
        """See ``Destinations.reject``."""
        await self._shown(name, proposal)
        await self._commit(caller, name, "DestinationRejected", None, {"proposal": proposal}, note="")
        return await self.list()

    def _check(self, name: str, act: str, to: str) -> None:
        """Whether it may be done now. Raises ``Fault``."""
        mine = self._configured.get(name)
        if act in {RESYNCHRONISE, START_AGAIN}:
            if mine is None or not mine.numbered:
                raise Fault("desk.not_fitting", f"{name} is no link with sequence numbers")
        elif mine is not None:
            raise Fault("desk.not_fitting", f"{name} is configured: what waits for it will leave")
        if (act == HAND_OVER) != (to in self._configured):
            raise Fault("desk.not_fitting", "hand-over names a destination that is configured, and nothing else names one")

    def _work(self, name: str, facts: Mapping[str, Any]) -> Work:
        now = self._engine.means.now()
        if facts["act"] == RESYNCHRONISE:
            return turned(name, LinkState.RESYNC, "", now)
        if facts["act"] == START_AGAIN:
            return turned(name, LinkState.START, "", now)
        return handed_over(name, facts["to"]) if facts["act"] == HAND_OVER else given_up_all(name, facts["waiting"])

    async def _row(self, name: str, standing: Standing) -> Answer:
        mine = self._configured.get(name)
        view: Answer = {"destination": name, "configured": mine is not None}
        view |= {"waiting": standing.waiting, "refused": standing.refused}
        if mine is not None:
            view |= {"events": sorted(map(str, mine.wants)), "decides": sorted(map(str, mine.decides))}
        if standing.oldest:
            view["oldest"] = standing.oldest
        if standing.state or (mine is not None and mine.numbered):
            numbers = {"next": standing.next or 1, "state": standing.state or str(LinkState.OPEN)}
            view["numbers"] = numbers | {"waits_for": standing.open, "why": standing.why}
        text = await self._engine.means.pool.run(self._reader.note, _NAME + name)
        if text:
            made = _read(_NAME + name, text)
            shown = {key: made.facts[key] for key in ("act", "to", "reference", "waiting")}
            view["proposal"] = shown | {
                "proposal": made.digest,
                "proposed_by": made.facts["by"],
                "proposed_at": made.facts["at"],
            }
        return view

    async def _shown(self, name: str, proposal: str) -> _Proposed:
        text = await self._engine.means.pool.run(self._reader.note, _NAME + name)
        made = _read(_NAME + name, text) if text else None
        if made is None or made.digest != proposal:
            raise Fault("desk.stale", "no proposal waits" if made is None else "another proposal waits")
        return made

    async def _commit(
        self, caller: Caller, name: str, event: str, work: Work | None, facts: dict[str, Any], *, note: str
    ) -> None:
        now = self._engine.means.now()
        who = {"role": str(caller.role), "account": caller.account, "destination": name}
        record = Record(now, "", "", event, "", "", encode(who | facts))
        meta = ((_NAME + name, note),)
        await self._engine.means.journal.commit(Unit(records=(record,), now=now, meta=meta, work=work))


def _read(name: str, text: str) -> _Proposed:
    digest = hashlib.sha256(f"{name}\n{text}".encode()).hexdigest()[:_DIGITS]
    return _Proposed(name, text, digest, decode_json(text))
