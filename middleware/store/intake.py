"""How far the inbox was acted on, and what came of each message. The effect and its row are one transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from attrs import frozen

from middleware.domain.fault import Fault
from middleware.store import tables as t
from middleware.store.links import Work
from middleware.store.units import WorkRefusedError

CURSOR = "hl7.acted"  # in meta: the last message of the inbox that was acted on
DONE, FAILED, RETRY = "done", "failed", "retry"
_i, _o = t.inbox.c, t.hl7_outcome.c


class Intakes:
    """Reads; safe to use from several threads."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def waiting(self, types: Sequence[str], limit: int) -> tuple[int, list[Any], int]:
        """The cursor; what is behind it and of these types (MSH-9.1), the oldest first; how far a full page goes, or 0."""
        with self._engine.connect() as connection:
            cursor = _cursor(connection)
            page = sa.select(_i.sequence, _i.link, _i.type, _i.why, _i.at).where(_i.sequence > cursor)
            rows = connection.execute(page.order_by(_i.sequence).limit(limit)).all()
        mine = [row for row in rows if not row.why and row.type.partition("^")[0] in types]
        return cursor, mine, rows[-1].sequence if len(rows) == limit else 0

    def again(self, limit: int) -> list[Any]:
        """What an operator wants to have tried again."""
        query = sa.select(_o.sequence, _i.link, _i.type).join(t.inbox, _i.sequence == _o.sequence)
        with self._engine.connect() as connection:
            return list(connection.execute(query.where(_o.state == RETRY).order_by(_o.sequence).limit(limit)))

    def failed(self, after: int, limit: int) -> list[Any]:
        """What was taken and could not be acted on, and why."""
        query = sa.select(t.hl7_outcome, _i.link, _i.type).join(t.inbox, _i.sequence == _o.sequence)
        with self._engine.connect() as connection:
            query = query.where(_o.state != DONE, _o.sequence > after).order_by(_o.sequence).limit(limit)
            return list(connection.execute(query))

    def count_failed(self) -> int:
        """How many."""
        with self._engine.connect() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(t.hl7_outcome).where(_o.state == FAILED)) or 0


@frozen(slots=True)
class Acted:
    """What came of one message: the effect to carry out, and the outcome to write. ``why``: code and detail."""

    sequence: int
    state: str
    why: tuple[str, str]
    effect: Work | None


def acted(these: Sequence[Acted], cursor: int, now: dt.datetime) -> Work:
    """The effects of messages in their order, that they were acted on, and how far that is; ``cursor`` is where it was.

    Whoever finds the cursor elsewhere was overtaken by another node and changes nothing.
    """

    def work(connection: sa.Connection) -> None:
        move(connection, cursor, these[-1].sequence)  # so far nothing behind it was acted on: no outcome is there yet
        for one in these:
            _carry_out(connection, one)
        rows = [_outcome(one, now) | {"sequence": one.sequence, "attempts": 1} for one in these]
        connection.execute(sa.insert(t.hl7_outcome), rows)

    return work


def acted_again(one: Acted, now: dt.datetime) -> Work:
    """The same for a message that an operator wants to have tried again. Whoever finds that done changes nothing."""

    def work(connection: sa.Connection) -> None:
        mine = _o.sequence == one.sequence
        row = connection.execute(sa.select(_o.state, _o.attempts).where(mine)).one_or_none()
        if row is None or row.state != RETRY:
            raise WorkRefusedError(Fault("desk.stale", "another node acted on it"))
        _carry_out(connection, one)
        connection.execute(sa.update(t.hl7_outcome).where(mine).values(attempts=row.attempts + 1, **_outcome(one, now)))

    return work


def _carry_out(connection: sa.Connection, one: Acted) -> None:
    if one.effect is not None:
        try:
            one.effect(connection)
        except Fault as fault:  # of this message, and no trouble of the database's
            raise WorkRefusedError(fault) from None


def _outcome(one: Acted, now: dt.datetime) -> dict[str, Any]:
    return {"state": one.state, "why": one.why[0], "detail": one.why[1], "at": now.isoformat()}


def passed(cursor: int, last: int) -> Work:
    """Up to there nothing else is to be done."""
    return lambda connection: move(connection, cursor, last)


def move(connection: sa.Connection, cursor: int, last: int) -> None:
    """From there to there."""
    if _cursor(connection) != cursor:
        raise WorkRefusedError(Fault("desk.stale", "another node acted on it"))
    meta = t.meta.c
    if cursor:
        connection.execute(sa.update(t.meta).where(meta.name == CURSOR).values(value=str(last)))
    else:
        connection.execute(sa.insert(t.meta).values(name=CURSOR, value=str(last)))


def retried(sequence: int) -> Work:
    """To be tried again. Only what failed."""

    def work(connection: sa.Connection) -> None:
        mine = sa.and_(_o.sequence == sequence, _o.state == FAILED)
        if connection.execute(sa.update(t.hl7_outcome).where(mine).values(state=RETRY)).rowcount != 1:
            raise WorkRefusedError(Fault("request.not_found", f"inbox {sequence}: nothing of it failed"))

    return work


def _cursor(connection: sa.Connection) -> int:
    return int(connection.scalar(sa.select(t.meta.c.value).where(t.meta.c.name == CURSOR)) or 0)
