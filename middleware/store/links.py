"""Which old media belong to whom: found by keyed digests, shown by the vault, and never guessed.

A link lasts until two persons end it, so that it is sealed by the standing key: no end of a period takes it away.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from attrs import frozen

from middleware.domain.fault import Fault
from middleware.domain.registry import ConflictKind, Keep, LinkState, contradiction
from middleware.store import tables as t
from middleware.store.codec import decode_json, encode
from middleware.store.units import WorkRefusedError
from middleware.store.vault import Vault

Work = Callable[[sa.Connection], None]
MAX_LINKS = 50  # of one medium or one person
LEARNED = "his-answer"  # the account of a link that a registration's answer made; its terminal is the visit
_m, _k = t.medium_link.c, t.link_conflict.c
_ALIVE = _m.state != LinkState.ENDED


@frozen(slots=True, repr=False)
class NewLink:
    """A medium and a person, as digests and sealed; made in a pool's thread."""

    row: dict[str, Any]
    mediums: tuple[str, ...]  # digests that the same medium may be stored under
    persons: tuple[str, ...]
    names: tuple[str, ...]


@frozen(slots=True, repr=False)
class Found:
    """A link as it is on the disk, opened."""

    link_id: str
    kind: str
    state: LinkState
    moved_at: str
    made_at: str
    number: str
    id_number: str
    name: str


@frozen(slots=True)
class Conflict:
    """Two links that contradict each other."""

    conflict_id: str
    kind: ConflictKind
    found_at: str
    first: Found
    second: Found


class Links:
    """Reads; safe to use from several threads."""

    def __init__(self, engine: sa.Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    def new(self, facts: dict[str, Any], number: str, id_number: str, name: str, at: dt.datetime) -> NewLink:
        """A link to be written; ``facts`` are link_id, kind, account, terminal and moved_at."""
        vault, kind = self._vault, _kind_of(facts["kind"])
        row = facts | {
            "state": str(LinkState.LINKED),
            "medium_digest": vault.standing_digest(kind, number, at),
            "person_digest": vault.standing_digest("id_number", id_number, at),
            "name_digest": vault.standing_digest("name", f"{id_number}/{name}", at),
            "made_at": at.isoformat(),
            "sealed": vault.seal_standing(
                "medium_link",
                facts["link_id"],
                "sealed",
                encode({"number": number, "id_number": id_number, "name": name}),
                at,
            ),
        }
        return NewLink(
            row,
            (row["medium_digest"], *vault.standing_digests((kind, number))),
            (row["person_digest"], *vault.standing_digests(("id_number", id_number))),
            (row["name_digest"], *vault.standing_digests(("name", f"{id_number}/{name}"))),
        )

    def of_medium(self, kind: str, number: str) -> list[Found]:
        """The links of a medium that were not ended; more than one only while they are disputed."""
        digests = self._vault.standing_digests((_kind_of(kind), number))
        query = sa.select(t.medium_link).where(_m.medium_digest.in_(digests), _ALIVE).order_by(_m.made_at).limit(MAX_LINKS)
        with self._engine.connect() as connection:
            return [self._found(row) for row in connection.execute(query)] if digests else []

    def is_known(self, kind: str, number: str, id_number: str, name: str, visit_id: str) -> bool:
        """Whether this link is there, so that this visit's word would change nothing about it."""
        vault = self._vault
        found = (
            (_m.medium_digest, vault.standing_digests((_kind_of(kind), number))),
            (_m.person_digest, vault.standing_digests(("id_number", id_number))),
            (_m.name_digest, vault.standing_digests(("name", f"{id_number}/{name}"))),
        )
        settled = sa.or_(_m.account != LEARNED, _m.terminal.in_(("", visit_id)))
        query = sa.select(_m.link_id).where(*(column.in_(digests) for column, digests in found), _ALIVE, settled)
        with self._engine.connect() as connection:
            return connection.scalar(query.limit(1)) is not None

    def conflicts(self, after: str, limit: int) -> list[Conflict]:
        """What contradicts each other and is not decided."""
        query = sa.select(t.link_conflict).where(_k.decision == "", _k.conflict_id > after)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(_k.conflict_id).limit(limit)).all()
            ids = {one for row in rows for one in (row.first, row.second)}
            links = connection.execute(sa.select(t.medium_link).where(_m.link_id.in_(ids))).all()
        found = {row.link_id: self._found(row) for row in links}
        return [
            Conflict(row.conflict_id, ConflictKind(row.kind), row.found_at, found[row.first], found[row.second])
            for row in rows
        ]

    def conflict(self, conflict_id: str) -> Conflict | None:
        """One that is not decided."""
        query = sa.select(t.link_conflict).where(_k.conflict_id == conflict_id, _k.decision == "")
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                return None
            sides = connection.execute(sa.select(t.medium_link).where(_m.link_id.in_((row.first, row.second)))).all()
        found = {one.link_id: self._found(one) for one in sides}
        return Conflict(row.conflict_id, ConflictKind(row.kind), row.found_at, found[row.first], found[row.second])

    def open_conflicts(self) -> int:
        """How many there are."""
        with self._engine.connect() as connection:
            query = sa.select(sa.func.count()).select_from(t.link_conflict).where(_k.decision == "")
            return connection.scalar(query) or 0

    def _found(self, row: Any) -> Found:
        clear = decode_json(self._vault.open("medium_link", row.link_id, "sealed", row.sealed))
        return Found(row.link_id, row.kind, LinkState(row.state), row.moved_at, row.made_at, **clear)


