"""``python -m benchmarks.letters``: how long a registration waits for the HIS while 64 counters settle.

A HIS of its own process answers each message over MLLP after ``--his-ms``; in front of it the daemon's outbox and link,
with letters of 64 patients' charges already waiting and a registration of another patient each 50 ms. "one line" is an
outbox that knows no patients: every letter in one lane, on one connection.
"""

from __future__ import annotations

import argparse
import datetime as dt
import subprocess
import sys
from typing import Any

from attrs import evolve
from twisted.internet.task import LoopingCall, react

from adapters.his.hl7v2.adapter import Hl7His
from adapters.his.hl7v2.checker import InlineChecker
from adapters.his.hl7v2.options import Hl7Options
from adapters.his.hl7v2.pages import a_posting, a_registration
from benchmarks.machine import percentile
from middleware.domain.command import HisMatter
from middleware.domain.health import Condition
from middleware.domain.his import HisAccepted
from middleware.domain.outcome import Outcome
from middleware.engine.outbox import Outbox
from middleware.engine.runner import nothing_follows
from middleware.engine.tasks import sleep, spawn
from middleware.store.reader import Waiting
from middleware.store.units import Letter
from simulators.ports import free_port

COUNTERS, EACH, REGISTRATIONS, EVERY_S = 64, 10, 20, 0.05
AT = dt.datetime(2026, 11, 20, 4, tzinfo=dt.UTC)


class _Letters:
    """Stands for the engine and its store: letters in memory, in the order in which they came."""

    def __init__(self, clock: Any, *, lanes: bool) -> None:
        self.means = self.journal = self.pool = self.reader = self
        self.epoch, self.shared, self.clock = 1, False, clock
        self.letter_added: Any = None
        self.follows = nothing_follows
        self.letters: dict[int, Waiting] = {}
        self.came: dict[str, float] = {}
        self.waited: list[float] = []
        self._lanes = lanes
        self._sequence = 0

    def add(self, patient: str, matter: HisMatter) -> None:
        self._sequence += 1
        letter = Letter(f"L{self._sequence:08d}", "V", "S", str(matter), AT)
        self.letters[self._sequence] = Waiting(self._sequence, letter, patient if self._lanes else "all")
        self.came[letter.control_id] = self.clock.seconds()

    async def run(self, read: Any, *arguments: Any) -> Any:
        await sleep(self.clock, 0)
        return read(*arguments)

    def waiting_letters(self, after: int, limit: int, _destination: str) -> list[Waiting]:
        return [one for number, one in self.letters.items() if number > after][:limit]

    def jitter(self) -> float:
        return 0.0

    def now(self) -> dt.datetime:
        return AT

    async def apply(self, _visit: str, _event: object, extra: Any) -> None:
        control_id = extra.closed_letter[0]
        closed = self.letters.pop(int(control_id[1:]))
        if closed.letter.matter == HisMatter.REGISTERED:
            self.waited.append(self.clock.seconds() - self.came[control_id])


class _Box(Outbox):
    """Its messages are one synthetic patient's; only the control ids differ."""

    async def _deliver(self, waiting: Waiting) -> Outcome[HisAccepted]:
        message = a_registration() if waiting.letter.matter == HisMatter.REGISTERED else a_posting()
        return await self._his.deliver(evolve(message, control_id=waiting.letter.control_id))


async def _measure(reactor: Any, port: int, *, connections: int, lanes: bool) -> tuple[float, list[float]]:
    his = Hl7His(Hl7Options(port=port, connections=connections), reactor, checker=InlineChecker())
    his.start()
    while his.health().condition is not Condition.GOOD:
        await sleep(reactor, 0.01)
    store = _Letters(reactor, lanes=lanes)
    for number in range(COUNTERS * EACH):
        store.add(f"p{number % COUNTERS}", HisMatter.SETTLED)
    engine: Any = store
    box = _Box(engine, his, width=connections)
    began = reactor.seconds()
    box.start()

    def arrive() -> None:
        store.add(f"new {reactor.seconds()}", HisMatter.REGISTERED)
        box.kick()

    arriving = LoopingCall(arrive)
    arriving.clock = reactor
    spawn(_end_of(arriving.start(EVERY_S)), "arrivals")
    while len(store.came) < COUNTERS * EACH + REGISTRATIONS:
        await sleep(reactor, EVERY_S / 2)
    arriving.stop()
    while store.letters:
        await sleep(reactor, 0.02)
    took = reactor.seconds() - began
    box.stop()
    await his.stop()
    return took, sorted(store.waited)


async def _end_of(running: Any) -> None:
    await running


def _his(port: int, his_ms: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "simulators.his", "--port", str(port), "--fault", "late-ack", "--times", "100000"]
    return subprocess.Popen([*command, "--delay", str(his_ms / 1000)], stdout=subprocess.DEVNULL)


async def _main(reactor: Any, his_ms: float) -> None:
    port = free_port()
    simulator = _his(port, his_ms)
    try:
        print(f"{COUNTERS} counters, {COUNTERS * EACH} charges waiting, the HIS takes {his_ms:g} ms a message")
        for name, connections, lanes in (
            ("one line, 1 connection", 1, False),
            ("lanes, 1 connection", 1, True),
            ("lanes, 4 connections", 4, True),
            ("lanes, 16 connections", 16, True),
        ):
            took, waited = await _measure(reactor, port, connections=connections, lanes=lanes)
            told = " ".join(f"p{share} {percentile(waited, share / 100) * 1000:.0f} ms" for share in (50, 99))
            rate = (COUNTERS * EACH + len(waited)) / took
            print(f"  {name:<24} registrations {told}; all {took:.1f} s, {rate:.0f} letters/s", flush=True)
    finally:
        simulator.terminate()
        simulator.wait()


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.letters", description=__doc__)
    parser.add_argument("--his-ms", type=float, default=20.0)
    arguments = parser.parse_args()

    async def run(reactor: Any) -> None:
        await _main(reactor, arguments.his_ms)

    react(run)


if __name__ == "__main__":
    main()
