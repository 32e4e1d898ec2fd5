"""Hundreds of settlements that wait for a slow centre, and what a status call takes meanwhile: a real daemon and socket."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import frozen

from benchmarks.hospital import BrokenError, Hospital
from benchmarks.machine import percentile

EVERY_S = 0.01
LIMITS = "connections = 2000\nin_flight = 16\nin_flight_total = 2000"
TILLS = 16


@frozen(slots=True)
class Waited:
    """p50 and p99 of a status call, ms: before, while the calls go out, while all of them wait, while the answers come."""

    calls: int
    peak: int
    faults: dict[str, int]
    before: tuple[float, float]
    sending: tuple[float, float]
    waiting: tuple[float, float]
    answering: tuple[float, float]


class _Probe:
    """One more client that asks for a settlement's state again and again."""

    def __init__(self, hospital: Hospital) -> None:
        self._client = hospital.client()
        self._hospital = hospital
        self.peak = 0

    def once(self) -> float:
        """Seconds that one status call takes."""
        began = time.perf_counter()
        self._client.call("system.status")
        return time.perf_counter() - began

    def waiting(self) -> int:
        """How many calls wait in the daemon, this probe's own not counted."""
        found = int(self._hospital.gauge("api_in_flight"))
        self.peak = max(self.peak, found)
        return found

    def until(self, over: Callable[[], bool]) -> list[float]:
        """Calls at a steady pace until ``over()``."""
        took = []
        while not over():
            took.append(self.once())
            time.sleep(EVERY_S)
        return took


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
    return Waited(
        calls, probe.peak, dict(reports[0]["faults"]), _two(before), _two(sending), _two(waiting), _two(answering)
    )


def _two(took: list[float]) -> tuple[float, float]:
    return percentile(took, 0.5) * 1e3, percentile(took, 0.99) * 1e3