@frozen(slots=True)
class Made:
    """What became of a link: its id, state, and the conflicts that it opened."""

    link_id: str
    state: LinkState
    conflicts: tuple[tuple[str, ConflictKind], ...]


def add(new: NewLink, conflict_id: Callable[[int], str], told: list[Made]) -> Work:
    """Write the link. What it contradicts, and it itself, is disputed from now on; the same link again changes nothing.

    ``conflict_id(n)`` names the n-th conflict; ``told`` hears what became of it.
    """

    def work(connection: sa.Connection) -> None:
        touching = sa.or_(_m.medium_digest.in_(new.mediums), _m.person_digest.in_(new.persons))
        query = (
            sa.select(t.medium_link).where(touching, _m.kind == new.row["kind"], _ALIVE).order_by(_m.made_at, _m.link_id)
        )
        there = connection.execute(query.limit(MAX_LINKS)).all()
        if len(there) == MAX_LINKS:
            raise WorkRefusedError(Fault("link.disputed", "too many links of this medium or person"))
        contradicted = []
        for row in there:
            same = {
                "same_medium": row.medium_digest in new.mediums,
                "same_person": row.person_digest in new.persons,
                "same_name": row.name_digest in new.names,
            }
            kind = contradiction(**same)
            if kind is None:
                _moved(connection, row, new.row["moved_at"])
                _confirmed(connection, row, new.row)
                told.append(Made(row.link_id, LinkState(row.state), ()))
                return
            contradicted.append((row.link_id, kind))
        state = LinkState.DISPUTED if contradicted else LinkState.LINKED
        connection.execute(sa.insert(t.medium_link).values(**new.row | {"state": str(state)}))
        made = [(conflict_id(n), kind) for n, (_, kind) in enumerate(contradicted)]
        for (name, kind), (other, _) in zip(made, contradicted, strict=True):
            facts = {"kind": str(kind), "first": other, "second": new.row["link_id"], "found_at": new.row["made_at"]}
            connection.execute(sa.insert(t.link_conflict).values(conflict_id=name, **facts))
            _becomes(connection, other, LinkState.DISPUTED)
        told.append(Made(new.row["link_id"], state, tuple(made)))

    return work


