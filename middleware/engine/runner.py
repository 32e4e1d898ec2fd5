"""Runs the flow: state and intent to the journal, THEN the command to the wire, then the answer to the journal (rule 1).

Events of one visit are taken one at a time; a command leaves only after the transaction that holds its intent.
"""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred, DeferredLock, ensureDeferred

from middleware.domain.centre import MONEY_CALLS, Call, CentreReply, Holder
from middleware.domain.charge import Bill
from middleware.domain.command import CallCentre, TellHis, WakeAt
from middleware.domain.event import CentreKnewPerson, DueTimePassed, Event, FirstByteLeft, RegistrationRequested
from middleware.domain.fault import Fault
from middleware.domain.outcome import Answered, NotSent, Outcome, Refused, Unknown
from middleware.domain.visit import Settlement, Visit
from middleware.engine.journal import Journal
from middleware.engine.pools import Pool
from middleware.engine.signin import SignInDesk
from middleware.engine.views import feed_body
from middleware.flow import visit as flow
from middleware.flow.outcomes import event_of
from middleware.flow.requests import centre_request
from middleware.flow.step import At, IllegalEvent, Policy
from middleware.ports import Centre, Clock, PreparedCall
from middleware.store.codec import encode
from middleware.store.reader import Reader
from middleware.store.units import Ending, FeedEntry, Intent, Letter, Record, Request, Unit

log = structlog.get_logger()

MAX_CACHED = 4096
JOURNAL_RETRY_S = 1.0


@frozen(slots=True)
class Means:
    """All that the engine works with; ``daemon/app.py`` names the real ones, a simulation others (rule 4)."""

    journal: Journal
    reader: Reader
    pool: Pool
    centre: Centre
    clock: Clock
    now: Callable[[], dt.datetime]
    next_message_id: Callable[[], str]
    jitter: Callable[[], float]
    policy: Policy
    institution: str
    on_call: Callable[[Call, str, float], None] = lambda _call, _outcome, _seconds: None


@frozen(slots=True)
class Extra:
    """What an event brings to be written beside it."""

    person: tuple[str, Holder] | None = None
    bill: tuple[str, Bill] | None = None
    request: Request | None = None
    ending: Ending | None = None
    closed_letter: tuple[str, str] | None = None


NOTHING = Extra()


@define
class _Entry:
    """One visit in memory. ``visit`` is what the journal holds, never more."""

    lock: DeferredLock = field(factory=DeferredLock)
    visit: Visit | None = None
    holder: Holder | None = None
    bills: dict[str, Bill] = field(factory=dict)
    waiters: list[Callable[[Visit], None]] = field(factory=list)
    users: int = 0


@define
class _Work:
    """One step while it is being made."""

    state: Visit
    records: list[Record] = field(factory=list)
    intents: list[Intent] = field(factory=list)
    letters: list[Letter] = field(factory=list)
    calls: list[tuple[CallCentre, PreparedCall]] = field(factory=list)
    wakes: list[WakeAt] = field(factory=list)


