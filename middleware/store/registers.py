"""Registers, proposals and lists of cards: reads for the pool's threads, and the works that the one writer does.

What is in a list is a keyed digest, so that whoever has the database has no list of cards. A check is one query by that
digest; nothing is kept in memory, so that two nodes never disagree about a card.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from attrs import evolve, frozen
from sqlalchemy.dialects import postgresql, sqlite

from middleware.domain.card_list import ListedCard, names_of
from middleware.domain.fault import Fault
from middleware.domain.registry import (
    MAX_ENTRIES,
    MAX_PROPOSALS,
    Entry,
    Issuer,
    Listing,
    ListReason,
    ListState,
    Matter,
    Psam,
    Terminal,
)
from middleware.store import tables as t
from middleware.store.batch import stamp
from middleware.store.codec import decode_json, encode
from middleware.store.prepared import Prepared
from middleware.store.units import WorkRefusedError
from middleware.store.vault import Vault

Work = Callable[[sa.Connection], None]
MAX_LISTS = 100  # shown at once
ENDED_PAGE = 2000  # rows of ended lists that are taken away in one transaction
_DIGITS = 32
_KINDS: dict[Matter, Any] = {Matter.PSAM: Psam, Matter.TERMINAL: Terminal, Matter.ISSUER: Issuer}
_e, _p, _l, _c = t.register_entry.c, t.registry_proposal.c, t.card_list.c, t.listed_card.c
# Written once: it is asked at each card and each settlement, and SQLAlchemy took longer to write it than SQLite to answer.
_LISTING = Prepared(
    sa.select(_c.reason, _c.since, _c.list_id)
    .join(t.card_list, _l.list_id == _c.list_id)
    .where(_c.digest.in_(sa.bindparam("digests", expanding=True)), _l.state == str(ListState.CURRENT))
    .order_by(_c.since)
    .limit(1)
)


@frozen(slots=True)
class Stored:
    """An entry as it is on the disk."""

    entry: Entry
    version: int
    changed_at: str
    used_at: str
    failures: int


@frozen(slots=True)
class Change:
    """What a proposal asks for. ``entry`` None takes an entry away; ``version`` is that of what was there, 0 = nothing."""

    matter: Matter
    key: str
    entry: dict[str, Any] | None = None
    decision: str = ""
    version: int = 0
    note: str = ""


@frozen(slots=True)
class Proposed:
    """A change that waits for a second person."""

    proposal: str
    change: Change
    by: str
    at: str


_changes = msgspec.json.Decoder(Change)


class Registers:
    """Reads; safe to use from several threads."""

    def __init__(self, engine: sa.Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    def entry(self, matter: Matter, key: str) -> Stored | None:
        """One entry of a register."""
        with self._engine.connect() as connection:
            row = connection.execute(_of(matter, key)).one_or_none()
        return _stored(row) if row is not None else None

    def page(self, matter: Matter, after: str, limit: int) -> list[Stored]:
        """Entries with a key greater than ``after``, by key."""
        query = sa.select(t.register_entry).where(_e.register == str(matter), _e.key > after).order_by(_e.key).limit(limit)
        with self._engine.connect() as connection:
            return [_stored(row) for row in connection.execute(query)]

    def terminals(self, names: Sequence[str]) -> dict[str, Terminal]:
        """Where these terminals stand, of those that are registered."""
        query = sa.select(_e.body).where(_e.register == str(Matter.TERMINAL), _e.key.in_(names))
        with self._engine.connect() as connection:
            found = [msgspec.json.decode(body, type=Terminal) for body in connection.scalars(query)]
        return {one.terminal: one for one in found}

    def proposals(self) -> list[Proposed]:
        """What waits for a second person, the oldest first."""
        query = sa.select(t.registry_proposal).order_by(_p.at, _p.proposal).limit(MAX_PROPOSALS)
        with self._engine.connect() as connection:
            return [self._proposed(row) for row in connection.execute(query)]

    def proposal(self, proposal: str) -> Proposed | None:
        """One of them."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(t.registry_proposal).where(_p.proposal == proposal)).one_or_none()
        return self._proposed(row) if row is not None else None

    def sealed_note(self, made: Proposed, at: dt.datetime) -> str:
        """The proposal's note as it is stored; "" where there is none. For a reader's thread."""
        note = made.change.note
        return self._vault.seal_standing("registry_proposal", made.proposal, "sealed", note, at) if note else ""

    def _proposed(self, row: Any) -> Proposed:
        change = _changes.decode(row.body)
        if row.sealed:
            change = evolve(change, note=self._vault.open("registry_proposal", row.proposal, "sealed", row.sealed))
        return Proposed(row.proposal, change, row.by, row.at)

    # -- lists of cards

    def listing(self, card_id_code: str, card_number: str) -> Listing | None:
        """What the current lists say of a card: the oldest reason; None when it is in none."""
        names = names_of(card_id_code, card_number)
        return self.listing_of(self._vault.standing_digests(*names)) if names else None

    def listing_of(self, digests: Sequence[str]) -> Listing | None:
        """The same by the digests of its names."""
        if not digests:
            return None
        with self._engine.connect() as connection:
            row = _LISTING.row(connection, digests=digests)
        return Listing(ListReason(row.reason), _moment(row.since), row.list_id) if row is not None else None

    def lists(self) -> list[Any]:
        """The newest lists with their states."""
        with self._engine.connect() as connection:
            return list(connection.execute(sa.select(t.card_list).order_by(_l.begun_at.desc()).limit(MAX_LISTS)))

    def list_of(self, list_id: str) -> Any | None:
        """One list."""
        with self._engine.connect() as connection:
            return connection.execute(sa.select(t.card_list).where(_l.list_id == list_id)).one_or_none()

    def listed(self) -> int:
        """How many cards the current lists hold."""
        query = sa.select(sa.cast(sa.func.coalesce(sa.func.sum(_l.rows), 0), sa.BigInteger)).where(
            _l.state == ListState.CURRENT
        )
        with self._engine.connect() as connection:
            return connection.scalar(query) or 0

    def rows_of(self, cards: Sequence[ListedCard], list_id: str, at: dt.datetime) -> list[dict[str, str]]:
        """Lines of a list as rows: a digest in the place of each number. The keys become durable with the rows."""
        return [
            {
                "digest": self._vault.standing_digest(*card.name, at),
                "list_id": list_id,
                "reason": str(card.reason),
                "since": stamp(card.since),
            }
            for card in cards
        ]


