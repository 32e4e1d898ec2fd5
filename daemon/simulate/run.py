"""Plays many seeds and says what was seen; one that breaks a rule is told with its trace and how to replay it."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from attrs import define, field, fields, frozen

from daemon.demo.say import line, table
from daemon.simulate.bank import BankDials
from daemon.simulate.dials import BANK, SWITCHES
from daemon.simulate.seed import Result, make_template, simulate
from daemon.simulate.shrink import Small, shrunk
from middleware.flow.step import Row
from middleware.flow.visit import ERRAND_ROWS, PAYER_ROWS, REGISTRATION_ROWS, SETTLEMENT_ROWS

_SEEDS = re.compile(r"(\d{1,9})(?:\.\.(\d{1,9}))?\Z", re.ASCII)
MAX_TOLD, MAX_SHRUNK = 5, 1
FEWEST_EACH = 10  # seeds a process


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


def possible_moves() -> set[tuple[str, str]]:
    """The cells that do something: transitions of the matrix, (state, event)."""
    rows: list[Row[Any]] = [*REGISTRATION_ROWS.values(), *ERRAND_ROWS.values(), *SETTLEMENT_ROWS.values()]
    return {(str(state), row.event.__name__) for row in [*rows, *PAYER_ROWS.values()] for state in row.moves}


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


@frozen(slots=True)
class Plan:
    """What to play, and by how many processes; 0: as many as there are processors."""

    seeds: range
    profile: str
    hours: float
    off: frozenset[str] = frozenset()
    jobs: int = 0
    verbose: bool = False

    def processes(self) -> int:
        """As many as are wanted; where nobody says, a few seeds are played here: starting others takes longer."""
        if self.jobs:
            return min(self.jobs, len(self.seeds))
        return max(1, min(len(os.sched_getaffinity(0)), len(self.seeds) // FEWEST_EACH))


def off_of(text: str) -> frozenset[str]:
    """From "crashes,bank-slow". Raises ``ValueError``: no such dial."""
    names = frozenset(text.split(",")) - {""}
    known = {*SWITCHES, *(BANK + one.name for one in fields(BankDials))}
    if unknown := sorted(names - known):
        raise ValueError(f"no such dial: {', '.join(unknown)}")
    return names


def run(plan: Plan) -> int:
    """Play them; 0 when no rule was broken."""
    totals = Totals()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="yikatong-simulate-") as scratch:
        stage = _Stage(plan, Path(scratch), make_template(Path(scratch)))
        for result in _played(plan, stage):
            totals.add(result)
            if result.broken is not None and len(totals.broken) <= MAX_TOLD:
                _tell_broken(result, plan, stage, small=len(totals.broken) <= MAX_SHRUNK)
            _progress(totals, len(plan.seeds), began)
    _tell(totals, time.monotonic() - began)
    if plan.verbose:
        _tell_uncovered(totals)
    line()
    line(f"指纹 / fingerprint: {totals.fingerprint.hexdigest()}")
    return 1 if totals.broken else 0


@frozen(slots=True)
class _Stage:
    """Where seeds are played."""

    plan: Plan
    directory: Path
    template: Path

    def __call__(self, seed: int) -> Result:
        return self.play(seed, self.plan.hours, self.plan.off)

    def play(self, seed: int, hours: float, off: frozenset[str]) -> Result:
        """One seed."""
        return simulate(seed, self.plan.profile, hours, self.template, self.directory, off)


def _played(plan: Plan, stage: _Stage) -> Iterator[Result]:
    """In the order of the seeds, whoever plays them: the same seeds give the same bytes on any number of processors."""
    if plan.processes() == 1:
        yield from map(stage, plan.seeds)
        return
    with multiprocessing.get_context("fork").Pool(plan.processes()) as pool:
        yield from pool.imap(stage, plan.seeds, chunksize=2)


def _progress(totals: Totals, of: int, began: float) -> None:
    if not sys.stderr.isatty():
        return
    done = totals.seeds * 30 // of
    rate = totals.seeds / max(0.001, time.monotonic() - began)
    bar = "█" * done + "·" * (30 - done)
    end = "\n" if totals.seeds == of else ""
    print(f"\r{bar} {totals.seeds}/{of}  {rate:.1f}/s  {len(totals.broken)} broken", end=end, file=sys.stderr, flush=True)


def _tell_broken(result: Result, plan: Plan, stage: _Stage, *, small: bool) -> None:
    """The rule, the smallest day on which it still breaks, its trace, and the commands that play both again."""
    line()
    line(f"✗ 种子 / seed {result.seed}: {result.broken}")
    least = Small(result, plan.hours, plan.off, 0)
    if small:
        least = shrunk(result, plan.hours, plan.off, lambda hours, off: stage.play(result.seed, hours, off))
    for entry in least.result.trace:
        line(f"  {entry}")
    line("重放 / replay:")
    line(f"  {_command(result, plan.hours, plan.off)}")
    if least.tries:
        line(f"缩小后，试了 {least.tries} 次 / made small in {least.tries} tries: {least.result.broken}")
        line(f"  {_command(result, least.hours, least.off)}")


def _command(result: Result, hours: float, off: frozenset[str]) -> str:
    without = f" --without {','.join(sorted(off))}" if off else ""
    return f"{sys.executable} run.py simulate --seeds {result.seed} --hours {hours:g} --profile {result.profile}{without}"


def _tell_uncovered(totals: Totals) -> None:
    """Each transition of the matrix that no seed went through."""
    rows = sorted(possible_moves() - totals.cells)
    line()
    table(("没走到的转换 / transitions not covered", "事件 / event"), rows)


def _tell(totals: Totals, took_s: float) -> None:
    possible, moves = possible_cells(), possible_moves()
    covered, walked = totals.cells & possible, totals.cells & moves
    line()
    table(
        ("项目 / what", "数 / count"),
        (
            ("种子 / seeds", str(totals.seeds)),
            ("就诊 / visits", str(totals.visits)),
            ("故障 / faults", str(sum(totals.faults.values()))),
            ("检查 / checks", str(sum(totals.checked.values()))),
            ("状态 / states reached", str(len(totals.states))),
            ("转换 / transitions covered", f"{len(walked)} of {len(moves)}"),
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
