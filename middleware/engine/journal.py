"""Group commit: whoever waits is drained into one durable transaction; the answer leaves after the commit."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import structlog
from attrs import define, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads

from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.store.nodes import Life
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

log = structlog.get_logger()
T = TypeVar("T")

MAX_BATCH = 512
MAX_WAITING = 20_000


@frozen(slots=True)
class _Waiting:
    unit: Unit
    done: Deferred[None]


@frozen(slots=True)
class _Errand:
    """Something else for the writer to do, between two batches."""

    work: Callable[[Writer], Any]
    done: Deferred[Any]


@frozen(slots=True)
class _Came:
    """Messages that came together and are told of together."""

    messages: Sequence[Incoming]
    done: Deferred[list[Exception | None]]


@define
class JournalStats:
    """What the metrics show: totals since the start, and the last batch."""

    units: int = 0
    batches: int = 0
    busy_s: float = 0.0
    failures: int = 0


class Journal:
    """The one way to write. ``commit`` fires after the unit is durable, never before.

    ``observe(units, seconds)`` is called in the reactor thread after each batch.
    """

    def __init__(
        self,
        reactor: IReactorFromThreads,
        writer: Writer,
        observe: Callable[[int, float], None] = lambda _units, _seconds: None,
    ) -> None:
        self._reactor = reactor
        self._writer = writer
        self._observe = observe
        self._queue: queue.SimpleQueue[_Waiting | _Came | _Errand | None] = queue.SimpleQueue()
        self._waiting = 0
        self._thread: threading.Thread | None = None
        self._stopped: Deferred[None] | None = None
        self._failed = ""
        self._epoch = writer.epoch
        self.stats = JournalStats()

    @property
    def epoch(self) -> int:
        """The number of this life; in the reactor's thread it changes between two turns only."""
        return self._epoch

    @property
    def head_sequence(self) -> int:
        """How long the journal is."""
        return self._writer.journal.sequence

    def start(self) -> None:
        """Start the writer's thread."""
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Write what waits, then end the thread. A COMMIT is never cancelled."""
        if self._thread is None or self._stopped is not None:
            return
        self._stopped = Deferred()
        self._queue.put(None)
        self._writer.give_up()
        await self._stopped

    def commit(self, unit: Unit) -> Deferred[None]:
        """Fires when ``unit`` is durable.

        Fails with ``KeyTakenError``, ``StaleError`` or ``Fault("system.journal"/"system.busy"/"system.node")``.
        """
        done: Deferred[None] = Deferred()
        if self._stopped is not None or self._thread is None:
            done.errback(Fault("system.stopping"))
        elif self._waiting >= MAX_WAITING:
            done.errback(Fault("system.busy", "the journal's queue is full"))
        else:
            self._waiting += 1
            self._queue.put(_Waiting(unit, done))
        return done

    def receive(self, messages: Sequence[Incoming]) -> Deferred[list[Exception | None]]:
        """Fires when all is written that can be, at most ``MAX_BATCH`` in their order: a result for each, None = durable.

        Another is ``RepeatedError`` or a ``Fault`` as of ``commit``: that message was not written. Fails with ``Fault``:
        none was.
        """
        done: Deferred[list[Exception | None]] = Deferred()
        if self._stopped is not None or self._thread is None:
            done.errback(Fault("system.stopping"))
        elif self._waiting + len(messages) > MAX_WAITING:
            done.errback(Fault("system.busy", "the journal's queue is full"))
        else:
            self._waiting += len(messages)
            self._queue.put(_Came(messages, done))
        return done

    def run(self, work: Callable[[Writer], T]) -> Deferred[T]:
        """What ``work`` gives, done by the writer in its own thread after what waits already. Fails with ``Fault``."""
        done: Deferred[T] = Deferred()
        if self._stopped is not None or self._thread is None:
            done.errback(Fault("system.stopping"))
        else:
            self._queue.put(_Errand(work, done))
        return done

    async def rejoin(self) -> Life:
        """Begin the next life: what was made in the one before is refused from now on. Fails with ``Fault``."""
        life = await self.run(lambda writer: writer.rejoin())
        self._epoch = life.epoch
        return life

    def health(self) -> PartHealth:
        """DOWN after a failed write, until one succeeds; and while nobody can tell whether one did."""
        failed = self._writer.trouble or self._failed
        if failed:
            return PartHealth("journal", Condition.DOWN, "system.journal", failed)
        return PartHealth("journal", Condition.GOOD, "", f"waiting {self._waiting}")

    def _run(self) -> None:
        stopping = False
        while not stopping:
            batch: list[_Waiting | _Came] = []
            units: list[Write] = []
            item = self._queue.get()
            while isinstance(item, _Waiting | _Came):
                batch.append(item)
                units.extend(item.messages if isinstance(item, _Came) else (item.unit,))
                if len(units) >= MAX_BATCH:
                    break
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
            if batch:
                began = time.monotonic()
                self._tell(batch, self._writer.write(units), began)
            if isinstance(item, _Errand):
                self._do(item)
            stopping = item is None
        self._writer.close()
        self._reactor.callFromThread(self._ended)

    def _tell(self, batch: list[_Waiting | _Came], results: list[Exception | None], began: float) -> None:
        """One by one, so that the reactor may look at its sockets between two callers of a long batch."""
        self._reactor.callFromThread(self._note, results, time.monotonic() - began)
        told = iter(results)
        for waiting in batch:
            if isinstance(waiting, _Came):
                answers = [_why_not(next(told)) for _ in waiting.messages]
                self._reactor.callFromThread(waiting.done.callback, answers)
            elif (why_not := _why_not(next(told))) is None:
                self._reactor.callFromThread(waiting.done.callback, None)
            else:
                self._reactor.callFromThread(waiting.done.errback, why_not)

    def _do(self, errand: _Errand) -> None:
        try:
            result = errand.work(self._writer)
        except Exception as exc:  # noqa: BLE001 - whatever it was is the asker's to see; the thread goes on
            failure = Fault("system.node", str(exc)) if isinstance(exc, FencedError) else exc
            self._reactor.callFromThread(errand.done.errback, failure)
        else:
            self._reactor.callFromThread(errand.done.callback, result)

    def _ended(self) -> None:
        if self._stopped is not None:
            self._stopped.callback(None)

    def _note(self, results: list[Exception | None], seconds: float) -> None:
        self._waiting -= len(results)
        self.stats.units += len(results)
        self.stats.batches += 1
        self.stats.busy_s += seconds
        self._observe(len(results), seconds)
        failed = [result for result in results if isinstance(result, StoreError)]
        if failed:
            self.stats.failures += 1
            log.error("journal.write_failed", cause=str(failed[0]))
        self._failed = str(failed[0]) if failed else ""


def _why_not(result: Exception | None) -> Exception | None:
    """What the asker is told."""
    if result is None or isinstance(result, KeyTakenError | StaleError | RepeatedError):
        return result
    if isinstance(result, WorkRefusedError):
        return result.fault
    if isinstance(result, FencedError):
        return Fault("system.node", str(result))
    return Fault("system.journal", str(result))
