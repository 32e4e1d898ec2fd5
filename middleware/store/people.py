"""Whose visits: asked by a number that stands on a card, answered without opening what is sealed.

An id number or card number is compared by its keyed digest; each period has a search key of its own, so that a destroyed
period is not found any more, and whoever has the database alone cannot try numbers.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from attrs import frozen

from middleware.store import tables as t
from middleware.store.database import snapshot
from middleware.store.vault import Vault

MAX_PERSON_ROWS = 10_000  # registrations of one person


@frozen(slots=True)
class Bill:
    """One settlement of a visit, in fen."""

    settlement_id: str
    state: str
    total_fen: int
    settlement_number: str
    settled_at: str


@frozen(slots=True)
class PersonVisit:
    """One visit of the person who was asked for."""

    visit_id: str
    person_ref: str
    state: str
    updated_at: str
    bills: tuple[Bill, ...]


class People:
    """Reads; each function is short and runs in the reader pool's threads."""

    def __init__(self, engine: sa.Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    def by_id_number(self, number: str, after: str, limit: int) -> list[PersonVisit]:
        """The visits of whoever has this id number, with an id greater than ``after``."""
        return self._visits(t.person.c.id_digest, self._vault.digests("id_number", number), after, limit)

    def by_card_number(self, number: str, after: str, limit: int) -> list[PersonVisit]:
        """The same by the number of a card."""
        return self._visits(t.person.c.card_digest, self._vault.digests("card_number", number), after, limit)

    def _visits(self, column: sa.Column[Any], digests: list[str], after: str, limit: int) -> list[PersonVisit]:
        v, s = t.visit.c, t.settlement.c
        persons = sa.select(t.person.c.person_ref).where(column.in_(digests)).limit(MAX_PERSON_ROWS)
        query = (
            sa.select(v.visit_id, v.person_ref, v.state, v.updated_at)
            .where(v.person_ref.in_(persons), v.visit_id > after)
            .order_by(v.visit_id)
            .limit(limit)
        )
        with snapshot(self._engine) as connection:
            visits = connection.execute(query).all()
            mine = [visit.visit_id for visit in visits]
            columns = (s.visit_id, s.settlement_id, s.state, s.total_fen, s.settlement_number, s.settled_at)
            rows = connection.execute(sa.select(*columns).where(s.visit_id.in_(mine)).order_by(s.settlement_id)).all()
        bills: dict[str, list[Bill]] = {}
        for row in rows:
            bills.setdefault(row.visit_id, []).append(Bill(*row[1:]))
        return [PersonVisit(*visit, tuple(bills.get(visit.visit_id, ()))) for visit in visits]
