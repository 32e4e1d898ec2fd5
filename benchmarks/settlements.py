"""Whole settlements through the socket API of a real daemon, against an instant centre: rate, latency, and whose CPU."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from attrs import frozen

from benchmarks import hotspots
from benchmarks.hospital import START_S, BrokenError, Hospital
from benchmarks.machine import minus, spent

CORES = len(os.sched_getaffinity(0))
WARM_UP_S = 1.0
LEVELS = (1, 8, 64)


@frozen(slots=True)
class Phase:
    """One load of one kind: what was done, how fast, and CPU seconds by process ("machine" = everybody's)."""

    name: str
    clients: int
    done: int
    seconds: float
    faults: dict[str, int]
    methods: dict[str, dict[str, float]]
    cpu: dict[str, float]

    @property
    def rate(self) -> float:
        """Finished a second."""
        return self.done / self.seconds

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
        return max(0.0, self.cpu["machine"] - ours) / (self.seconds * CORES)


def run(folder: Path, seconds: float, clients: int, *, wrapper: tuple[str, ...] = ("run.py",)) -> list[Phase]:
    """Phases of one level on a fresh hospital: registrations, (a) quote + settle on those, (b) whole visits."""
    with Hospital(folder, wrapper=wrapper) as hospital:
        _warm_up(hospital)
        hospital.open(clients)
        phases = [_phase(hospital, "register", clients, seconds=seconds), _phase(hospital, "settle", clients)]
        hospital.do("close")  # (b) begins when the HIS knows of (a)
        hospital.open(clients)
        phases.append(_phase(hospital, "visit", clients, seconds=seconds))
        hospital.do("close")
    return phases


def profile(folder: Path, seconds: float, clients: int) -> tuple[Phase, hotspots.Hotspots]:
    """Whole visits while every thread of the daemon is profiled."""
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / "profile.snapshot").resolve()
    for number in (1, 2):
        hotspots.snapshot(file, number).unlink(missing_ok=True)
    wrapper = ("-m", "benchmarks.profiled", str(file))
    with Hospital(folder / "hospital", wrapper=wrapper) as hospital:
        _warm_up(hospital)
        hospital.open(clients)
        before = _snapshot(hospital, file, 1)
        phase = _phase(hospital, "visit", clients, seconds=seconds)
        after = _snapshot(hospital, file, 2)
        hospital.do("close")
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


def _phase(hospital: Hospital, what: str, clients: int, **more: float) -> Phase:
    before = spent(hospital.pids)
    report: dict[str, Any] = hospital.do(what, **more)
    cpu = minus(spent(hospital.pids), before)
    return Phase(what, clients, report["done"], report["seconds"], report["faults"], report["methods"], cpu)
