"""What the engine stands on here: a clock that dies with its node, a pool that runs inline, a journal in virtual time."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

from twisted.internet.defer import Deferred, DeferredList, fail, succeed
from twisted.internet.task import Clock

from daemon.simulate.dials import Dials
from daemon.simulate.story import Story
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.engine.journal import MAX_BATCH, Journal
from middleware.engine.pools import Pool
from middleware.store.units import (
    FencedError,
    Incoming,
    KeyTakenError,
    RepeatedError,
    StaleError,
    StoreError,
    Unit,
    WorkRefusedError,
    Write,
)
from middleware.store.writer import Writer

P = ParamSpec("P")
T = TypeVar("T")


class Mortal:
    """What one life of the node shares: when it dies, nothing of it runs any more, and nobody hears of it.

    While it is paused nothing of it runs either; when it wakes, what happened to it meanwhile happens at once, in order.
    """

    def __init__(self) -> None:
        self.alive = True
        self.paused = False
        self.graves: list[object] = []
        self._waiting: list[tuple[Callable[..., object], tuple[object, ...]]] = []

    def do(self, function: Callable[..., object], *args: object) -> None:
        """Something happens to it: now, when it wakes, or never."""
        if not self.alive:
            self.graves.append((function, args))
        elif self.paused:
            self._waiting.append((function, args))
        else:
            function(*args)

    def wake(self) -> None:
        """It goes on as if nothing had been."""
        self.paused = False
        waiting, self._waiting = self._waiting, []
        for function, args in waiting:
            self.do(function, *args)

    def never(self) -> Deferred[Any]:
        """What a dead process waits for. It is kept, so that no coroutine of a dead node is closed at a random moment."""
        waiter: Deferred[Any] = Deferred()
        self.graves.append(waiter)
        return waiter


class NodeClock:
    """The world's clock as one life sees it. Implements ``Clock``."""

    def __init__(self, world: Clock, life: Mortal) -> None:
        self._world = world
        self._life = life

    def seconds(self) -> float:
        """Monotonic seconds."""
        return self._world.seconds()

    def callLater(self, delay: float, callable: Callable[..., object], *args: object) -> Any:  # noqa: A002, N802 - Twisted's
        """Twisted's own, until the node dies."""
        return self._world.callLater(delay, self._life.do, callable, *args)


class InlinePool(Pool):
    """Runs at once, in order."""

    def __init__(self, life: Mortal) -> None:
        self._life = life

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """See ``Pool.run``."""
        if not self._life.alive:
            return self._life.never()
        try:
            return succeed(function(*args, **kwargs))
        except Exception:  # noqa: BLE001 - as a pool does: whatever it is goes to who asked
            return fail()


