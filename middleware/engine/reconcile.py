"""The run of a day: compare, resolve, compare again until nothing is left to do by itself. One run at a time.

A run that a crash ended is repeated whole: what it had resolved is known to the settlements by then, and every question
moves nothing. What is resolved goes the settlements' own ways, intent first.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred

from middleware.domain.event import CentreListed, CentreListedAbsent, CentreListedEqual, CentreListedOtherwise, Event
from middleware.domain.fault import Fault
from middleware.domain.money import total
from middleware.domain.reconciliation import Difference, Finding, Proof, Resolution
from middleware.domain.visit import Settlement, SettlementState, Visit
from middleware.engine.asking import Asker, Patience
from middleware.engine.books import fen
from middleware.engine.comparison import Comparison, Found, Rules, Run, record
from middleware.engine.cycles import CycleComparison
from middleware.engine.runner import Engine
from middleware.engine.tasks import spawn
from middleware.flow.comparing import FLYING, About, Compared, Doubt
from middleware.store.statements import BALANCED, FAILED, OPEN, RUNNING, Statements
from middleware.store.units import Put, Unit

log = structlog.get_logger()

MAX_ROUNDS = 4
GRACE = dt.timedelta(hours=2)  # so long after midnight a day is surely over at the centre, too
_D, _R = Difference, Resolution
_EARLY = frozenset({SettlementState.RECEIVED, SettlementState.ITEMISED})
_PURSUED = FLYING | {SettlementState.UNKNOWN}


@frozen(slots=True)
class _Act:
    """One resolution: what happened to which settlement."""

    visit_id: str
    settlement_id: str
    event: Event


class Reconciler:
    """Runs days. ``ended(run)`` is told of each run's end; ``holds()``: of several nodes on one database one may run."""

    def __init__(
        self,
        engine: Engine,
        store: Statements,
        rules: Rules,
        patience: Patience,
        ended: Callable[[Run], None] = lambda _run: None,
        holds: Callable[[], bool] = lambda: True,
    ) -> None:
        self._engine = engine
        self._means = engine.means
        self._store = store
        self._rules = rules
        self._patience = patience
        self._told = ended
        self._holds = holds
        self._stopped = False
        self._asker = Asker(engine, rules.statement, patience, lambda: self._stopped or engine.stopping)
        self._waiters: list[Deferred[Run]] = []
        self.current: Run | None = None

    @property
    def zone(self) -> dt.tzinfo:
        """The centre's calendar."""
        return self._rules.zone

    async def begin(self, day: dt.date, account: str = "") -> Run:
        """Begin that day; it goes on by itself. Raises ``Fault``: ``reconcile.running``, ``.too_early``, ``system.*``."""
        now = self._means.now()
        if self._stopped or self._engine.stopping:
            raise Fault("system.stopping")
        over = dt.datetime.combine(day, dt.time.min, self._rules.zone) + dt.timedelta(days=1) + GRACE
        if now < over and not self._rules.statement.by_cycle:  # a cycle may be ended at any time
            raise Fault("reconcile.too_early", f"{day} may be compared from {GRACE} after its end on")
        if not self._holds():
            raise Fault("reconcile.running", "another node compares for all of them: ask that one")
        if self.current is not None:
            raise Fault("reconcile.running", f"{self.current.run_id} of {self.current.day}")
        run = self.current = Run("R" + self._means.next_message_id()[-18:], day, account, now, RUNNING)
        try:
            await self._end_what_a_crash_left()
            body = {"run_id": run.run_id, "day": day.isoformat(), "account": account}
            await self._write(run, "ReconcileBegun", body)
        except BaseException:
            self.current = None
            raise
        spawn(self._carry(run), "reconcile")
        return run

    async def run(self, day: dt.date, account: str = "") -> Run:
        """Begin it and wait for its end."""
        run = await self.begin(day, account)
        if self.current is run:
            done: Deferred[Run] = Deferred()
            self._waiters.append(done)
            await done
        return run

    def stop(self) -> None:
        """Ask nothing more. What is under way is repeated by the next run."""
        self._stopped = True
        self._asker.wake()

    # -- the run

    async def _carry(self, run: Run) -> None:
        try:
            await self._rounds(run)
        except Fault as fault:
            run.state, run.fault, run.detail = FAILED, fault.code, fault.detail[:200]
        except Exception:
            log.exception("reconcile.failed", run=run.run_id)
            run.state, run.fault, run.detail = FAILED, "system.internal", ""
        run.ended_at = self._means.now()
        body = {"run_id": run.run_id, "state": run.state, "differences": run.differences, "resolved": run.resolved}
        try:
            await self._write(run, "ReconcileEnded", body | {"fault": run.fault, "detail": run.detail})
        except Fault as fault:
            run.state, run.fault = FAILED, fault.code  # the books say "running": the next run ends it
        self.current = None
        log.info("reconcile.ended", run=run.run_id, day=run.day.isoformat(), state=run.state, fault=run.fault)
        self._told(run)
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.callback(run)

    async def _rounds(self, run: Run) -> None:
        found = Found()
        for number in range(1, MAX_ROUNDS + 1):
            run.round = number
            comparison = self._comparison(run)
            found = await comparison.compare()
            if self._rules.statement.detail:
                run.differences = len(found.rows)
            acted = await self._resolve(run, comparison, found)
            run.state = BALANCED if found.equal and not run.differences else OPEN
            under_way = [*(row.about for row in found.rows if row.resolution is _R.WAIT), *found.under_way]
            if not acted and not under_way and not found.moved:
                return
            run.state = OPEN
            run.resolved += len(acted)
            await self._rest(run, {(act.visit_id, act.settlement_id) for act in acted} | {_name(one) for one in under_way})
            if not acted and not found.moved and not await self._have_moved(under_way):
                break
        if found.equal and (found.under_way or found.moved):
            raise Fault("system.busy", "a cycle agrees, and goes on: it was not signed out")

    def _comparison(self, run: Run) -> Comparison | CycleComparison:
        kind = CycleComparison if self._rules.statement.by_cycle else Comparison
        return kind(self._engine, self._store, self._rules, self._asker, run)

    async def _resolve(self, run: Run, comparison: Comparison | CycleComparison, found: Found) -> list[_Act]:
        """Write down what was found, then let each resolution take its way; those that set something going."""
        run.step = "resolving"
        await self._note(run, found)
        acts = [act for row in found.rows if (act := self._act(row)) is not None]
        acts += [self._absent(row, doubt, proofs, found) for row, doubt, proofs in found.unlisted]
        for visit, s in await comparison.findings() if found.whole else ():
            if s.finding is not None and not any(_is_about(row, s) for row in found.rows):
                proof = (found.proofs.get(run.day) or [s.finding.listing.proof])[-1]
                acts.append(
                    _Act(visit.visit_id, s.settlement_id, CentreListedEqual(s.settlement_id, s.finding.message_id, proof))
                )
        run.done, run.of = 0, len(acts)
        acted = []
        for act in acts:
            before = (await self._engine.visits.visit(act.visit_id)).settlement(act.settlement_id)
            after = (await self._engine.apply(act.visit_id, act.event)).settlement(act.settlement_id)
            if (before.seen, before.next_due) != (after.seen, after.next_due):
                acted.append(act)
            run.done += 1
        return acted

    def _act(self, row: Compared) -> _Act | None:
        about = row.about
        if about.state is None or about.state in _EARLY or row.resolution in {_R.WAIT, _R.NONE}:
            return None
        sid = about.settlement_id
        event: Event
        if row.difference is _D.ONLY_THERE and row.resolution is not _R.PERSON:
            event = CentreListed(sid, row.message_id, row.refund, row.listing, about.seen)
        else:
            finding = Finding(row.difference, row.message_id, row.refund, row.listing, self._means.now())
            event = CentreListedOtherwise(sid, finding, about.seen)
        return _Act(about.visit_id, sid, event)

    def _absent(self, row: Compared, doubt: Doubt, proofs: tuple[Proof, ...], found: Found) -> _Act:
        sid, seen = row.about.settlement_id, row.about.seen
        asked_at = found.asked_at or self._means.now()
        event = CentreListedAbsent(sid, row.message_id, row.refund, proofs, doubt.intended_at, asked_at, seen)
        return _Act(row.about.visit_id, sid, event)

    async def _rest(self, run: Run, of: set[tuple[str, str]]) -> None:
        """Wait until what was set going, or was on its way, has come to rest. It is compared as it is by then."""
        run.step, run.done, run.of = "waiting", 0, len(of)
        until = self._means.clock.seconds() + self._patience.rest_s
        for visit_id, settlement_id in sorted(of):
            visit = await self._engine.visits.visit(visit_id)
            done, end = self._engine.visits.wait(visit, partial(_rests, settlement_id))
            limit = self._means.clock.callLater(max(0.0, until - self._means.clock.seconds()), done.cancel)
            try:
                await done
            except CancelledError:
                end()
            if limit.active():
                limit.cancel()
            run.done += 1

    async def _have_moved(self, under_way: list[About]) -> bool:
        """Whether anything was learned of one of them since the centre was asked."""
        for one in under_way:
            visit = await self._engine.visits.visit(one.visit_id)
            if visit.settlement(one.settlement_id).seen != one.seen:
                return True
        return False

    # -- what is written

    async def _end_what_a_crash_left(self) -> None:
        """Runs of lives before this one: they are repeated whole."""
        for row in await self._means.pool.run(self._store.running):
            ended = row._asdict() | {"state": FAILED, "fault": "system.stopping", "ended_at": self._means.now().isoformat()}
            unit = Unit(
                records=(record(self._means.now(), "ReconcileInterrupted", {"run_id": row.run_id}),),
                puts=(Put("reconcile_run", ended),),
            )
            await self._means.journal.commit(unit)

    async def _write(self, run: Run, event: str, body: dict[str, Any]) -> None:
        row = {
            "run_id": run.run_id,
            "day": run.day.isoformat(),
            "state": run.state,
            "epoch": self._means.journal.epoch,
            "account": run.account,
            "begun_at": run.begun_at.isoformat(),
            "ended_at": run.ended_at.isoformat() if run.ended_at else "",
            "rounds": run.round,
            "differences": run.differences,
            "resolved": run.resolved,
            "fault": run.fault,
            "detail": run.detail,
        }
        now = self._means.now()
        await self._means.journal.commit(Unit(records=(record(now, event, body),), puts=(Put("reconcile_run", row),)))

    async def _note(self, run: Run, found: Found) -> None:
        """Every difference as a row, and what all of them together explain of the totals' difference (invariant 15)."""
        rows = [*found.rows, *(row for row, _, _ in found.unlisted)]
        if not rows:
            return
        classes = Counter(str(row.difference) for row in rows)
        body: dict[str, Any] = {"run_id": run.run_id, "round": run.round, "classes": dict(classes)}
        body["explained_fen"] = explained(found.rows)
        puts = tuple(Put("reconcile_row", _row(run, row)) for row in rows)
        await self._means.journal.commit(Unit(records=(record(self._means.now(), "DifferencesFound", body),), puts=puts))


