"""What the manual desk asks of the store: which settlements are in doubt, and what is written down about one of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from attrs import frozen

from middleware.domain.errand import ErrandState
from middleware.domain.payment import LEG_IN_DOUBT
from middleware.domain.visit import Visit
from middleware.store import tables as t
from middleware.store.codec import decode_json
from middleware.store.personal import VISIT, open_visit, open_words
from middleware.store.vault import NoVault, Vault

STATES = ("Unknown", "ReversalIntended", "ReversalSent", "Manual")
LEGS = tuple(sorted(str(state) for state in LEG_IN_DOUBT))  # of the payer, at the bank
MAX_LEFT = 200  # visits with an errand that was left to a person, in one answer
MAX_LINES = 500  # the newest of one settlement; each attempt of a reversal writes three


@frozen(slots=True)
class Line:
    """One journal record of a settlement."""

    sequence: int
    at: str
    event: str
    before: str
    after: str
    body: dict[str, Any]
    words: str  # of a stranger or a caller; "" also when they are forgotten


@frozen(slots=True)
class Sent:
    """One message that was to leave for the centre, and how that ended; "" while it has not."""

    message_id: str
    call: str
    outcome: str
    intended_at: dt.datetime
    ended_at: dt.datetime | None


class Doubts:
    """Reads; each function is short and runs in the reader pool's threads."""

    def __init__(self, engine: sa.Engine, vault: Vault | None = None) -> None:
        self._engine = engine
        self._vault = vault or NoVault()

    def page(self, after: str, limit: int) -> list[tuple[str, Visit]]:
        """Settlements in doubt with an id greater than ``after``, in the order in which they began."""
        query = (
            sa.select(t.settlement.c.settlement_id, *VISIT)
            .select_from(t.settlement.join(t.visit, t.visit.c.visit_id == t.settlement.c.visit_id))
            .where(
                t.settlement.c.state.in_(STATES) | t.settlement.c.leg.in_(LEGS) | (t.settlement.c.finding != ""),
                t.settlement.c.settlement_id > after,
            )
            .order_by(t.settlement.c.settlement_id)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [(row.settlement_id, open_visit(self._vault, row)) for row in rows]

    def left(self) -> list[Visit]:
        """Visits with an errand that was left to a person, oldest first, at most ``MAX_LEFT``."""
        query = sa.select(*VISIT).where(with_errand_left()).order_by(t.visit.c.visit_id).limit(MAX_LEFT)
        with self._engine.connect() as connection:
            return [open_visit(self._vault, row) for row in connection.execute(query)]

    def lines(self, visit_id: str, settlement_id: str) -> list[Line]:
        """What the journal says of a settlement, oldest first."""
        query = (
            sa.select(t.journal.c.sequence, t.journal.c.line)
            .where(t.journal.c.visit_id == visit_id, t.journal.c.settlement_id == settlement_id)
            .order_by(t.journal.c.sequence.desc())
            .limit(MAX_LINES)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        found = [(row.sequence, decode_json(row.line)) for row in reversed(rows)]
        words = self._words([digest for _, one in found if (digest := one.get("words"))])
        return [
            Line(n, one["at"], one["event"], one["before"], one["after"], one["body"], words.get(one.get("words", ""), ""))
            for n, one in found
        ]

    def _words(self, digests: list[str]) -> dict[str, str]:
        if not digests:
            return {}
        query = sa.select(t.words.c.digest, t.words.c.sealed).where(t.words.c.digest.in_(digests))
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return {row.digest: open_words(self._vault, row.digest, row.sealed) for row in rows}

    def messages(self, message_ids: Collection[str]) -> list[Sent]:
        """These messages, in the order of their numbers."""
        query = sa.select(t.message).where(t.message.c.message_id.in_(message_ids)).order_by(t.message.c.message_id)
        with self._engine.connect() as connection:
            return [_sent(row) for row in connection.execute(query)]

    def owner_of(self, centre_number: str) -> str:
        """The settlement that the centre is known to hold under this number, or ""."""
        query = sa.select(t.settlement.c.settlement_id).where(t.settlement.c.settlement_number == centre_number).limit(1)
        with self._engine.connect() as connection:
            return connection.scalar(query) or ""


def with_errand_left() -> sa.ColumnElement[bool]:
    """Of visits: an errand waits for a person. It has a due time, so the visit is busy, and those are few and indexed."""
    return sa.and_(t.visit.c.busy, t.visit.c.body.contains(f'"state":"{ErrandState.LEFT}"'))


def _sent(row: Any) -> Sent:
    ended = dt.datetime.fromisoformat(row.ended_at) if row.ended_at else None
    return Sent(row.message_id, row.call, row.outcome, dt.datetime.fromisoformat(row.intended_at), ended)
