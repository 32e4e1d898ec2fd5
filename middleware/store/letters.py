"""Letters that the HIS did not take: read for an operator, opened again or given up inside one transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from attrs import frozen

from middleware.domain.command import MERGES, NOTICES, HisMatter
from middleware.domain.destination import HIS
from middleware.domain.fault import Fault
from middleware.domain.visit import SettlementState
from middleware.store import tables as t
from middleware.store.letter_notes import Correction, apply_correction, read_corrections, read_refusal
from middleware.store.units import WorkRefusedError
from middleware.store.vault import NoVault, Vault
from middleware.store.walk import read_meta

Work = Callable[[sa.Connection], None]

ACCEPTED, DISCARDED = "accepted", "discarded"
_o = t.outbox.c
_STANDS = {  # the state in which a matter still holds; a copy is told also when who decides has said yes
    HisMatter.SETTLED: (str(SettlementState.SETTLED), str(SettlementState.DELIVERED)),
    HisMatter.CANCELLED: (str(SettlementState.CANCELLED),),
}


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
    destination: str = HIS
    copy: bool = False
    number: int = 0
    revision: int = 0


class LettersReader:
    """Reads; each function is short and runs in the reader pool's threads."""

    def __init__(self, engine: sa.Engine, vault: Vault | None = None) -> None:
        self._engine = engine
        self._vault = vault or NoVault()

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

    def one_of(self, control_ids: tuple[str, ...]) -> LetterRow | None:
        """The letter that has one of these ids."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(t.outbox).where(_o.control_id.in_(control_ids)).limit(1)).one_or_none()
        return None if row is None else _row(row)

    def refusal(self, control_id: str) -> tuple[str, str] | None:
        """Code and words of a copy's last refusal. Raises ``Fault("system.keys")``."""
        return read_refusal(self._engine, self._vault, control_id)

    def corrections(self, control_id: str) -> list[Correction]:
        """What was corrected in it, or is proposed, the oldest first. Raises ``Fault("system.keys")``."""
        return read_corrections(self._engine, self._vault, control_id)

    def note(self, name: str) -> str:
        """A note of the meta table, "" when there is none."""
        with self._engine.connect() as connection:
            return read_meta(connection, name)


def reopened(control_id: str) -> Work:
    """The letter waits again. Refused with ``desk.not_fitting`` unless the HIS refused it and what it says still holds."""

    def work(connection: sa.Connection) -> None:
        letter = _refused(connection, control_id)
        if why := _why_not_again(connection, letter):
            raise WorkRefusedError(Fault("desk.not_fitting", why))
        # Whatever number it had, the other side did not count it: it is given the next one when it leaves.
        connection.execute(sa.update(t.outbox).where(_o.control_id == control_id).values(outcome="", number=0))

    return work


def _why_not_again(connection: sa.Connection, letter: LetterRow) -> str:
    """What speaks against telling it now, "" when nothing does: it must still be so, and nothing may have overtaken it."""
    matter = HisMatter(letter.matter)
    if matter is HisMatter.REGISTERED:
        if not letter.copy:
            return "a refused visit is closed: register it anew"
        behind = sa.and_(_o.visit_id == letter.visit_id, _o.destination == letter.destination, _o.outcome == ACCEPTED)
        taken = connection.scalar(sa.select(sa.func.count()).select_from(t.outbox).where(behind))
        return f"{letter.destination} has {taken} later messages of this visit" if taken else ""
    if matter in NOTICES:
        return _why_not_notice(connection, letter, matter)
    state = connection.scalar(sa.select(t.settlement.c.state).where(t.settlement.c.settlement_id == letter.settlement_id))
    stands = _STANDS[matter] if letter.copy else _STANDS[matter][:1]
    return "" if state in stands else f"the settlement is {state}"


def _why_not_notice(connection: sa.Connection, letter: LetterRow, matter: HisMatter) -> str:
    """The same of what tells nothing of money: a newer message about the person or the merge says more."""
    base_id = letter.control_id[:-1] if letter.copy else letter.control_id
    if matter is HisMatter.UPDATED:
        s, n = t.his_standing.c, t.his_notice.c
        whose = sa.select(n.standing_id).where(n.control_id == base_id).scalar_subquery()
        newest = connection.scalar(sa.select(s.changed_at).where(s.standing_id == whose))
        return "the person is known otherwise since: a newer message says it" if newest != letter.created_at else ""
    if matter in MERGES:
        told = connection.scalar(sa.select(t.his_merge.c.told).where(t.his_merge.c.merge_id == letter.visit_id))
        return "" if told == base_id else "the merge was decided otherwise since"
    return ""


def mended(control_id: str, place: int, now: dt.datetime) -> Work:
    """The letter waits again with its correction of that place, which nobody applied or rejected meanwhile."""

    def work(connection: sa.Connection) -> None:
        reopened(control_id)(connection)
        apply_correction(connection, control_id, place, now)
        connection.execute(sa.update(t.outbox).where(_o.control_id == control_id).values(revision=place))

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


def still_waiting(control_id: str) -> Work:
    """Nothing changes; refused with ``desk.stale`` unless the letter has no answer yet."""

    def work(connection: sa.Connection) -> None:
        if connection.scalar(sa.select(_o.outcome).where(_o.control_id == control_id)) != "":
            raise WorkRefusedError(Fault("desk.stale", "the letter has an answer"))

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
    return LetterRow(
        row.sequence, row.control_id, row.visit_id, row.settlement_id, row.matter, row.created_at, row.outcome,
        row.destination, row.copy, row.number, row.revision,
    )  # fmt: skip
