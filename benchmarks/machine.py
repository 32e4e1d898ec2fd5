"""What a process and the machine spent, from /proc; percentiles and medians. Linux only, like the figures."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Seconds of CPU that the process has used in all its threads, user and system; its children not counted."""
    return _used(Path(f"/proc/{pid}/stat"))


def cpu_clock(pid: int) -> Callable[[], float]:
    """The same to the nanosecond, by the kernel's clock of that process (what ``clock_getcpuclockid`` gives)."""
    clock = (~pid << 3) | 2
    return lambda: time.clock_gettime(clock)


def threads_s(pid: int) -> dict[int, float]:
    """The same of each of its threads, by number."""
    return {int(task.name): _used(task / "stat") for task in Path(f"/proc/{pid}/task").iterdir()}


def _used(stat: Path) -> float:
    after_name = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / TICKS_PER_S


def machine_s() -> float:
    """Seconds of CPU that all processes of the machine have used, ours and strangers'."""
    fields = Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq = map(int, fields[:7])
    return (user + nice + system + irq + softirq) / TICKS_PER_S


def spent(pids: Mapping[str, int]) -> dict[str, float]:
    """``cpu_s`` of each named process, and "machine"."""
    return {name: cpu_s(pid) for name, pid in pids.items()} | {"machine": machine_s()}


def minus(after: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    """What was spent between two looks."""
    return {name: after[name] - before[name] for name in after}


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which ``share`` (0-1) of them lie; 0 when there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return percentile(values, 0.5)