def explained(rows: list[Compared]) -> dict[str, int]:
    """By how much the centre's sums are above ours, as the rows say; fen. A row without amounts there counts as none."""
    there = [row for row in rows if row.difference in {_D.ONLY_THERE, _D.AMOUNTS}]
    here = [row.ours for row in rows if row.ours is not None]
    sums = {}
    for name in ("total", "fund", "account"):
        theirs = total(amount for row in there if (amount := getattr(row.listing, name)) is not None)
        sums[name] = theirs.fen - total(getattr(one, name) for one in here).fen
    sums["count"] = len(there) - len(here)
    return sums


def _row(run: Run, row: Compared) -> dict[str, Any]:
    ours, listing = row.ours, row.listing
    return {
        "run_id": run.run_id,
        "number": run.next("row"),
        "round": run.round,
        "day": listing.proof.day.isoformat(),
        "difference": str(row.difference),
        "resolution": str(row.resolution),
        "refund": row.refund,
        "message_id": row.message_id,
        "visit_id": row.about.visit_id,
        "settlement_id": row.about.settlement_id,
        "settlement_number": listing.settlement_number,
        "our_total_fen": fen(ours.total) if ours else None,
        "our_fund_fen": fen(ours.fund) if ours else None,
        "our_account_fen": fen(ours.account) if ours else None,
        "total_fen": fen(listing.total),
        "fund_fen": fen(listing.fund),
        "account_fen": fen(listing.account),
        "file_digest": listing.proof.file_digest,
        "line": listing.proof.line,
    }


def _is_about(row: Compared, s: Settlement) -> bool:
    return row.about.settlement_id == s.settlement_id and s.finding is not None and row.refund == s.finding.refund


def _name(about: About) -> tuple[str, str]:
    return about.visit_id, about.settlement_id


def _rests(settlement_id: str, visit: Visit) -> bool:
    return visit.settlement(settlement_id).state not in _PURSUED
