"""The lives of daemons that share a database: who has which epoch, whose lease ran out, and what a dead one left.

A life takes an epoch, greater than every one before, and renews its lease by the DATABASE's clock. It is over when its row
says so, never by a clock alone: whoever ends another's life does it under the lock that every writing transaction takes,
so that a write and the end of its writer come one after the other (invariant 17). Functions of one transaction each;
``writer.py`` calls them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import msgspec
import sqlalchemy as sa
from attrs import frozen
from sqlalchemy.dialects import postgresql, sqlite

from middleware.domain.fault import Fault
from middleware.store import tables as t
from middleware.store.prepared import straight

MAX_NODES = 10  # at a time, on one database: each has a tenth of a second's message ids
MIN_HANG_S = 2.0
CRASH = "unknown crash"  # how a message ends of which nobody will ever hear again
_EPOCH = t.meta.c.name == "epoch"
_LIVES = t.node.c.ended == ""
# Asked in every transaction, so straight to the driver: a unit that is written alone lost a fifth to SQLAlchemy.
_NEWEST = {
    "sqlite": "SELECT value FROM meta WHERE name = 'epoch'",
    "postgresql": "SELECT value FROM meta WHERE name = 'epoch' FOR UPDATE",
}
_ALIVE = {
    "sqlite": "SELECT 1 FROM node WHERE epoch = ? AND ended = ''",
    "postgresql": "SELECT 1 FROM node WHERE epoch = %s AND ended = ''",
}
_VERSIONS = {
    "sqlite": "SELECT visit_id, version FROM visit WHERE visit_id IN (SELECT value FROM json_each(?))",
    "postgresql": "SELECT visit_id, version FROM visit WHERE visit_id = ANY(%s)",
}


def database_seconds(connection: sa.Connection) -> float:
    """Seconds of the database's own clock: the one that all nodes share."""
    if connection.dialect.name == "postgresql":
        return float(connection.scalar(sa.text("SELECT extract(epoch FROM clock_timestamp())::float8")) or 0)
    return float(connection.scalar(sa.text("SELECT (julianday('now') - 2440587.5) * 86400.0")) or 0)


@frozen(slots=True)
class Membership:
    """As what a daemon joins. ``shared``: others may have the same database at the same time."""

    name: str = "node"
    lease_s: float = 15.0
    shared: bool = False
    seconds: Callable[[sa.Connection], float] = database_seconds

    @property
    def slots(self) -> int:
        """Into how many parts the message ids of a second are divided."""
        return MAX_NODES if self.shared else 1


@frozen(slots=True)
class Life:
    """One life: its epoch, its part of the message ids, and the greatest id that was durable when it began."""

    epoch: int
    slot: int
    newest_message_id: str | None


@frozen(slots=True)
class Peer:
    """Another life, or one's own, as the table shows it; ``left_s`` of its lease, negative when it ran out."""

    epoch: int
    name: str
    left_s: float
    ended: str


@frozen(slots=True)
class Seen:
    """What a renewal saw. ``renewed`` is False when this life is over."""

    renewed: bool
    peers: tuple[Peer, ...] = ()
    tasks: frozenset[str] = frozenset()  # those that this life holds
    open_tasks: frozenset[str] = frozenset()  # those that no living one holds

    @property
    def to_take(self) -> bool:
        """Whether there is something of the dead."""
        return bool(self.open_tasks) or any(peer.ended or peer.left_s < 0 for peer in self.peers)


@frozen(slots=True)
class Claimed:
    """A visit that a dead life had in hand. ``dead`` are its messages without an end, by settlement ("" = the visit)."""

    visit_id: str
    version: int
    dead: dict[str, tuple[str, ...]]
    flying: frozenset[str]  # settlements of which a living node has a message under way


def not_longer_than_a_lease(connection: sa.Connection, as_: Membership) -> None:
    """A node that hangs inside a transaction is ended by the server, for all others wait for its lock.

    Never sooner than in ``MIN_HANG_S``: a process that a busy machine did not run for a moment does not hang.
    """
    if connection.dialect.name == "postgresql":
        limit_s = max(as_.lease_s / 3, MIN_HANG_S)
        connection.exec_driver_sql(f"SET idle_in_transaction_session_timeout = {int(limit_s * 1000)}")
        connection.commit()


def lock(connection: sa.Connection, *, shared: bool = False) -> int:
    """Take the one lock of all who write, until the transaction ends; the newest epoch.

    It is the row of the epoch: a lock of the server on PostgreSQL, on SQLite the file's, which is taken by writing before
    anything is read: who reads first can be refused later.
    """
    if shared and connection.dialect.name == "sqlite":
        connection.execute(sa.update(t.meta).where(_EPOCH).values(value=t.meta.c.value))
    return int(_one(connection, _NEWEST) or 0)