# -- works: each in one transaction of the one writer, which may refuse it


def propose(made: Proposed, sealed: str = "") -> Work:
    """Keep a proposal, with its note as ``sealed_note`` made it; the same again is no news. Refused when too many wait."""

    def work(connection: sa.Connection) -> None:
        waiting = connection.scalar(sa.select(sa.func.count()).select_from(t.registry_proposal)) or 0
        if waiting >= MAX_PROPOSALS:
            raise WorkRefusedError(Fault("system.busy", f"{waiting} proposals wait for a second person"))
        body = encode(evolve(made.change, note=""))
        row = {"proposal": made.proposal, "body": body, "by": made.by, "at": made.at, "sealed": sealed}
        connection.execute(_insert(connection, t.registry_proposal).values(**row).on_conflict_do_nothing())

    return work


def withdraw(proposal: str) -> Work:
    """Take a proposal away; refused when it is not there any more."""

    def work(connection: sa.Connection) -> None:
        if connection.execute(sa.delete(t.registry_proposal).where(_p.proposal == proposal)).rowcount != 1:
            raise WorkRefusedError(Fault("desk.stale", "no such proposal waits"))

    return work


def put_entry(change: Change, at: dt.datetime) -> Work:
    """Write or take away an entry of a register, if it is still the one that the proposal was made of."""

    def work(connection: sa.Connection) -> None:
        there = connection.execute(_of(change.matter, change.key)).one_or_none()
        if (there.version if there is not None else 0) != change.version:
            raise WorkRefusedError(Fault("desk.stale", f"{change.matter} {change.key} was changed since"))
        if change.entry is None:
            connection.execute(sa.delete(t.register_entry).where(_is(change.matter, change.key)))
            return
        body = {"body": encode(change.entry), "state": str(change.entry.get("status", "")), "changed_at": at.isoformat()}
        row = body | {"version": change.version + 1}
        if there is not None:
            connection.execute(sa.update(t.register_entry).where(_is(change.matter, change.key)).values(**row))
            return
        of_register = sa.select(sa.func.count()).where(_e.register == str(change.matter))
        if (connection.scalar(of_register) or 0) >= MAX_ENTRIES:
            raise WorkRefusedError(Fault("system.busy", f"the register holds {MAX_ENTRIES} entries"))
        connection.execute(sa.insert(t.register_entry).values(register=str(change.matter), key=change.key, **row))

    return work


def psam_used(serial: str, at: dt.datetime, *, good: bool) -> Work:
    """Note that a PSAM was used: its last success, or one failure more since. Nothing when it is not registered."""

    def work(connection: sa.Connection) -> None:
        values: dict[str, Any] = {"used_at": at.isoformat(), "failures": 0} if good else {"failures": _e.failures + 1}
        connection.execute(sa.update(t.register_entry).where(_is(Matter.PSAM, serial)).values(**values))

    return work


