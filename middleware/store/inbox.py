"""What came over HL7, as the store has it: which ids are taken, what was answered, and the bytes as they came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from attrs import frozen

from middleware.domain.fault import Fault
from middleware.store import tables as t
from middleware.store.personal import SALT_BYTES, commitment
from middleware.store.units import Incoming
from middleware.store.vault import Vault

_c = t.inbox.c
_FACTS = tuple(column for column in t.inbox.c if column.name not in {"ack", "sealed"})
_PAGE = 500
_TAKEN = {
    "sqlite": "SELECT control_id FROM inbox WHERE why = '' AND link = ? AND control_id IN (SELECT value FROM json_each(?))",
    "postgresql": "SELECT control_id FROM inbox WHERE why = '' AND link = %s AND control_id = ANY(%s)",
}
REMEMBERED = 16_384
DOUBTS = 64  # transactions
Id = tuple[str, str]  # link and control id


class TakenIds:
    """Which ids are taken, as the writer asks in each of its transactions, under the lock of all who write.

    The ids of this life that were taken last are remembered; the rest is left to the table's unique key, which knows what
    other nodes and lives took. When the key refuses a row the writer tells ``doubted`` and tries again: for a while the
    table is asked first, for whoever repeats one message often repeats more.
    """

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._recent: dict[Id, None] = {}  # the oldest first
        self._doubts = 0

    def among(self, connection: sa.Connection, incoming: Sequence[Incoming]) -> set[Id]:
        """Those among them that are known to be taken; any other may be."""
        recent = self._recent
        taken = {key for one in incoming if not one.why and (key := (one.link, one.control_id)) in recent}
        if self._doubts and incoming:
            self._doubts -= 1
            taken |= taken_ids(connection, incoming)
        return taken

    def doubted(self) -> bool:
        """The unique key refused a row. True when to ask the table first may help; False when it was asked."""
        asked = self._doubts > 0
        self._doubts = DOUBTS
        return not asked

    def saved(self, incoming: Sequence[Incoming]) -> None:
        """These are durable."""
        recent = self._recent
        for one in incoming:
            if not one.why:
                recent[one.link, one.control_id] = None
        while len(recent) > self._remembered:
            del recent[next(iter(recent))]


def taken_ids(connection: sa.Connection, incoming: Sequence[Incoming]) -> set[Id]:
    """Link and control id of those among them that were taken before. Under the writer's lock: no other node adds one."""
    asked: dict[str, list[str]] = {}
    for one in incoming:
        if not one.why:
            asked.setdefault(one.link, []).append(one.control_id)
    # Straight to the driver, and one text for any number: SQLAlchemy's own way costs more than the answer.
    database = connection.dialect.name
    taken = set()
    for link, ids in asked.items():
        given = msgspec.json.encode(ids).decode() if database == "sqlite" else ids
        taken |= {(link, row[0]) for row in connection.exec_driver_sql(_TAKEN[database], (link, given))}
    return taken


@frozen(slots=True)
class Taken:
    """What was taken under an id, and what was answered. ``raw`` is None when it is forgotten by rule."""

    raw: bytes | None
    ack: bytes


class InboxReader:
    """Reads; safe to use from several threads."""

    def __init__(self, engine: sa.Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    def taken(self, link: str, control_id: str) -> Taken | None:
        """What was taken under that id. Raises ``Fault("system.keys")``."""
        query = sa.select(t.inbox).where(_c.why == "", _c.link == link, _c.control_id == control_id)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Taken(self._opened(row), bytes(row.ack))

    def page(self, after: int, limit: int, *, kept_only: bool) -> Sequence[Any]:
        """Facts of what came, behind the row ``after``, without a byte of it."""
        query = sa.select(*_FACTS).where(_c.sequence > after).order_by(_c.sequence).limit(limit)
        if kept_only:
            query = query.where(_c.why != "")
        with self._engine.connect() as connection:
            return connection.execute(query).all()

    def show(self, sequence: int) -> tuple[Any, bytes | None]:
        """The row with that number and its bytes, None when they are forgotten. Raises ``Fault("request.not_found")``."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(t.inbox).where(_c.sequence == sequence)).one_or_none()
        if row is None:
            raise Fault("request.not_found", f"inbox {sequence}")
        return row, self._opened(row)

    def _opened(self, row: Any) -> bytes | None:
        try:
            box = self._vault.open_bytes("inbox", str(row.sequence), "sealed", row.sealed)
        except Fault as fault:
            if fault.code != "person.forgotten":
                raise
            return None
        salt, raw = box[:SALT_BYTES], box[SALT_BYTES:]
        if commitment(salt, raw) != row.digest:
            raise Fault("system.keys", f"inbox {row.sequence}: not the bytes that the journal's row was written with")
        return raw


# -- whether the inbox says what the journal says


class _Body(msgspec.Struct):
    link: str
    type: str
    why: str
    bytes: int
    digest: str


class _Line(msgspec.Struct):
    event: str
    body: _Body


_lines = msgspec.json.Decoder(_Line)


def inbox_agrees(engine: sa.Engine) -> None:
    """Each row is what its journal record says, and none is missing. Raises ``Fault("system.backup")`` naming the row."""
    after = 0
    rows: Sequence[Any] = [None]
    while rows:
        told = sa.select(t.journal.c.sequence, t.journal.c.line, *(column.label(f"i_{column.name}") for column in _FACTS))
        joined = told.select_from(t.journal.outerjoin(t.inbox, t.inbox.c.sequence == t.journal.c.sequence))
        ours = sa.or_(t.journal.c.event == "Hl7Received", _c.sequence.is_not(None))
        with engine.connect() as connection:
            query = joined.where(t.journal.c.sequence > after, ours).order_by(t.journal.c.sequence).limit(_PAGE)
            rows = connection.execute(query).all()
        for row in rows:
            _agree(row)
        after = rows[-1].sequence if rows else after
    with engine.connect() as connection:
        known = sa.exists().where(t.journal.c.sequence == _c.sequence)
        lost = connection.scalar(sa.select(_c.sequence).where(~known).limit(1))
    if lost is not None:
        raise Fault("system.backup", f"inbox {lost} has no journal row")


def _agree(row: Any) -> None:
    if row.i_sequence is None:
        raise Fault("system.backup", f"journal row {row.sequence} names a message that the inbox has not")
    try:
        body = _lines.decode(row.line).body
    except msgspec.MsgspecError as exc:
        raise Fault("system.backup", f"inbox {row.sequence}: its journal row is of something else") from exc
    if (body.link, body.type, body.why, body.bytes, body.digest) != (
        row.i_link, row.i_type, row.i_why, row.i_bytes, row.i_digest,
    ):  # fmt: skip
        raise Fault("system.backup", f"inbox {row.sequence} does not say what its journal row says")
