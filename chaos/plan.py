"""What a run is to do: the counts and times of each scenario, and where its files go."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from attrs import field, frozen

from chaos.stores import POSTGRESQL, SQLITE, PostgresStore, SqliteStore, Store

SCENARIOS = ("kill", "points", "power", "disk", "clock", "gone")


@frozen(slots=True)
class Plan:
    """Everything is bounded by it; nothing runs longer than its counts say."""

    directory: Path
    only: tuple[str, ...] = SCENARIOS
    databases: tuple[str, ...] = (SQLITE, POSTGRESQL)
    kills: int = 30
    point_runs: int = 1
    cuts: int = 10
    control_tries: int = 5
    fills: int = 3
    steps: int = 2  # an hour forwards and back, an hour back and forwards, so many times
    gone_s: float = 60.0
    rng: random.Random = field(factory=random.SystemRandom)

    def store(self, database: str, folder: Path, data: Path) -> Store:
        """A database of that kind, its data in ``data``, what else it writes in ``folder``."""
        return SqliteStore(data) if database == SQLITE else PostgresStore(data, folder)

    def folder(self, name: str) -> Path:
        """Where a scenario's files go; empty, whatever an earlier run left there."""
        folder = self.directory.resolve() / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder
