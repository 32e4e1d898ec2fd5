"""What waits for each destination, and what two persons may do with it when nobody delivers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from attrs import frozen

from middleware.domain.fault import Fault
from middleware.store import tables as t
from middleware.store.letters import DISCARDED
from middleware.store.numbers import forgotten
from middleware.store.units import WorkRefusedError
from middleware.store.walk import read_meta

Work = Callable[[sa.Connection], None]
_o, _l = t.outbox.c, t.his_link.c


@frozen(slots=True)
class Standing:
    """How a destination stands on the disk; ``state`` "" = its messages bear no numbers."""

    waiting: int = 0
    refused: int = 0
    oldest: str = ""
    next: int = 0
    open: str = ""
    state: str = ""
    why: str = ""


class DestinationsReader:
    """Reads; each function is short and runs in the reader pool's threads."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def standing(self) -> dict[str, Standing]:
        """Of each destination that has letters without a yes, or numbers."""
        count = sa.func.count()
        waits = sa.select(_o.destination, count.label("count"), sa.func.min(_o.created_at).label("oldest"))
        with self._engine.connect() as connection:
            waits = waits.where(_o.outcome == "").group_by(_o.destination)
            waiting = {row[0]: row for row in connection.execute(waits)}
            dead = sa.select(_o.destination, count.label("count")).where(t.REFUSED_LETTER).group_by(_o.destination)
            refused: dict[str, int] = {row[0]: row[1] for row in connection.execute(dead)}
            links = {row.name: row for row in connection.execute(sa.select(t.his_link))}
        return {
            name: _standing(waiting.get(name), refused.get(name, 0), links.get(name))
            for name in {*waiting, *refused, *links}
        }

    def note(self, name: str) -> str:
        """A note of the meta table, "" when there is none."""
        with self._engine.connect() as connection:
            return read_meta(connection, name)


def _standing(waiting: Any, refused: int, link: Any) -> Standing:
    count, oldest = (waiting[1], waiting[2]) if waiting is not None else (0, "")
    if link is None:
        return Standing(count, refused, oldest)
    return Standing(count, refused, oldest, link.next, link.open, link.state, link.why)


def decided(proposed: tuple[str, str], then: Work) -> Work:
    """``then``, if the proposal of that name and text still stands."""

    def work(connection: sa.Connection) -> None:
        name, text = proposed
        if read_meta(connection, name) != text:
            raise WorkRefusedError(Fault("desk.stale", "another proposal waits, or none"))
        then(connection)

    return work


def given_up_all(name: str, count: int) -> Work:
    """What waits for it will never leave; refused unless it is as many as were shown."""

    def work(connection: sa.Connection) -> None:
        waits = sa.and_(_o.destination == name, _o.outcome == "")
        there = connection.scalar(sa.select(sa.func.count()).where(waits)) or 0
        if there != count:
            raise WorkRefusedError(Fault("desk.stale", f"{there} messages wait, {count} were shown"))
        for control_id in connection.scalars(sa.select(_o.control_id).where(waits, _o.number > 0)).all():
            forgotten(connection, control_id)
        connection.execute(sa.update(t.outbox).where(waits).values(outcome=DISCARDED))

    return work


def handed_over(name: str, to: str) -> Work:
    """What waits for it waits for another one, but for visits of which that one was told anything: order would be lost."""

    def work(connection: sa.Connection) -> None:
        knows = sa.select(_o.visit_id).where(_o.destination == to)
        waits = sa.and_(_o.destination == name, _o.outcome == "", _o.visit_id.not_in(knows))
        for control_id in connection.scalars(sa.select(_o.control_id).where(waits, _o.number > 0)).all():
            forgotten(connection, control_id)
        connection.execute(sa.update(t.outbox).where(waits).values(destination=to, number=0))

    return work
