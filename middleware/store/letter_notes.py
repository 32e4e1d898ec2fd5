"""Notes on letters: why a copy was refused, and what people corrected; sealed, for they may name a patient."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from attrs import field, frozen

from middleware.domain.fault import Fault
from middleware.domain.outcome import Refused
from middleware.store import tables as t
from middleware.store.codec import decode_json, encode
from middleware.store.units import Put, WorkRefusedError
from middleware.store.vault import Vault, row_name

PROPOSED, APPLIED, REJECTED = "proposed", "applied", "rejected"
_n = t.letter_note.c
_REFUSAL, _FIX = "refusal", "fix"
_CODE, _WORDS, _DIGITS, _NAMES = 80, 2000, 32, 256


@frozen(slots=True)
class Correction:
    """One correction: the fields with their values as they are after it, all earlier ones included."""

    place: int
    state: str
    by: str
    at: str
    names: str
    values: dict[str, str] = field(repr=False)

    @property
    def digest(self) -> str:
        """What whoever approves it names. It goes into the chain, so that no value is in it."""
        text = "\n".join((str(self.place), self.by, self.at, self.names))
        return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def refusal_note(control_id: str, refused: Refused, now: dt.datetime) -> Put:
    """Why a copy was refused, for whoever looks at it: the newest reason."""
    words = refused.message[:_WORDS].encode() or b"-"
    return Put("letter_note", _row(control_id, 0, _REFUSAL, "", "", now, refused.code[:_CODE]), words)


def correction_note(
    control_id: str, place: int, state: str, by: str, now: dt.datetime, values: Mapping[str, str], names: str
) -> Put:
    """One more correction, proposed or applied. ``names``: of the fields that are new in it."""
    row = _row(control_id, place, _FIX, state, by, now, names[:_NAMES])
    return Put("letter_note", row, encode(dict(values)).encode())


def read_refusal(engine: sa.Engine, vault: Vault, control_id: str) -> tuple[str, str] | None:
    """Code and words, None where there is none."""
    mine = sa.and_(_n.control_id == control_id, _n.kind == _REFUSAL)
    with engine.connect() as connection:
        row = connection.execute(sa.select(t.letter_note).where(mine)).one_or_none()
    if row is None:
        return None
    try:
        return row.fields, _opened(vault, row).decode()
    except Fault as fault:
        if fault.code != "person.forgotten":
            raise
        return row.fields, ""


def read_corrections(engine: sa.Engine, vault: Vault, control_id: str) -> list[Correction]:
    """All of a letter, the oldest first."""
    mine = sa.and_(_n.control_id == control_id, _n.kind == _FIX)
    with engine.connect() as connection:
        rows = connection.execute(sa.select(t.letter_note).where(mine).order_by(_n.place)).all()
    return [_correction(vault, row) for row in rows]


def read_correction(engine: sa.Engine, vault: Vault, control_id: str, place: int) -> Correction:
    """The one of that place."""
    with engine.connect() as connection:
        mine = sa.select(t.letter_note).where(_n.control_id == control_id, _n.place == place)
        return _correction(vault, connection.execute(mine).one())


def apply_correction(connection: sa.Connection, control_id: str, place: int, now: dt.datetime) -> None:
    """From proposed to applied; one that is written as applied later in the same transaction is not there yet."""
    mine = sa.and_(_n.control_id == control_id, _n.place == place)
    state = connection.scalar(sa.select(_n.state).where(mine))
    if state is None:
        return
    if state != PROPOSED:
        raise WorkRefusedError(Fault("desk.stale", f"the correction is {state}"))
    connection.execute(sa.update(t.letter_note).where(mine).values(state=APPLIED, at=now.isoformat()))


def reject_correction(connection: sa.Connection, control_id: str, place: int) -> None:
    """From proposed to rejected."""
    mine = sa.and_(_n.control_id == control_id, _n.place == place, _n.state == PROPOSED)
    if not connection.execute(sa.update(t.letter_note).where(mine).values(state=REJECTED)).rowcount:
        raise WorkRefusedError(Fault("desk.stale", "no correction waits"))


def _row(control_id: str, place: int, kind: str, state: str, by: str, now: dt.datetime, fields: str) -> dict[str, Any]:
    return {
        "control_id": control_id, "place": place, "kind": kind, "state": state, "by": by, "at": now.isoformat(),
        "fields": fields, "sealed": "",
    }  # fmt: skip


def _correction(vault: Vault, row: Any) -> Correction:
    values: dict[str, str] = decode_json(_opened(vault, row).decode())
    return Correction(row.place, row.state, row.by, row.at, row.fields, values)


def _opened(vault: Vault, row: Any) -> bytes:
    return vault.open_bytes("letter_note", row_name(row.control_id, row.place), "sealed", row.sealed)
