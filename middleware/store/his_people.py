"""The patients of a HIS by its numbers: what it said of each, and which it made one. Sealed.

A patient of the HIS is no proof of anybody: a number with a document beside it becomes a link (``links``), where whatever
contradicts it is listed. Nothing here is ever overwritten by something that contradicts it.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from attrs import asdict, evolve, frozen

from middleware.domain.fault import Fault
from middleware.domain.identity import IdNumber, MediumNumber, PersonName
from middleware.domain.patients import MergeState, after_message, merge_state
from middleware.domain.told import NumberKind, PatientFacts, TheNumber
from middleware.store import tables as t
from middleware.store.codec import decode_json, encode
from middleware.store.links import Work
from middleware.store.units import WorkRefusedError
from middleware.store.vault import Vault

MAX_CHAIN = 16  # merges of merges
DESK = "desk"  # origin of a merge that a person proposed
_PERSON = "his-person/"
_p, _m = t.his_person.c, t.his_merge.c


@frozen(slots=True, repr=False)
class Known:
    """A patient of the HIS as it is on the disk, opened. ``merged_into`` is a ``person_id``, "" for one that stands."""

    person_id: str
    merged_into: str
    sequence: int
    facts: PatientFacts


@frozen(slots=True)
class Merge:
    """Two numbers that the HIS calls one person."""

    merge_id: str
    state: MergeState
    found_at: str
    prior: Known
    kept: Known
    origin: str = "his"
    told: str = ""  # the letter by which the HIS heard of it last


class HisPeople:
    """Reads; safe to use from several threads. Writes as work inside the writer's transaction."""

    def __init__(self, engine: sa.Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    def of_number(self, number: str) -> Known | None:
        """The patient with that number of the HIS, as it stands: a merged one is followed."""
        with self._engine.connect() as connection:
            row = self._row(connection, number)
            return self.known(_root(connection, row)) if row is not None else None

    def same_as(self, number: str) -> frozenset[str]:
        """All numbers of the HIS that are this patient now, itself among them; empty when it is nobody's."""
        with self._engine.connect() as connection:
            row = self._row(connection, number)
            if row is None:
                return frozenset()
            rows = _family(connection, _root(connection, row))
        return frozenset(self.known(one).facts.number.reveal() for one in rows)

    def of_digest(self, column: str, kind: str, value: str, most: int) -> list[Known]:
        """Patients by their document ("document_digest", "id_number") or name ("name_digest", "person-name")."""
        return self._by(t.his_person.c[column], self._vault.standing_digests((kind, value)), most)

    def of_other(self, kind: NumberKind, number: str, most: int) -> list[Known]:
        """Patients of whom the HIS said that they have this card or number."""
        digests = self._vault.standing_digests((_PERSON + kind, number))
        query = sa.select(t.his_number.c.person_id).where(t.his_number.c.digest.in_(digests)).limit(most)
        with self._engine.connect() as connection:
            ids = list(connection.scalars(query)) if digests else []
        return self._by(_p.person_id, ids, most)

    def _by(self, column: sa.Column[Any], values: list[str], most: int) -> list[Known]:
        if not values:
            return []
        query = sa.select(t.his_person).where(column.in_(values)).order_by(_p.person_id).limit(most)
        with self._engine.connect() as connection:
            rows = {row.person_id: row for row in (_root(connection, one) for one in connection.execute(query).all())}
        return [self.known(row) for row in rows.values()]

    def merges(self, after: str, limit: int, *, disputed: bool) -> list[Merge]:
        """Merges that were said, the disputed ones or all; the oldest first."""
        query = sa.select(t.his_merge).where(_m.merge_id > after).order_by(_m.merge_id).limit(limit)
        if disputed:
            query = query.where(_m.state == MergeState.DISPUTED)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
            ids = {one for row in rows for one in (row.prior, row.kept)}
            people = connection.execute(sa.select(t.his_person).where(_p.person_id.in_(ids))).all()
        known = {row.person_id: self.known(row) for row in people}
        return [Merge(row.merge_id, MergeState(row.state), row.found_at, known[row.prior], known[row.kept]) for row in rows]

    def count_disputed(self) -> int:
        """Merges that wait for two persons."""
        query = sa.select(sa.func.count()).select_from(t.his_merge).where(_m.state == MergeState.DISPUTED)
        with self._engine.connect() as connection:
            return connection.scalar(query) or 0

    def merge_state(self, merge_id: str) -> str:
        """Its state, "" when there is none."""
        with self._engine.connect() as connection:
            return connection.scalar(sa.select(_m.state).where(_m.merge_id == merge_id)) or ""

    def heard(self, merge_id: str) -> bool:
        """Whether the HIS was told of it and may have heard it."""
        with self._engine.connect() as connection:
            return merge_heard(connection, merge_id)

    def asked_for(self, prior_id: str, kept_id: str) -> str:
        """The merge of these two, "" when nobody spoke of it."""
        said = sa.and_(_m.prior == prior_id, _m.kept == kept_id)
        with self._engine.connect() as connection:
            return connection.scalar(sa.select(_m.merge_id).where(said).limit(1)) or ""

    def of_merge(self, merge_id: str) -> list[Known]:
        """Both patients of a merge, each with those who were merged into it; none where there is no such merge."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(t.his_merge).where(_m.merge_id == merge_id)).one_or_none()
            sides = [_of_id(connection, one) for one in (row.kept, row.prior)] if row is not None else []
            found = {one.person_id: one for side in sides for one in _family(connection, side)}
        return [self.known(one) for one in found.values()]

    def pair(self, connection: sa.Connection, merge_id: str) -> Merge:
        """One merge, with both as they are."""
        row = connection.execute(sa.select(t.his_merge).where(_m.merge_id == merge_id)).one()
        prior, kept = (self.known(_of_id(connection, one)) for one in (row.prior, row.kept))
        return Merge(row.merge_id, MergeState(row.state), row.found_at, prior, kept, row.origin, row.told)

    def known(self, row: Any) -> Known:
        """A row, opened."""
        clear = decode_json(self._vault.open("his_person", row.person_id, "sealed", row.sealed))
        return Known(row.person_id, row.merged_into, row.sequence, facts_of(clear))

    # -- writing: inside the writer's transaction

    def current(self, connection: sa.Connection, number: str, now: dt.datetime) -> str:
        """The number under which that patient goes on; itself for one whom the HIS never told of."""
        row = self._row(connection, number, now) if number else None
        return self.known(_root(connection, row)).facts.number.reveal() if row is not None else number

    def put(self, person_id: str, facts: PatientFacts, sequence: int, now: dt.datetime) -> Work:
        """What a message said of a patient; ``person_id`` is for one that is new. What contradicts it changes nothing."""

        def work(connection: sa.Connection) -> None:
            self.stored(connection, person_id, facts, sequence, now)

        return work

    def stored(
        self, connection: sa.Connection, person_id: str, facts: PatientFacts, sequence: int, now: dt.datetime
    ) -> str:
        """The same; whose ``person_id`` it is."""
        row = self._row(connection, facts.number.reveal(), now)
        if row is None:
            values = self._values(person_id, facts, sequence, now)
            connection.execute(sa.insert(t.his_person).values(merged_into="", **values))
        else:
            person_id = row.person_id
            before = self.known(row)
            facts = after_message(before.facts, facts, older=sequence < before.sequence)
            values = self._values(person_id, facts, max(sequence, before.sequence), now)
            connection.execute(sa.update(t.his_person).where(_p.person_id == person_id).values(**values))
            connection.execute(sa.delete(t.his_number).where(t.his_number.c.person_id == person_id))
        digests = {self._vault.standing_digest(_PERSON + one.kind, one.number.reveal(), now) for one in facts.numbers}
        if digests:
            rows = [{"digest": digest, "person_id": person_id} for digest in sorted(digests)]
            connection.execute(sa.insert(t.his_number), rows)
        return person_id

    def merge(self, ids: tuple[str, str, str], prior: str, facts: PatientFacts, sequence: int, now: dt.datetime) -> Work:
        """``prior`` is ``facts.number``'s person from now on, unless their documents contradict each other.

        ``ids``: for the merge, for a prior that is new, for a patient that is new.
        """

        def work(connection: sa.Connection) -> None:
            merge_id, prior_id, kept_id = ids
            kept_id = self.stored(connection, kept_id, facts, sequence, now)
            nothing = PatientFacts(MediumNumber(prior), PersonName(""), IdNumber(""))
            if self._row(connection, prior, now) is None:
                self.stored(connection, prior_id, nothing, 0, now)
            gone, kept = (
                _root(connection, self._row(connection, prior, now)),
                _root(connection, _of_id(connection, kept_id)),
            )
            said = sa.and_(_m.prior == gone.person_id, _m.kept == kept.person_id)
            if gone.person_id == kept.person_id or connection.scalar(sa.select(_m.merge_id).where(said).limit(1)):
                return  # it is so already; or it waits for persons, or they decided against it
            state = merge_state(self.known(gone).facts, self.known(kept).facts)
            values = {"prior": gone.person_id, "kept": kept.person_id, "state": str(state), "found_at": now.isoformat()}
            connection.execute(sa.insert(t.his_merge).values(merge_id=merge_id, **values))
            if state is MergeState.FOLLOWED:
                _point(connection, gone.person_id, kept.person_id)

        return work

    def _row(self, connection: sa.Connection, number: str, now: dt.datetime | None = None) -> Any:
        """``now`` for a writer: the key may have been made in its own transaction."""
        digests = self._vault.standing_digests((_PERSON + NumberKind.PATIENT, number))
        if now is not None:
            digests.append(self._vault.standing_digest(_PERSON + NumberKind.PATIENT, number, now))
        query = sa.select(t.his_person).where(_p.number_digest.in_(digests)).order_by(_p.person_id).limit(1)
        return connection.execute(query).one_or_none() if digests else None

    def _values(self, person_id: str, facts: PatientFacts, sequence: int, now: dt.datetime) -> dict[str, Any]:
        def digest(kind: str, value: str) -> str:
            return self._vault.standing_digest(kind, value, now) if value else ""

        return {
            "person_id": person_id,
            "number_digest": digest(_PERSON + NumberKind.PATIENT, facts.number.reveal()),
            "document_digest": digest("id_number", facts.document.reveal()),
            "name_digest": digest("person-name", facts.name.reveal()),
            "sequence": sequence,
            "changed_at": now.isoformat(),
            "sealed": self._vault.seal_standing("his_person", person_id, "sealed", encode(clear_of(facts)), now),
        }


def asked(merge_id: str, prior_id: str, kept_id: str, now: dt.datetime) -> Work:
    """A person proposes that two patients are one: it stands disputed until two persons decided."""

    def work(connection: sa.Connection) -> None:
        said = sa.and_(_m.prior == prior_id, _m.kept == kept_id)
        if connection.scalar(sa.select(_m.merge_id).where(said).limit(1)):
            raise WorkRefusedError(Fault("desk.stale", "somebody spoke of this merge meanwhile"))
        values = {"prior": prior_id, "kept": kept_id, "state": str(MergeState.DISPUTED), "origin": DESK}
        connection.execute(sa.insert(t.his_merge).values(merge_id=merge_id, found_at=now.isoformat(), **values))

    return work


def withdrawn(merge_id: str, now: dt.datetime) -> Work:
    """What a person proposed and another rejected is undone; what the HIS said stays disputed."""
    mine = sa.and_(_m.merge_id == merge_id, _m.origin == DESK, _m.state == MergeState.DISPUTED)
    undone = sa.update(t.his_merge).where(mine).values(state=str(MergeState.UNDONE), decided_at=now.isoformat())

    def work(connection: sa.Connection) -> None:
        connection.execute(undone)

    return work


def merge_heard(connection: sa.Connection, merge_id: str) -> bool:
    """Whether a letter about it stands that was not refused or given up."""
    told = connection.scalar(sa.select(_m.told).where(_m.merge_id == merge_id))
    if not told:
        return False
    o = t.outbox.c
    unheard = sa.or_(t.REFUSED_LETTER, o.outcome == "discarded")
    about = sa.select(o.control_id).where(o.control_id.startswith(told), sa.not_(unheard)).limit(1)
    return connection.scalar(about) is not None


def tell_merge(connection: sa.Connection, merge_id: str, control_id: str) -> None:
    """That letter says what stands now; "" for none."""
    connection.execute(sa.update(t.his_merge).where(_m.merge_id == merge_id).values(told=control_id))


def decide_merge(merge_id: str, state: MergeState, now: dt.datetime) -> Work:
    """What two persons decided: it is followed, or it is undone. Either may be decided again."""

    def work(connection: sa.Connection) -> None:
        row = connection.execute(sa.select(t.his_merge).where(_m.merge_id == merge_id)).one_or_none()
        if row is None or row.state == state:
            raise WorkRefusedError(Fault("desk.stale", "the merge is decided already"))
        if state is MergeState.FOLLOWED and _root(connection, _of_id(connection, row.kept)).person_id == row.prior:
            raise WorkRefusedError(Fault("desk.stale", "they are merged the other way round"))
        values = {"state": str(state), "decided_at": now.isoformat()}
        connection.execute(sa.update(t.his_merge).where(_m.merge_id == merge_id).values(**values))
        _point(connection, row.prior, row.kept if state is MergeState.FOLLOWED else "")

    return work


def _point(connection: sa.Connection, prior: str, kept: str) -> None:
    connection.execute(sa.update(t.his_person).where(_p.person_id == prior).values(merged_into=kept))


def _of_id(connection: sa.Connection, person_id: str) -> Any:
    return connection.execute(sa.select(t.his_person).where(_p.person_id == person_id)).one()


def _root(connection: sa.Connection, row: Any) -> Any:
    for _ in range(MAX_CHAIN):
        if not row.merged_into:
            return row
        row = _of_id(connection, row.merged_into)
    raise WorkRefusedError(Fault("hl7.content", f"more than {MAX_CHAIN} merges of merges"))


def _family(connection: sa.Connection, root: Any) -> list[Any]:
    """The row and all that were merged into it, by whatever way."""
    found, new = [root], [root.person_id]
    for _ in range(MAX_CHAIN):
        rows = connection.execute(sa.select(t.his_person).where(_p.merged_into.in_(new))).all() if new else []
        found, new = found + list(rows), [row.person_id for row in rows]
    return found


def clear_of(facts: PatientFacts) -> dict[str, Any]:
    """What is sealed."""
    plain = asdict(evolve(facts, numbers=()), recurse=False)
    del plain["numbers"]
    clear = {name: value if isinstance(value, str) else value.reveal() for name, value in plain.items()}
    return clear | {"numbers": [[str(one.kind), one.number.reveal()] for one in facts.numbers]}


def facts_of(clear: dict[str, Any]) -> PatientFacts:
    """The reverse."""
    return PatientFacts(
        MediumNumber(clear["number"]),
        PersonName(clear["name"]),
        IdNumber(clear["document"]),
        clear["birth_date"],
        clear["sex"],
        MediumNumber(clear["mother"]),
        tuple(TheNumber(NumberKind(kind), MediumNumber(number)) for kind, number in clear["numbers"]),
    )