def dispute(conflict_id: Callable[[int], str], first: str, others: list[str], at: dt.datetime) -> Work:
    """Each of ``others`` names somebody else than ``first`` does, of numbers that are one patient: two persons decide.

    What is a question already is not asked again; nor is what was ended meanwhile.
    """

    def work(connection: sa.Connection) -> None:
        alive = set(connection.scalars(sa.select(_m.link_id).where(_m.link_id.in_((first, *others)), _ALIVE)))
        new = [one for one in others if {first, one} <= alive and not _is_disputed(connection, one)]
        for n, other in enumerate(new):
            facts = {"kind": str(ConflictKind.TWO_PERSONS), "first": first, "second": other, "found_at": at.isoformat()}
            connection.execute(sa.insert(t.link_conflict).values(conflict_id=conflict_id(n), **facts))
            _becomes(connection, first, LinkState.DISPUTED)
            _becomes(connection, other, LinkState.DISPUTED)

    return work


def decide(conflict_id: str, keep: Keep, at: dt.datetime) -> Work:
    """What two persons decided; a link is undisputed when nothing open speaks against it any more."""

    def work(connection: sa.Connection) -> None:
        row = connection.execute(sa.select(t.link_conflict).where(_k.conflict_id == conflict_id)).one_or_none()
        if row is None or row.decision:
            raise WorkRefusedError(Fault("desk.stale", "the conflict is decided already"))
        decided = {"decision": str(keep), "decided_at": at.isoformat()}
        connection.execute(sa.update(t.link_conflict).where(_k.conflict_id == conflict_id).values(**decided))
        kept = {Keep.FIRST: {row.first}, Keep.SECOND: {row.second}, Keep.BOTH: {row.first, row.second}}.get(keep, set())
        touched = {row.first, row.second}
        _end(connection, touched - kept, touched, at)

    return work


def unlearn(visit_id: str, at: dt.datetime) -> Work:
    """What that visit's registration alone taught of links is no knowledge any more: it was taken back."""

    def work(connection: sa.Connection) -> None:
        mine = sa.and_(_m.account == LEARNED, _m.terminal == visit_id, _ALIVE)
        ended = set(connection.scalars(sa.select(_m.link_id).where(mine)))
        _end(connection, ended, ended, at)

    return work


def _end(connection: sa.Connection, ended: set[str], touched: set[str], at: dt.datetime) -> None:
    """End links; of those touched, what nothing speaks against any more is undisputed."""
    for one in sorted(ended):
        _becomes(connection, one, LinkState.ENDED)
        touched = touched | _close_others(connection, one, {"decided_at": at.isoformat()})
    for one in sorted(touched):
        if not _is_disputed(connection, one):
            settled = sa.and_(_m.link_id == one, _m.state == LinkState.DISPUTED)
            connection.execute(sa.update(t.medium_link).where(settled).values(state=str(LinkState.LINKED)))


def _confirmed(connection: sa.Connection, row: Any, said: dict[str, Any]) -> None:
    """Somebody else says the same: taking that one registration back takes this knowledge away no more."""
    if row.account == LEARNED and row.terminal and (said["account"], said["terminal"]) != (row.account, row.terminal):
        connection.execute(sa.update(t.medium_link).where(_m.link_id == row.link_id).values(terminal=""))


def _close_others(connection: sa.Connection, ended: str, decided: dict[str, str]) -> set[str]:
    """Whatever else spoke against a link that is gone is no question any more; the links of those questions."""
    about = sa.and_(sa.or_(_k.first == ended, _k.second == ended), _k.decision == "")
    rows = connection.execute(sa.select(_k.first, _k.second).where(about)).all()
    connection.execute(sa.update(t.link_conflict).where(about).values(**decided | {"decision": "ended"}))
    return {one for row in rows for one in row} - {ended}


def _is_disputed(connection: sa.Connection, link_id: str) -> bool:
    about = sa.and_(sa.or_(_k.first == link_id, _k.second == link_id), _k.decision == "")
    return connection.scalar(sa.select(_k.conflict_id).where(about).limit(1)) is not None


def _becomes(connection: sa.Connection, link_id: str, state: LinkState) -> None:
    connection.execute(sa.update(t.medium_link).where(_m.link_id == link_id).values(state=str(state)))


def _moved(connection: sa.Connection, row: Any, at: str) -> None:
    if at and not row.moved_at:
        connection.execute(sa.update(t.medium_link).where(_m.link_id == row.link_id).values(moved_at=at))


def _kind_of(kind: str) -> str:
    return f"medium/{kind}"
