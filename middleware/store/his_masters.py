"""Registers of a HIS: departments, staff, charge items; each word about a record is a version, good from a moment on.

They fill in what somebody left out, and show what the HIS calls things. A record is never dropped by silence: a file that
leaves it out takes nothing away, only MDL and MDC do. Sealed, for staff have names.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from attrs import asdict, evolve, frozen

from middleware.domain.masters import MasterFacts, MasterKind, MasterState, MasterTold, after_record
from middleware.store import tables as t
from middleware.store.codec import decode_json, encode
from middleware.store.links import Work
from middleware.store.vault import Vault, row_name

MAX_VERSIONS = 100  # of one record; the oldest go
MAX_LINKS = 16
_c = t.his_master.c


@frozen(slots=True, repr=False)
class Master:
    """A record as it stood at a moment, opened."""

    link: str
    kind: MasterKind
    digest: str
    code: str
    version: int
    state: MasterState
    effective_at: str
    sequence: int
    facts: MasterFacts


class HisMasters:
    """Reads; safe to use from several threads."""

    def __init__(self, engine: sa.Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    def page(self, kind: MasterKind, after: tuple[str, str], limit: int, at: dt.datetime) -> list[Master]:
        """Records as they stand at that moment, behind (link, digest); deleted ones among them."""
        behind = sa.or_(_c.link > after[0], sa.and_(_c.link == after[0], _c.digest > after[1]))
        query = _standing(at).where(_c.kind == kind, behind).order_by(_c.link, _c.digest).limit(limit)
        with self._engine.connect() as connection:
            return [self._master(row) for row in connection.execute(query)]

    def by_code(self, kind: MasterKind, code: str, at: dt.datetime, link: str = "") -> list[Master]:
        """What each link, or that one, calls by this code; deleted records are not among them."""
        digests = self._vault.standing_digests((_name(kind), code)) if code else []
        query = _standing(at).where(_c.kind == kind, _c.digest.in_(digests), _c.state != MasterState.DELETED)
        if link:
            query = query.where(_c.link == link)
        with self._engine.connect() as connection:
            return [self._master(row) for row in connection.execute(query.limit(MAX_LINKS))] if digests else []

    def one(self, kind: MasterKind, code: str, at: dt.datetime, link: str = "") -> MasterFacts | None:
        """What is called by this code, when it is in use and no two links say different things."""
        active = [one.facts for one in self.by_code(kind, code, at, link) if one.state is MasterState.ACTIVE]
        found = {evolve(one, said=()) for one in active}
        return found.pop() if len(found) == 1 else None

    def has(self, kind: MasterKind) -> bool:
        """Whether any HIS ever told of such records."""
        with self._engine.connect() as connection:
            return connection.scalar(sa.select(_c.digest).where(_c.kind == kind).limit(1)) is not None

    def _master(self, row: Any) -> Master:
        clear = decode_json(self._vault.open("his_master", _row(row), "sealed", row.sealed))
        return Master(
            row.link, MasterKind(row.kind), row.digest, clear["code"], row.version, MasterState(row.state),
            row.effective_at, row.sequence, _facts_of(clear["facts"]),
        )  # fmt: skip

    # -- writing: inside the writer's transaction

    def put(self, link: str, told: Sequence[MasterTold], sequence: int, now: dt.datetime) -> Work:
        """What a message says of these records. The same again changes nothing; an older message nothing that is newer."""

        def work(connection: sa.Connection) -> None:
            for one in told:
                self._put(connection, link, one, sequence, now)

        return work

    def _put(self, connection: sa.Connection, link: str, told: MasterTold, sequence: int, now: dt.datetime) -> None:
        digest = self._vault.standing_digest(_name(told.kind), told.code, now)
        mine = sa.and_(_c.link == link, _c.kind == told.kind, _c.digest == digest)
        newest = sa.select(t.his_master).where(mine).order_by(_c.version.desc()).limit(1)
        row = connection.execute(newest).one_or_none()
        if row is not None and sequence < row.sequence:
            return
        known = self._master(row) if row is not None else None
        facts = after_record(known.facts if known is not None else MasterFacts(), told.facts)
        effective_at = _moment(told.effective_at or now)
        clear = encode({"code": told.code, "facts": _clear_of(facts)})
        content = self._vault.standing_digest("his-master", clear, now)
        said_before = row is not None and (row.content, row.state) == (content, told.state)
        if row is not None and said_before and (told.effective_at is None or row.effective_at == effective_at):
            return
        version = row.version + 1 if row is not None else 1
        values = {"link": link, "kind": str(told.kind), "digest": digest, "version": version}
        sealed = self._vault.seal_standing("his_master", row_name(*values.values()), "sealed", clear, now)
        values |= {"state": str(told.state), "effective_at": effective_at, "sequence": sequence}
        connection.execute(sa.insert(t.his_master).values(**values, content=content, sealed=sealed))
        connection.execute(sa.delete(t.his_master).where(mine, _c.version <= version - MAX_VERSIONS))


def _standing(at: dt.datetime) -> sa.Select[Any]:
    """Of each record the version that is good at that moment: of those that have begun the one that began last."""
    moment = _moment(at)
    other = t.his_master.alias()
    later = sa.or_(
        other.c.effective_at > _c.effective_at,
        sa.and_(other.c.effective_at == _c.effective_at, other.c.version > _c.version),
    )
    same = sa.and_(other.c.link == _c.link, other.c.kind == _c.kind, other.c.digest == _c.digest)
    newer = sa.exists().where(same, other.c.effective_at <= moment, later)
    return sa.select(t.his_master).where(_c.effective_at <= moment, ~newer)


def _clear_of(facts: MasterFacts) -> dict[str, Any]:
    """Without ``said`` where there is none: such a record reads as it did before that was kept."""
    clear = asdict(facts)
    return clear if facts.said else {name: value for name, value in clear.items() if name != "said"}


def _facts_of(clear: dict[str, Any]) -> MasterFacts:
    return MasterFacts(**clear | {"said": tuple((place, text) for place, text in clear.get("said", ()))})


def _moment(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat(timespec="seconds")


def _name(kind: MasterKind) -> str:
    return f"his-master/{kind}"


def _row(row: Any) -> str:
    return row_name(row.link, row.kind, row.digest, row.version)
