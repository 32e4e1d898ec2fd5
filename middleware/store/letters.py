"""Letters that the HIS did not take: read for an operator, opened again or given up inside one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from attrs import frozen

from middleware.domain.command import HisMatter
from middleware.domain.fault import Fault
from middleware.domain.visit import SettlementState
from middleware.store import tables as t
from middleware.store.units import WorkRefusedError
from middleware.store.walk import read_meta

Work = Callable[[sa.Connection], None]

DISCARDED = "discarded"
_o = t.outbox.c
_STANDS = {HisMatter.SETTLED: SettlementState.SETTLED, HisMatter.CANCELLED: SettlementState.CANCELLED}


@frozen(slots=True)
class LetterRow:
    """A letter as the outbox has it. ``outcome``: "" waits, else accepted, refused CODE or discarded."""

    sequence: int
    control_id: str
    visit_id: str
    settlement_id: str
    matter: str
    created_at: str
    outcome: str


class LettersReader:
    """Reads; each function is short and runs in the reader pool's threads."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def page(self, after: int, limit: int, *, dead: bool) -> list[LetterRow]:
        """Letters behind that number that the HIS refused, or (not ``dead``) that wait for its answer."""
        which = t.REFUSED_LETTER if dead else _o.outcome == ""
        query = sa.select(t.outbox).where(which, _o.sequence > after).order_by(_o.sequence).limit(limit)
        with self._engine.connect() as connection:
            return [_row(row) for row in connection.execute(query)]

    def letter(self, control_id: str) -> LetterRow:
        """One of them. Raises ``Fault("request.not_found")``."""
        with self._engine.connect() as connection:
            return _letter(connection, control_id)

    def note(self, name: str) -> str:
        """A note of the meta table, "" when there is none."""
        with self._engine.connect() as connection:
            return read_meta(connection, name)


def reopened(control_id: str) -> Work:
    """The letter waits again. Refused with ``desk.not_fitting`` unless the HIS refused it and what it says still holds."""

    def work(connection: sa.Connection) -> None:
        letter = _refused(connection, control_id)
        stands = _STANDS.get(HisMatter(letter.matter))
        if stands is None:
            raise WorkRefusedError(Fault("desk.not_fitting", "a refused visit is closed: register it anew"))
        state = connection.scalar(
            sa.select(t.settlement.c.state).where(t.settlement.c.settlement_id == letter.settlement_id)
        )
        if state != str(stands):
            raise WorkRefusedError(Fault("desk.not_fitting", f"the settlement is {state}"))
        connection.execute(sa.update(t.outbox).where(_o.control_id == control_id).values(outcome=""))

    return work


def given_up(control_id: str, proposed: tuple[str, str]) -> Work:
    """The letter will never leave. ``proposed`` is name and text of the proposal, which must still stand."""

    def work(connection: sa.Connection) -> None:
        name, text = proposed
        if read_meta(connection, name) != text:
            raise WorkRefusedError(Fault("desk.stale", "another proposal waits, or none"))
        _refused(connection, control_id)
        connection.execute(sa.update(t.outbox).where(_o.control_id == control_id).values(outcome=DISCARDED))

    return work


def still_refused(control_id: str) -> Work:
    """Nothing changes; refused unless the HIS refused the letter."""

    def work(connection: sa.Connection) -> None:
        _refused(connection, control_id)

    return work


def _refused(connection: sa.Connection, control_id: str) -> LetterRow:
    try:
        letter = _letter(connection, control_id)
    except Fault as fault:
        raise WorkRefusedError(fault) from None
    if not letter.outcome.startswith("refused"):
        raise WorkRefusedError(Fault("desk.not_fitting", f"the letter is {letter.outcome or 'waiting'}"))
    return letter


def _letter(connection: sa.Connection, control_id: str) -> LetterRow:
    row = connection.execute(sa.select(t.outbox).where(_o.control_id == control_id)).one_or_none()
    if row is None:
        raise Fault("request.not_found", "letter")
    return _row(row)


def _row(row: Any) -> LetterRow:
    return LetterRow(row.sequence, row.control_id, row.visit_id, row.settlement_id, row.matter, row.created_at, row.outcome)
