"""The readers under test on the real reactor, with cards that go in and out and events that can be waited for."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.threads import deferToThread

from middleware.domain.card import CardEvent, CardRead
from middleware.domain.fault import Fault
from readers.pcsc.link import PcscReaders
from readers.pcsc.options import PcscOptions
from simulators.card import PEOPLE, CardFaults, VirtualCard, VpcdSlot
from simulators.pcscd import Pcscd
from tests.readers.waiting import until

_TURNS = itertools.count()


class Bench:
    """``readers`` under test, one ``VpcdSlot`` a reader."""

    def __init__(self, pcscd: Pcscd, options: PcscOptions, **more: Any) -> None:
        self.pcscd = pcscd
        names = [slot.reader for slot in pcscd.slots]
        # Each test takes the other slot of each reader: the one that was just used needs its time to settle.
        self.names = tuple(names if next(_TURNS) % 2 else [names[1], names[0], names[3], names[2]])
        self.slots = {slot.reader: VpcdSlot(port=slot.port) for slot in pcscd.slots}
        self.events: list[tuple[str, str]] = []
        self.event_threads: set[int] = set()
        self.readers = PcscReaders(options, reactor, lambda: dt.date(2026, 3, 2), lambda: dt.datetime.now(dt.UTC), **more)
        self.readers.watch(self._seen)

    def _seen(self, event: CardEvent) -> None:
        self.event_threads.add(threading.get_ident())
        self.events.append((event.kind, event.reader))

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        await until(condition, lambda: f"{what}; {self.readers.statuses()} {self.readers.health()}")

    def state(self, reader: str) -> str:
        return next((status.state for status in self.readers.statuses() if status.name == reader), "unlisted")

    async def until_state(self, reader: str, state: str) -> None:
        await self.until(lambda: self.state(reader) == state, f"{reader} {state}")

    async def insert(self, reader: str, person: str = "employee", faults: CardFaults | None = None) -> VirtualCard:
        """Put a card in and wait until the readers under test have told of it."""
        await self.withdraw(reader)
        card = VirtualCard(PEOPLE[person], faults)
        await deferToThread(self.slots[reader].insert, card)
        await self.until_state(reader, "card-present")
        return card

    async def withdraw(self, reader: str) -> None:
        await deferToThread(self.slots[reader].withdraw)
        await self.until(lambda: self.state(reader) in {"empty", "absent", "failed", "unlisted"}, "withdrawn")

    async def read(self, reader: str) -> CardRead | Fault:
        try:
            return await self.readers.read_card(reader)
        except Fault as fault:
            return fault

    async def code(self, reader: str) -> str:
        """The fault's code, or "read"."""
        outcome = await self.read(reader)
        return outcome.code if isinstance(outcome, Fault) else "read"

    def begin(self, reader: str) -> Deferred[CardRead | Fault]:
        """A read that goes on while the test does."""
        return ensureDeferred(self.read(reader))


@asynccontextmanager
async def bench(pcscd: Pcscd, *, ready: bool = True, **options: Any) -> AsyncIterator[Bench]:
    """Started, and stopped whatever happens. Short deadlines unless the test says otherwise."""
    more = {name: options.pop(name) for name in ("load", "procedure") if name in options}
    made = Bench(
        pcscd, PcscOptions(**{"exchange_timeout_s": 5.0, "retry_s": 0.05, "poll_interval_s": 0.2} | options), **more
    )
    made.readers.start()
    try:
        if ready:
            # An earlier test's card may be gone from the slot and not yet from pcscd's mind.
            await made.until(lambda: [made.state(name) for name in made.names] == ["empty"] * len(made.names), "ready")
            made.events.clear()
        yield made
    finally:
        for slot in made.slots.values():
            await deferToThread(slot.close)
        await made.readers.stop()
