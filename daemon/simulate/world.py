"""One seed from its first patient to the last check. Nothing in it asks the machine's clock or its randomness."""

from __future__ import annotations

import datetime as dt
import gc
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

import structlog
from attrs import frozen
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from daemon.simulate.callers import Callers
from daemon.simulate.checks import (
    ALWAYS,
    AT_REST,
    Books,
    every_message_has_an_end,
    nothing_in_flight_of_an_earlier_life,
    read_tables,
    the_his_hears_only_what_the_centre_holds,
)
from daemon.simulate.dials import Dials, draw, quiet
from daemon.simulate.hospital import HisBook
from daemon.simulate.node import Node, Surroundings
from daemon.simulate.story import BrokenRuleError, Story
from daemon.simulate.wire import Exchange
from middleware.domain.centre import MONEY_CALLS, Call
from middleware.domain.his import HisMessage, PostCharges
from middleware.store.database import open_database, ready

ZONE = dt.timezone(dt.timedelta(hours=8))
MORNING = dt.datetime(2026, 11, 21, 8, 0, 0, tzinfo=ZONE)
REST_S = 48 * 3600.0  # by then everything must be at rest
SKEW_S = 600  # the limit of 300 s, and the longest commit between an intent and its first byte
AMBUSHED = 0.6  # of crashes and clock steps: they wait for money to be on its way
STRUCK = 0.4
MAX_STEPS = 2_000_000
_OURS = {
    "engine.task_failed",
    "engine.illegal_event",
    "outbox.illegal_event",
    "engine.send_raised",
    "outbox.deliver_raised",
}


@frozen(slots=True)
class Result:
    """What one seed gave."""

    seed: int
    profile: str
    visits: int
    simulated_s: float
    faults: Counter[str]
    checked: Counter[str]
    states: Counter[str]
    cells: frozenset[tuple[str, str]]
    fingerprint: str
    broken: BrokenRuleError | None
    trace: list[str]


def make_template(directory: Path) -> Path:
    """An empty database, made once and copied for each seed."""
    path = directory / "template.db"
    database = open_database(f"sqlite:///{path}")
    ready(database)
    with database.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.dispose()
    return path


