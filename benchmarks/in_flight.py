"""Hundreds of settlements that wait for a slow centre, and what a status call takes meanwhile: a real daemon and socket."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import frozen

from benchmarks.hospital import BrokenError, Hospital
from benchmarks.machine import cpu_clock, percentile

EVERY_S = 0.01
LOOK_EACH = 10  # status calls between two looks at the metrics: a scrape takes ten times what a status call does
LIMITS = "connections = 2000\nin_flight = 16\nin_flight_total = 2000"
TILLS = 16


@frozen(slots=True)
class Took:
    """A status call, ms. ``p99_cpu``: what the daemon computed meanwhile, which strangers on the machine do not change."""

    p50: float
    p99: float
    p99_cpu: float


@frozen(slots=True)
class Waited:
    """Status calls before, while the settlements go out, while all of them wait, while the answers come."""

    calls: int
    peak: int
    faults: dict[str, int]
    before: Took
    sending: Took
    waiting: Took
    answering: Took


class _Probe:
    """One more client that asks for a settlement's state again and again."""

    def __init__(self, hospital: Hospital) -> None:
        self._client = hospital.client()
        self._hospital = hospital
        self._cpu_s = cpu_clock(hospital.pids["daemon"])
        self.peak = 0

    def once(self) -> tuple[float, float]:
        """Seconds that one status call takes, and seconds of CPU that the daemon uses in them."""
        cpu, began = self._cpu_s(), time.perf_counter()
        self._client.call("system.status")
        return time.perf_counter() - began, self._cpu_s() - cpu

    def waiting(self) -> int:
        """How many calls wait in the daemon, this probe's own not counted."""
        found = int(self._hospital.gauge("api_in_flight"))
        self.peak = max(self.peak, found)
        return found

    def until(self, over: Callable[[], bool]) -> Took:
        """Calls at a steady pace until ``over()``."""
        took: list[tuple[float, float]] = []
        while len(took) % LOOK_EACH or not over():
            took.append(self.once())
            time.sleep(EVERY_S)
        walls, cpus = [wall * 1e3 for wall, _ in took], [cpu * 1e3 for _, cpu in took]
        return Took(percentile(walls, 0.5), percentile(walls, 0.99), percentile(cpus, 0.99))


def run(folder: Path, calls: int, slow_s: float) -> Waited:
    """``calls`` settlements at once, at a centre that books at once and answers each after ``slow_s``."""
    with Hospital(folder, local_api=LIMITS) as hospital:
        hospital.open(TILLS)
        quoted = hospital.do("quote", count=calls)
        if quoted["done"] < calls:
            raise BrokenError(f"{quoted['done']} of {calls} bills were quoted: {quoted['faults']}")
        hospital.centre_does(call="2207", action="slow", seconds=slow_s, times=0)
        probe = _Probe(hospital)
        end = time.monotonic() + 1.0
        before = probe.until(lambda: time.monotonic() > end)
        reports: list[dict[str, Any]] = []
        flood = threading.Thread(target=lambda: reports.append(hospital.do("flood")), daemon=True)
        flood.start()
        sending = probe.until(lambda: probe.waiting() >= calls or not flood.is_alive())
        waiting = probe.until(lambda: probe.waiting() < calls)
        answering = probe.until(lambda: not flood.is_alive())
        flood.join()
        hospital.do("close")
    if not reports:
        raise BrokenError("the settlements did not end")
    return Waited(calls, probe.peak, dict(reports[0]["faults"]), before, sending, waiting, answering)
