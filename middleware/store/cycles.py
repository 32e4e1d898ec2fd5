"""Business cycles of old centres: which sign-ins are open, and what was sent under each. Short reads."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from attrs import frozen

from middleware.domain.visit import Visit
from middleware.store import tables as t
from middleware.store.reader import Reader

PAGE = 200
MAX_CYCLES = 100


@frozen(slots=True)
class Cycle:
    """A sign-in that has not been ended, as far as we know."""

    sign_number: str
    began_at: dt.datetime


class Cycles:
    """Reads; safe to use from several threads."""

    def __init__(self, engine: sa.Engine, reader: Reader) -> None:
        self._engine = engine
        self._reader = reader

    def open(self) -> list[Cycle]:
        """The oldest ``MAX_CYCLES`` that are open. Several sign-ins answered with one number are one cycle.

        So is a number under which something went out though no sign-in was written down: its answer came late, or the disk
        did not take it.
        """
        c, m = t.cycle.c, t.message.c
        ended = sa.select(c.sign_number).where(c.way == "out")
        told = sa.select(c.sign_number, c.at, c.message_id).where(c.way == "in")
        used = sa.select(m.sign_number, m.intended_at, m.message_id).where(m.sign_number != "", m.visit_id != "")
        every = sa.union_all(told.where(c.sign_number.not_in(ended)), used.where(m.sign_number.not_in(ended))).subquery()
        query = (
            sa.select(every.c.sign_number, sa.func.min(every.c.at).label("began"))
            .group_by(every.c.sign_number)
            .order_by(sa.func.min(every.c.message_id))
            .limit(MAX_CYCLES)
        )
        with self._engine.connect() as connection:
            return [Cycle(row.sign_number, dt.datetime.fromisoformat(row.began)) for row in connection.execute(query)]

    def messages(self, sign_number: str, limit: int) -> set[str]:
        """The messages about settlements that went out under that sign-in, at most ``limit``."""
        m = t.message.c
        query = sa.select(m.message_id).where(m.sign_number == sign_number, m.visit_id != "", m.settlement_id != "")
        with self._engine.connect() as connection:
            return set(connection.scalars(query.limit(limit)))

    def sent_since(self, sign_number: str, since: dt.datetime) -> set[str]:
        """Of those messages the ones that were meant to leave after that, by our clock."""
        m = t.message.c
        query = sa.select(m.message_id, m.intended_at).where(m.sign_number == sign_number, m.settlement_id != "")
        with self._engine.connect() as connection:
            rows = connection.execute(query.where(m.visit_id != ""))
            return {row.message_id for row in rows if dt.datetime.fromisoformat(row.intended_at) > since}

    def visits(self, sign_number: str, after: str) -> list[Visit]:
        """At most ``PAGE`` visits with such a message, by id, after that one."""
        m = t.message.c
        query = sa.select(m.visit_id).where(m.sign_number == sign_number, m.visit_id > after, m.settlement_id != "")
        with self._engine.connect() as connection:
            ids = list(connection.scalars(query.distinct().order_by(m.visit_id).limit(PAGE)))
        return [found for visit_id in ids if (found := self._reader.visit(visit_id)) is not None]
