"""Long after a day on which keys were changed: its period is destroyed by two persons, and nothing else goes with it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import evolve

from daemon.simulate.callers import Asked
from daemon.simulate.checks import ALWAYS, AT_REST, every_message_has_an_end
from daemon.simulate.custody import KEYS, Ask, Custody
from daemon.simulate.custody_checks import persons_of
from daemon.simulate.dials import quiet
from daemon.simulate.node import KEEP_DAYS
from middleware.domain.fault import Fault
from middleware.domain.order import Caller, CancelOrder, Role
from middleware.domain.visit import MONEY_OPEN
from middleware.engine.counter import Answer
from middleware.engine.keydesk import KeyDesk
from middleware.store.keyring import REFRESH_S
from middleware.store.periods import last_day, period_of

if TYPE_CHECKING:
    from daemon.simulate.world import World

LATER = dt.timedelta(days=KEEP_DAYS + 3)
STEP_S, LONGEST_S = 20.0, 3 * 3600.0
COME_AGAIN = (100, 101)  # numbers of the patients of another month
KILLED, CANCELS = 0.5, 0.8
MAKER, CHECKER = (Caller(Role.OPERATOR, name, "desk") for name in ("operator-1", "operator-2"))
NOTHING = "0" * 32
_OPEN = {str(state) for state in MONEY_OPEN}


class Forgetting:
    """Plays it, in a world that rests."""

    def __init__(self, world: World, custody: Custody) -> None:
        self._world = world
        self._custody = custody
        self._story = world.story
        self._rng = custody.rng
        self.period = period_of(world.day(), "month")

    def play(self) -> None:
        """From "too early" to nothing left."""
        self._until(self._rewriting_ended)
        self._do(self._too_early())
        self._another_month()
        self._do(self._somebody_rewrites())
        self._until(self._rewriting_ended)
        self._do(self._is_found())
        digest = self._do(self._proposals())
        if self._rng.random() < CANCELS:
            self._money_opens(digest)
        self._do(self._destroyed(digest))
        self._world.let_pass(REFRESH_S + STEP_S)  # by then every node knows
        self._do(self._only_that_is_gone())
        for name in self._world.nodes:
            self._world.harm(name, pause=False)
        self._until(self._all_ready)
        self._world.let_pass(STEP_S)
        self._do(self._only_that_is_gone())
        self._files_hold_nothing()
        self._world.look((*ALWAYS, *AT_REST, every_message_has_an_end))

    # -- time

    def _another_month(self) -> None:
        world = self._world
        for _ in range(2):  # whoever rises late from the night goes too
            world.end_all()
            world.let_pass(300)
        world.end_all()
        later = dt.datetime.combine(last_day(self.period) + LATER, dt.time(9), world.day().tzinfo)
        world.let_pass((later - world.day()).total_seconds())
        world.clocks_right()
        world.begin_all()
        self._until(self._all_ready)
        for number in COME_AGAIN:
            world.callers.come(number)
        world.rest()

    def _do(self, work: Awaitable[Any]) -> Any:
        """Until it has ended."""
        ended: list[Any] = []
        self._world.callers.spawn(lambda: work).addCallback(ended.append)
        self._until(lambda: bool(ended))
        return ended[0]

    def _until(self, there: Callable[[], bool]) -> None:
        until = self._world.clock.seconds() + LONGEST_S
        while not there() and self._world.clock.seconds() < until:
            self._world.let_pass(STEP_S)
        self._story.require("live", "the custodian waits for ever", holds=there())

    def _all_ready(self) -> bool:
        return all(node.ready for node in self._world.nodes.values())

    def _rewriting_ended(self) -> bool:
        return not self._asked("SELECT value FROM meta WHERE name = 'resealing'")

    # -- what must be refused

    async def _too_early(self) -> None:
        await self._refused(lambda desk: desk.destroy(MAKER, self.period), "keys.refused")

    async def _somebody_rewrites(self) -> None:
        """The old month's values by new keys of the old month; until that has ended nothing is destroyed."""
        await self._custody.rotate(self._rng.random() < KILLED, reseal=True)
        if not self._rewriting_ended():
            await self._refused(lambda desk: desk.destroy(MAKER, self.period), "keys.refused")

    async def _proposals(self) -> str:
        """The proposal that stands in the end."""
        period = self.period
        digest = await self._propose()
        await self._refused(lambda desk: desk.approve(MAKER, period, digest), "desk.same_person")
        await self._refused(lambda desk: desk.approve(CHECKER, period, NOTHING), "desk.stale")
        await self._custody.insist(lambda desk: desk.reject(CHECKER, period, digest), harm=False)
        await self._refused(lambda desk: desk.approve(CHECKER, period, digest), "desk.stale")
        again = await self._propose()
        await self._refused(lambda desk: desk.approve(CHECKER, period, digest), "desk.stale")
        return again

    async def _propose(self) -> str:
        await self._world.callers.sleep(1.0)  # two proposals of one moment would be one
        view = await self._custody.insist(lambda desk: desk.destroy(MAKER, self.period), harm=False)
        self._story.require(KEYS, f"a proposal is answered {view!r}", holds=isinstance(view, dict))
        return str(view["proposal"]) if isinstance(view, dict) else ""

    async def _refused(self, ask: Ask, code: str) -> None:
        heard = await self._custody.insist(ask, harm=False)
        found = heard.code if isinstance(heard, Fault) else str(heard)
        self._story.fault(f"keys-{code}")
        self._story.require(KEYS, f"{code} is wanted, heard {found}", holds=found == code)

    def _money_opens(self, digest: str) -> None:
        """Somebody's old bill is cancelled and nobody answers: its period is needed until that is certain."""
        query = "SELECT settlement_id, account, terminal FROM settlement WHERE state = 'Delivered' ORDER BY 1"
        old = [row for row in self._asked(query) if row[0] in self._old_settlements()]
        if not old:
            return
        sid, account, terminal = self._rng.choice(old)
        world = self._world
        world.turn(evolve(quiet(world.dials), reply_lost=1.0))
        role = Role.HIS if account.startswith("his") else Role.POS
        caller, order = Caller(role, account, terminal), CancelOrder(sid, "long ago")
        world.callers.spawn(world.callers.insist, Asked("", lambda c: c.cancel(caller, "long-ago", order)))
        until = world.clock.seconds() + 600
        while not self._is_open(sid) and world.clock.seconds() < until:
            world.let_pass(1.0)
        if self._is_open(sid):
            self._do(self._refused(lambda desk: desk.approve(CHECKER, self.period, digest), "keys.refused"))
        world.turn(quiet(world.dials))
        world.rest()
        world.decide()

    def _old_settlements(self) -> set[str]:
        values = self._custody.book.values
        bills = {
            json.loads(key)[0] for (place, key), one in values.items() if place[0] == "bill" and one.period == self.period
        }
        return {row[0] for row in self._asked("SELECT settlement_id FROM settlement")} & bills

    def _is_open(self, sid: str) -> bool:
        return any(state in _OPEN for (state,) in self._asked("SELECT state FROM settlement WHERE settlement_id = ?", sid))

    # -- the act

    async def _destroyed(self, digest: str) -> None:
        """Approved, sometimes by a node that dies over it; then one looks, and approves what still waits."""
        world = self._world
        states, waits = set[str](), True
        for attempt in range(4):
            if attempt < 2 and self._rng.random() < KILLED:  # noqa: PLR2004 - then it is let be
                delay = self._rng.random() * self._rng.choice((0.005, 0.02, 0.1))
                for name in world.nodes:
                    world.clock.callLater(delay, lambda name=name: world.harm(name, pause=False))
            await self._custody.once(lambda desk: desk.approve(CHECKER, self.period, digest), harm=False)
            states, waits = await self._listed()
            if not waits:
                break
        self._story.require(KEYS, f"{self.period} is {states} after two said yes", holds=states == {"destroyed"})
        await self._refused(lambda desk: desk.destroy(MAKER, self.period), "keys.refused")

    async def _listed(self) -> tuple[set[str], bool]:
        """In which states the period's keys are, and whether a proposal waits."""
        heard = await self._custody.insist(lambda desk: desk.list(), harm=False)
        if not isinstance(heard, dict):
            return set(), True
        return {key["state"] for key in heard["keys"] if key["period"] == self.period}, bool(heard["proposals"])

    # -- what is left

    async def _only_that_is_gone(self) -> None:
        """As every node sees it: the person is forgotten, the bill's amounts are not; of other periods all is there."""
        for node in self._world.nodes.values():
            for ref, visit_id in self._asked("SELECT person_ref, visit_id FROM visit"):
                value = self._custody.book.values[("person", "body"), json.dumps([ref], separators=(",", ":"))]
                wanted = "person.forgotten" if value.period in self._custody.book.destroyed else ""
                self._story.require(KEYS, f"{ref} is read as {wanted!r}", holds=_reads(node.reader.holder, ref) == wanted)
                seen = node.reader.visit(visit_id)
                self._story.require(KEYS, f"{visit_id} is gone", holds=seen is not None)
        await self._is_found()

    async def _is_found(self) -> None:
        """Whoever is asked for by number has all visits that can be known to be theirs, and no other."""
        persons = persons_of(self._custody)
        visits = self._asked("SELECT visit_id, person_ref FROM visit ORDER BY 1")
        for number in sorted({one["id_number"] for one in persons.values()}):
            mine = {ref for ref, one in persons.items() if one["id_number"] == number}
            wanted = [visit_id for visit_id, ref in visits if ref in mine]
            found = await self._custody.insist(partial(_find, number), harm=False)
            told = [one["visit_id"] for one in found["visits"]] if isinstance(found, dict) else found
            self._story.require(KEYS, f"found are {told}, there are {wanted}", holds=told == wanted)

    def _files_hold_nothing(self) -> None:
        """Not even wrapped is a key that was destroyed still in a file."""
        paths = [self._world.path.with_name(self._world.path.name + suffix) for suffix in ("", "-wal")]
        raw = b"".join(path.read_bytes() for path in paths if path.exists())
        left = sum(one.encode() in raw for one in self._custody.book.wrapped)
        self._story.require(KEYS, f"{left} destroyed keys are in the files", holds=left == 0)

    def _asked(self, query: str, *arguments: str) -> list[tuple[Any, ...]]:
        return self._custody.book.looker.execute(query, arguments).fetchall()


def _find(number: str, desk: KeyDesk) -> Awaitable[Answer]:
    found: Awaitable[Answer] = desk.find(MAKER, id_number=number, card_number="", reason="seen", after="", limit=500)
    return found


def _reads(read: Callable[[str], object], name: str) -> str:
    try:
        read(name)
    except Fault as fault:
        return fault.code
    return ""
