"""A daemon's end and agents with virtual cards, in one process, over real TLS."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred

from middleware.domain.card import CardEvent, CardRead, ReaderStatus
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from readers.atr import historical_bytes
from readers.cards.kinds import DEFAULT_ORDER
from readers.cards.social_security_read import CardContext, in_order
from readers.remote.agent import Agent
from readers.remote.certificates import Authority
from readers.remote.connecting import connector
from readers.remote.link import RemoteReaders
from readers.remote.options import AgentOptions, RemoteReaderOptions
from readers.running import outcome_of
from readers.sight import Sight
from readers.turns import Turns
from simulators.card import PEOPLE, CardFaults, VirtualCard
from simulators.card.faults import WithdrawnError
from simulators.ports import free_port
from tests.readers.waiting import until

TODAY = dt.date(2026, 3, 2)


class CardSlots:
    """Local readers of an agent: virtual cards, no PC/SC; each use in a thread of its own, as there."""

    def __init__(self, *names: str) -> None:
        self._sights = {name: Sight(name, False, False, 0) for name in names}
        self._turns = {name: Turns(reactor, 5.0) for name in names}
        self.cards: dict[str, VirtualCard] = {}
        self.powered: list[str] = []
        self.released: list[str] = []
        self.changed: Callable[[], None] = lambda: None
        self.fault = ""

    def insert(self, reader: str, person: str = "employee", faults: CardFaults | None = None) -> VirtualCard:
        card = self.cards[reader] = VirtualCard(PEOPLE[person], faults)
        self._look(reader, present=True)
        return card

    def withdraw(self, reader: str) -> None:
        del self.cards[reader]
        self._look(reader, present=False)

    def unplug(self, reader: str) -> None:
        del self._sights[reader]
        self.changed()

    def _look(self, reader: str, *, present: bool) -> None:
        self._sights[reader] = Sight(reader, present, False, self._sights[reader].events + 1)
        self.changed()

    def start(self) -> None: ...

    async def stop(self) -> None: ...

    def health(self) -> PartHealth:
        return PartHealth("readers", Condition.DOWN if self.fault else Condition.GOOD, self.fault, self.fault)

    def sights(self) -> tuple[Sight, ...]:
        return () if self.fault else tuple(self._sights.values())

    def statuses(self) -> tuple[ReaderStatus, ...]:
        return tuple(ReaderStatus(s.reader, "card-present" if s.present else "empty") for s in self._sights.values())

    async def use(self, reader: str, procedure: Any, *, limit_s: float | None = None) -> Any:
        if reader not in self._sights:
            raise Fault("reader.unknown")
        await self._turns[reader].take()
        try:
            ended: Deferred[Any] = Deferred()
            work = partial(self._powered, reader, procedure)
            threading.Thread(
                target=lambda: reactor.callFromThread(ended.callback, outcome_of(reader, work)), daemon=True
            ).start()
            outcome = await ended
        finally:
            self._turns[reader].give()
        if isinstance(outcome, Fault):
            raise outcome
        return outcome

    def _powered(self, reader: str, procedure: Any) -> Any:
        card = self.cards.get(reader)
        if card is None:
            raise Fault("card.absent")
        card.reset()
        self.powered.append(reader)

        def exchange(command: bytes) -> bytes:
            try:
                answer = card.answer(command)
            except WithdrawnError:
                raise Fault("card.withdrawn") from None
            if answer is None:
                raise Fault("card.mute")
            return answer

        try:
            return procedure(exchange, CardContext(reader, historical_bytes(card.atr).hex().upper(), TODAY))
        finally:
            self.released.append(reader)


class Site:
    """The daemon's ``readers`` and as many agents as the test makes."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.authority = Authority(folder, dt.datetime.now(dt.UTC))
        if not (folder / "daemon.pem").exists():
            self.authority.for_daemon(("127.0.0.1", "localhost"))
        self.folder = folder
        self.options = RemoteReaderOptions(
            **{
                "port": free_port(),
                "certificate": folder / "daemon.pem",
                "private_key": folder / "daemon.key",
                "client_ca": folder / "ca.pem",
                "beat_s": 5.0,
                "hello_timeout_s": 60.0,
                "read_timeout_s": 60.0,
            }
            | options
        )
        self.events: list[tuple[str, str]] = []
        self.agents: list[Agent] = []
        self.readers = self.made()

    def made(self) -> RemoteReaders:
        """The daemon's end; a second one is the daemon after a restart."""
        readers = RemoteReaders(
            self.options, reactor, lambda: TODAY, lambda: dt.datetime.now(dt.UTC), in_order(DEFAULT_ORDER)
        )
        readers.watch(self._seen)
        return readers

    def _seen(self, event: CardEvent) -> None:
        self.events.append((event.kind, event.reader))

    def agent(self, name: str, slots: CardSlots, *, files: str = "", folder: Path | None = None, **options: Any) -> Agent:
        folder = folder or self.folder
        stem = files or name
        if not (folder / f"{stem}.pem").exists():
            Authority(folder, dt.datetime.now(dt.UTC)).for_agent(stem)
        made = AgentOptions(
            **{
                "host": "127.0.0.1",
                "port": self.options.port,
                "certificate": folder / f"{stem}.pem",
                "private_key": folder / f"{stem}.key",
                "daemon_ca": self.folder / "ca.pem",
                "connect_timeout_s": 60.0,
                "retry_s": 0.05,
                "retry_max_s": 0.2,
            }
            | options
        )
        agent = Agent(made, slots, reactor, connector(made, reactor), lambda: 0.5, "test")
        slots.changed = agent.changed
        self.agents.append(agent)
        agent.start()
        return agent

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        await until(condition, lambda: f"{what}; {self.readers.statuses()} {self.readers.health()}")

    def state(self, reader: str) -> str:
        return next((status.state for status in self.readers.statuses() if status.name == reader), "unlisted")

    async def until_state(self, reader: str, state: str) -> None:
        await self.until(lambda: self.state(reader) == state, f"{reader} {state}")

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
        return ensureDeferred(self.read(reader))


@asynccontextmanager
async def site(folder: Path, **options: Any) -> AsyncIterator[Site]:
    """Started, and stopped whatever happens."""
    made = Site(folder, **options)
    made.readers.start()
    try:
        yield made
    finally:
        for agent in made.agents:
            await agent.stop()
        await made.readers.stop()
        await made.until(lambda: not made.readers._peers, "links ended")
