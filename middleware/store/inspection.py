"""Whether a database is whole and ours, and whether its tables say what its journal says. Reads only, bounded memory."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import sqlalchemy as sa
from attrs import frozen
from sqlalchemy.pool import NullPool

from middleware.domain.fault import Fault
from middleware.domain.split import broken_identities
from middleware.domain.visit import Settlement, SettlementState
from middleware.store import tables as t
from middleware.store.batch import is_busy, settlement_row
from middleware.store.chain import Head
from middleware.store.codec import decode_visit
from middleware.store.database import revisions, snapshot
from middleware.store.inbox import inbox_agrees
from middleware.store.shifts import shifts_agree
from middleware.store.walk import CHAINS, Walk, read_meta

INSTITUTION = "institution"
_PAGE = 500


class _States(msgspec.Struct):
    visit: str
    settlement: str
    after: str


_states = msgspec.json.Decoder(_States)


@frozen(slots=True)
class Findings:
    """What a good database holds. ``newest`` is the time of its last journal row, "" for an empty one."""

    journal: Head
    feed: Head
    newest: str
    epoch: int


def still_engine(path: Path) -> sa.Engine:
    """Read-only on a finished file that nobody writes: no journal, no lock, nothing left beside it."""
    uri = f"file:{quote(str(path))}?mode=ro&immutable=1"
    return sa.create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(uri, uri=True, check_same_thread=False),
        poolclass=NullPool,
    )


def inspect(engine: sa.Engine, institution: str) -> Findings:
    """All of it, or ``Fault("system.backup")`` at the first thing that is wrong; names rows, never their content."""
    try:
        return _inspect(engine, institution)
    except sa.exc.SQLAlchemyError as exc:
        cause = getattr(exc, "orig", exc)
        raise Fault("system.backup", f"the file cannot be read as a database: {type(cause).__name__}") from exc


def _inspect(engine: sa.Engine, institution: str) -> Findings:
    _intact(engine)
    _ours(engine, institution)
    heads = {}
    for table in CHAINS:
        walk = Walk(engine, table)
        if not walk.whole():
            raise Fault("system.backup", f"broken chain: {walk.broken}")
        heads[table.name] = walk.head
    states_agree(engine)
    shifts_agree(engine)
    inbox_agrees(engine)
    with engine.connect() as connection:
        last = connection.scalar(sa.select(t.journal.c.line).order_by(t.journal.c.sequence.desc()).limit(1))
        epoch = read_meta(connection, "epoch")
    newest = str(msgspec.json.decode(last)["at"]) if last else ""
    return Findings(heads["journal"], heads["feed"], newest, int(epoch or 0))


def _intact(engine: sa.Engine) -> None:
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            said = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
        if said != "ok":
            raise Fault("system.backup", "the file is damaged: SQLite's integrity check fails")


def _ours(engine: sa.Engine, institution: str) -> None:
    present = set(sa.inspect(engine).get_table_names())
    if not set(t.metadata.tables) <= present:
        raise Fault("system.backup", "this is not a database of Yikatong")
    at, needed = revisions(engine)
    if at != needed:
        raise Fault("system.backup", f"it is at schema {at or 'none'}, this program needs {needed}")
    code = sa.func.substr(t.message.c.message_id, 1, len(institution))
    query = sa.select(t.message.c.message_id).where(code != institution).limit(1)
    with engine.connect() as connection:
        named = read_meta(connection, INSTITUTION) or institution
        stranger = connection.scalar(query)
    if named != institution or stranger is not None:
        raise Fault("system.backup", f"it is another institution's: {named if stranger is None else stranger[:12]}")


def states_agree(engine: sa.Engine) -> None:
    """The tables that people and recovery read agree with the journal (invariants 10, 14 and 20)."""
    after = ""
    while True:
        query = sa.select(t.visit).where(t.visit.c.visit_id > after).order_by(t.visit.c.visit_id).limit(_PAGE)
        with snapshot(engine) as connection:
            visits = connection.execute(query).all()
            mine = {visit.visit_id for visit in visits}
            states = _last_states(connection, mine)
            rows = _settlements(connection, mine)
        for visit in visits:
            why = _wrong(visit, states, rows)
            if why:
                raise Fault("system.backup", f"visit {visit.visit_id}: {why}")
        if len(visits) < _PAGE:
            break
        after = visits[-1].visit_id
    _nothing_without_a_visit(engine)


def _last_states(connection: sa.Connection, visits: set[str]) -> dict[str, str]:
    """Visit, settlement or errand -> the state in which its last journal row left it."""
    query = sa.select(t.journal.c.line).where(t.journal.c.visit_id.in_(visits)).order_by(t.journal.c.sequence)
    lines = (_states.decode(line) for line in connection.scalars(query))
    return {line.settlement or line.visit: line.after for line in lines}


def _settlements(connection: sa.Connection, visits: set[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """Visit -> settlement -> its row."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in connection.execute(sa.select(t.settlement).where(t.settlement.c.visit_id.in_(visits))).mappings():
        found.setdefault(row["visit_id"], {})[row["settlement_id"]] = dict(row)
    return found


def _wrong(row: Any, states: dict[str, str], rows: dict[str, dict[str, dict[str, Any]]]) -> str:
    try:
        visit = decode_visit(row.body)
    except (msgspec.MsgspecError, ValueError):
        return "its body is no visit"
    if (visit.visit_id, str(visit.state), visit.person_ref, is_busy(visit)) != (
        row.visit_id, row.state, row.person_ref, row.busy,
    ):  # fmt: skip
        return "its row does not say what its body says"
    if states.get(visit.visit_id) != visit.state:
        return f"it is {visit.state}, its last journal row says {states.get(visit.visit_id, 'nothing')}"
    shown = rows.get(visit.visit_id, {})
    if {s.settlement_id: settlement_row(visit.visit_id, s) for s in visit.settlements} != shown:
        return "its settlements' rows do not say what its body says"
    for errand in visit.errands:
        if states.get(errand.errand_id) != errand.state:
            return (
                f"{errand.errand_id} is {errand.state}, its last journal row says {states.get(errand.errand_id, 'nothing')}"
            )
    return next(filter(None, (_wrong_settlement(s, states) for s in visit.settlements)), "")


def _wrong_settlement(s: Settlement, states: dict[str, str]) -> str:
    if states.get(s.settlement_id) != s.state:
        return f"{s.settlement_id} is {s.state}, its last journal row says {states.get(s.settlement_id, 'nothing')}"
    if s.state is SettlementState.UNKNOWN and s.next_due is None:
        return f"{s.settlement_id} is Unknown and nothing is due"
    if s.settled is not None and not s.broken_identities and broken_identities(s.settled.split):
        return f"{s.settlement_id}: the amounts do not add up"
    return ""


def _nothing_without_a_visit(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        for table in (t.journal, t.settlement):
            owner = table.c.visit_id
            known = sa.exists().where(t.visit.c.visit_id == owner)  # an index look-up a row on either database
            lost = connection.scalar(sa.select(owner).where(owner != "", ~known).limit(1))
            if lost is not None:
                raise Fault("system.backup", f"{table.name} knows the visit {lost}, the visits do not")