def lives(connection: sa.Connection, epoch: int) -> bool:
    """Whether that life goes on."""
    return _one(connection, _ALIVE, epoch) is not None


def join(connection: sa.Connection, as_: Membership, former: int = 0) -> Life:
    """Begin a life. Raises ``Fault`` when there are too many, or when another daemon goes by the same name.

    ``former`` is this daemon's own life before, when it has had one: a name that somebody took since is theirs.
    """
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    connection.execute(insert(t.meta).values(name="epoch", value="0").on_conflict_do_nothing())
    epoch = lock(connection, shared=as_.shared) + 1
    now = as_.seconds(connection)
    namesake = sa.select(t.node.c.epoch).where(_LIVES, t.node.c.name == as_.name, t.node.c.epoch > former)
    if former and connection.scalar(namesake) is not None:
        raise Fault("system.in_use", f"another daemon calls itself {as_.name}")
    mine = t.node.c.name == as_.name if as_.shared else sa.true()
    connection.execute(sa.update(t.node).where(_LIVES, mine).values(ended="superseded"))
    _end_overdue(connection, now)
    slot = _free_slot(connection, as_)
    connection.execute(sa.update(t.meta).where(_EPOCH).values(value=str(epoch)))
    row = {"epoch": epoch, "name": as_.name, "slot": slot, "joined_at": now, "lease_until": now + as_.lease_s}
    connection.execute(sa.insert(t.node).values(**row, ended="", cleared=False))
    return Life(epoch, slot, _newest_message_id(connection, slot, as_))


def _free_slot(connection: sa.Connection, as_: Membership) -> int:
    """The part that this name had last, else one that no known name had last: numbers of a part stay one node's."""
    newest = sa.select(sa.func.max(t.node.c.epoch)).group_by(t.node.c.name)
    last = {row.name: row.slot for row in connection.execute(sa.select(t.node).where(t.node.c.epoch.in_(newest)))}
    taken = set(connection.scalars(sa.select(t.node.c.slot).where(_LIVES)))
    own = last.pop(as_.name, -1)
    free = sorted((n for n in range(as_.slots) if n not in taken), key=lambda n: (n != own, n in last.values(), n))
    if not free:
        raise Fault("system.config", f"{MAX_NODES} nodes have this database already")
    return free[0]


def _newest_message_id(connection: sa.Connection, slot: int, as_: Membership) -> str | None:
    """The greatest of this part's ids: the serial's first digit is the slot, where there are ten."""
    ids = sa.select(t.message.c.message_id).order_by(t.message.c.message_id.desc()).limit(1)
    if as_.shared:
        ids = ids.where(sa.func.substr(t.message.c.message_id, 27, 1) == str(slot))
    newest: str | None = connection.scalar(ids)
    return newest


def renew(connection: sa.Connection, as_: Membership, epoch: int, tasks: Collection[str]) -> Seen:
    """Live on for another lease, unless this life was ended; and see who else is there. Takes no lock but its own row's."""
    now = as_.seconds(connection)
    mine = sa.and_(t.node.c.epoch == epoch, _LIVES)
    if connection.execute(sa.update(t.node).where(mine).values(lease_until=now + as_.lease_s)).rowcount != 1:
        return Seen(renewed=False)
    rows = connection.execute(sa.select(t.node).where(sa.or_(_LIVES, sa.not_(t.node.c.cleared))).order_by(t.node.c.epoch))
    peers = tuple(Peer(row.epoch, row.name, row.lease_until - now, row.ended) for row in rows)
    living = {peer.epoch for peer in peers if not peer.ended}
    holders = {row.name: row.epoch for row in connection.execute(sa.select(t.task_lease))}
    return Seen(
        renewed=True,
        peers=peers,
        tasks=frozenset(name for name, holder in holders.items() if holder == epoch),
        open_tasks=frozenset(name for name in tasks if holders.get(name) not in living),
    )


def take_over(connection: sa.Connection, as_: Membership, epoch: int, tasks: Collection[str]) -> frozenset[str]:
    """End the lives whose leases ran out and take the tasks that nobody living holds; the tasks taken. Under the lock."""
    _end_overdue(connection, as_.seconds(connection), but=epoch)
    taken = set()
    for name in tasks:
        holder = connection.scalar(sa.select(t.task_lease.c.epoch).where(t.task_lease.c.name == name))
        if holder is None:
            connection.execute(sa.insert(t.task_lease).values(name=name, epoch=epoch))
        elif holder == epoch or lives(connection, holder):
            continue
        else:
            connection.execute(sa.update(t.task_lease).where(t.task_lease.c.name == name).values(epoch=epoch))
        taken.add(name)
    return frozenset(taken)


