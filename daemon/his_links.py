"""All destinations as one part: a link and an outbox each, so that one that is down stops nobody else."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog
from attrs import frozen

from adapters.his.hl7v2.adapter import Hl7His
from adapters.his.hl7v2.destinations import ASK, HisOptions, LinkOptions, destinations_of
from adapters.his.hl7v2.tables import ONLY_ERRORS
from middleware.domain.command import HisMatter
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.domain.his import FindBy
from middleware.engine.closing import Later
from middleware.engine.finding import Finding, FindRules
from middleware.engine.his_answers import HisAnswers, Way
from middleware.engine.his_news import HisNews
from middleware.engine.merges import Merges
from middleware.engine.numbering import Numbering
from middleware.engine.outbox import Outbox
from middleware.engine.pools import Pool
from middleware.engine.registries import Registry
from middleware.engine.runner import Engine
from middleware.engine.service import CounterService
from middleware.engine.tasks import spawn
from middleware.ops.metrics import Metrics
from middleware.store.letters import LettersReader
from middleware.store.numbers import read_numbers

log = structlog.get_logger()

_SHOWN = 200


@frozen(slots=True)
class HisLinks:
    """The links by name, [his] itself first."""

    links: Mapping[str, Hl7His]

    def start(self) -> None:
        """Connect; all keep trying by themselves."""
        for link in self.links.values():
            link.start()

    async def stop(self) -> None:
        """Close the connections."""
        for link in self.links.values():
            await link.stop()

    def healths(self) -> list[Callable[[], PartHealth]]:
        """Of each link."""
        return [link.health for link in self.links.values()]


@frozen(slots=True)
class Outboxes:
    """The outboxes by name. ``waiting()`` counts letters by destination, as the disk has them."""

    outboxes: Mapping[str, Outbox]
    waiting: Callable[[], Mapping[str, int]]
    count: Callable[[], Awaitable[Mapping[str, int]]]

    def start(self) -> None:
        """Begin to deliver what waits, and say at once what nobody will."""
        for outbox in self.outboxes.values():
            outbox.start()
        spawn(self._say_what_is_left(), "outbox")

    async def _say_what_is_left(self) -> None:
        with contextlib.suppress(Fault):  # the health part says it a moment later
            for name, count in self._left(await self.count()).items():
                log.warning("outbox.left", destination=name, waiting=count)

    def _left(self, waiting: Mapping[str, int]) -> dict[str, int]:
        return {name: count for name, count in waiting.items() if name not in self.outboxes}

    def stop(self) -> None:
        """Deliver nothing more."""
        for outbox in self.outboxes.values():
            outbox.stop()

    def look_again(self) -> None:
        """A letter that was closed is open again, or came to another destination."""
        for outbox in self.outboxes.values():
            outbox.look_again()

    def healths(self) -> list[Callable[[], PartHealth]]:
        """Of each outbox, and of letters that nobody delivers."""
        return [*(outbox.health for outbox in self.outboxes.values()), self.left_health]

    def left_health(self) -> PartHealth:
        """The part ``outbox.left``: DEGRADED while letters wait for a destination that is not configured any more."""
        if left := self._left(self.waiting()):
            detail = ", ".join(f"{name} {count}" for name, count in sorted(left.items()))
            return PartHealth("outbox.left", Condition.DEGRADED, "his.destination", detail[:_SHOWN])
        return PartHealth("outbox.left", Condition.GOOD)

    def measure(self, metrics: Metrics) -> None:
        """Set the gauges."""
        waiting = self.waiting()
        for name in {*self.outboxes, *waiting}:
            metrics.set("outbox_depth", waiting.get(name, 0), name)


def links_of(options: HisOptions, reactor: Any) -> HisLinks:
    """The links, by name."""
    return HisLinks(
        {name: Hl7His(one, reactor, name=name, elsewhere=bool(one.answers_on)) for name, one in options.all.items()}
    )


def outboxes_of(
    options: HisOptions,
    his: HisLinks,
    database: sa.Engine,
    engine: Engine,
    metrics: Metrics,
    ours: Callable[[], bool],
    waiting: Callable[[], Mapping[str, int]],
) -> Outboxes:
    """An outbox a destination, all of them told of each new letter."""

    def outbox(name: str, one: LinkOptions) -> Outbox:
        told = partial(metrics.hl7_message, destination=name)
        later = Later(one.answer_timeout_s, one.application_ack == ONLY_ERRORS) if one.answers_on else None
        made = Outbox(engine, his.links[name], told, ours, width=one.letters_out, name=name, later=later)
        if one.numbered:
            asks = one.sequence_numbers == ASK
            made.numbering = Numbering(
                engine, his.links[name], name, partial(read_numbers, database), ask=asks, committed=later is not None
            )
        return made

    found = {name: outbox(name, one) for name, one in options.all.items()}

    def kick() -> None:
        for each in found.values():
            each.kick()

    engine.letter_added = kick
    return Outboxes(found, waiting, lambda: engine.means.pool.run(engine.means.reader.letters_waiting))


def news_of(options: HisOptions, his: HisLinks, engine: Engine, counter: CounterService, registry: Registry) -> Finding:
    """What the HIS is told of persons, and how it is asked for them: by who decides registrations."""
    accounts = {name: one.accounts.modes for name, one in options.all.items()}
    old_cards = any(one.identifiers.old_card for one in options.all.values())
    news = HisNews(engine, accounts, old_cards=old_cards)
    counter.card_desk.seen_again = news.seen
    registry.links.linked = news.linked
    registry.desk.merges = Merges(engine.means, news)
    asked = next(one.name for one in destinations_of(options) if HisMatter.REGISTERED in one.decides)
    find = options.all[asked].find
    by = FindBy(find.at_registration) if find.at_registration else None
    finding = Finding(engine.means, his.links[asked], FindRules(by, find.unanswered == "register", find.most))
    counter.find_first = finding.before_registration
    return finding


def answers_of(options: HisOptions, his: HisLinks, outbox: Outboxes, reader: LettersReader, pool: Pool) -> HisAnswers:
    """Who closes a letter by an answer that comes over a link of the door."""
    ways = {
        name: Way(one.answers_on, his.links[name].read_answer, outbox.outboxes[name])
        for name, one in options.all.items()
        if one.answers_on
    }
    return HisAnswers(ways, reader, pool)
