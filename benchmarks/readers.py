"""``python -m benchmarks.readers [SECONDS]``: sixteen readers at once, and a card's way from the slot to an identity.

The daemon's own reader link on a real reactor, sixteen virtual readers of a real pcscd, the cards in another process.
Prints JSON. A card answers after ``SLOW_MS``, as a real one takes its time: else the figure would be the simulator's.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults
from twisted.internet.task import react
from twisted.internet.threads import deferToThread

from benchmarks.machine import median, percentile
from middleware.domain.card import CardEvent
from readers.pcsc.link import PcscReaders
from readers.pcsc.options import PcscOptions
from simulators.pcscd import Pcscd

READERS = 16
SLOW_MS = 5.0  # of one answer; a contact card at 9,600 baud needs several times that for a name
SETTLE_S = 0.8  # of an emptied slot, as vpcd wants it
LIMIT_S = 60.0
MAX_TURNS = 8


class Bench:
    """The readers, who waits for their cards, and the process that holds them."""

    def __init__(self, pcscd: Pcscd) -> None:
        self.names = [slot.reader for slot in pcscd.slots]
        ports = [str(slot.port) for slot in pcscd.slots]
        self._cards = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.slots", str(SLOW_MS), *ports],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._reactor: Any = reactor
        self.readers = PcscReaders(PcscOptions(), reactor, lambda: dt.date(2026, 3, 2), lambda: dt.datetime.now(dt.UTC))
        self.readers.watch(self._seen)
        self._expected: dict[str, Deferred[float]] = {}

    def _seen(self, event: CardEvent) -> None:
        waiting = self._expected.pop(event.reader, None) if event.kind == "inserted" else None
        if waiting is not None:
            waiting.callback(time.monotonic())

    async def tell(self, line: str) -> Any:
        """Have the cards put in or taken out, and hear of it."""
        return await deferToThread(self._ask, line)

    def _ask(self, line: str) -> Any:
        assert self._cards.stdin is not None
        assert self._cards.stdout is not None
        self._cards.stdin.write(line + "\n")
        self._cards.stdin.flush()
        return json.loads(self._cards.stdout.readline())

    async def way(self) -> list[tuple[float, float]]:
        """All cards in; of each, seconds until it was noticed, and from then until it was an identity."""
        self._expected = {name: Deferred() for name in self.names}
        ways = gatherResults([ensureDeferred(self._identity(name, seen)) for name, seen in self._expected.items()])
        went_in = await self.tell("in")
        return [(seen - start, known - seen) for start, (seen, known) in zip(went_in, await ways, strict=True)]

    async def _identity(self, name: str, seen: Deferred[float]) -> tuple[float, float]:
        noticed = await seen
        await self.readers.read_card(name)
        return noticed, time.monotonic()

    async def empty(self) -> None:
        """All cards out, and known to be out, and the slots rested."""
        await self.tell("out")
        await self._until(lambda: all(status.state == "empty" for status in self.readers.statuses()))
        await self._pause(SETTLE_S)

    async def _until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + LIMIT_S
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(str(self.readers.statuses()))
            await self._pause(0.01)

    def _pause(self, seconds: float) -> Awaitable[None]:
        pause: Deferred[None] = Deferred()
        self._reactor.callLater(seconds, pause.callback, None)
        return pause

    async def timed(self, name: str) -> float:
        """One whole read; seconds."""
        started = time.monotonic()
        await self.readers.read_card(name)
        return time.monotonic() - started

    async def ready(self) -> None:
        """All readers listed and empty."""
        self.readers.start()
        await self._until(lambda: [status.state for status in self.readers.statuses()] == ["empty"] * READERS)

    async def stop(self) -> None:
        """End it all."""
        assert self._cards.stdin is not None
        self._cards.stdin.close()
        await self.readers.stop()
        await deferToThread(self._cards.wait, 10)


async def _measure(bench: Bench, seconds: float) -> dict[str, float]:
    await bench.ready()
    ways: list[tuple[float, float]] = []
    end = time.monotonic() + seconds / 2
    for turn in range(MAX_TURNS):
        ways += await bench.way()
        if time.monotonic() > end or turn == MAX_TURNS - 1:
            break
        await bench.empty()
    alone: list[float] = []
    together: dict[str, list[float]] = {name: [] for name in bench.names}
    end = time.monotonic() + seconds / 4
    while not alone or time.monotonic() < end:
        alone.append(await bench.timed(bench.names[len(alone) % READERS]))
    end = time.monotonic() + seconds / 4
    while not together[bench.names[0]] or time.monotonic() < end:
        took = await gatherResults([ensureDeferred(bench.timed(name)) for name in bench.names])
        for name, one in zip(bench.names, took, strict=True):
            together[name].append(one)
    one, worst = median(alone), max(median(took) for took in together.values())
    noticed, read = [way[0] for way in ways], [way[1] for way in ways]
    whole = [sum(way) for way in ways]
    return {
        "readers": READERS,
        "alone_ms": one * 1e3,
        "slowest_of_all_ms": worst * 1e3,
        "slowest_over_alone": worst / one,
        "cards_in": len(ways),
        "noticed_p50_ms": percentile(noticed, 0.5) * 1e3,
        "noticed_p99_ms": percentile(noticed, 0.99) * 1e3,
        "read_p50_ms": percentile(read, 0.5) * 1e3,
        "read_p99_ms": percentile(read, 0.99) * 1e3,
        "identity_p50_ms": percentile(whole, 0.5) * 1e3,
        "identity_p99_ms": percentile(whole, 0.99) * 1e3,
    }


async def _run(seconds: float, pcscd: Pcscd) -> None:
    bench = Bench(pcscd)
    try:
        print(json.dumps(await _measure(bench, seconds)))
    finally:
        await bench.stop()


def main() -> None:
    """Measure for about that long."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # the figures alone go to the output
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 8.0
    pcscd = Pcscd.start_own(readers=READERS // 2)
    os.environ.update(pcscd.environment)
    try:
        react(lambda _: ensureDeferred(_run(seconds, pcscd)))
    finally:
        pcscd.stop()


if __name__ == "__main__":
    main()
