"""Reconciliation by the clock: each night yesterday, and every day that has not balanced yet."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from typing import Any

import structlog
from attrs import frozen

from config.section import between, matching, setting
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.domain.statement import Slice
from middleware.engine.comparison import Run
from middleware.engine.pools import Pool
from middleware.engine.reconcile import GRACE, Reconciler
from middleware.engine.tasks import spawn
from middleware.store.statements import BALANCED, FAILED, OPEN, Statements

log = structlog.get_logger()

LOOK_S = 30.0
RETRY = dt.timedelta(minutes=15)  # after a night that could not be finished
OVERDUE = dt.timedelta(hours=6)  # after the time of day, and yesterday is still not compared


def _after_grace(_instance: object, attribute: Any, value: str) -> None:
    matching(r"([01]\d|2[0-3]):[0-5]\d", "HH:MM")(_instance, attribute, value)
    at = _time(value)
    if dt.timedelta(hours=at.hour, minutes=at.minute) < GRACE:
        raise ValueError(f"{attribute.name} must not be before 0{GRACE}, when a day is surely over")


def _slices(_instance: object, _attribute: object, value: tuple[str, ...]) -> None:
    for one in value:
        if len(one.split("/")) != len(("insurance", "clearing_type", "agency")) or not all(one.split("/")):
            raise ValueError(f"{one!r}: must be insurance/clearing_type/agency, as 310/11/999900")


@frozen(slots=True)
class ReconcileOptions:
    """[reconcile]: comparing each day with the centre."""

    enabled: bool = setting(True, help="compare by the clock; run.py reconcile works either way")
    time_of_day: str = setting("02:30", help="when the day before is compared, HH:MM", validator=_after_grace)
    days_back: int = setting(7, help="days that are looked at again until they balance", unit="d", validator=between(1, 60))
    slices: tuple[str, ...] = setting(
        (),
        help="insurance/clearing_type/agency to ask for each day, as 310/11/999900; what was ever settled here is asked "
        "for anyhow. Where care of some kind was never settled before, only this makes a lost answer provable",
        validator=_slices,
    )
    ready_within_s: float = setting(
        1800.0, help="so long is a result file asked for again that is not ready", unit="s", validator=between(1, 86400)
    )
    repeat_s: float = setting(5.0, help="to the next question; doubles each time", unit="s", validator=between(0.01, 3600))
    rest_s: float = setting(
        120.0, help="what a comparison set going or met on its way may take so long before it compares again", unit="s",
        validator=between(1, 3600),
    )  # fmt: skip

    @property
    def keys(self) -> tuple[Slice, ...]:
        """``slices`` as values."""
        return tuple(Slice(*one.split("/")) for one in self.slices)

    @property
    def at(self) -> dt.time:
        """``time_of_day`` as a value."""
        return _time(self.time_of_day)


def _time(text: str) -> dt.time:
    hour, minute = text.split(":")
    return dt.time(int(hour), int(minute))


class Reconciling:
    """A part of its own. ``holds()``: of several nodes on one database one does it."""

    def __init__(
        self,
        options: ReconcileOptions,
        reconciler: Reconciler,
        store: Statements,
        pool: Pool,
        clock: Any,
        now: Callable[[], dt.datetime],
        holds: Callable[[], bool] = lambda: True,
    ) -> None:
        self._options = options
        self._reconciler = reconciler
        self._store = store
        self._pool = pool
        self._clock = clock
        self._now = now
        self._holds = holds
        self._timer: Any = None
        self._running = False
        self._next: dt.datetime | None = None  # not before
        self.states: dict[dt.date, str] = {}
        self.first: dt.date | None = None
        self.balanced: dt.date | None = None
        self.runs: Counter[str] = Counter()
        self.differences = 0

    def start(self) -> None:
        """From now on, by the clock. A daemon that was down at the time makes up for it."""
        self._running = True
        self._look()

    def stop(self) -> None:
        """Begin no more; what is under way is repeated by the next run."""
        self._running = False
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._reconciler.stop()

    def ended(self, run: Run) -> None:
        """A run ended, whoever asked for it."""
        self.runs[run.state] += 1
        self.differences = run.differences

    @property
    def balanced_at(self) -> float:
        """When the last day that balances began, seconds since 1970; 0 when there is none yet."""
        if self.balanced is None:
            return 0.0
        return dt.datetime.combine(self.balanced, dt.time.min, self._reconciler.zone).timestamp()

    @property
    def open_days(self) -> list[dt.date]:
        """Days that do not balance, of those that are looked back at."""
        return sorted(day for day, state in self.states.items() if state == OPEN)

    def health(self) -> PartHealth:
        """DEGRADED when a day does not balance, or is overdue."""
        last = f"last balanced {self.balanced or '-'}"
        if self.open_days:
            days = " ".join(map(str, self.open_days))
            return PartHealth("reconciliation", Condition.DEGRADED, "reconcile.open", f"{days}; {last}")
        if self._options.enabled and self._is_overdue():
            return PartHealth("reconciliation", Condition.DEGRADED, "reconcile.overdue", last)
        off = "" if self._options.enabled else "off; "
        return PartHealth("reconciliation", Condition.GOOD, "", off + last)

    def _is_overdue(self) -> bool:
        now, yesterday = self._local(), self._yesterday()
        late = dt.datetime.combine(now.date(), self._options.at, now.tzinfo) + OVERDUE
        if now < late or self.first is None or self.first > yesterday:
            return False
        return self.states.get(yesterday) not in {BALANCED, OPEN}

    def _local(self) -> dt.datetime:
        return self._now().astimezone(self._reconciler.zone)

    def _yesterday(self) -> dt.date:
        return self._local().date() - dt.timedelta(days=1)

    # -- by the clock

    def _look(self) -> None:
        if self._running:
            spawn(self._turn(), "reconciling")

    async def _turn(self) -> None:
        try:
            await self._know()
            if self._is_time():
                await self._night()
        except Fault as fault:
            log.warning("reconcile.deferred", code=fault.code)
            self._next = self._now() + RETRY
        if self._running:
            self._timer = self._clock.callLater(LOOK_S, self._look)

    def _is_time(self) -> bool:
        now = self._local()
        wanted = self._options.enabled and self._holds() and self._reconciler.current is None
        return wanted and now.time() >= self._options.at and (self._next is None or self._now() >= self._next)

    async def _know(self) -> None:
        yesterday = self._yesterday()
        days = [yesterday - dt.timedelta(days=n) for n in range(self._options.days_back)]
        self.states = await self._pool.run(self._store.states_of, days)
        self.balanced = await self._pool.run(self._store.balanced_since)
        self.first = await self._pool.run(self._store.first_day, self._reconciler.zone)

    async def _night(self) -> None:
        """Each day that is wanted, the oldest first; again after a while when one could not be finished."""
        tonight = dt.datetime.combine(self._local().date() + dt.timedelta(days=1), self._options.at, self._reconciler.zone)
        self._next, failed = tonight, False
        for day in self._wanted():
            if not self._running:
                return
            failed |= (await self._reconciler.run(day)).state == FAILED
        if failed:
            self._next = self._now() + RETRY
        await self._know()

    def _wanted(self) -> list[dt.date]:
        yesterday, first = self._yesterday(), self.first
        if first is None:
            return []
        days = [yesterday - dt.timedelta(days=n) for n in reversed(range(self._options.days_back))]
        return [day for day in days if day >= first and self.states.get(day) != BALANCED]
