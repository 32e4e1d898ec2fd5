"""An old centre's comparison: each business cycle's totals under its own sign-in, then the sign-out that ends it.

Such a centre knows no message ids and compares no rows, so a difference is a person's: the cycle stays open, the run says
which slices differ, and the next run asks again. A cycle that is equal in every slice is signed out, unless something came
into it while it was compared or may yet be done in it: then it is compared again.
"""

from __future__ import annotations

import datetime as dt

from attrs import frozen

from middleware.domain.centre import CompareTotals, SignedOut, SignOut, TotalsCompared
from middleware.domain.fault import Fault
from middleware.domain.statement import DetailRow, Period, Refunds, Slice, Totals, totals_of
from middleware.domain.visit import Settlement, SettlementState, Visit
from middleware.engine.asking import Asker
from middleware.engine.books import about, booked_by, keys_of
from middleware.engine.comparison import MAX_ROWS, MAX_SLICES, Found, Rules, Run, keep, record
from middleware.engine.runner import Engine
from middleware.engine.signin import cycle_put
from middleware.flow.comparing import FLYING, About, Booked
from middleware.store.cycles import Cycle
from middleware.store.statements import Statements
from middleware.store.units import Put, Unit

_UNKNOWN = SettlementState.UNKNOWN


@frozen(slots=True)
class _Sheet:
    """A cycle of ours: its rows, and what of it is on its way or may still be at work at the centre."""

    visits: list[Visit]
    rows: list[Booked]
    flying: tuple[About, ...]
    unsure: tuple[About, ...]

    @property
    def booked(self) -> list[tuple[DetailRow, Slice]]:
        """What was, or is to be, told of it."""
        return [(row.row, row.slice) for row in self.rows]


class CycleComparison:
    """Compares, once, every open cycle that began on the run's day or before it; ends those that are equal."""

    def __init__(self, engine: Engine, store: Statements, rules: Rules, asker: Asker, run: Run) -> None:
        self._means = engine.means
        self._statements = store
        self._store = store.cycles
        self._rules = rules
        self._asker = asker
        self._run = run

    async def compare(self) -> Found:
        """All of them; ``Found`` has no rows, ``run.differences`` counts slices. Raises ``Fault``."""
        found = Found()
        self._run.differences = 0
        for cycle in await self._means.pool.run(self._store.open):
            if self._day(cycle.began_at) <= self._run.day:
                differ = await self._compare(cycle, found)
                self._run.differences += differ
                found.equal = found.equal and not differ
        return found

    async def findings(self) -> list[tuple[Visit, Settlement]]:
        """None: such a centre tells nothing of single rows."""
        return []

    def _day(self, at: dt.datetime) -> dt.date:
        return at.astimezone(self._rules.zone).date()

    async def _compare(self, cycle: Cycle, found: Found) -> int:
        """How many slices differ; none, and nothing that may change it, then it is signed out."""
        sheet = await self._sheet(cycle)
        rows = sheet.rows
        await keep(self._means.journal, keys_of(sheet.visits, rows))
        known = await self._means.pool.run(self._statements.keys)
        slices = sorted({*(key.slice for key in known), *self._rules.slices})
        if len(slices) > MAX_SLICES:
            raise Fault("statement.too_many", f"{len(slices)} slices in one cycle")
        period = Period(self._day(cycle.began_at), self._day(self._means.now()))
        run, parts = self._run, self._parts()
        run.step, run.done, run.of, differ = "totals", 0, len(slices) * len(parts), 0
        for slice_ in slices:
            for part in parts:
                mine = totals_of(row.row for row in rows if row.slice == slice_ and _is_in(row, part))
                question = CompareTotals(slice_, period, mine, part, cycle.sign_number)
                answer: TotalsCompared | SignedOut = await self._asker.ask(question, (TotalsCompared, SignedOut))
                if isinstance(answer, SignedOut):
                    await self._end(cycle, "CycleFoundEnded")  # by whom, and whether it was equal, a person must find out
                    return differ + 1
                await self._note(cycle, slice_, part, mine, answer)
                differ += not answer.equal
                run.done += 1
        now = await self._sheet(cycle)
        found.under_way += now.flying if differ else (*now.flying, *now.unsure)
        moved = now.booked != sheet.booked or now.flying != sheet.flying
        found.moved |= moved
        if not (differ or moved or now.flying or now.unsure):
            await self._asker.ask(SignOut(cycle.sign_number, self._means.centre.sign_in_request().operator), SignedOut)
            await self._end(cycle, "SignedOut")
        return differ

    async def _sheet(self, cycle: Cycle) -> _Sheet:
        """What the cycle holds as we know it, at this moment."""
        messages = await self._means.pool.run(self._store.messages, cycle.sign_number, MAX_ROWS + 1)
        if len(messages) > MAX_ROWS:
            raise Fault("statement.too_many", f"{len(messages)} messages in one cycle")
        visits = await self._visits(cycle)
        limit = dt.timedelta(seconds=self._means.policy.processing_limit_s)
        at_work = await self._means.pool.run(self._store.sent_since, cycle.sign_number, self._means.now() - limit)
        pairs = [(visit, s) for visit in visits for s in visit.settlements]
        flying = [about(v, s) for v, s in pairs if s.state in FLYING and not messages.isdisjoint(_sent(s))]
        unsure = [about(v, s) for v, s in pairs if s.state is _UNKNOWN and not at_work.isdisjoint(_sent(s))]
        return _Sheet(visits, booked_by(visits, messages), tuple(flying), tuple(unsure))

    async def _visits(self, cycle: Cycle) -> list[Visit]:
        visits: list[Visit] = []
        after = ""
        while page := await self._means.pool.run(self._store.visits, cycle.sign_number, after):
            visits += page
            after = page[-1].visit_id
        return visits

    def _parts(self) -> tuple[Refunds, ...]:
        return (Refunds.LEFT_OUT, Refunds.ALONE) if self._rules.statement.refunds_apart else (Refunds.TOGETHER,)

    async def _note(self, cycle: Cycle, slice_: Slice, part: Refunds, mine: Totals, answer: TotalsCompared) -> None:
        run = self._run
        row = {
            "run_id": run.run_id,
            "round": run.round,
            "refunds": str(part),
            "cycle": cycle.sign_number,
            "insurance": slice_.insurance,
            "clearing_type": slice_.clearing_type,
            "agency": slice_.agency,
            "total_fen": mine.total.fen,
            "fund_fen": mine.fund.fen,
            "account_fen": mine.account.fen,
            "count": mine.count,
            "equal": answer.equal,
            "code": answer.code[:32],
        }
        event = "SliceEqual" if answer.equal else "SliceDiffered"
        unit = Unit(records=(record(self._means.now(), event, row),), puts=(Put("reconcile_totals", row),))
        await self._means.journal.commit(unit)

    async def _end(self, cycle: Cycle, event: str) -> None:
        now = self._means.now()
        put = cycle_put(self._means.next_message_id(), cycle.sign_number, "out", now)
        body = {"run_id": self._run.run_id, "sign_number": cycle.sign_number}
        await self._means.journal.commit(Unit(records=(record(now, event, body),), puts=(put,)))


def _sent(s: Settlement) -> tuple[str, str]:
    return s.settle_message_id, s.cancel_message_id


def _is_in(row: Booked, part: Refunds) -> bool:
    return part is Refunds.TOGETHER or row.row.refund is (part is Refunds.ALONE)
