"""What people ask of reconciliation, answered from the books and the run that is under way."""

from __future__ import annotations

import datetime as dt
from typing import Any

from middleware.domain.fault import FAULTS, Fault
from middleware.domain.money import Money
from middleware.domain.order import Caller
from middleware.engine.comparison import Run
from middleware.engine.counter import Answer
from middleware.engine.pools import Pool
from middleware.engine.reconcile import Reconciler
from middleware.store.statements import Statements

_SHARES = ("total", "fund", "account")


class ReconciliationDesk:
    """Implements ``Reconciliation``."""

    def __init__(self, reconciler: Reconciler, store: Statements, pool: Pool) -> None:
        self._reconciler = reconciler
        self._store = store
        self._pool = pool

    async def run(self, caller: Caller, day: dt.date) -> Answer:
        """See ``Reconciliation.run``."""
        return run_view(await self._reconciler.begin(day, caller.account))

    async def status(self, run_id: str) -> Answer:
        """See ``Reconciliation.status``."""
        return (await self._found(run_id))[0]

    async def list(self, run_id: str, after: int, limit: int) -> Answer:
        """See ``Reconciliation.list``."""
        status, of_round = await self._found(run_id)
        run_id = status["run_id"]
        rows = await self._pool.run(self._store.rows, run_id, of_round, after, limit)
        totals = await self._pool.run(self._store.totals, run_id, of_round)
        files = await self._pool.run(self._store.files, run_id)
        return {
            "run": status,
            "totals": [_totals_view(row) for row in totals],
            "files": [_file_view(row) for row in files],
            "rows": [_row_view(row) for row in rows],
            "next_after": rows[-1].number if rows else after,
            "complete": len(rows) < limit,
        }

    async def _found(self, run_id: str) -> tuple[Answer, int]:
        current = self._reconciler.current
        if current is not None and run_id in {"", current.run_id}:
            return run_view(current), current.round
        row = await self._pool.run(self._store.run, run_id)
        if row is None:
            raise Fault("request.not_found", "run")
        return _stored_view(row), row.rounds


def run_view(run: Run) -> Answer:
    """A run that is in memory."""
    view: Answer = {
        "run_id": run.run_id,
        "date": run.day.isoformat(),
        "state": run.state if run.ended_at else "running",
        "account": run.account,
        "begun_at": run.begun_at.isoformat(),
        "round": run.round,
        "step": "" if run.ended_at else run.step,
        "done": run.done,
        "of": run.of,
        "differences": run.differences,
        "resolved": run.resolved,
    }
    if run.ended_at is not None:
        view["ended_at"] = run.ended_at.isoformat()
    return view | _fault(run.fault, run.detail)


def _stored_view(row: Any) -> Answer:
    view: Answer = {
        "run_id": row.run_id,
        "date": row.day,
        "state": row.state,
        "account": row.account,
        "begun_at": row.begun_at,
        "round": row.rounds,
        "step": "",
        "done": 0,
        "of": 0,
        "differences": row.differences,
        "resolved": row.resolved,
    }
    if row.ended_at:
        view["ended_at"] = row.ended_at
    return view | _fault(row.fault, row.detail)


def _fault(code: str, detail: str) -> Answer:
    if not code:
        return {}
    spec = FAULTS[code]
    return {"fault": {"code": code, "zh": spec.zh, "en": spec.en, "detail": detail}}


def _row_view(row: Any) -> Answer:
    return {
        "number": row.number,
        "date": row.day,
        "difference": row.difference,
        "resolution": row.resolution,
        "refund": row.refund,
        "message_id": row.message_id,
        "settlement_id": row.settlement_id,
        "settlement_number": row.settlement_number,
        "ours": _amounts(row, "our_"),
        "theirs": _amounts(row, ""),
        "file_digest": row.file_digest,
        "line": row.line,
    }


def _amounts(row: Any, side: str) -> Answer:
    found = {name: getattr(row, f"{side}{name}_fen") for name in _SHARES}
    return {name: Money(fen).yuan for name, fen in found.items() if fen is not None}


def _totals_view(row: Any) -> Answer:
    names = ("insurance", "clearing_type", "agency", "refunds", "count", "equal", "code")
    return {name: getattr(row, name) for name in names} | _amounts(row, "")


def _file_view(row: Any) -> Answer:
    names = ("number", "way", "clearing_type", "agency", "digest", "rows")
    return {name: getattr(row, name) for name in names} | {"date": row.day}