class World:
    """The whole of one seed."""

    def __init__(self, seed: int, dials: Dials, hours: float, template: Path, directory: Path) -> None:
        self.seed = seed
        self.dials = dials
        self.hours = hours
        self.clock = Clock()
        self.story = Story(self.clock.seconds)
        self.rng = random.Random(f"world/{seed}")  # noqa: S311 - seeded randomness is the point
        self.offset = dt.timedelta(0)
        self.path = directory / f"seed-{seed}.db"
        self.forget_files()
        shutil.copyfile(template, self.path)
        self.exchange = Exchange(self.clock, self._stream("centre"), self.story, self.day)
        self.exchange.dials = dials
        self.exchange.leaving = self._leaves
        self.his = HisBook(self.clock, self._stream("his"), self.story)
        self.his.dials = dials
        self.his.hears = self._his_hears
        around = Surroundings(
            f"sqlite:///{self.path}", self.exchange, self.his, self._stream("node"), self.story, self.wall, dials
        )
        self.around = around
        self.heads: list[tuple[str, int, str]] = []
        self.left: dict[str, float] = {}
        self.originals: dict[str, tuple[str, str]] = {}
        self.lost: list[Failure] = []
        self.ambushes: list[Callable[[], None]] = []
        self.looker = sqlite3.connect(self.path, isolation_level=None)
        self.nodes = [Node(around)]
        self.callers = Callers(self, self._stream("callers"))

    def _stream(self, name: str) -> random.Random:
        return random.Random(f"{name}/{self.seed}")  # noqa: S311 - seeded randomness is the point

    @property
    def node(self) -> Node:
        """The life that is now."""
        return self.nodes[-1]

    def day(self) -> dt.datetime:
        """True time; the centre's clock and the callers'."""
        return MORNING + dt.timedelta(seconds=self.clock.seconds())

    def wall(self) -> dt.datetime:
        """The node's wall clock, which steps."""
        return self.day() + self.offset

    # -- what is looked at while it happens

    def _leaves(self, message_id: str, call: str, digest: str, original: tuple[str, str] | None) -> None:
        query = "SELECT call, digest, intended_at FROM message WHERE message_id = ?"
        found = self.looker.execute(query, (message_id,)).fetchone()
        good = found is not None and found[:2] == (call, digest)
        self.story.require("4", f"{call} {message_id} leaves without its intent", holds=good, about=message_id)
        self.story.require("5", f"{call} {message_id} leaves twice", holds=message_id not in self.left, about=message_id)
        if self.dials.tells_time and call == Call.SETTLE and found is not None:
            ahead = (dt.datetime.fromisoformat(found[2]) - self.day()).total_seconds()
            self.story.require("22", f"{call} begun {ahead:+.0f} s off", holds=abs(ahead) < SKEW_S, about=message_id)
        self.left[message_id] = self.clock.seconds()
        if original is not None:
            self.originals[message_id] = original
        if self.ambushes and Call(call) in MONEY_CALLS and self.rng.random() < STRUCK:
            # Where it hurts: while money is on its way, within a commit's time of it or within the centre's limit.
            self.clock.callLater(self.rng.random() * self.rng.choice((0.02, 1, 60)), self.ambushes.pop())

    def _his_hears(self, message: HisMessage) -> None:
        if isinstance(message, PostCharges):
            the_his_hears_only_what_the_centre_holds(self.exchange.ledger, self.story, message)

    # -- what is done to it

    def play(self) -> None:
        """Both phases. Raises ``BrokenRuleError``."""
        self._start()
        seconds = self.hours * 3600
        self.callers.begin(seconds * 0.7)
        strokes = [self._crash] * self.dials.crashes + [self._step_clock] * self.dials.clock_steps
        for stroke in strokes:
            if self.rng.random() < AMBUSHED:
                self.ambushes.append(stroke)
            else:
                self.clock.callLater(self.rng.uniform(0, seconds), stroke)
        self.rng.shuffle(self.ambushes)
        self._run(seconds)
        self.ambushes.clear()
        self.story.tell("node faults end")
        self.exchange.dials = self.his.dials = self.around.dials = self.node.journal.dials = self.dials = quiet(self.dials)
        self._run(seconds + REST_S)
        self._look((*ALWAYS, *AT_REST))
        self._crash()  # a last restart: what rests must not wake up again
        self._run(seconds + 2 * REST_S)
        self._ask_everything_again()
        self._look((*ALWAYS, *AT_REST, every_message_has_an_end))

    def _start(self) -> None:
        node = self.node

        node.failed = self._crash

        def started(_: object) -> None:
            if not node.ready:
                return
            books = self._books()
            nothing_in_flight_of_an_earlier_life(books, node.journal.epoch)

        done = ensureDeferred(node.start())
        done.addCallback(started)
        done.addErrback(self.lost.append)

    def _crash(self) -> None:
        if not self.node.life.alive:
            return
        self.story.fault("crash")
        self.node.kill()
        self._look(ALWAYS)
        self.clock.callLater(self.rng.uniform(0.5, 200), self._rise)

    def _rise(self) -> None:
        self.nodes.append(Node(self.around))
        self._start()

    def _step_clock(self) -> None:
        self.offset += dt.timedelta(hours=self.rng.choice((-1, 1)))
        self.story.fault("clock-step", f"clock {self.offset}")
        if self.dials.tells_time and self.offset:
            self.clock.callLater(self.rng.uniform(60, 7200), self._set_clock)

    def _set_clock(self) -> None:
        """Somebody read the alarm and set it right."""
        self.offset = dt.timedelta(0)
        self.story.tell("clock set right")

    def _ask_everything_again(self) -> None:
        for asked in self.callers.asked:
            done = ensureDeferred(self.callers.ask_at_the_end(asked))
            done.addErrback(self.lost.append)
        self._run(self.clock.seconds() + REST_S)

    def _run(self, until: float) -> None:
        """Let time pass until nothing is left to happen, at most until then."""
        for _ in range(MAX_STEPS):
            calls = self.clock.getDelayedCalls()
            if not calls:
                return
            when = min(call.getTime() for call in calls)
            if when > until:
                self.clock.advance(max(0.0, until - self.clock.seconds()))
                return
            self.clock.advance(max(0.0, when - self.clock.seconds()))
            self._raise_what_was_lost()
        self.story.require("live", f"no rest after {MAX_STEPS} steps", holds=False)

    def _raise_what_was_lost(self) -> None:
        if self.story.broken is not None:
            raise self.story.broken
        for failure in (*self.callers.broken, *self.lost):
            self.story.require("ours", f"{failure.value!r}", holds=False)

    # -- the books

    def _books(self) -> Books:
        return Books(
            self.story, self.exchange.ledger, self.his, self.left, self.originals, self.heads, read_tables(str(self.path))
        )

    def _look(self, checks: tuple[object, ...]) -> None:
        books = self._books()
        for check in checks:
            check(books)  # type: ignore[operator]
        for table in ("journal", "feed"):
            if rows := books.of(table):
                self.heads.append((table, rows[-1]["sequence"], rows[-1]["hash"]))

    def forget_files(self) -> None:
        """Nothing of an earlier run of this seed."""
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def close(self) -> None:
        """Leave nothing behind."""
        self.looker.close()
        if self.node.life.alive:
            self.node.kill()
        self.forget_files()

    def result(self, profile: str, broken: BrokenRuleError | None) -> Result:
        """What it gave."""
        books = self._books()
        lines = books.lines()
        for row in (*books.of("journal")[-1:], *books.of("feed")[-1:]):
            self.story.tell(f"head {row['sequence']} {row['hash']}")
        words = _words(books, broken.about) if broken else set()
        return Result(
            seed=self.seed,
            profile=profile,
            visits=len(books.of("visit")),
            simulated_s=self.clock.seconds(),
            faults=self.story.faults,
            checked=self.story.checked,
            states=Counter(line["after"] for line in lines if line["after"]),
            cells=frozenset((line["before"], line["event"]) for line in lines if line["before"]),
            fingerprint=self.story.fingerprint,
            broken=broken,
            trace=self.story.concerning(words) if broken else [],
        )