class Engine:
    """Applies events to visits, durably, and carries out what follows.

    ``finalise(visit, holder)`` gives the (account, key, answer) rows that this state makes final; ``letter_added`` is
    called after a letter for the HIS became durable.
    """

    def __init__(self, means: Means) -> None:
        self.means = means
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._flying: dict[str, tuple[str, CallCentre]] = {}
        self._idle_waiters: list[Deferred[None]] = []
        self._timers: dict[str, Any] = {}
        self._stopping = False
        self.finalise: Callable[[Visit, Holder], list[tuple[str, str, str]]] = lambda _visit, _holder: []
        self.letter_added: Callable[[], None] = lambda: None
        self._signin = SignInDesk(means.journal, means.centre, means.now, means.next_message_id)

    # -- asking

    @property
    def stopping(self) -> bool:
        """No new work is taken."""
        return self._stopping

    async def visit(self, visit_id: str) -> Visit:
        """The visit as the journal holds it. Raises ``Fault("request.not_found")``."""
        entry = self._enter(visit_id)
        try:
            return await self._loaded(visit_id, entry)
        finally:
            entry.users -= 1

    async def holder(self, visit: Visit) -> Holder:
        """The visit's person."""
        entry = self._enter(visit.visit_id)
        try:
            return await self._holder(entry, visit)
        finally:
            entry.users -= 1

    async def bill(self, visit_id: str, settlement_id: str) -> Bill:
        """The lines of one settlement."""
        entry = self._enter(visit_id)
        try:
            return await self._bill(entry, settlement_id)
        finally:
            entry.users -= 1

    def wait(self, visit: Visit, ready: Callable[[Visit], bool]) -> tuple[Deferred[Visit], Callable[[], None]]:
        """Fires when ``ready`` holds for the visit; the second value ends the wait without firing."""
        done: Deferred[Visit] = Deferred()
        entry = self._enter(visit.visit_id)
        left = False

        def end() -> None:
            nonlocal left
            if not left:
                left = True
                entry.users -= 1
                entry.waiters.remove(look)

        def look(seen: Visit) -> None:
            if ready(seen):
                end()
                done.callback(seen)

        entry.waiters.append(look)
        look(entry.visit or visit)
        return done, end

    # -- applying

    async def apply(self, visit_id: str, event: Event, extra: Extra = NOTHING) -> Visit:
        """Take one event: make it durable with all that follows from it, then let the commands leave.

        Raises what ``flow.step`` raises (nothing was written), ``KeyTakenError``, or ``Fault("system.journal")``.
        """
        entry = self._enter(visit_id)
        try:
            await entry.lock.acquire()
            try:
                work = await self._make(visit_id, entry, event, extra)
                await self.means.journal.commit(await self._unit(entry, work, extra))
                entry.visit = work.state
            finally:
                entry.lock.release()
        finally:
            entry.users -= 1
        self._leave(visit_id, work)
        for look in tuple(entry.waiters):
            look(work.state)
        return work.state

    async def _make(self, visit_id: str, entry: _Entry, event: Event, extra: Extra) -> _Work:
        means = self.means
        at = At(means.now(), means.next_message_id, means.jitter(), means.policy)
        if extra.person is not None:
            entry.holder = extra.person[1]
        if extra.bill is not None:
            entry.bills[extra.bill[0]] = extra.bill[1]
        if isinstance(event, RegistrationRequested):
            step = flow.begin(event, at)
            work = _Work(step.state, [_record(None, step.state, event, at.now)])
        else:
            before = await self._loaded(visit_id, entry)
            step = flow.step(before, event, at)
            work = _Work(step.state, [_record(before, step.state, event, at.now)])
        for command in step.commands:
            await self._plan(entry, work, command, at)
        return work

    async def _plan(self, entry: _Entry, work: _Work, command: CallCentre | TellHis | WakeAt, at: At) -> None:
        match command:
            case WakeAt():
                work.wakes.append(command)
            case TellHis():
                visit = work.state.visit_id
                work.letters.append(Letter(command.control_id, visit, command.settlement_id, str(command.matter), at.now))
            case CallCentre():
                await self._plan_call(entry, work, command, at)

    async def _plan_call(self, entry: _Entry, work: _Work, command: CallCentre, at: At) -> None:
        """Fix the message's bytes before its intent is written. What cannot be made was not sent: that is an event too."""
        try:
            await self._signin.ensure()
            call = await self._prepare(entry, work.state, command, at.now)
        except Fault as fault:
            event = event_of(command, NotSent(fault.code, fault.detail), at.policy)
            step = flow.step(work.state, event, at)
            work.records.append(_record(work.state, step.state, event, at.now))
            work.state = step.state
            for follow in step.commands:
                await self._plan(entry, work, follow, at)
            return
        amount = 0
        if command.call in MONEY_CALLS:
            amount = work.state.settlement(command.settlement_id).total.fen
        work.calls.append((command, call))
        work.intents.append(
            Intent(
                message_id=command.message_id,
                visit_id=work.state.visit_id,
                settlement_id=command.settlement_id,
                call=str(command.call),
                digest=call.digest,
                amount_fen=amount if command.call is Call.SETTLE else -amount,
                intended_at=at.now,
            )
        )

    async def _prepare(self, entry: _Entry, visit: Visit, command: CallCentre, now: dt.datetime) -> PreparedCall:
        holder = await self._holder(entry, visit)
        bill = await self._bill(entry, command.settlement_id) if command.settlement_id else None
        request = centre_request(command, visit, holder, bill, now)
        return await self.means.centre.prepare(command.message_id, request, now)

    async def _unit(self, entry: _Entry, work: _Work, extra: Extra) -> Unit:
        before = {s.settlement_id: s for s in entry.visit.settlements} if entry.visit else {}
        holder = await self._holder(entry, work.state)
        return Unit(
            records=tuple(work.records),
            visit=work.state,
            now=self.means.now(),
            person=extra.person,
            bill=extra.bill,
            request=extra.request,
            answers=tuple(self.finalise(work.state, holder)),
            intents=tuple(work.intents),
            endings=(extra.ending,) if extra.ending else (),
            letters=tuple(work.letters),
            closed_letters=(extra.closed_letter,) if extra.closed_letter else (),
            feed=tuple(
                entry
                for s in work.state.settlements
                for entry in self._published(work.state, before.get(s.settlement_id), s)
            ),
        )

    def _published(self, visit: Visit, before: Settlement | None, after: Settlement) -> list[FeedEntry]:
        now, institution = self.means.now(), self.means.institution
        rows = []
        if after.settled is not None and (before is None or before.settled is None):
            body = feed_body(visit, after, institution, cancelled=False)
            rows.append(FeedEntry("settled", after.settlement_id, now, body))
        if after.cancelled is not None and (before is None or before.cancelled is None):
            body = feed_body(visit, after, institution, cancelled=True)
            rows.append(FeedEntry("cancelled", after.settlement_id, now, body))
        return rows

    # -- carrying out

    def _leave(self, visit_id: str, work: _Work) -> None:
        for command, call in work.calls:
            self._flying[command.message_id] = (visit_id, command)
            spawn(self._carry(visit_id, command, call), "carry")
        for wake in work.wakes:
            self._wake(visit_id, wake)
        if work.letters:
            self.letter_added()

    async def _carry(self, visit_id: str, command: CallCentre, call: PreparedCall) -> None:
        means = self.means
        began = means.clock.seconds()

        def left() -> None:
            if command.call in MONEY_CALLS:
                spawn(self._note_left(visit_id, command), "first-byte")

        def late(outcome: Outcome[CentreReply]) -> None:
            spawn(self._record(visit_id, command, outcome, late=True), "late")

        try:
            outcome = await means.centre.send(call, left, late)
        except Exception:
            # The port promises never to raise; if it does, what left is not known.
            log.exception("engine.send_raised", call=str(command.call))
            outcome = Unknown("crash")
        means.on_call(command.call, label(outcome), means.clock.seconds() - began)
        if command.message_id in self._flying:  # else a stop has already called it unknown
            await self._record(visit_id, command, outcome)

    async def _note_left(self, visit_id: str, command: CallCentre) -> None:
        try:
            await self.apply(visit_id, FirstByteLeft(command.settlement_id, command.message_id))
        except Fault as fault:
            log.warning("engine.first_byte_unrecorded", code=fault.code)

    async def _record(
        self, visit_id: str, command: CallCentre, outcome: Outcome[CentreReply], *, late: bool = False
    ) -> None:
        """Make the outcome durable; a journal that cannot be written is waited for, for the answer must not be lost."""
        means = self.means
        event = event_of(command, outcome, means.policy, late=late)
        ending = Ending(command.message_id, ("late " if late else "") + label(outcome), means.now())
        while True:
            try:
                await self.apply(visit_id, event, Extra(ending=ending))
                break
            except IllegalEvent:
                log.exception("engine.illegal_event", evt=type(event).__name__, call=str(command.call))
                break
            except Fault as fault:
                if fault.code == "system.stopping":
                    break  # the next start finds it in flight and calls it unknown
                await sleep(means.clock, JOURNAL_RETRY_S)
        if not late:
            self._flying.pop(command.message_id, None)
            if not self._flying:
                waiters, self._idle_waiters = self._idle_waiters, []
                for waiter in waiters:
                    _fire(waiter)

    def _wake(self, visit_id: str, wake: WakeAt) -> None:
        key = wake.settlement_id
        if (old := self._timers.pop(key, None)) is not None and old.active():
            old.cancel()
        if self._stopping:
            return
        delay = max(0.0, (wake.due - self.means.now()).total_seconds())
        self._timers[key] = self.means.clock.callLater(delay, self._due, visit_id, key)

    def _due(self, visit_id: str, settlement_id: str) -> None:
        self._timers.pop(settlement_id, None)
        spawn(self._apply_due(visit_id, settlement_id), "due")

    async def _apply_due(self, visit_id: str, settlement_id: str) -> None:
        try:
            await self.apply(visit_id, DueTimePassed(settlement_id))
        except Fault as fault:
            log.warning("engine.due_deferred", code=fault.code)
            self._wake(visit_id, WakeAt(settlement_id, self.means.now() + dt.timedelta(seconds=JOURNAL_RETRY_S)))

    # -- the life of the process

    def wake_at(self, visit_id: str, settlement_id: str, due: dt.datetime) -> None:
        """Re-arm a timer after a restart."""
        self._wake(visit_id, WakeAt(settlement_id, due))

    def refuse_new(self) -> None:
        """From now on no new work is begun; what was begun goes on."""
        self._stopping = True

    async def stop(self, drain_s: float) -> None:
        """Take nothing new; let what was sent end within ``drain_s``; what has not is Unknown, durably (invariant 25)."""
        self._stopping = True
        for timer in self._timers.values():
            if timer.active():
                timer.cancel()
        self._timers.clear()
        if self._flying:
            idle: Deferred[None] = Deferred()
            self._idle_waiters.append(idle)
            limit = self.means.clock.callLater(drain_s, _fire, idle)
            await idle
            if limit.active():
                limit.cancel()
        for visit_id, command in tuple(self._flying.values()):
            await self._record(visit_id, command, Unknown("stopping"))

    # -- memory

    def _enter(self, visit_id: str) -> _Entry:
        entry = self._entries.get(visit_id)
        if entry is None:
            entry = self._entries[visit_id] = _Entry()
            self._forget_old()
        else:
            self._entries.move_to_end(visit_id)
        entry.users += 1
        return entry

    def _forget_old(self) -> None:
        for visit_id in list(self._entries)[: max(0, len(self._entries) - MAX_CACHED)]:
            if self._entries[visit_id].users == 0:
                del self._entries[visit_id]

    async def _loaded(self, visit_id: str, entry: _Entry) -> Visit:
        if entry.visit is None:
            found = await self.means.pool.run(self.means.reader.visit, visit_id)
            if found is None:
                raise Fault("request.not_found", "visit")
            return _adopt(entry, found)
        return entry.visit

    async def _holder(self, entry: _Entry, visit: Visit) -> Holder:
        if entry.holder is None:
            entry.holder = await self.means.pool.run(self.means.reader.holder, visit.person_ref)
        return entry.holder

    async def _bill(self, entry: _Entry, settlement_id: str) -> Bill:
        if settlement_id not in entry.bills:
            entry.bills[settlement_id] = await self.means.pool.run(self.means.reader.bill, settlement_id)
        return entry.bills[settlement_id]


