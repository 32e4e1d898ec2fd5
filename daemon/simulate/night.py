"""The night after a simulated day: one node is there, and compares each of its days with the centre until both agree."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from typing import Any, Protocol

from attrs import define, evolve
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock

from daemon.simulate.checks import Books
from daemon.simulate.dials import Dials, quiet
from daemon.simulate.ledger import Ledger
from daemon.simulate.node import Node
from daemon.simulate.statements import CLEARING, entries
from daemon.simulate.story import Story
from middleware.engine.comparison import Run

AT = dt.time(6, 30)  # true time; the node's clock may be three hours from it
STEP_S, LONGEST_S = 20.0, 6 * 3600.0
ROUGH = 2  # runs, at most, in which something may still go wrong
CRASHED = 0.3
_STANDING = ("Settled", "Delivered")


class Sky(Protocol):
    """What a night needs of the world."""

    clock: Clock
    story: Story
    rng: random.Random

    def day(self) -> dt.datetime:
        """True time."""

    def let_pass(self, seconds: float) -> None:
        """Let time pass."""

    def turn(self, dials: Dials) -> None:
        """From now on it is so."""

    def end_all(self) -> None:
        """Every node is gone."""

    def begin_one(self) -> None:
        """One node starts."""

    def one(self) -> Node:
        """The one node."""

    def end_one(self) -> None:
        """It crashes, and rises again."""


@define
class Night:
    """Plays it. ``looks`` is called when both books must agree. Not ``strict``: what 2601 may not name waits for people."""

    sky: Sky
    ledger: Ledger
    dials: Dials
    looks: Callable[[], None]
    strict: bool = True

    def play(self) -> None:
        """Some runs in which things go wrong, then one of each day that must balance."""
        sky = self.sky
        days = self._days(self._dawn())
        for _ in range(sky.rng.randint(1, ROUGH)):
            calm = quiet(self.dials)
            sky.turn(evolve(calm, reply_lost=0.15, request_lost=0.05, half_file=0.5, not_ready=0.2, commit_slow=0.1))
            for day in days:
                self._run(day, crash=sky.rng.random() < CRASHED)
        sky.turn(quiet(self.dials))
        for day in days:
            run = self._run(day, crash=False)
            how = f"{day} is {run.state} {run.fault} {run.detail} with {run.differences} differences" if run else "no run"
            good = run is not None and (run.state == "balanced" or (run.state == "open" and not self.strict))
            sky.story.require("15", how, holds=good)
        if self.strict:
            self.looks()

    def _dawn(self) -> dt.date:
        """One node is there, in the early morning after that day."""
        sky = self.sky
        sky.end_all()
        today = sky.day()
        night = dt.datetime.combine(today.date() + dt.timedelta(days=1), AT, today.tzinfo)
        sky.let_pass((night - today).total_seconds())
        sky.begin_one()
        return today.date()

    def _days(self, last: dt.date) -> list[dt.date]:
        times = [at for held in self.ledger.settlements.values() for at in (held.settled_at, held.cancelled_at)]
        return sorted({at.date() for at in times if at is not None} | {last})

    def _run(self, day: dt.date, *, crash: bool) -> Run | None:
        """One run, until it ends or its node does."""
        sky = self.sky
        ended: list[object] = []
        until = sky.clock.seconds() + LONGEST_S
        while not sky.one().ready and sky.clock.seconds() < until:
            sky.let_pass(STEP_S)
        node = sky.one()
        while not node.holds_reconciliation() and sky.clock.seconds() < until:
            sky.let_pass(STEP_S)
        if crash:
            sky.clock.callLater(sky.rng.uniform(0, 15), sky.end_one)
        ensureDeferred(node.reconciler.run(day)).addCallbacks(ended.append, ended.append)
        while not ended and node.life.alive and sky.clock.seconds() < until:
            sky.let_pass(STEP_S)
        while not sky.one().ready and sky.clock.seconds() < until:
            sky.let_pass(STEP_S)
        run = ended[0] if ended else None
        return run if isinstance(run, Run) else None


def both_say_the_same(books: Books) -> None:
    """Invariants 1, 13 and 15, after a reconciliation: whatever the centre did and told nobody is undone or known."""
    for row in books.of("settlement"):
        sid = row["settlement_id"]
        held = [h.number for h in books.ledger.of(sid) if h.state == "approved"]
        wanted = [row["settlement_number"]] if row["state"] in _STANDING else []
        books.story.require("15", f"{sid} is {row['state']}, the centre holds {held}", holds=held == wanted, about=sid)


def the_totals_sent_are_the_days_own(books: Books) -> None:
    """Invariant 15: the newest balanced run of each day said the sums that the centre's books give."""
    newest = {row["day"]: row for row in sorted(books.of("reconcile_run"), key=lambda row: row["run_id"])}
    for day, run in newest.items():
        if run["state"] != "balanced":
            continue
        mine = list(entries(books.ledger, dt.date.fromisoformat(day)))
        theirs = (
            sum(e.total.fen for e in mine),
            sum(e.fund.fen for e in mine),
            sum(e.account.fen for e in mine),
            len(mine),
        )
        rows = [
            row
            for row in books.of("reconcile_totals")
            if (row["run_id"], row["round"], row["clearing_type"]) == (run["run_id"], run["rounds"], CLEARING)
        ]
        names = ("total_fen", "fund_fen", "account_fen", "count")
        ours = tuple(sum(row[name] for row in rows) for name in names)
        books.story.require("15", f"{day}: sent {ours}, the centre has {theirs}", holds=ours == theirs)


def absent_is_what_is_not_there(ledger: Ledger, story: Story, body: dict[str, Any]) -> None:
    """Invariant 12 of a file: at the moment when a message is written down as absent, the centre does not hold it."""
    message_id, refund = body["message_id"], body["refund"]
    there = [
        held
        for held in ledger.settlements.values()
        if (held.state == "cancelled" and held.cancel_message_id == message_id if refund else held.message_id == message_id)
    ]
    good = not any(refund or held.state not in {"reversed", "pending"} for held in there)
    story.require("12", f"{message_id} is called absent and is there", holds=good, about=message_id)