class VirtualJournal(Journal):
    """The journal's contract without its thread: groups, in order, durable first and told later.

    The real ``Writer`` writes each group in one transaction. A crash before that loses the group; a crash between that
    and the telling leaves it durable with nobody knowing: the two faces of a COMMIT that was not answered.
    """

    def __init__(self, writer: Writer, clock: NodeClock, life: Mortal, rng: random.Random, story: Story) -> None:
        self._writer = writer
        self._clock = clock
        self._life = life
        self._rng = rng
        self._story = story
        self._units: list[tuple[Write, Deferred[None]]] = []
        self._busy = False
        self._stopping = False
        self._epoch = writer.epoch
        self.dials = Dials()
        self.wrote: Callable[[int, list[Unit]], None] = lambda _epoch, _units: None

    @property
    def head_sequence(self) -> int:
        """See ``Journal.head_sequence``."""
        return self._writer.journal.sequence

    def start(self) -> None:
        """Nothing to start: the world's clock is its thread."""

    async def stop(self) -> None:
        """Write what waits, then close."""
        self._stopping = True
        while self._units or self._busy:
            waiter: Deferred[None] = Deferred()
            self._clock.callLater(0.01, waiter.callback, None)
            await waiter
        self._writer.close()

    def lost(self) -> None:
        """The process is gone."""
        self._life.graves.extend(self._units)
        self._units = []
        self._writer.close()

    def run(self, work: Callable[[Writer], T]) -> Deferred[T]:
        """See ``Journal.run``: after a moment, and not for a dead node."""
        if not self._life.alive:
            return self._life.never()
        done: Deferred[T] = Deferred()

        def do() -> None:
            try:
                result = work(self._writer)
            except Exception as exc:  # noqa: BLE001 - as the journal's thread does
                done.errback(Fault("system.node", str(exc)) if isinstance(exc, FencedError) else exc)
            else:
                done.callback(result)

        self._clock.callLater(self._rng.uniform(0.0005, 0.01), do)
        return done

    def health(self) -> PartHealth:
        """Always good; its failures are the simulation's own."""
        return PartHealth("journal", Condition.GOOD)

    def commit(self, unit: Unit) -> Deferred[None]:
        """See ``Journal.commit``."""
        return self._put(unit)

    def receive(self, messages: Sequence[Incoming]) -> Deferred[list[Exception | None]]:
        """See ``Journal.receive``."""
        waiting = DeferredList([self._put(one) for one in messages], consumeErrors=True)
        told: Deferred[list[Exception | None]] = Deferred()
        waiting.addCallback(lambda ends: told.callback([None if good else end.value for good, end in ends]))  # type: ignore[call-overload]
        return told

    def _put(self, unit: Write) -> Deferred[None]:
        if not self._life.alive:
            return self._life.never()
        done: Deferred[None] = Deferred()
        if self._stopping:
            done.errback(Fault("system.stopping"))
            return done
        self._units.append((unit, done))
        if not self._busy:
            self._busy = True
            self._clock.callLater(self._chance().uniform(0.0005, 0.01), self._write)
        return done

    def _chance(self) -> random.Random:
        """What a group's fate is drawn from: one of closed batches alone leaves the days of all others as they were."""
        if all(isinstance(unit, Unit) and unit.closed_shift is not None for unit, _ in self._units):
            return random.Random(f"close/{self._writer.epoch}/{self._clock.seconds()}")  # noqa: S311 - seeded randomness is the point
        return self._rng

    def _write(self) -> None:
        rng = self._chance()
        batch, self._units = self._units[:MAX_BATCH], self._units[MAX_BATCH:]
        results: list[Exception | None]
        if rng.random() < self.dials.commit_failed:
            self._story.fault("commit-failed", f"{len(batch)} units")
            results = [StoreError("OperationalError") for _ in batch]
        else:
            results = self._writer.write([unit for unit, _ in batch])
            ends = zip(batch, results, strict=True)
            written = [unit for (unit, _), result in ends if result is None and isinstance(unit, Unit)]
            if written:
                self.wrote(self._writer.epoch, written)
        delay = rng.uniform(0.0005, 0.005)
        if rng.random() < self.dials.commit_slow:
            self._story.fault("commit-slow")
            delay += rng.uniform(0.2, 4)
        self._clock.callLater(delay, self._answer, batch, results)

    def _answer(self, batch: list[tuple[Write, Deferred[None]]], results: list[Exception | None]) -> None:
        self._busy = bool(self._units)
        if self._busy:
            self._clock.callLater(self._chance().uniform(0.0005, 0.01), self._write)
        for (unit, done), result in zip(batch, results, strict=True):
            for record in unit.records if isinstance(unit, Unit) else ():
                words = f"{record.visit_id} {record.settlement_id} {record.event} {record.before}->{record.after}"
                self._story.tell(f"journal {words}{' FAILED' if result else ''}")
            if result is None:
                done.callback(None)
            elif isinstance(result, KeyTakenError | StaleError | RepeatedError):
                done.errback(result)
            elif isinstance(result, WorkRefusedError):
                done.errback(result.fault)
            elif isinstance(result, FencedError):
                done.errback(Fault("system.node", str(result)))
            else:
                done.errback(Fault("system.journal", str(result)))
