"""Who keeps the keys of the simulated hospital: new master keys, new data keys, old values rewritten, while patients come.

The custodian asks a node, and asks again when the answer was lost or the node died; nodes die and stand still meanwhile.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Protocol

from attrs import evolve
from twisted.internet.task import Clock

from daemon.simulate.callers import Callers
from daemon.simulate.custody_book import CustodyBook
from daemon.simulate.dials import Dials
from daemon.simulate.node import Node
from daemon.simulate.safe import Safe, ToldVault
from daemon.simulate.sealed import master_id, watch_changes
from daemon.simulate.story import Story
from middleware.domain.fault import Fault
from middleware.domain.order import Caller, Role
from middleware.engine.counter import Answer
from middleware.engine.keydesk import KeyDesk

KEYS = "keys"
SHARE = {KEYS: 1.0, "hostile": 0.06, "nodes": 0.06}  # of a profile's days
MOST = {KEYS: 4, "hostile": 2, "nodes": 2}  # times
TRIES = 12
AMBUSHED = 0.7  # of rounds: they wait for money, or a registration, to be on its way
HARMED, TWICE, CLEANED = 0.5, 0.5, 0.5
PAGES = (1, 2, 5, 40)  # rows that are rewritten at once
WAYS = ((True, True), (True, True), (False, True), (False, True), (True, False), (False, False))
KEEPER = Caller(Role.OPERATOR, "operator-1", "desk")
_TRANSIENT = {"system.journal", "system.node", "system.stopping", "system.keys"}
Ask = Callable[[KeyDesk], Awaitable[Answer]]


def drawn(seed: int, profile: str, dials: Dials) -> Dials:
    """The custodian comes on some days, not on those of an old centre; by a stream of its own, as ``copies.drawn``."""
    rng = random.Random(f"keepers/{profile}/{seed}")  # noqa: S311 - seeded randomness is the point
    if dials.cycles or rng.random() < 1 - SHARE.get(profile, 0.0):
        return dials
    dials = evolve(dials, keys=rng.randint(1, MOST[profile]))
    return _of_their_own(dials, seed) if profile == KEYS else dials


def _of_their_own(dials: Dials, seed: int) -> Dials:
    """What a day is like that is for this alone: short, and every third is several nodes'."""
    rng = random.Random(f"custody-day/{seed}")  # noqa: S311 - the same
    dials = evolve(dials, visits=min(dials.visits, 4))
    if rng.randrange(3):
        return dials
    return evolve(dials, nodes=2, pauses=rng.randint(1, 3), skew_s=rng.choice((0.0, 10.0)))


class Place(Protocol):
    """What the custodian sees of the world."""

    clock: Clock
    story: Story
    dials: Dials
    ambushes: list[Callable[[], None]]

    @property
    def node(self) -> Node:
        """A node that serves now, when there is one."""

    @property
    def shared(self) -> bool:
        """Whether several nodes share the database."""

    def harm(self, name: str, *, pause: bool) -> None:
        """That node dies, or stands still."""


class Custody:
    """The custodian, the safe, and the book of what is sealed. ``callers`` are set before the day begins."""

    callers: Callers

    def __init__(self, place: Place, rng: random.Random, looker: sqlite3.Connection, rounds: int) -> None:
        self._place = place
        self.rng = rng
        self._rounds = rounds
        self._waiting = 0  # rounds that come when somebody is registered
        self.safe = Safe()
        self.book = CustodyBook(place.story, place.clock.seconds, looker, self.safe)
        self.sealed = self.book.sealed
        self.page = rng.choice(PAGES)
        watch_changes(looker)

    def begin(self, seconds: float) -> None:
        """Come so often within so many seconds."""
        for number in range(self._rounds):
            if self.rng.random() >= AMBUSHED:
                self._place.clock.callLater(self.rng.uniform(0, seconds), self._come)
            elif number % 2:
                self._place.ambushes.append(self._come)
            else:
                self._waiting += 1

    def registers(self) -> None:
        """Where it hurts: somebody is being registered, and all about them is written in a moment."""
        if self._waiting and self.rng.random() < AMBUSHED:
            self._waiting -= 1
            self._place.clock.callLater(self.rng.random() * self.rng.choice((0.02, 0.3, 1.0)), self._come)

    def _come(self) -> None:
        rewrap, reseal = self.rng.choice(WAYS)
        self.callers.spawn(self.rotate, rewrap, reseal)

    async def rotate(self, rewrap: bool, reseal: bool) -> Answer | None:
        """All of it, until somebody says that it is done; None when nobody did."""
        rng, story = self.rng, self._place.story
        story.fault("rotation", f"rewrap={rewrap} reseal={reseal}")
        added = b""
        if rewrap:
            added = rng.randbytes(32)
            self.safe.add(added)
            self.book.rank(master_id(added))

        def ask(desk: KeyDesk) -> Awaitable[Answer]:
            return desk.rotate(KEEPER, rewrap=rewrap, reseal=reseal)

        if rng.random() < TWICE:  # by somebody else, a moment later
            self._place.clock.callLater(rng.random() * rng.choice((0.01, 0.3, 2.0)), self.callers.spawn, self.once, ask)
        done = await self.insist(ask)
        if not isinstance(done, dict):
            return None
        if rewrap:
            wanted = self.book.rank(master_id(added))
            good = self.book.rewrapped >= wanted
            story.require(KEYS, f"rewrapped by {self.book.rewrapped}, {wanted} was in the safe", holds=good)
            if rng.random() < CLEANED:
                self.callers.spawn(self._clean, added)
        return done

    async def _clean(self, added: bytes) -> None:
        """What nothing is wrapped by any more is thrown away."""
        await self.callers.sleep(self.rng.uniform(0, 300))
        if added in self.safe.lines:
            self._place.story.tell(f"{self.safe.drop_behind(added)} old master keys are thrown away")

    async def insist(self, ask: Ask, *, harm: bool = True) -> Answer | Fault | None:
        """Ask one node after the other until there is an answer; None when there never was."""
        for attempt in range(TRIES):
            heard = await self.once(ask, harm=harm and attempt < TRIES / 2)
            if isinstance(heard, dict) or (isinstance(heard, Fault) and heard.code not in _TRANSIENT):
                return heard
            await self.callers.sleep(self.rng.uniform(0.5, 40))
        return None

    async def once(self, ask: Ask, *, harm: bool = True) -> Answer | Fault | None:
        """Ask a node; None when the answer was lost."""
        node = self._place.node
        if harm:
            self._harm(node.name)
        heard = await self.callers.of(node, lambda: ask(node.keys))
        if isinstance(heard, dict) and isinstance(node.vault, ToldVault):
            # From now on this node knows, and has no excuse.
            node.vault.barred |= self.book.rotated.get(node.journal.epoch, frozenset())
        return heard

    def _harm(self, name: str) -> None:
        """Between pages, inside them, and before the answer."""
        if self._place.dials.crashes and self.rng.random() < HARMED:
            pause = self._place.shared and self.rng.random() < HARMED
            delay = self.rng.random() * self.rng.choice((0.02, 0.1, 0.5, 2.0))
            self._place.clock.callLater(delay, lambda: self._place.harm(name, pause=pause))