def _adopt(entry: _Entry, found: Visit) -> Visit:
    """What was read, unless an event made it older while it was being read."""
    if entry.visit is None:
        entry.visit = found
    return entry.visit


def _record(before: Visit | None, after: Visit, event: Event, now: dt.datetime) -> Record:
    settlement_id = getattr(event, "settlement_id", "")
    return Record(
        at=now,
        visit_id=after.visit_id,
        settlement_id=settlement_id,
        event=type(event).__name__,
        before=_state(before, settlement_id),
        after=_state(after, settlement_id),
        body=encode(_impersonal(event)),
    )


def _impersonal(event: Event) -> Event:
    """The event as the journal keeps it: whom it is about stands in the visit and the person table, never in the chain.

    A chain cannot be made to forget, so nothing goes into it that somebody may one day have the right to have erased.
    """
    if isinstance(event, CentreKnewPerson):
        return CentreKnewPerson(evolve(event.reply, person_number=""))
    return event


def _state(visit: Visit | None, settlement_id: str) -> str:
    if visit is None:
        return ""
    if not settlement_id:
        return str(visit.state)
    return next((str(s.state) for s in visit.settlements if s.settlement_id == settlement_id), "")


def label(outcome: Outcome[CentreReply]) -> str:
    """An outcome in one bounded word or two, for the journal and the metrics."""
    match outcome:
        case Answered():
            return "answered"
        case Refused():
            return "refused"
        case NotSent(fault):
            return f"not-sent {fault}"
        case Unknown(cause):
            return f"unknown {cause}"


def spawn(coroutine: Coroutine[Any, Any, None], what: str) -> None:
    """Run it; whatever it raises is ours to see, never lost."""
    done = ensureDeferred(coroutine)
    done.addErrback(lambda failure: log.error("engine.task_failed", what=what, failure=failure.getTraceback()))


def _fire(waiter: Deferred[None]) -> None:
    if not waiter.called:
        waiter.callback(None)


def sleep(clock: Clock, seconds: float) -> Deferred[None]:
    """Fires after ``seconds`` of the clock."""
    done: Deferred[None] = Deferred()
    clock.callLater(seconds, done.callback, None)
    return done
