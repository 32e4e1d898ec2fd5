"""All PC/SC readers, as the engine sees them: ``middleware.ports.Readers``.

Everything here runs in the reactor thread; threads report through ``callFromThread``. One use of a reader at a time: the
next waits its turn for ``busy_wait_s``, then ``reader.busy`` is said: for a card that two tills want, ask people.

A thread that does not come back from PC/SC in time is lost: its reader answers with the reason at once until the card
is taken out, the service restarts, or the thread returns; no other reader notices. Lost threads are counted and bounded.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from attrs import define, evolve, field
from twisted.internet.defer import Deferred

from middleware.domain.card import CardEvent, CardRead, ReaderStatus
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from readers.apdu import Exchange
from readers.cards.social_security_read import CardContext, CardProcedure, in_order
from readers.pcsc.api import Load, load_scard
from readers.pcsc.naming import by_order
from readers.pcsc.options import PcscOptions
from readers.pcsc.watcher import ReaderWatcher
from readers.pcsc.worker import LOST_IN, Job, Phase, ReaderWorker
from readers.sight import Sight, View, changes
from readers.turns import Turns

if TYPE_CHECKING:
    from middleware.ports import Readers

log = structlog.get_logger()
T = TypeVar("T")

PART = "readers"
MAX_REMEMBERED = 64  # readers that were seen once; beyond, absent ones are forgotten, oldest first
STALLED_POLLS = 10  # the watcher is heard each poll; this many missed, and 3 s on top, mean that the service hangs
STALLED_S = 3.0


@define(slots=True)
class _Slot:
    """What is known of one reader."""

    name: str
    address: str  # what the service calls it now
    turns: Turns
    sight: Sight | None = None  # None: the reader is not there
    worker: ReaderWorker | None = None
    job: Job | None = None
    waiting: Deferred[Any] | None = None
    timer: Any = None  # the supervision of the job
    lost: set[ReaderWorker] = field(factory=set, eq=False)
    blocked: str = ""  # the fault of a lost thread, until something changes


class PcscReaders:
    """Readers behind the card service. ``reactor``: callFromThread and callLater; ``now``: aware wall time.

    ``seconds`` must be monotonic: the deadlines of exchanges hang on it. ``procedure`` says how a card is read;
    without one, its kind is found out first, in the configured order. ``changed`` is called when a state may be another.
    """

    def __init__(
        self,
        options: PcscOptions,
        reactor: Any,
        today: Callable[[], dt.date],
        now: Callable[[], dt.datetime],
        *,
        seconds: Callable[[], float] = time.monotonic,
        procedure: CardProcedure | None = None,
        load: Load = load_scard,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._options = options
        self._reactor = reactor
        self._today = today
        self._now = now
        self._seconds = seconds
        self._procedure = procedure or in_order(options.kinds)
        self._load = load
        self._changed = changed
        self._slots: dict[str, _Slot] = {}
        self._observers: dict[object, Callable[[CardEvent], None]] = {}
        self._view: View | None = None
        self._watcher: ReaderWatcher | None = None
        self._threads: set[object] = set()
        self._stopping = False
        self._all_ended: Deferred[None] | None = None

    # -- Part

    def start(self) -> None:
        """Begin watching; works, and says so by ``health``, without a card service and without pyscard."""
        if not self._options.enabled or self._watcher is not None:
            return
        self._watcher = ReaderWatcher(
            self._options,
            self._load,
            self._seconds,
            report=lambda view: self._from_thread(self._on_view, view),
            ended=lambda: self._from_thread(self._on_thread_ended, self._watcher),
        )
        self._threads.add(self._watcher)
        self._watcher.start()

    async def stop(self) -> None:
        """End all reads with ``system.stopping`` and all threads; one lost in PC/SC is left behind after the bound."""
        if self._stopping:
            return
        self._stopping = True
        if self._watcher is not None:
            self._watcher.stop()
        for slot in self._slots.values():
            slot.turns.end(Fault("system.stopping"))
            self._finish(slot, Fault("system.stopping"))
            if slot.worker is not None:
                slot.worker.retire()
        if self._threads:
            self._all_ended = Deferred()
            bound = self._reactor.callLater(self._options.stop_timeout_s, self._all_ended.callback, None)
            await self._all_ended
            if bound.active():
                bound.cancel()
        self._all_ended = None
        self._observers.clear()

    def health(self) -> PartHealth:
        """How the readers are."""
        if not self._options.enabled:
            return PartHealth(PART, Condition.GOOD, detail="switched off")
        if self._watcher is None or self._view is None:
            return PartHealth(PART, Condition.DEGRADED, "reader.service_down", "readers are not listed yet")
        if self._view.fault:
            return PartHealth(PART, Condition.DOWN, self._view.fault, self._view.detail)
        if self._stalled():
            return PartHealth(PART, Condition.DOWN, "reader.service_down", "the card service does not answer")
        present = [slot for slot in self._slots.values() if slot.sight is not None]
        if not present:
            return PartHealth(PART, Condition.DEGRADED, "reader.gone", "no reader is plugged in")
        for slot in present:
            if slot.blocked:
                return PartHealth(PART, Condition.DEGRADED, slot.blocked, slot.name)
        twins = by_order(slot.name for slot in present)
        said = f"; told apart only by the order of plugging in: {', '.join(twins)}" if twins else ""
        return PartHealth(PART, Condition.GOOD, detail=f"{len(present)} readers{said}")

    # -- Readers

    def statuses(self) -> tuple[ReaderStatus, ...]:
        """What is known of each reader, by name."""
        return tuple(self._status(slot) for _, slot in sorted(self._slots.items()))

    def sights(self) -> tuple[Sight, ...]:
        """What is seen of each reader that is there."""
        return tuple(slot.sight for _, slot in sorted(self._slots.items()) if slot.sight is not None)

    def watch(self, observer: Callable[[CardEvent], None]) -> Callable[[], None]:
        """Call ``observer`` in the reactor thread at each insertion and removal; returns what ends the watch."""
        token = object()
        self._observers[token] = observer

        def end() -> None:
            self._observers.pop(token, None)

        return end

    async def read_card(self, reader: str) -> CardRead:
        """Read the card in that reader, whole and checked, or raise ``Fault``.

        The state last seen is not trusted for a refusal: a card put in a moment ago is read.
        """
        reading = await self.use(reader, self._procedure)
        if reading.warnings:
            log.warning("card_odd", reader=reader, warnings=list(reading.warnings))
        return evolve(reading.card, reader=reader)

    async def use(self, reader: str, procedure: Callable[[Exchange, CardContext], T], *, limit_s: float | None = None) -> T:
        """Power the card for us alone, run ``procedure`` in the reader's thread, power it down; what it returned.

        ``limit_s`` bounds all of it (default: that of a read), each exchange has its own limit. Raises ``reader.busy`` when
        the turn does not come in time, what ``procedure`` raises, and the faults of a card or reader that is lost.
        """
        slot = self._readable(reader)
        await slot.turns.take()
        try:
            slot = self._readable(reader)
            job = Job(procedure, self._today())
            waiting: Deferred[T] = Deferred(lambda _: job.abandon())
            slot.job, slot.waiting = job, waiting
            if slot.worker is None:
                slot.worker = self._worker(slot)
            slot.worker.submit(job)
            self._changed()
            limit = self._options.read_timeout_s if limit_s is None else limit_s
            self._supervise(slot, job, self._seconds() + limit)
            return await waiting
        finally:
            slot.turns.give()

    # -- a use under way

    def _readable(self, reader: str) -> _Slot:
        """The slot of a reader that may be asked now, or the fault that says why not."""
        if self._stopping:
            raise Fault("system.stopping")
        slot = self._slots.get(reader)
        if slot is None:
            if self._options.enabled and (self._view is None or self._view.fault):
                raise Fault(self._view.fault if self._view else "reader.service_down", "readers are not listed yet")
            raise Fault("reader.unknown")
        if slot.blocked:
            raise Fault(slot.blocked, "an earlier exchange with this card has not ended; take the card out")
        if slot.sight is None and not (self._view is not None and self._view.fault):
            raise Fault("reader.gone")
        return slot

    def _worker(self, slot: _Slot) -> ReaderWorker:
        worker = ReaderWorker(
            slot.address,
            self._load,
            self._seconds,
            done=lambda _, job, outcome: self._from_thread(self._on_outcome, slot, job, outcome),
            ended=lambda worker: self._from_thread(self._on_thread_ended, worker, slot),
        )
        self._threads.add(worker)
        return worker

    def _supervise(self, slot: _Slot, job: Job, read_deadline: float) -> None:
        """Look again when the exchange under way, or the whole read, would be overdue."""
        if slot.job is not job or slot.worker is None:
            return
        step = slot.worker.step
        now = self._seconds()
        due = read_deadline
        if step.phase is not Phase.BETWEEN:
            due = min(due, step.since + self._options.exchange_timeout_s)
        if now >= due:
            self._lose(slot, LOST_IN[step.phase], step.phase)
            return
        slot.timer = self._reactor.callLater(due - now, self._supervise, slot, job, read_deadline)

    def _lose(self, slot: _Slot, code: str, phase: str) -> None:
        """The thread did not come back: go on without it."""
        assert slot.worker is not None  # noqa: S101 - supervised reads have a worker
        assert slot.job is not None  # noqa: S101 - and a job
        slot.job.abandon()
        slot.worker.retire()
        slot.lost.add(slot.worker)
        slot.worker = None
        slot.blocked = code
        log.warning("reader_thread_lost", reader=slot.name, phase=phase, fault=code, lost=len(slot.lost))
        self._finish(slot, Fault(code, f"no answer in time ({phase})"))

    def _on_outcome(self, slot: _Slot, job: Job, outcome: Any) -> None:
        if slot.job is job:  # else lost long ago; _on_thread_ended clears it
            self._finish(slot, outcome)

    def _finish(self, slot: _Slot, outcome: Any) -> None:
        if slot.timer is not None and slot.timer.active():
            slot.timer.cancel()
        waiting, slot.waiting, slot.job, slot.timer = slot.waiting, None, None, None
        self._changed()
        if waiting is None or waiting.called:
            return
        if isinstance(outcome, Fault):
            waiting.errback(outcome)
        else:
            waiting.callback(outcome)

    # -- what threads report

    def _from_thread(self, call: Callable[..., None], *args: object) -> None:
        self._reactor.callFromThread(call, *args)

    def _on_thread_ended(self, thread: object, slot: _Slot | None = None) -> None:
        self._threads.discard(thread)
        if slot is not None and isinstance(thread, ReaderWorker) and thread in slot.lost:
            slot.lost.discard(thread)
            slot.blocked = ""
            log.info("reader_thread_returned", reader=slot.name, lost=len(slot.lost))
            self._changed()
        if not self._threads and self._all_ended is not None and not self._all_ended.called:
            self._all_ended.callback(None)

    def _on_view(self, view: View) -> None:
        if self._stopping:
            return
        before, self._view = self._view, view
        if view.fault or (before is not None and before.fault):
            log.info("card_service", fault=view.fault or "none", detail=view.detail)
        seen = {sight.reader: sight for sight in view.sights}
        for name in seen:
            if name not in self._slots:
                self._slots[name] = _Slot(name, name, Turns(self._reactor, self._options.busy_wait_s))
        for slot in list(self._slots.values()):
            self._see(slot, seen.get(slot.name))
        self._forget()
        self._changed()

    def _see(self, slot: _Slot, sight: Sight | None) -> None:
        before, slot.sight = slot.sight, sight
        if sight is not None:
            slot.address = sight.address or sight.reader
        kinds = changes(before, sight)
        if (before is None) != (sight is None) or kinds:
            self._unblock(slot)
        for kind in kinds:
            self._tell(kind, slot.name)
        moved = slot.worker is not None and slot.worker.reader != slot.address  # plugged in again, under another number
        if (sight is None or moved) and slot.worker is not None and slot.job is None:
            slot.worker.retire()
            slot.worker = None

    def _unblock(self, slot: _Slot) -> None:
        """Another card, or another service: worth a fresh thread, while there are not too many lost ones."""
        if len(slot.lost) < self._options.max_lost_threads:
            slot.blocked = ""

    def _tell(self, kind: str, reader: str) -> None:
        event = CardEvent(kind, reader, self._now())
        for observer in list(self._observers.values()):
            try:
                observer(event)
            except Exception as exc:  # noqa: BLE001 - one observer's mistake silences no other
                log.error("card_observer_failed", reader=reader, kind=kind, error=type(exc).__name__)  # noqa: TRY400 - the text could carry data

    def _forget(self) -> None:
        absent = [slot for slot in self._slots.values() if slot.sight is None and not slot.turns.taken and not slot.lost]
        for slot in absent[: max(0, len(self._slots) - MAX_REMEMBERED)]:
            del self._slots[slot.name]

    # -- how it is

    def _stalled(self) -> bool:
        assert self._watcher is not None  # noqa: S101 - asked after that check
        return self._seconds() - self._watcher.beat > STALLED_POLLS * self._options.poll_interval_s + STALLED_S

    def _status(self, slot: _Slot) -> ReaderStatus:
        if self._view is not None and self._view.fault:
            return ReaderStatus(slot.name, "failed", self._view.fault)
        if slot.sight is None:
            return ReaderStatus(slot.name, "absent")
        if slot.job is not None:
            return ReaderStatus(slot.name, "busy")
        if slot.blocked:
            mute = slot.blocked == "card.mute"
            return ReaderStatus(slot.name, "mute" if mute else "failed", "" if mute else slot.blocked)
        if slot.sight.mute:
            return ReaderStatus(slot.name, "mute")
        return ReaderStatus(slot.name, "card-present" if slot.sight.present else "empty")


if TYPE_CHECKING:
    _KEEPS_THE_PORT: type[Readers] = PcscReaders
