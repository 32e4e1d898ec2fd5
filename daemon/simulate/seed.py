"""Playing one seed: a world is made, played, and asked what it gave."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import structlog
from attrs import evolve, frozen

from daemon.simulate import copies, custody, cycles, door, purses
from daemon.simulate.bank import draw_bank, without_bank
from daemon.simulate.bank_checks import leg_cells
from daemon.simulate.checks import Books
from daemon.simulate.dials import TOLD, Dials, draw, without
from daemon.simulate.doubts import region
from daemon.simulate.story import BrokenRuleError
from daemon.simulate.world import World
from middleware.store.database import open_database, ready

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


def simulate(
    seed: int, profile: str, hours: float, template: Path, directory: Path, off: frozenset[str] = frozenset()
) -> Result:
    """Play one seed; a broken rule is in the result, never raised. ``off`` are dials that stay off here."""
    # A dead node's coroutines are closed when they are collected, and say so: not at a moment of the collector's choice.
    gc.disable()
    try:
        with structlog.testing.capture_logs() as logs:
            result = _simulate(seed, profile, hours, template, directory, off, logs)
        with structlog.testing.capture_logs():
            gc.collect()
    finally:
        gc.enable()
    return result


def day_of(seed: int, profile: str) -> Dials:
    """All of a seed's dials: what came later is drawn by streams of its own, so that the other days are what they were."""
    dials = evolve(draw(seed, profile), copies=copies.drawn(seed, profile), told=door.drawn(seed, profile))
    dials = cycles.drawn(seed, profile, evolve(dials, purses=purses.drawn(seed, profile)))
    dials = custody.drawn(seed, profile, dials)
    return evolve(dials, visits=door.VISITS) if profile == TOLD else dials


def _simulate(
    seed: int,
    profile: str,
    hours: float,
    template: Path,
    directory: Path,
    off: frozenset[str],
    logs: list[MutableMapping[str, Any]],
) -> Result:
    dials = without(day_of(seed, profile), off)
    regional = profile == "evidence"
    if regional:
        dials = evolve(dials, **region(seed))
    bank = without_bank(draw_bank(seed, profile), off)
    world = World(seed, dials, hours, template, directory, bank)
    world.regional = regional
    broken = None
    try:
        try:
            world.play()
            mistakes = [entry for entry in logs if entry["event"] in _OURS]
            world.story.require("ours", str(mistakes[:1]), holds=not mistakes)
        except BrokenRuleError as exc:
            broken = exc
        return _result(world, profile, broken)
    finally:
        world.close()


def _result(world: World, profile: str, broken: BrokenRuleError | None) -> Result:
    books = world.books()
    lines = books.lines()
    for row in (*books.of("journal")[-1:], *books.of("feed")[-1:]):
        world.story.tell(f"head {row['sequence']} {row['hash']}")
    words = _words(books, broken.about) if broken else set()
    legs, leg_moves = leg_cells(books)
    return Result(
        seed=world.seed,
        profile=profile,
        visits=len(books.of("visit")),
        simulated_s=world.clock.seconds(),
        faults=world.story.faults,
        checked=world.story.checked,
        states=Counter(line["after"] for line in lines if line["after"] and line["visit"]) + legs,
        cells=frozenset({(line["before"], line["event"]) for line in lines if line["before"]} | leg_moves),
        fingerprint=world.story.fingerprint,
        broken=broken,
        trace=world.story.concerning(words) if broken else [],
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