def _words(books: Books, about: str) -> set[str]:
    """Every id under which the trace may speak of what the broken rule is about."""
    if not about:
        return set()
    words = {about}
    for row in books.of("message"):
        if about in {row["message_id"], row["settlement_id"], row["visit_id"]} and row["settlement_id"]:
            words.add(row["settlement_id"])
    for row in books.of("message"):
        if row["settlement_id"] in words:
            words.add(row["message_id"])
    return words


def simulate(seed: int, profile: str, hours: float, template: Path, directory: Path) -> Result:
    """Play one seed; a broken rule is in the result, never raised."""
    # A dead node's coroutines are closed when they are collected, and say so: not at a moment of the collector's choice.
    gc.disable()
    try:
        with structlog.testing.capture_logs() as logs:
            result = _simulate(seed, profile, hours, template, directory, logs)
        with structlog.testing.capture_logs():
            gc.collect()
    finally:
        gc.enable()
    return result


def _simulate(
    seed: int, profile: str, hours: float, template: Path, directory: Path, logs: list[MutableMapping[str, Any]]
) -> Result:
    world = World(seed, draw(seed, profile), hours, template, directory)
    broken = None
    try:
        try:
            world.play()
            mistakes = [entry for entry in logs if entry["event"] in _OURS]
            world.story.require("ours", str(mistakes[:1]), holds=not mistakes)
        except BrokenRuleError as exc:
            broken = exc
        return world.result(profile, broken)
    finally:
        world.close()