def _end_overdue(connection: sa.Connection, now: float, but: int = 0) -> None:
    overdue = sa.and_(_LIVES, t.node.c.lease_until < now, t.node.c.epoch != but)
    connection.execute(sa.update(t.node).where(overdue).values(ended="lost"))


def _orphaned() -> Any:
    """Of visits that are busy: nobody living has its due times in hand, or a dead one had a message of it under way."""
    living = sa.select(t.node.c.epoch).where(_LIVES)
    left = sa.select(t.message.c.visit_id).where(t.message.c.outcome == "", t.message.c.epoch.not_in(living))
    return sa.and_(t.visit.c.busy, sa.or_(t.visit.c.epoch.not_in(living), t.visit.c.visit_id.in_(left)))


def claim(
    connection: sa.Connection, epoch: int, since: str, after: str, limit: int, *, mine: bool = False
) -> list[Claimed]:
    """Take a page of the visits that dead lives had in hand, in the order of their ids. Under the lock.

    A row that somebody else has locked, a person's session perhaps, is left for the next look. ``mine``: with those that
    this life has already, for whoever does not know whether an earlier claim was written.
    """
    wanted = sa.or_(_orphaned(), sa.and_(t.visit.c.busy, t.visit.c.epoch == epoch)) if mine else _orphaned()
    page = (
        sa.select(t.visit.c.visit_id, t.visit.c.version)
        .where(wanted, t.visit.c.visit_id > after)
        .order_by(t.visit.c.visit_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = connection.execute(page).all()
    ids = [row.visit_id for row in found]
    if ids:
        owned = sa.update(t.visit).where(t.visit.c.visit_id.in_(ids), t.visit.c.epoch != epoch)
        connection.execute(owned.values(epoch=epoch, since=since))
    living = set(connection.scalars(sa.select(t.node.c.epoch).where(_LIVES)))
    unended = _unended(connection, ids, living)
    return [Claimed(row.visit_id, row.version, *unended.get(row.visit_id, ({}, frozenset()))) for row in found]


def _unended(
    connection: sa.Connection, ids: list[str], living: set[int]
) -> dict[str, tuple[dict[str, tuple[str, ...]], frozenset[str]]]:
    query = sa.select(t.message).where(t.message.c.outcome == "", t.message.c.visit_id.in_(ids))
    dead: dict[str, dict[str, tuple[str, ...]]] = {}
    flying: dict[str, set[str]] = {}
    for row in connection.execute(query) if ids else ():
        if row.epoch in living:
            flying.setdefault(row.visit_id, set()).add(row.settlement_id)
        else:
            mine = dead.setdefault(row.visit_id, {})
            mine[row.settlement_id] = (*mine.get(row.settlement_id, ()), row.message_id)
    return {v: (dead.get(v, {}), frozenset(flying.get(v, ()))) for v in {*dead, *flying}}


def clear(connection: sa.Connection, at: str) -> bool:
    """When nothing of the dead is in hand any more: end what is left of their messages, and look at them no longer."""
    if connection.scalar(sa.select(t.visit.c.visit_id).where(_orphaned()).limit(1)) is not None:
        return False
    living = sa.select(t.node.c.epoch).where(_LIVES)
    unheard = sa.and_(t.message.c.outcome == "", t.message.c.epoch.not_in(living))
    connection.execute(sa.update(t.message).where(unheard).values(outcome=CRASH, ended_at=at))
    connection.execute(sa.update(t.node).where(sa.not_(_LIVES), sa.not_(t.node.c.cleared)).values(cleared=True))
    return True


def leave(connection: sa.Connection, epoch: int) -> None:
    """End one's own life, so that nobody waits for its lease to run out. Under the lock."""
    connection.execute(sa.delete(t.task_lease).where(t.task_lease.c.epoch == epoch))
    connection.execute(sa.update(t.node).where(t.node.c.epoch == epoch, _LIVES).values(ended="left"))


def versions(connection: sa.Connection, visit_ids: Collection[str]) -> dict[str, int]:
    """The visits' versions on the disk; a visit that is not there is missing."""
    if not visit_ids:
        return {}
    database, ids = connection.dialect.name, list(visit_ids)
    given = msgspec.json.encode(ids).decode() if database == "sqlite" else ids
    return {row[0]: row[1] for row in straight(connection, _VERSIONS[database], (given,))}


def _one(connection: sa.Connection, question: dict[str, str], *values: Any) -> Any | None:
    """The first column of the first row, or None."""
    rows = straight(connection, question[connection.dialect.name], values)
    return rows[0][0] if rows else None
