"""A terminal's batches: closed once, under a key, and read again as they were told (invariant 16).

What is told is computed from one snapshot of the journal: numbers up to its head can never be added to. Whoever closes
takes the next number, which is a key of the table: of two calls, at one node or at two, one writes it and the other looks
again. Record, batch, request and answer are one transaction.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from middleware.domain.fault import Fault
from middleware.domain.money import Money
from middleware.domain.order import Caller
from middleware.domain.shift import ClosedShift, ShiftOrder
from middleware.engine.answering import in_yuan, stored_answer
from middleware.engine.counter import Answer
from middleware.engine.runner import Means
from middleware.store.codec import decode_json, encode
from middleware.store.shifts import Shifts, Stretch
from middleware.store.units import KeyTakenError, Record, Request, Unit

MAX_OVERTAKEN = 16  # times that others may close before us, for one request


class ShiftDesk:
    """Closes and shows batches. ``shifts`` reads them."""

    def __init__(self, means: Means, shifts: Shifts) -> None:
        self._means = means
        self._shifts = shifts

    async def close(self, caller: Caller, request: Request, order: ShiftOrder) -> Request:
        """The request with its answer, durable. ``KeyTakenError``: the key has closed one before; else ``Fault``."""
        means = self._means
        for _ in range(MAX_OVERTAKEN):
            epoch = means.journal.epoch
            stretch = await means.pool.run(self._shifts.open, caller.account, caller.terminal)
            if not stretch.tally.rows and not order.allow_empty:
                raise Fault("shift.empty", f"batch {stretch.number}")
            now = means.now()
            told = _told(caller, stretch, now.isoformat())
            answered = evolve(request, answer=stored_answer(told) or "")
            facts = {"role": str(caller.role), "account": caller.account, "terminal": caller.terminal} | _facts(stretch)
            closed = ClosedShift(
                account=caller.account,
                terminal=caller.terminal,
                number=stretch.number,
                after=stretch.after,
                last=stretch.last,
                closed_at=now.isoformat(),
                key=request.key,
                body=encode(told),
            )
            record = Record(now, "", "", "ShiftClosed", "", "", encode(facts))
            unit = Unit(records=(record,), now=now, request=answered, closed_shift=closed, epoch=epoch)
            try:
                await means.journal.commit(unit)
            except KeyTakenError:
                if await means.pool.run(means.reader.request, request.account, request.key) is not None:
                    raise
            else:
                return answered
        raise Fault("system.busy", "others closed this terminal's batches again and again")

    async def get(self, caller: Caller, number: int, after: int, limit: int) -> Answer:
        """A closed batch as it was told when it was closed, and a page of its rows."""
        run = self._means.pool.run
        batch = await run(self._shifts.closed, caller.account, caller.terminal, number)
        if batch is None:
            raise Fault("request.not_found", "shift")
        found = await run(self._shifts.rows, batch, after, limit)
        rows = [_row(row, after + place) for place, row in enumerate(found, 1)]
        told = decode_json(batch.body)
        next_after = after + len(rows)
        return {"batch": told, "rows": rows, "next_after": next_after, "complete": next_after >= told["rows"]}


def _told(caller: Caller, stretch: Stretch, closed_at: str) -> Answer:
    return {
        "terminal": caller.terminal,
        "number": stretch.number,
        "closed_at": closed_at,
        "rows": stretch.tally.rows,
        "settled": in_yuan(stretch.tally.settled),
        "cancelled": in_yuan(stretch.tally.cancelled),
        "unknown": {"count": stretch.unknown, "settlements": list(stretch.named)},
        "journal": {"after": stretch.after, "last": stretch.last},
    }


def _facts(stretch: Stretch) -> dict[str, Any]:
    """What the chain keeps: so much that a batch whose row was changed is seen to differ."""
    tally = stretch.tally
    return {
        "number": stretch.number,
        "after": stretch.after,
        "last": stretch.last,
        "rows": tally.rows,
        "settled_fen": tally.settled,
        "cancelled_fen": tally.cancelled,
        "unknown": stretch.unknown,
    }


def _row(row: Any, number: int) -> Answer:
    amounts = {name: Money(getattr(row, f"{name}_fen")).yuan for name in ("total", "fund", "account", "cash", "bank")}
    return {"row": number, "settlement_id": row.settlement_id, "kind": row.kind, "at": row.at} | amounts