def begin_list(row: dict[str, Any]) -> Work:
    """A list that is being loaded; whatever else is, was broken off. One at a time."""

    def work(connection: sa.Connection) -> None:
        _end(connection, _l.state == ListState.LOADING, row["begun_at"])
        connection.execute(sa.insert(t.card_list).values(**row))

    return work


def add_to_list(list_id: str, rows: list[dict[str, str]], count: int) -> Work:
    """A part of a list. Refused when it is not being loaded any more."""

    def work(connection: sa.Connection) -> None:
        loading = sa.and_(_l.list_id == list_id, _l.state == ListState.LOADING)
        if connection.execute(sa.update(t.card_list).where(loading).values(rows=_l.rows + count)).rowcount != 1:
            raise WorkRefusedError(Fault("registry.list_refused", "another import was begun since"))
        if rows:
            connection.execute(_insert(connection, t.listed_card).on_conflict_do_nothing(), rows)

    return work


def finish_list(list_id: str, digest: str, state: ListState, made: Proposed | None) -> Work:
    """All of it is there: current from now on, or waiting for a second person."""

    def work(connection: sa.Connection) -> None:
        loading = sa.and_(_l.list_id == list_id, _l.state == ListState.LOADING)
        done = sa.update(t.card_list).where(loading).values(state=str(state), file_digest=digest)
        if connection.execute(done).rowcount != 1:
            raise WorkRefusedError(Fault("registry.list_refused", "another import was begun since"))
        if made is not None:
            propose(made)(connection)
        if state is ListState.CURRENT:
            _look_again(connection, list_id)

    return work


def install_list(list_id: str, at: dt.datetime) -> Work:
    """It takes the place of what its source said before."""

    def work(connection: sa.Connection) -> None:
        row = connection.execute(sa.select(t.card_list).where(_l.list_id == list_id)).one_or_none()
        if row is None or row.state != ListState.WAITING:
            raise WorkRefusedError(Fault("desk.stale", "the list does not wait any more"))
        _end(connection, sa.and_(_l.source == row.source, _l.state == ListState.CURRENT), at.isoformat())
        connection.execute(sa.update(t.card_list).where(_l.list_id == list_id).values(state=str(ListState.CURRENT)))
        _look_again(connection, list_id)

    return work


def drop_list(list_id: str, at: dt.datetime) -> Work:
    """It counts no more; its rows are taken away by pages."""
    alive = sa.and_(_l.list_id == list_id, _l.state != ListState.ENDED)
    return lambda connection: _end(connection, alive, at.isoformat())


def clear_ended(cleared: list[int]) -> Work:
    """Take away a page of rows of lists that ended; ``cleared`` hears how many."""

    def work(connection: sa.Connection) -> None:
        ended = sa.select(_l.list_id).where(_l.state == ListState.ENDED)
        page = sa.select(_c.digest, _c.list_id).where(_c.list_id.in_(ended)).limit(ENDED_PAGE)
        found = connection.execute(page).all()
        for row in found:
            connection.execute(sa.delete(t.listed_card).where(_c.digest == row.digest, _c.list_id == row.list_id))
        cleared.append(len(found))

    return work


def _end(connection: sa.Connection, which: Any, at: str) -> None:
    connection.execute(sa.update(t.card_list).where(which).values(state=str(ListState.ENDED), ended_at=at))


def _look_again(connection: sa.Connection, list_id: str) -> None:
    """Uses of these cards that are still in the window are judged once more: they may come after the loss was reported."""
    seen = t.audit_event.c
    mine = sa.select(_c.digest).where(_c.list_id == list_id, _c.digest.in_([seen.card, seen.number]))
    connection.execute(sa.update(t.audit_event).where(mine.exists()).values(waiting=True))


def proposed_of(change: Change, by: str, at: dt.datetime) -> Proposed:
    """A proposal under its digest, which is of all of it: who approves names what was shown."""
    text = encode({"by": by, "at": at.isoformat(), "change": decode_json(encode(change))})
    return Proposed(hashlib.sha256(f"registry\n{text}".encode()).hexdigest()[:_DIGITS], change, by, at.isoformat())


def entry_of(matter: Matter, raw: dict[str, Any]) -> Entry:
    """A register's entry of its members. Raises ``msgspec.ValidationError``."""
    entry: Entry = msgspec.convert(raw, _KINDS[matter])
    return entry


def _of(matter: Matter, key: str) -> Any:
    return sa.select(t.register_entry).where(_is(matter, key))


def _is(matter: Matter, key: str) -> Any:
    return sa.and_(_e.register == str(matter), _e.key == key)


def _stored(row: Any) -> Stored:
    entry = msgspec.json.decode(row.body, type=_KINDS[Matter(row.register)])
    return Stored(entry, row.version, row.changed_at, row.used_at, row.failures)


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def _insert(connection: sa.Connection, table: sa.Table) -> Any:
    insert: Any = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    return insert(table)
