"""Who compares an old centre's cycles: somebody now and then during the day, and a clerk where only a person can help.

A difference that the totals show is a person's. The clerk undoes what the centre did after its own limit, when it could
tell nobody, and nothing else: whatever else differs is a mistake of ours.
"""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Callable
from typing import Any, Protocol

from attrs import define, evolve, field
from twisted.internet.defer import ensureDeferred

from daemon.simulate.checks import Books
from daemon.simulate.cycles import OldCentre
from daemon.simulate.dials import Dials, quiet
from daemon.simulate.ledger import Held, Ledger
from daemon.simulate.night import CRASHED, ROUGH, Night, Sky
from daemon.simulate.node import Node
from daemon.simulate.statements import Entry, every_entry
from middleware.domain.fault import Fault
from middleware.engine.comparison import Run
from middleware.store.statements import BALANCED

IN_A_DAY = (2, 6)
EVENING_S, LOOK_S = 3600.0, 60.0


class House(Sky, Protocol):
    """What is needed of the world."""

    nodes: dict[str, Node]
    lost: list[Any]
    ambushes: list[Callable[[], None]]

    def books(self) -> Books:
        """Everybody's."""


@define
class CycleRuns:
    """Begins comparisons."""

    house: House
    centre: OldCentre
    rng: random.Random
    ended: list[Run] = field(factory=list)

    def begin(self, seconds: float) -> None:
        """Some during the day, at any moment; some when money is on its way."""
        for _ in range(self.rng.randint(*IN_A_DAY)):
            self.house.clock.callLater(self.rng.uniform(0, seconds), self.start)
        self.house.ambushes += [self.start] * self.rng.randint(*IN_A_DAY)

    def start(self, days: int = 0) -> None:
        """At the node that compares, if there is one now: what began up to so many days from now, by its clock."""
        for node in self.house.nodes.values():
            if node.ready and node.life.alive and not node.life.paused and node.holds_reconciliation():
                ensureDeferred(self._run(node, days)).addErrback(self.house.lost.append)
                return

    async def _run(self, node: Node, days: int) -> None:
        try:
            run = await node.reconciler.run(node.engine.means.now().date() + dt.timedelta(days=days))
        except Fault as fault:
            self.house.story.tell(f"cycles are not compared: {fault.code}")
        else:
            self.house.story.tell(f"cycles compared: {run.state} {run.fault} {run.detail} {run.differences} differ")
            self.ended.append(run)

    def evening(self, rest: Callable[[], None]) -> None:
        """When nothing is under way: compared; what only a person finds out is put right, and compared again."""
        for _ in range(3):
            before, until = len(self.ended), self.house.clock.seconds() + EVENING_S
            while len(self.ended) == before and self.house.clock.seconds() < until:
                self.start(1)
                self.house.let_pass(LOOK_S)
            rest()
            if not self.clear():
                break
        if self.ended and self.ended[-1].state == BALANCED:
            left = sorted(entry.cycle for entry in every_entry(self.centre.ledger) if entry.cycle in self.centre.open)
            self.house.story.require("cycle", f"{left} were not compared", holds=not left)

    def clear(self) -> int:
        """How many rows of open cycles a clerk had to undo: done after the centre's limit, and told nobody."""
        ours, undone = _ours(self.house.books()), 0
        for entry in sorted(every_entry(self.centre.ledger), key=lambda one: not one.refund):  # a refund first
            if entry.cycle in self.centre.open and entry.message_id not in ours:
                held = self._held(entry)
                what = f"the centre holds {entry.number}, which nobody here knows"
                self.house.story.require("cycle", what, holds=not held.told, about=entry.message_id)
                held.state = "approved" if entry.refund else "reversed"
                self.house.story.tell(f"centre's clerk undid {entry.message_id}")
                undone += 1
        return undone

    def _held(self, entry: Entry) -> Held:
        every = self.centre.ledger.settlements.values()
        return next(held for held in every if entry.message_id in {held.message_id, held.cancel_message_id})


def _ours(books: Books) -> set[str]:
    """The messages of which we say, or may come to say by ourselves, that they stand."""
    found = set()
    for row in books.of("visit"):
        for s in json.loads(row["body"])["settlements"]:
            if s["settled"] is not None and s["state"] not in {"Reversed", "Refused"}:
                found.add(s["settle_message_id"])
            if s["cancelled"] is not None:
                found.add(s["cancel_message_id"])
            if s["state"] in {"Manual", "Unknown"}:
                found |= {s["settle_message_id"], s["cancel_message_id"]}
    return found


class CycleNight(Night):
    """The night of an old centre: all that is open is compared until it is equal, and ended."""

    def __init__(self, house: House, ledger: Ledger, dials: Dials, looks: Callable[[], None], runs: CycleRuns) -> None:
        super().__init__(house, ledger, dials, looks)
        self._runs = runs

    def play(self) -> None:
        """Some runs in which things go wrong, then those that must end every cycle."""
        sky = self.sky
        self._dawn()
        for _ in range(sky.rng.randint(1, ROUGH)):
            sky.turn(evolve(quiet(self.dials), reply_lost=0.15, request_lost=0.05, commit_slow=0.1, commit_failed=0.1))
            self._run(sky.day().date(), crash=sky.rng.random() < CRASHED)
        sky.turn(quiet(self.dials))
        self._run(sky.day().date(), crash=False)  # it may find a cycle ended by a life that did not come to write it down
        self._runs.clear()
        run = self._run(sky.day().date(), crash=False)
        how = f"cycles are {run.state} {run.fault} {run.detail} with {run.differences} differences" if run else "no run"
        sky.story.require("cycle", how, holds=run is not None and run.state == "balanced")
        self.looks()
