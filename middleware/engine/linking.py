"""Old media and the one card: whose an old number is, moved over during the transition, and what contradicts each other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from middleware.domain.fault import Fault
from middleware.domain.identity import IdNumber, MediumNumber, PersonName
from middleware.domain.order import Caller
from middleware.domain.registry import LinkState
from middleware.engine.counter import Answer
from middleware.engine.identifiers import new_id
from middleware.engine.runner import Means
from middleware.store import links
from middleware.store.codec import encode
from middleware.store.links import Conflict, Found, Made
from middleware.store.units import Record, Unit


class Linked(Protocol):
    """Whoever hears of links that stand."""

    def __call__(self, id_number: str, kind: str, number: MediumNumber, *, moved: bool) -> Awaitable[None]:
        """Raises nothing."""


async def _nobody_hears(id_number: str, kind: str, number: MediumNumber, *, moved: bool) -> None:
    """Of links nobody is told."""


class LinkDesk:
    """A link is made by whoever has both in hand; a contradiction is listed, and decided by two persons (``registry``)."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self.linked: Linked = _nobody_hears

    async def link(
        self, caller: Caller, kind: str, number: MediumNumber, id_number: IdNumber, name: PersonName, *, moved: bool
    ) -> Answer:
        """This medium is that person's; ``moved``: and is good for nothing from now on, for the person has the one card.

        The same link again changes nothing. What it contradicts, and it itself, is disputed until two persons decided.
        """
        means, now = self._means, self._means.now()
        link_id = new_id(means, "N")
        facts = {
            "link_id": link_id,
            "kind": kind,
            "account": caller.account,
            "terminal": caller.terminal,
            "moved_at": now.isoformat() if moved else "",
        }
        clear = (number.reveal(), id_number.reveal(), name.reveal())
        new = await means.pool.run(means.reader.links.new, facts, *clear, now)
        told: list[Made] = []
        work = links.add(new, conflict_of(link_id), told)
        body = {"role": str(caller.role), "account": caller.account, "terminal": caller.terminal}
        body |= {"link_id": facts["link_id"], "kind": kind}
        record = Record(now, "", "", "MediumLinked", "", "", encode(body | {"moved": moved}))
        await means.journal.commit(Unit(records=(record,), now=now, work=work))
        made = told[-1]
        if made.state is LinkState.LINKED:  # what is disputed is told to nobody
            await self.linked(id_number.reveal(), kind, number, moved=moved)
        return {
            "link_id": made.link_id,
            "state": str(made.state),
            "conflicts": [{"conflict_id": name, "kind": str(kind)} for name, kind in made.conflicts],
        }

    async def whose(self, kind: str, number: MediumNumber) -> Found:
        """Whose medium it is. Raises ``medium.no_identity`` (nobody's yet), ``link.disputed`` or ``link.moved``."""
        found = await self._means.pool.run(self._means.reader.links.of_medium, kind, number.reveal())
        if not found:
            raise Fault("medium.no_identity", kind)
        if len(found) > 1 or found[0].state is LinkState.DISPUTED:
            raise Fault("link.disputed", kind)
        if found[0].moved_at:
            raise Fault("link.moved", f"since {found[0].moved_at}")
        return found[0]

    async def conflicts(self, caller: Caller, after: str, limit: int, reason: str) -> Answer:
        """What waits for two persons; masked, or in clear to whoever says why. Each look is journalled."""
        means, now = self._means, self._means.now()
        found = await means.pool.run(means.reader.links.conflicts, after, limit)
        body = {"role": str(caller.role), "account": caller.account, "found": len(found)}
        await means.journal.commit(Unit(records=(Record(now, "", "", "ConflictsSeen", "", "", encode(body), reason),)))
        rows = [_conflict_view(one, clear=bool(reason)) for one in found]
        next_after = found[-1].conflict_id if found else after
        return {"conflicts": rows, "next_after": next_after, "complete": len(found) < limit}


def conflict_of(link_id: str) -> Callable[[int], str]:
    """Names of the conflicts that a new link opens."""
    return lambda n: f"X{link_id[1:19]}{link_id[21:]}{n:02d}"


def _conflict_view(conflict: Conflict, *, clear: bool) -> Answer:
    return {
        "conflict_id": conflict.conflict_id,
        "kind": str(conflict.kind),
        "found_at": conflict.found_at,
        "first": _link_view(conflict.first, clear=clear),
        "second": _link_view(conflict.second, clear=clear),
    }


def _link_view(found: Found, *, clear: bool) -> dict[str, Any]:
    """What two persons need to tell one from the other."""
    values = (MediumNumber(found.number), IdNumber(found.id_number), PersonName(found.name))
    number, id_number, name = (one.reveal() if clear else one.masked for one in values)
    return {
        "link_id": found.link_id,
        "medium": found.kind,
        "number": number,
        "id_number": id_number,
        "name": name,
        "made_at": found.made_at,
        "moved": bool(found.moved_at),
    }
