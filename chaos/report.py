"""What a run prints: a line of progress while it goes on a terminal, and the table at its end."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from attrs import define, field

MAX_SHOWN = 5
HEAD = ("scenario", "database", "runs", "acknowledged", "lost", "doubled", "broken", "unknown left", "manual", "seconds")


@define
class Line:
    """One scenario's row. ``control``: one that must lose something, or the scenario is blind."""

    scenario: str
    database: str
    runs: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: list[str] = field(factory=list)
    unknown: int = 0
    manual: int = 0
    seconds: float = 0.0
    control: bool = False
    impossible: str = ""  # why this machine does not permit it

    @property
    def bad(self) -> bool:
        """Whether the run as a whole has failed by it."""
        if self.control:
            return self.lost == 0
        return bool(self.lost or self.doubled or self.wrong or self.unknown)


class Progress:
    """One line that is written over on a terminal; elsewhere a line for each scenario."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()

    def say(self, line: Line, total: int, what: str = "") -> None:
        """How far a scenario is."""
        if self._live:
            text = f"{line.scenario} ({line.database}) {line.runs}/{total}  {line.acknowledged} acknowledged  {what}"
            print(f"\r\x1b[K{text[:110]}", end="", flush=True)

    def done(self, line: Line) -> None:
        """A scenario has ended."""
        row = _row([_cells(line)], _widths([_cells(line)]))[0]
        print(f"\r\x1b[K{row}" if self._live else row, flush=True)


def _cells(line: Line) -> tuple[str, ...]:
    if line.impossible:
        return (line.scenario, line.database, "NOT POSSIBLE HERE", *[""] * (len(HEAD) - 3))
    return (
        line.scenario + (" (control: must lose)" if line.control else ""),
        line.database,
        str(line.runs),
        str(line.acknowledged),
        str(line.lost),
        str(line.doubled),
        str(len(line.wrong)),
        str(line.unknown),
        str(line.manual),
        f"{line.seconds:.0f}",
    )


def _widths(rows: Sequence[tuple[str, ...]]) -> list[int]:
    return [max(len(row[n]) for row in rows) for n in range(len(HEAD))]


def _row(rows: Sequence[tuple[str, ...]], widths: list[int]) -> list[str]:
    return ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows]


def table(lines: Sequence[Line]) -> str:
    """All scenarios, then what was broken, in words."""
    rows = [HEAD, *(_cells(line) for line in lines)]
    widths = _widths(rows)
    text = _row(rows, widths)
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    for line in lines:
        if line.impossible:
            text.append(f"{line.scenario} ({line.database}): {line.impossible}")
        if line.control and line.bad:
            text.append(f"{line.scenario} ({line.database}): the control lost nothing: this test is blind here")
        if not line.control:
            text += [f"{line.scenario} ({line.database}): {sentence}" for sentence in line.wrong[:MAX_SHOWN]]
            if len(line.wrong) > MAX_SHOWN:
                text.append(f"{line.scenario} ({line.database}): and {len(line.wrong) - MAX_SHOWN} more")
    return "\n".join(text)


def machine() -> str:
    """What kind of machine this is, in a line."""
    memory = next((row.split()[1] for row in Path("/proc/meminfo").read_text("utf-8").splitlines()), "0")
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, {int(memory) >> 20} GiB, Linux {platform.release()}, Python {platform.python_version()}"
