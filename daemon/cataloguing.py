"""Catalogues by the clock: each night whatever the region offers, and a word in the health when one is old."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from typing import Any

import structlog
from attrs import frozen

from config.section import between, matching, setting
from middleware.domain.catalogue import CATALOGUES
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.engine.catalogue import Downloader
from middleware.engine.pools import Pool
from middleware.engine.tasks import spawn
from middleware.store.catalogue import FAILED, Catalogues, Load, Standing

log = structlog.get_logger()

LOOK_S = 30.0
RETRY = dt.timedelta(minutes=30)  # after a night in which one could not be had
MAX_NAMED = 5  # catalogues in one line of the health


@frozen(slots=True)
class CatalogueOptions:
    """[catalogue]: downloading what the region's profile offers."""

    enabled: bool = setting(True, help="download by the clock; run.py catalogue download works either way")
    time_of_day: str = setting("03:30", help="when, HH:MM", validator=matching(r"([01]\d|2[0-3]):[0-5]\d", "HH:MM"))
    old_after_days: int = setting(
        7,
        help="a catalogue of which the centre did not say for so long that nothing is newer is old",
        unit="d",
        validator=between(1, 366),
    )
    repeat_s: float = setting(
        5.0, help="to the next try of a question without an answer; doubles", unit="s", validator=between(0.01, 3600)
    )
    ready_within_s: float = setting(
        1800.0, help="so long is a file asked for again that is not ready", unit="s", validator=between(1, 86400)
    )

    @property
    def at(self) -> dt.time:
        """``time_of_day`` as a value."""
        hour, minute = self.time_of_day.split(":")
        return dt.time(int(hour), int(minute))


class Cataloguing:
    """A part of its own; ``zone`` is the hospital's. Of several nodes one does it (``Downloader.holds``)."""

    def __init__(
        self,
        options: CatalogueOptions,
        downloader: Downloader,
        store: Catalogues,
        pool: Pool,
        threads: Pool,
        clock: Any,
        now: Callable[[], dt.datetime],
        zone: dt.tzinfo,
    ) -> None:
        self._options = options
        self._downloader = downloader
        self._store = store
        self._pool = pool
        self._threads = threads
        self._clock = clock
        self._now = now
        self._zone = zone
        self._timer: Any = None
        self._running = False
        self._next: dt.datetime | None = None  # not before
        self.standing: dict[str, Standing] = {}
        self.newest: dict[str, Load] = {}
        self.loads: Counter[str] = Counter()

    def start(self) -> None:
        """From now on, by the clock. What a crash broke off is taken up at once."""
        self._running = True
        self._threads.start()
        self._next = self._coming()
        self._look()

    def stop(self) -> None:
        """Begin no more; what is under way ends at its next question, or is taken up by the next life."""
        self._running = False
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._downloader.stop()
        self._threads.stop()

    def ended(self, load: Load) -> None:
        """A load ended, whoever asked for it."""
        self.loads[load.state] += 1

    def age_s(self, name: str) -> float:
        """Seconds since the centre said last that nothing of it is newer; -1 while it never did."""
        one = self.standing.get(name)
        if one is None or not one.checked_at:
            return -1.0
        return max(0.0, (self._now() - dt.datetime.fromisoformat(one.checked_at)).total_seconds())

    def health(self) -> PartHealth:
        """DEGRADED when a catalogue that the region offers is old, or was never there."""
        offered = self._downloader.rules.offered
        if not offered:
            return PartHealth("catalogue", Condition.GOOD, "", "地区文件没有列出目录 / the profile offers none")
        if not self._options.enabled:
            return PartHealth("catalogue", Condition.GOOD, "", "未启用定时下载 / not downloaded by the clock")
        limit = self._options.old_after_days * 86400.0
        old = [name for name in offered if not 0 <= self.age_s(name) <= limit]
        if old:
            more = f" …{len(old)}" if len(old) > MAX_NAMED else ""
            return PartHealth(
                "catalogue", Condition.DEGRADED, "catalogue.old", "; ".join(map(self._word, old[:MAX_NAMED])) + more
            )
        oldest = max(self.age_s(name) for name in offered) / 86400
        return PartHealth(
            "catalogue",
            Condition.GOOD,
            "",
            f"{len(offered)} 个，最久 {oldest:.1f} 天前核对 / checked {oldest:.1f} d ago",
        )

    def _word(self, name: str) -> str:
        days = self.age_s(name) / 86400
        when = f"{days:.0f} 天未核对 / not checked for {days:.0f} d" if days >= 0 else "还没有下载 / never downloaded"
        load = self.newest.get(name)
        why = f" ({load.fault})" if load is not None and load.state == FAILED else ""
        return f"{name} {CATALOGUES[name].zh} {when}{why}"

    # -- by the clock

    def _coming(self) -> dt.datetime:
        now = self._now().astimezone(self._zone)
        at = dt.datetime.combine(now.date(), self._options.at, self._zone)
        return at if at > now else at + dt.timedelta(days=1)

    def _look(self) -> None:
        if self._running:
            spawn(self._turn(), "cataloguing")

    async def _turn(self) -> None:
        try:
            await self._know()
            await self._take_up()
            if self._options.enabled and self._next is not None and self._now() >= self._next:
                await self._night()
        except Fault as fault:
            log.warning("catalogue.deferred", code=fault.code)
            self._next = self._now() + RETRY
        if self._running:
            self._timer = self._clock.callLater(LOOK_S, self._look)

    async def _know(self) -> None:
        self.standing = await self._pool.run(self._store.all)
        self.newest = await self._pool.run(self._store.newest_loads)

    async def _take_up(self) -> None:
        """Loads that another life left: they go on behind the last version that is whole."""
        for left in await self._pool.run(self._store.running):
            name = left.catalogue
            if self._running and self._downloader.running(name) is None and self._downloader.may(name):
                await self._downloader.run(name, left.account)

    async def _night(self) -> None:
        failed = False
        for name in self._downloader.rules.offered:
            if self._running and self._downloader.running(name) is None and self._downloader.may(name):
                failed |= (await self._downloader.run(name)).state == FAILED
        self._next = self._now() + RETRY if failed else self._coming()
        await self._know()
