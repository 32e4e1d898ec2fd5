"""Plays many seeds and says what was seen; one that breaks a rule is told with its trace and how to replay it."""

from __future__ import annotations

import hashlib
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attrs import define, field

from daemon.demo.say import line, table
from daemon.simulate.world import Result, make_template, simulate
from middleware.flow.step import Row
from middleware.flow.visit import ERRAND_ROWS, PAYER_ROWS, REGISTRATION_ROWS, SETTLEMENT_ROWS

_SEEDS = re.compile(r"(\d{1,9})(?:\.\.(\d{1,9}))?\Z", re.ASCII)
MAX_TOLD = 5


def seeds_of(text: str) -> range:
    """From "3" or "1..1000", both ends included. Raises ``ValueError``."""
    match = _SEEDS.match(text)
    if match is None:
        raise ValueError("seeds are A or A..B")
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise ValueError("the last seed comes before the first")
    return range(first, last + 1)


def possible_cells() -> set[tuple[str, str]]:
    """The matrix cells that are not impossible: (state, event)."""
    rows: list[Row[Any]] = [
        *REGISTRATION_ROWS.values(),
        *ERRAND_ROWS.values(),
        *SETTLEMENT_ROWS.values(),
        *PAYER_ROWS.values(),
    ]
    return {(str(state), row.event.__name__) for row in rows for state in (*row.moves, *row.ignored)}


@define
class Totals:
    """What all seeds together gave."""

    seeds: int = 0
    visits: int = 0
    simulated_s: float = 0.0
    faults: Counter[str] = field(factory=Counter)
    checked: Counter[str] = field(factory=Counter)
    states: Counter[str] = field(factory=Counter)
    cells: set[tuple[str, str]] = field(factory=set)
    broken: list[Result] = field(factory=list)
    fingerprint: hashlib._Hash = field(factory=hashlib.sha256)

    def add(self, result: Result) -> None:
        """One more seed."""
        self.seeds += 1
        self.visits += result.visits
        self.simulated_s += result.simulated_s
        self.faults.update(result.faults)
        self.checked.update(result.checked)
        self.states.update(result.states)
        self.cells |= result.cells
        self.fingerprint.update(result.fingerprint.encode())
        if result.broken is not None:
            self.broken.append(result)


def run(seeds: range, profile: str, hours: float) -> int:
    """Play them; 0 when no rule was broken."""
    totals = Totals()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="yikatong-simulate-") as scratch:
        directory = Path(scratch)
        template = make_template(directory)
        for seed in seeds:
            result = simulate(seed, profile, hours, template, directory)
            totals.add(result)
            if result.broken is not None and len(totals.broken) <= MAX_TOLD:
                _tell_broken(result, hours)
            _progress(totals, len(seeds), began)
    _tell(totals, time.monotonic() - began)
    line()
    line(f"指纹 / fingerprint: {totals.fingerprint.hexdigest()}")
    return 1 if totals.broken else 0


def _progress(totals: Totals, of: int, began: float) -> None:
    if not sys.stderr.isatty():
        return
    done = totals.seeds * 30 // of
    rate = totals.seeds / max(0.001, time.monotonic() - began)
    bar = "█" * done + "·" * (30 - done)
    end = "\n" if totals.seeds == of else ""
    print(f"\r{bar} {totals.seeds}/{of}  {rate:.1f}/s  {len(totals.broken)} broken", end=end, file=sys.stderr, flush=True)


def _tell_broken(result: Result, hours: float) -> None:
    line()
    line(f"✗ 种子 / seed {result.seed}: {result.broken}")
    for entry in result.trace:
        line(f"  {entry}")
    line("重放 / replay:")
    line(f"  {sys.executable} run.py simulate --seeds {result.seed} --hours {hours:g} --profile {result.profile}")


def _tell(totals: Totals, took_s: float) -> None:
    possible = possible_cells()
    covered = totals.cells & possible
    line()
    table(
        ("项目 / what", "数 / count"),
        (
            ("种子 / seeds", str(totals.seeds)),
            ("就诊 / visits", str(totals.visits)),
            ("故障 / faults", str(sum(totals.faults.values()))),
            ("检查 / checks", str(sum(totals.checked.values()))),
            ("状态 / states reached", str(len(totals.states))),
            ("格子 / matrix cells", f"{len(covered)} of {len(possible)}"),
            ("模拟时间 / simulated", f"{totals.simulated_s / 3600:.1f} h"),
            ("实际时间 / real", f"{took_s:.1f} s"),
            ("比 / ratio", f"{totals.simulated_s / max(0.001, took_s):.0f}"),
            ("种子每秒 / seeds a second", f"{totals.seeds / max(0.001, took_s):.1f}"),
            ("违反 / broken", str(len(totals.broken))),
        ),
    )
    sections = (("故障 / fault", totals.faults), ("状态 / state", totals.states), ("不变量 / invariant", totals.checked))
    for head, counts in sections:
        line()
        table((head, "次 / times"), [(name, str(count)) for name, count in _in_order(counts.items())])


def _in_order(counts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Numbers as numbers, words after them."""
    return sorted(counts, key=lambda pair: (not pair[0].isdecimal(), int(pair[0]) if pair[0].isdecimal() else 0, pair[0]))
