"""One person, whatever was shown: what is known by a number, what is disputed, and what speaks for and against.

Nothing here decides. A settlement uses the identity that its card or voucher proved; what the HIS says only finds, and what
contradicts is listed for two persons (``registry``). Looks at what is about somebody are journalled.
"""

from __future__ import annotations

from typing import Any

from middleware.domain.fault import Fault
from middleware.domain.identity import IdNumber, MediumNumber, PersonName
from middleware.domain.order import Caller
from middleware.domain.patients import speaking
from middleware.domain.registry import Matter
from middleware.domain.told import LINKED, NumberKind, PatientFacts, Query
from middleware.engine.counter import Answer
from middleware.engine.identifiers import new_id
from middleware.engine.registry import RegistryDesk
from middleware.engine.runner import Means
from middleware.store import his_people
from middleware.store.codec import encode
from middleware.store.his_people import Known, Merge
from middleware.store.links import Conflict, Found
from middleware.store.units import Record, Unit

MAX_FOUND = 20


class Identities:
    """Each method raises ``Fault`` and none blocks the reactor."""

    def __init__(self, means: Means, desk: RegistryDesk) -> None:
        self._means = means
        self._desk = desk

    async def matters(self, caller: Caller, after: str, limit: int, reason: str, *, every: bool) -> Answer:
        """What waits for two persons: conflicts of links, and merges; ``every``: also merges that were followed or undone.

        Masked, or in clear to whoever says why. Conflicts come first; ``next_after`` goes on.
        """
        run, reader = self._means.pool.run, self._means.reader
        conflicts: list[Conflict] = []
        if not after.startswith("G"):
            conflicts = await run(reader.links.conflicts, after, limit)
        rows = [_conflict_view(one, clear=bool(reason)) for one in conflicts]
        if len(rows) < limit:
            begin = after if after.startswith("G") else ""
            merges = await run(reader.his_people.merges, begin, limit - len(rows), disputed=not every)
            rows += [_merge_view(one, clear=bool(reason)) for one in merges]
        await self._looked(caller, "IdentitiesListed", len(rows), reason)
        return {"rows": rows, "next_after": rows[-1]["key"] if rows else after, "complete": len(rows) < limit}

    async def show(self, caller: Caller, kind: NumberKind, number: MediumNumber, reason: str) -> Answer:
        """What is known by that number: patients of the HIS and links. Never a guess: whoever is disputed is shown so."""
        run, reader = self._means.pool.run, self._means.reader
        known = await self._known(kind, number, MAX_FOUND)
        found = await run(reader.links.of_medium, str(kind), number.reveal()) if kind in LINKED else []
        await self._looked(caller, "IdentityShown", len(known) + len(found), reason)
        if not known and not found:
            raise Fault("request.not_found", f"no patient and no link by that {kind}")
        clear = bool(reason)
        return {
            "patients": [_patient_view(one, clear=clear) for one in known],
            "links": [_link_view(one, clear=clear) for one in found],
        }

    async def resolve(self, caller: Caller, key: str, decision: str, note: str) -> Answer:
        """Propose what becomes of a conflict or a merge; another person approves (``registry.approve``)."""
        matter = Matter.MERGE if key.startswith("G") else Matter.CONFLICT
        return await self._desk.propose(caller, matter, key, None, decision, note)

    async def merge(self, caller: Caller, prior: MediumNumber, kept: MediumNumber, note: str) -> Answer:
        """Propose that two patients of the HIS are one, ``kept`` going on; another person approves (``registry.approve``).

        Raises ``request.not_found`` for a number that the HIS never told of, ``desk.not_fitting`` when they are one.
        """
        run, people = self._means.pool.run, self._means.reader.his_people
        gone, stays = await run(people.of_number, prior.reveal()), await run(people.of_number, kept.reveal())
        if gone is None or stays is None:
            raise Fault(
                "request.not_found", f"params.{'prior' if gone is None else 'kept'}: no patient that the HIS told of"
            )
        if gone.person_id == stays.person_id:
            raise Fault("desk.not_fitting", "they are one patient already")
        key = await run(people.asked_for, gone.person_id, stays.person_id)
        if not key:
            now, key = self._means.now(), new_id(self._means, "G")
            body = encode({"role": str(caller.role), "account": caller.account, "merge": key})
            record = Record(now, "", "", "IdentityMergeAsked", "", "", body)
            work = his_people.asked(key, gone.person_id, stays.person_id, now)
            await self._means.journal.commit(Unit(records=(record,), now=now, work=work))
        return await self._desk.propose(caller, Matter.MERGE, key, None, "follow", note)

    async def asked(self, query: Query) -> list[PatientFacts]:
        """For a HIS that asks: whom it told us of by that number, or by name and birth date. At most ``query.most``."""
        if query.number:
            kinds = tuple(NumberKind) if query.kind is None else (query.kind,)
            found: dict[str, Known] = {}
            for kind in kinds:
                for one in await self._known(kind, query.number, query.most):
                    found.setdefault(one.person_id, one)
            people = list(found.values())
        else:
            run, his = self._means.pool.run, self._means.reader.his_people
            people = await run(his.of_digest, "name_digest", "person-name", query.name.reveal(), MAX_FOUND)
        return [one.facts for one in people if _fits(one.facts, query)][: query.most]

    async def _known(self, kind: NumberKind, number: MediumNumber, most: int) -> list[Known]:
        run, his = self._means.pool.run, self._means.reader.his_people
        if kind is NumberKind.PATIENT:
            one = await run(his.of_number, number.reveal())
            return [one] if one is not None else []
        if kind is NumberKind.DOCUMENT:
            found: list[Known] = await run(his.of_digest, "document_digest", "id_number", number.reveal(), most)
            return found
        others: list[Known] = await run(his.of_other, kind, number.reveal(), most)
        return others

    async def _looked(self, caller: Caller, event: str, found: int, reason: str) -> None:
        body = encode({"role": str(caller.role), "account": caller.account, "found": found})
        now = self._means.now()
        await self._means.journal.commit(Unit(records=(Record(now, "", "", event, "", "", body, reason),), now=now))


def _fits(facts: PatientFacts, query: Query) -> bool:
    """Whether nothing that was asked contradicts what is known; without a number all that was asked must be known."""
    pairs = (
        (query.name.reveal(), facts.name.reveal()), (query.birth_date, facts.birth_date), (query.sex, facts.sex),
    )  # fmt: skip
    known = bool(query.number)
    return all(not asked or asked == told or (known and not told) for asked, told in pairs)


def _conflict_view(conflict: Conflict, *, clear: bool) -> Answer:
    sides = (conflict.first, conflict.second)
    return {
        "key": conflict.conflict_id,
        "matter": "conflict",
        "kind": str(conflict.kind),
        "state": "disputed",
        "found_at": conflict.found_at,
        **_sides(*(_facts_of(one) for one in sides), clear=clear),
    }


def _merge_view(merge: Merge, *, clear: bool) -> Answer:
    return {
        "key": merge.merge_id,
        "matter": "merge",
        "kind": "merge",
        "state": str(merge.state),
        "found_at": merge.found_at,
        **_sides(merge.prior.facts, merge.kept.facts, clear=clear),
    }


def _sides(first: PatientFacts, second: PatientFacts, *, clear: bool) -> Answer:
    good, bad = speaking(first, second)
    return {
        "first": _facts_view(first, clear=clear),
        "second": _facts_view(second, clear=clear),
        "speaks_for": list(good),
        "speaks_against": list(bad),
    }


def _facts_of(link: Found) -> PatientFacts:
    return PatientFacts(MediumNumber(link.number), PersonName(link.name), IdNumber(link.id_number))


def _facts_view(facts: PatientFacts, *, clear: bool) -> Answer:
    def shown(value: Any) -> str:
        return str(value.reveal() if clear else value.masked)

    return {
        "number": shown(facts.number),
        "name": shown(facts.name),
        "id_number": shown(facts.document),
        "birth_date": facts.birth_date if clear else "",
        "sex": facts.sex,
        "mother": shown(facts.mother),
        "numbers": [{"kind": str(one.kind), "number": shown(one.number)} for one in facts.numbers],
    }


def _patient_view(known: Known, *, clear: bool) -> Answer:
    return {"person_id": known.person_id, "sequence": known.sequence, **_facts_view(known.facts, clear=clear)}


def _link_view(found: Found, *, clear: bool) -> Answer:
    view = _facts_view(_facts_of(found), clear=clear)
    return {
        "link_id": found.link_id,
        "kind": found.kind,
        "state": str(found.state),
        "moved": bool(found.moved_at),
        "made_at": found.made_at,
        "number": view["number"],
        "name": view["name"],
        "id_number": view["id_number"],
    }
