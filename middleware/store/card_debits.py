"""Debits of cards as the store has them: one row each, made before the card hears of it; the first certainty stands.

Which card it was is a keyed digest; its number and what it said before stand sealed by the standing key, for a debit in
doubt may outlive a period's keys.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from attrs import frozen

from middleware.domain.card_debit import OPEN, Accounts, DebitOrder, DebitState
from middleware.domain.card_key import OpenedCard
from middleware.domain.fault import Fault
from middleware.store import tables as t
from middleware.store.codec import decode_json, encode
from middleware.store.units import WorkRefusedError
from middleware.store.vault import Vault

Work = Callable[[sa.Connection], None]
MAX_OPEN_OF_A_CARD = 8
_c = t.card_debit.c
_IS_OPEN = _c.state.in_([sa.literal_column("'sent'"), sa.literal_column("'unknown'")])
_CARD = "card/debit"


@frozen(slots=True, repr=False)
class Debit:
    """A row. ``before`` and ``number`` are only there when they were asked for."""

    debit_id: str
    account: str
    digest: str
    terminal: str
    state: DebitState
    why: str
    status: int
    way: str
    order: DebitOrder
    terminal_number: str
    transaction_number: str
    counter: int
    tac: str
    mac2: str
    made_at: str
    ended_at: str
    proposal: str
    before: Accounts | None = None
    number: str = ""

    @property
    def open(self) -> bool:
        """Nobody knows yet."""
        return self.state in OPEN


class CardDebits:
    """Reads; safe to use from several threads."""

    def __init__(self, engine: sa.Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    def new(self, facts: dict[str, Any], card: OpenedCard, before: Accounts, at: dt.datetime) -> dict[str, Any]:
        """A row to be written: ``facts`` are all columns but those that name the card. Raises ``Fault("system.keys")``."""
        clear = {"number": card.card_number.reveal(), "before": [
            before.balance_fen, before.year, before.pooled_fen, before.last, list(before.record),
        ]}  # fmt: skip
        digest = self._vault.standing_digest(_CARD, card.card_id_code.reveal(), at)
        sealed = self._vault.seal_standing("card_debit", facts["debit_id"], "sealed", encode(clear), at)
        return facts | {"card": digest, "sealed": sealed}

    def by_key(self, account: str, key: str) -> Debit | None:
        """What became of a caller's request."""
        query = sa.select(t.card_debit).where(_c.account == account, _c.key == key)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else self._whole(row)

    def of_card(self, card: OpenedCard) -> list[Debit]:
        """What is open of that card, the oldest first, with what it said before."""
        digests = self._vault.standing_digests((_CARD, card.card_id_code.reveal()))
        query = sa.select(t.card_debit).where(_c.card.in_(digests), _IS_OPEN).order_by(_c.debit_id)
        with self._engine.connect() as connection:
            rows = connection.execute(query.limit(MAX_OPEN_OF_A_CARD)).all() if digests else []
        return [self._whole(row) for row in rows]

    def page(self, after: str, limit: int, *, every: bool) -> list[Debit]:
        """Debits behind that id; only open ones unless ``every``."""
        query = sa.select(t.card_debit).where(_c.debit_id > after).order_by(_c.debit_id).limit(limit)
        with self._engine.connect() as connection:
            rows: Sequence[Any] = connection.execute(query if every else query.where(_IS_OPEN)).all()
        return [self._whole(row) for row in rows]

    def one(self, debit_id: str) -> Debit:
        """That one. Raises ``request.not_found``."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(t.card_debit).where(_c.debit_id == debit_id)).one_or_none()
        if row is None:
            raise Fault("request.not_found", "debit")
        return self._whole(row)

    def open(self) -> int:
        """How many are open."""
        with self._engine.connect() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(t.card_debit).where(_IS_OPEN)) or 0

    def _whole(self, row: Any) -> Debit:
        clear = decode_json(self._vault.open("card_debit", row.debit_id, "sealed", row.sealed))
        balance, year, pooled, last, record = clear["before"]
        return _debit(row, Accounts(balance, year, pooled, last, tuple(record)), clear["number"])


def intend(row: dict[str, Any]) -> Work:
    """The row is there and no other debit of that card is open, or nothing is written."""

    def work(connection: sa.Connection) -> None:
        if connection.scalar(sa.select(_c.debit_id).where(_c.card == row["card"], _IS_OPEN).limit(1)) is not None:
            raise WorkRefusedError(Fault("card.debit_unknown", "an earlier debit of this card is open"))
        same = sa.select(_c.debit_id).where(_c.account == row["account"], _c.key == row["key"])
        if connection.scalar(same) is not None:
            raise WorkRefusedError(Fault("card.debit_unknown", "the same request is being worked on"))
        connection.execute(sa.insert(t.card_debit).values(**row))

    return work


def end(debit_id: str, **facts: Any) -> Work:
    """It becomes what is known now; refused when it is known already: the first certainty stands."""

    def work(connection: sa.Connection) -> None:
        changed = connection.execute(sa.update(t.card_debit).where(_c.debit_id == debit_id, _IS_OPEN).values(**facts))
        if not changed.rowcount:
            raise WorkRefusedError(Fault("desk.stale", "the debit is not open any more"))

    return work


def _debit(row: Any, before: Accounts | None = None, number: str = "") -> Debit:
    return Debit(
        row.debit_id, row.account, row.digest, row.terminal, DebitState(row.state), row.why, row.status, row.way,
        DebitOrder(row.individual_fen, row.pooled_fen, row.written_at), row.terminal_number, row.transaction_number,
        row.counter, row.tac, row.mac2, row.made_at, row.ended_at, row.proposal, before, number,
    )  # fmt: skip
