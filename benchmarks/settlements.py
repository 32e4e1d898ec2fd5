"""Whole settlements through the socket API of a real daemon, against an instant centre: rate, latency, and whose CPU."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from attrs import frozen

from benchmarks import hotspots
from benchmarks.hospital import START_S, BrokenError, Hospital
from benchmarks.machine import minus, spent, threads_s

CORES = len(os.sched_getaffinity(0))
WARM_UP_S = 1.0
LEVELS = (1, 8, 64)


@frozen(slots=True)
class Phase:
    """One load of one kind: what was done, how fast, and CPU seconds by process ("machine" = everybody's).

    ``delivery_s`` is how much longer it took until the HIS had acknowledged everything; its CPU is counted in.
    """

    name: str
    clients: int
    done: int
    seconds: float
    delivery_s: float
    faults: dict[str, int]
    methods: dict[str, dict[str, float]]
    cpu: dict[str, float]

    @property
    def rate(self) -> float:
        """Answered a second."""
        return self.done / self.seconds

    @property
    def delivered(self) -> float:
        """Answered, and known to the HIS, a second."""
        return self.done / (self.seconds + self.delivery_s)

    def cpu_ms(self, name: str) -> float:
        """Milliseconds of that process's CPU for each one finished."""
        return self.cpu[name] / max(self.done, 1) * 1e3

    @property
    def all_ms(self) -> float:
        """Of all our processes together."""
        return sum(self.cpu_ms(name) for name in self.cpu if name != "machine")

    @property
    def bound(self) -> float:
        """No more a second than this: the daemon's Python runs on one core at a time, and all processes share the cores."""
        return min(1e3 / self.cpu_ms("daemon"), CORES * 1e3 / self.all_ms)

    @property
    def strangers(self) -> float:
        """Share of the machine (0-1) that other processes took meanwhile."""
        ours = sum(seconds for name, seconds in self.cpu.items() if name != "machine")
        return max(0.0, self.cpu["machine"] - ours) / ((self.seconds + self.delivery_s) * CORES)


def run(folder: Path, seconds: float, clients: int, *, wrapper: tuple[str, ...] = ("run.py",)) -> list[Phase]:
    """Phases of one level on a fresh hospital: registrations, (a) quote + settle on those, (b) whole visits."""
    with Hospital(folder, wrapper=wrapper) as hospital:
        _warm_up(hospital)
        hospital.open(clients)
        phases = [
            _phase(hospital, "register", clients, close=False, seconds=seconds),
            _phase(hospital, "settle", clients),
        ]
        hospital.open(clients)
        phases.append(_phase(hospital, "visit", clients, seconds=seconds))
    return phases


def settles(folder: Path, seconds: float, clients: int, wrapper: tuple[str, ...]) -> Phase:
    """Quote and settle alone, on visits registered before, with a wrapped daemon."""
    with Hospital(folder, wrapper=wrapper) as hospital:
        _warm_up(hospital)
        hospital.open(clients)
        _phase(hospital, "register", clients, close=False, seconds=seconds)
        return _phase(hospital, "settle", clients)


def by_thread(folder: Path, seconds: float, clients: int) -> tuple[Phase, Counter[str]]:
    """Whole visits, and the daemon's CPU by thread as the kernel counts it: shares (0-1)."""
    file = _file(folder, "threads")
    with Hospital(folder / "hospital", wrapper=("-m", "benchmarks.profiled", "--only-names", str(file))) as hospital:
        _warm_up(hospital)
        hospital.open(clients)
        before = threads_s(hospital.daemon.pid)
        phase = _phase(hospital, "visit", clients, seconds=seconds)
        after = threads_s(hospital.daemon.pid)
        names = hotspots.thread_names(_snapshot(hospital, file, 1))
    used: dict[str, float] = defaultdict(float)
    for number, value in after.items():
        used[names.get(number, "others")] += value - before.get(number, 0.0)
    return phase, hotspots.shares(used)


def _file(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / f"{name}.snapshot").resolve()
    for number in (1, 2):
        hotspots.snapshot(file, number).unlink(missing_ok=True)
    return file


def profile(folder: Path, seconds: float, clients: int) -> tuple[Phase, hotspots.Hotspots]:
    """Whole visits while every thread of the daemon is profiled."""
    file = _file(folder, "profile")
    with Hospital(folder / "hospital", wrapper=("-m", "benchmarks.profiled", str(file))) as hospital:
        _warm_up(hospital)
        hospital.open(clients)
        before = _snapshot(hospital, file, 1)
        phase = _phase(hospital, "visit", clients, seconds=seconds)
        after = _snapshot(hospital, file, 2)
    return phase, hotspots.read(before, after)


def _snapshot(hospital: Hospital, file: Path, number: int) -> Path:
    hospital.tell_daemon(signal.SIGUSR2)
    written, limit = hotspots.snapshot(file, number), time.monotonic() + START_S
    while not written.exists():
        if time.monotonic() > limit:
            raise BrokenError("the profile was not written")
        time.sleep(0.02)
    return written


def _warm_up(hospital: Hospital) -> None:
    """The first of everything: signing in, hl7apy's verdict on each shape of message, compiled statements."""
    hospital.open(len(hospital.readers))
    hospital.do("visit", seconds=WARM_UP_S)
    hospital.do("close")


def _phase(hospital: Hospital, what: str, clients: int, *, close: bool = True, **more: float) -> Phase:
    before = spent(hospital.pids)
    report: dict[str, Any] = hospital.do(what, **more)
    delivery_s = hospital.do("close")["seconds"] if close else 0.0
    cpu = minus(spent(hospital.pids), before)
    return Phase(what, clients, report["done"], report["seconds"], delivery_s, report["faults"], report["methods"], cpu)
