"""What looks through the audit's window: acts that no rule has seen yet, page by page, and flags for what was found.

It runs beside the work and nobody waits for it. Where several nodes share the database one of them does it. An act and its
having been judged are durable: whoever starts goes on where another stopped.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import structlog

from middleware.domain.audit import Seen
from middleware.domain.health import Condition, PartHealth
from middleware.domain.registry import Terminal
from middleware.engine.rounds import Rounds
from middleware.engine.runner import Means
from middleware.flow.audit_rules import BY_NAME, MAX_NAMED, MAX_WINDOW, Finding, Limits, Rule, Scene, judge
from middleware.store import audit_window as window
from middleware.store.audit_window import Raised, Waiting
from middleware.store.codec import encode
from middleware.store.registers import clear_ended
from middleware.store.units import Record, Unit

log = structlog.get_logger()

LOOK_S = 5.0  # at the latest after so long; an act on this node is looked at at once
PAGE = 100
PRUNE_S = 600.0
_TOKEN = 16  # digits by which a flag names its card: the same card, the same token


class Flagging:
    """``holds()``: of several nodes on one database one judges. Health says, in Chinese too, what nobody has looked at."""

    def __init__(self, means: Means, limits: Limits, holds: Callable[[], bool] = lambda: True) -> None:
        self._means = means
        self._limits = limits
        self._holds = holds
        self._rounds = Rounds("audit", means.clock, self._round, LOOK_S)
        self._pruned_at: dt.datetime | None = None
        self.unseen = 0
        self.by_rule: dict[str, int] = {}
        self.conflicts = 0
        self.listed = 0

    def start(self) -> None:
        """From now on."""
        self._rounds.start()

    def stop(self) -> None:
        """Begin no further page."""
        self._rounds.stop()

    def kick(self) -> None:
        """There is something to look at; also while it looks."""
        self._rounds.kick()

    def health(self) -> PartHealth:
        """DEGRADED while there are flags that nobody has looked at."""
        if self.unseen:
            rules = "；".join(f"{BY_NAME[name].zh} {count}" for name, count in sorted(self.by_rule.items()))
            return PartHealth("audit", Condition.DEGRADED, "audit.flags", f"{self.unseen}: {rules}")
        return PartHealth("audit", Condition.GOOD, "", f"{self.listed} cards listed")

    def links_health(self) -> PartHealth:
        """DEGRADED while old media are disputed."""
        if self.conflicts:
            return PartHealth("registry", Condition.DEGRADED, "registry.conflicts", str(self.conflicts))
        return PartHealth("registry", Condition.GOOD)

    async def _round(self) -> None:
        if self._holds():
            await self.look()
            await self._tidy()
        await self._count()

    async def look(self) -> int:
        """Judge everything that waits; how many acts that were."""
        run, done = self._means.pool.run, 0
        while True:
            page = await run(self._means.reader.window.waiting, PAGE)
            if not page:
                return done
            flags: dict[str, Raised] = {}
            for waiting in page:
                scene = await self._scene(waiting)
                for rule, found in judge(scene):
                    raised = self._raised(rule, found, waiting, scene)
                    flags.setdefault(raised.key, raised)
            known = await run(self._means.reader.window.known, list(flags)) if flags else set()
            await self._write([one.seen.audit_id for one in page], [f for key, f in flags.items() if key not in known])
            done += len(page)

    async def _scene(self, waiting: Waiting) -> Scene:
        run, reader, act = self._means.pool.run, self._means.reader, waiting.seen
        since = act.at - dt.timedelta(seconds=self._limits.window_s)
        around = await run(reader.window.around, act.card, since, act.at, MAX_WINDOW) if act.card else [act]
        terminals = sorted({one.terminal for one in around if one.terminal})
        places: dict[str, Terminal] = await run(reader.registers.terminals, terminals) if terminals else {}
        digests = [digest for digest in (act.card, waiting.number) if digest]
        listing = await run(reader.registers.listing_of, digests)
        return Scene(act, around, places, listing, self._limits)

    def _raised(self, rule: Rule, found: Finding, waiting: Waiting, scene: Scene) -> Raised:
        act, now = waiting.seen, self._means.now()
        subject = found.about or act.card[:_TOKEN]
        day = act.at.astimezone(now.tzinfo).date().isoformat()
        body = {
            "at": now.isoformat(),
            "institution": self._means.institution,
            "zh": rule.zh,
            "en": rule.en,
            "subject": subject,
            "facts": found.facts,
            "acts": [_named(one, scene, now.tzinfo) for one in found.acts[-MAX_NAMED:]],
        }
        return Raised(rule.name, f"{rule.name}.{subject}.{day}", body, act.audit_id, waiting.sealed)

    async def _write(self, acts: list[str], flags: list[Raised]) -> None:
        means, now = self._means, self._means.now()
        records = tuple(Record(now, "", "", "FlagRaised", "", "", encode({"rule": f.rule, **f.body})) for f in flags)
        work = window.judged(means.reader.vault, acts, flags, now)
        await means.journal.commit(Unit(records=records, now=now, work=work))
        for flag in flags:
            log.warning("audit.flag", rule=flag.rule, subject=flag.body["subject"])

    async def _tidy(self) -> None:
        """What no rule needs, and rows of lists that ended: a page at a time, each its own transaction."""
        means, now = self._means, self._means.now()
        if self._pruned_at is not None and (now - self._pruned_at).total_seconds() < PRUNE_S:
            return
        self._pruned_at, before = now, now - 2 * dt.timedelta(seconds=self._limits.window_s)
        for work_of in (lambda told: window.prune(before, told), clear_ended):
            count = [1]
            while count[-1] and self._rounds.running:
                await means.journal.commit(Unit(now=now, work=work_of(count)))

    async def _count(self) -> None:
        run, reader = self._means.pool.run, self._means.reader
        self.unseen, self.by_rule = await run(reader.window.unseen)
        self.conflicts = await run(reader.links.open_conflicts)
        self.listed = await run(reader.registers.listed)


def _named(seen: Seen, scene: Scene, zone: dt.tzinfo | None) -> dict[str, str]:
    """An act as a flag names it."""
    place = scene.places.get(seen.terminal)
    facts = {
        "act": str(seen.act),
        "at": seen.at.astimezone(zone).isoformat(),
        "account": seen.account,
        "terminal": seen.terminal,
        "desk": place.desk if place is not None else "",
        "code": seen.code,
        "psam": seen.psam,
    }
    return {name: value for name, value in facts.items() if value}
