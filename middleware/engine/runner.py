"""Runs the flow: state and intent to the journal, THEN the command to the wire, then the answer to the journal (rule 1).

Events of one visit are taken one at a time; a command leaves only after the transaction that holds its intent.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from attrs import evolve, field, frozen
from twisted.internet.defer import Deferred, DeferredSemaphore

from middleware.domain.centre import FINISH_CALLS, MONEY_CALLS, SETTLE_CALLS, Call, Holder, Settle
from middleware.domain.command import AskBank, CallCentre, Command, HisMatter, TellHis, WakeAt, WakePayer
from middleware.domain.destination import ALONE, Destination, addressed, copies
from middleware.domain.errand import ErrandState
from middleware.domain.event import Event, FirstByteLeft, HisAcceptedPatient, RegistrationRequested
from middleware.domain.fault import Fault
from middleware.domain.his import HisAccepted
from middleware.domain.identity import Password
from middleware.domain.outcome import Answered, NotSent, Outcome, Refused, Unknown
from middleware.domain.visit import SettlementState, Visit
from middleware.engine.elapsed import Elapsed, FirstSight
from middleware.engine.journal import Journal
from middleware.engine.lookout import Lookout
from middleware.engine.memory import Entry, Visits
from middleware.engine.payments import Payments, due_event, timer_name, what_happened
from middleware.engine.pools import Pool
from middleware.engine.signin import SignInDesk
from middleware.engine.tasks import fire, sleep, spawn
from middleware.engine.traces import TraceNumbers
from middleware.engine.writing import NOTHING, Extra, Work, begun_by_itself, beside, label, letters_of, published, record_of
from middleware.flow import visit as flow
from middleware.flow.due import longest_wait_s
from middleware.flow.errand import waits as errand_waits
from middleware.flow.pursuit import waits
from middleware.flow.registration import registration_id
from middleware.flow.requests import centre_request
from middleware.flow.shift import became_certain
from middleware.flow.step import At, IllegalEvent, Policy, Step
from middleware.ports import Bank, Centre, Clock, PreparedCall, PreparedPayment
from middleware.store.reader import Reader
from middleware.store.units import Ending, Intent, Letter, StaleError, Unit

log = structlog.get_logger()

JOURNAL_RETRY_S = 1.0
MAX_PURSUED = 32  # doubts that are pursued at one time; the centre has counters to serve
MAX_OVERTAKEN = 16  # times that other nodes may be faster, for one event


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
    shared: bool = False  # other nodes have the database too
    on_call: Callable[[Call, str, float], None] = lambda _call, _outcome, _seconds: None
    bank: Bank | None = None  # None: own shares are not paid by bank card here
    traces: TraceNumbers = field(factory=TraceNumbers)
    handed_over: Callable[[], None] = lambda: None  # a person must decide from now on
    destinations: tuple[Destination, ...] = ALONE  # who is told of visits and settlements


class Engine:
    """Applies events to visits, durably, and carries out what follows.

    ``finalise(visit, holder)`` gives the (account, key, answer) rows that this state makes final, and is only asked about
    visits of which ``awaited(visit_id)`` says that somebody waits for an answer; ``letter_added`` is
    called after a letter for the HIS became durable. ``follows(letter, accepted)`` gives what is written with a yes of it.
    """

    def __init__(self, means: Means) -> None:
        self.means = means
        self.visits = Visits(means.pool, means.reader, shared=means.shared)
        self._lookout = Lookout(self.visits, means.pool, means.reader, means.clock) if means.shared else None
        self._payments = Payments(means.bank, means.pool, means.reader, means.traces)
        self._flying: dict[str, tuple[str, CallCentre | AskBank, int]] = {}
        self._idle_waiters: list[Deferred[None]] = []
        self._timers: dict[str, Any] = {}
        self._stopping = False
        self._pursued = DeferredSemaphore(MAX_PURSUED)
        self.awaited: Callable[[str], bool] = lambda _visit_id: False
        self.finalise: Callable[[Visit, Holder], list[tuple[str, str, str]]] = lambda _visit, _holder: []
        self.passwords: dict[str, Password] = {}  # of who confirms a settlement now; gone with the answer
        self.letter_added: Callable[[], None] = lambda: None
        self.follows: Callable[[Letter, HisAccepted], Awaitable[Callable[[Any], None] | None]] = nothing_follows
        self._elapsed = Elapsed(means.now, means.clock)
        self._sight = FirstSight()
        self._signin = SignInDesk(means.journal, means.centre, means.now, means.next_message_id)

    @property
    def stopping(self) -> bool:
        """No new work is taken."""
        return self._stopping

    async def signed_in(self) -> None:
        """Return when the centre knows us today; raise a ``centre.*`` fault when that could not be had."""
        await self._signin.ensure()

    # -- applying

    async def apply(
        self, visit_id: str, event: Event, extra: Extra = NOTHING, *, only: int | None = None, arm: bool = True
    ) -> Visit:
        """Take one event: make it durable with all that follows from it, then let the commands leave.

        Raises what ``flow.step`` raises (nothing was written), ``KeyTakenError``, ``Fault("system.journal")`` or ``.node``.
        With ``only`` it is taken in that version of the visit, or ``StaleError``: it is about what was seen there.
        Without ``arm`` its due times wake nobody until :meth:`wake_all`.
        """
        state, _ = await self._apply(visit_id, event, extra, only, arm=arm)
        return state

    async def _apply(
        self, visit_id: str, event: Event, extra: Extra, only: int | None, *, arm: bool = True
    ) -> tuple[Visit, list[Deferred[None]]]:
        """The same, with the ends of the calls that left."""
        began = self.means.journal.epoch
        async with self.visits.alone(visit_id) as entry:
            work = await self._committed(visit_id, entry, event, extra, only, began)
            inherited = bool(entry.version) and entry.epoch != work.epoch
            self.visits.became(entry, work)
        calls = self._leave(visit_id, work)
        if arm:
            for wake in work.wakes:
                self._wake(visit_id, wake)
            if inherited:
                self.wake_all(work.state)
        entry.tell(work.state)
        return work.state, calls

    async def _committed(
        self, visit_id: str, entry: Entry, event: Event, extra: Extra, only: int | None, began: int
    ) -> Work:
        """Step and commit; when another node wrote the visit meanwhile, read it and step again (invariants 6, 7, 17)."""
        for _ in range(MAX_OVERTAKEN):
            epoch = self.means.journal.epoch
            if epoch != began and extra != NOTHING:
                raise Fault("system.node", "what it brings belongs to a life that is over")
            if only is not None and (await self.visits.loaded(visit_id, entry), entry.version)[1] != only:
                raise StaleError(visit_id)
            try:
                work = await self._make(visit_id, entry, event, extra)
                await self.means.journal.commit(await self._unit(entry, work, extra))
            except StaleError:
                await self.visits.refresh(visit_id, entry)
                if isinstance(event, RegistrationRequested):
                    raise Fault("system.busy", "the number of a new visit was taken") from None
            except (Fault, IllegalEvent) as exc:
                if not await self._was_outdated(visit_id, entry, exc, epoch):
                    raise
            else:
                return work
        raise Fault("system.busy", "overtaken by other nodes again and again")

    async def _was_outdated(self, visit_id: str, entry: Entry, why: Exception, epoch: int) -> bool:
        """Whether what was judged here is no longer what the disk has, so that it must be judged again."""
        if isinstance(why, Fault) and why.code == "system.node":
            return self.means.journal.epoch != epoch
        if self.means.shared and isinstance(why, IllegalEvent):
            # A node that lost its lease and does not know it yet makes no mistake: this write is refused if that is so.
            await self.means.journal.commit(Unit(epoch=epoch))
        return self.means.shared and await self.visits.refresh(visit_id, entry)

    async def _make(self, visit_id: str, entry: Entry, event: Event, extra: Extra) -> Work:
        means, epoch = self.means, self.means.journal.epoch
        before = None if isinstance(event, RegistrationRequested) else await self.visits.loaded(visit_id, entry)
        version, now = entry.version, means.now()
        since = entry.since if entry.epoch == epoch and entry.since else self._since(visit_id, version, now).isoformat()
        trusted = _trusted(dt.datetime.fromisoformat(since), self._elapsed.trusted_since(), now)
        at = At(
            now,
            means.next_message_id,
            means.jitter(),
            means.policy,
            means.centre.clock_ahead_s(),
            trusted,
            means.traces.next,
        )
        if extra.person is not None:
            entry.holder = extra.person[1]
        if extra.bill is not None:
            self.visits.keep_bill(entry, *extra.bill)
        step = _step(before, event, at)
        record = record_of(before, step.state, event, at.now)
        work = Work(step.state, [record], before=before, version=version, epoch=epoch, since=since)
        work.records += begun_by_itself(before, work.state, event, at.now)
        with self._payments.holding(extra.card):
            for command in step.commands:
                await self._plan(entry, work, command, at)
        if isinstance(event, HisAcceptedPatient) and before is not None and before.state != work.state.state:
            told = TellHis(HisMatter.REGISTERED, registration_id(visit_id))
            to = copies(self.means.destinations, told.matter, told.control_id)
            work.letters += letters_of(told, visit_id, to, at.now)
        return work

    def _since(self, visit_id: str, version: int, now: dt.datetime) -> dt.datetime:
        """From when on our clock tells the times of a visit that another life wrote; alone, that life ended before ours."""
        if not version:
            return now
        return self._sight.since(visit_id, version, now) if self.means.shared else self._elapsed.trusted_since()

    async def _plan(self, entry: Entry, work: Work, command: Command, at: At) -> None:
        match command:
            case WakeAt() | WakePayer():
                work.wakes.append(command)
            case AskBank():
                await self._plan_payment(entry, work, command, at)
            case TellHis():
                to = addressed(self.means.destinations, command.matter, command.control_id)
                work.letters += letters_of(command, work.state.visit_id, to, at.now)
            case CallCentre():
                await self._plan_call(entry, work, command, at)

    async def _plan_call(self, entry: Entry, work: Work, command: CallCentre, at: At) -> None:
        """Fix the message's bytes before its intent is written. What cannot be made was not sent: that is an event too."""
        try:
            await self._signin.ensure()
            call = await self._prepare(entry, work.state, command, at.now)
        except Fault as fault:
            event = what_happened(command, NotSent(fault.code, fault.detail), at.policy)
            await self._follow(entry, work, event, at)
            return
        amount = 0
        if command.call in MONEY_CALLS:
            amount = work.state.settlement(command.settlement_id).total.fen
        work.calls.append((command, call))
        work.intents.append(
            Intent(
                message_id=command.message_id,
                visit_id=work.state.visit_id,
                settlement_id=command.subject,
                call=str(command.call),
                digest=call.digest,
                amount_fen=amount if command.call in SETTLE_CALLS | FINISH_CALLS else -amount,
                intended_at=at.now,
                sign_number=call.sign_number,
            )
        )

    async def _plan_payment(self, entry: Entry, work: Work, command: AskBank, at: At) -> None:
        """The same for a message to the bank."""
        try:
            call, intent = await self._payments.prepare(command, work.state, at.now)
        except Fault as fault:
            await self._follow(entry, work, what_happened(command, NotSent(fault.code, fault.detail), at.policy), at)
            return
        work.calls.append((command, call))
        work.intents.append(intent)

    async def _follow(self, entry: Entry, work: Work, event: Event, at: At) -> None:
        """Something of this step could not even be made: what follows from that."""
        step = flow.step(work.state, event, at)
        work.records.append(record_of(work.state, step.state, event, at.now))
        work.state = step.state
        for follow in step.commands:
            await self._plan(entry, work, follow, at)

    async def _prepare(self, entry: Entry, visit: Visit, command: CallCentre, now: dt.datetime) -> PreparedCall:
        holder = await self.visits.holder_of(entry, visit)
        # An admission's diagnoses stand with the bills, under the visit's own id.
        under = {
            Call.ADMIT: visit.visit_id,
            Call.UPLOAD_STAY_CHARGES: command.errand_id,
            Call.DISCHARGE: command.errand_id,
            Call.CHANGE_ADMISSION: command.errand_id,
        }.get(command.call, command.settlement_id)
        bill = await self.visits.bill_of(entry, under) if under else None
        request = centre_request(command, visit, holder, bill, now)
        if isinstance(request, Settle):
            request = evolve(request, password=self.passwords.get(command.settlement_id))
        return await self.means.centre.prepare(command.message_id, request, now)

    async def _unit(self, entry: Entry, work: Work, extra: Extra) -> Unit:
        now = self.means.now()
        answers: list[tuple[str, str, str]] = []
        if self.awaited(work.state.visit_id):  # else nobody needs the person, who would have to be read
            answers = self.finalise(work.state, await self.visits.holder_of(entry, work.state))
        return Unit(
            records=tuple(work.records),
            visit=work.state,
            now=now,
            person=extra.person,
            bill=extra.bill,
            request=extra.request,
            answers=tuple(answers),
            intents=tuple(work.intents),
            endings=(extra.ending,) if extra.ending else (),
            letters=tuple(work.letters),
            closed_letters=(extra.closed_letter,) if extra.closed_letter else (),
            feed=published(work.before, work.state, self.means.institution, now),
            meta=self._payments.marks(work.intents),
            card=self._payments.kept(work.state, extra.card),
            forgotten=self._payments.forgotten(work.before, work.state),
            version=work.version,
            epoch=work.epoch,
            since=work.since,
            shift_rows=became_certain(work.before, work.state),
            work=beside(work.before, work.state, extra.work, now),
        )

    # -- carrying out

    def _leave(self, visit_id: str, work: Work) -> list[Deferred[None]]:
        calls = []
        for command, call in work.calls:
            self._flying[command.message_id] = (visit_id, command, work.epoch)
            calls.append(spawn(self._carry(visit_id, command, call, work.epoch), "carry"))
        for record in work.records:
            if record.after == ErrandState.LEFT:
                # Nobody asked for it, so nobody hears of it: a person must ask the centre (visit.get says what for).
                log.error("engine.errand_left", visit_id=visit_id, errand_id=record.settlement_id)
            elif record.after == SettlementState.MANUAL != record.before:
                log.error("engine.handed_over", visit_id=visit_id, settlement_id=record.settlement_id)
                self.means.handed_over()
        if work.letters:
            self.letter_added()
        return calls

    async def _carry(
        self, visit_id: str, command: CallCentre | AskBank, call: PreparedCall | PreparedPayment, epoch: int
    ) -> None:
        means = self.means
        began = means.clock.seconds()

        def left() -> None:
            if isinstance(command, CallCentre) and command.call in MONEY_CALLS:
                spawn(self._note_left(visit_id, command, epoch), "first-byte")

        def late(outcome: Outcome[Any]) -> None:
            spawn(self._record(visit_id, command, outcome, epoch, late=True), "late")

        outcome: Outcome[Any]
        try:
            if isinstance(call, PreparedPayment):
                outcome = await self._payments.send(call, left, late)
            else:
                outcome = await means.centre.send(call, left, late)
        except Exception:
            # The port promises never to raise; if it does, what left is not known.
            log.exception("engine.send_raised", call=str(command.call))
            outcome = Unknown("crash")
        if isinstance(command, CallCentre):
            means.on_call(command.call, label(outcome), means.clock.seconds() - began)
        if command.message_id in self._flying:  # else a stop has already called it unknown
            await self._record(visit_id, command, outcome, epoch)

    async def _note_left(self, visit_id: str, command: CallCentre, epoch: int) -> None:
        try:
            await self.apply(visit_id, FirstByteLeft(command.settlement_id, command.message_id))
        except Fault as fault:
            log.warning("engine.first_byte_unrecorded", code=fault.code)
        except IllegalEvent:
            if self.means.journal.epoch == epoch:
                raise
            log.warning("engine.first_byte_unrecorded", code="system.node")  # whoever took it over has gone on

    async def _record(
        self, visit_id: str, command: CallCentre | AskBank, outcome: Outcome[Any], epoch: int, *, late: bool = False
    ) -> None:
        """Make the outcome durable; a journal that cannot be written is waited for, for the answer must not be lost.

        When the life that sent it is over, somebody calls it unknown: an answer about money is evidence to them, late.
        """
        means = self.means
        while True:
            over = means.journal.epoch != epoch
            money = isinstance(command, AskBank) or command.call in MONEY_CALLS
            if over and not (money and isinstance(outcome, Answered | Refused)):
                break
            event = what_happened(command, outcome, means.policy, late=late or over)
            ending = Ending(command.message_id, ("late " if late or over else "") + label(outcome), means.now())
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
                    fire(waiter)

    def _wake(self, visit_id: str, wake: WakeAt | WakePayer) -> None:
        key = timer_name(wake)
        if (old := self._timers.pop(key, None)) is not None and old.active():
            old.cancel()
        if self._stopping:
            return
        # A due time that a clock an hour ahead gave is looked at after the longest wait there is, not an hour later.
        delay = min(max(0.0, (wake.due - self.means.now()).total_seconds()), longest_wait_s(self.means.policy))
        self._timers[key] = self.means.clock.callLater(delay, self._due, visit_id, wake)

    def wake_all(self, visit: Visit) -> None:
        """The visit's due times are this node's from now on: after a restart, and when another node had them."""
        for settlement in visit.settlements:
            if settlement.next_due is not None:
                self._wake(visit.visit_id, WakeAt(settlement.settlement_id, settlement.next_due))
            for leg in settlement.legs:
                if leg.next_due is not None:
                    self._wake(visit.visit_id, WakePayer(settlement.settlement_id, leg.number, leg.next_due))
        for errand in visit.errands:
            if errand.next_due is not None:
                self._wake(visit.visit_id, WakeAt("", errand.next_due, errand.errand_id))

    def _due(self, visit_id: str, wake: WakeAt | WakePayer) -> None:
        self._timers.pop(timer_name(wake), None)
        spawn(self._apply_due(visit_id, wake), "due")

    async def _apply_due(self, visit_id: str, wake: WakeAt | WakePayer) -> None:
        """A few at a time, each until its call has ended: thousands that a dead life left must leave room for counters."""
        await self._pursued.acquire()
        try:
            if self._stopping:
                return
            version = await self.visits.owned(visit_id, self.means.journal.epoch)
            if version is None:
                return  # another node wrote it last: it pursues it
            if await self._is_early(visit_id, wake):
                return
            _, calls = await self._apply(visit_id, due_event(wake), NOTHING, version)
            for call in calls:
                await call
        except (Fault, StaleError) as exc:
            log.warning("engine.due_deferred", code=exc.code if isinstance(exc, Fault) else "stale")
            self._wake(visit_id, evolve(wake, due=self.means.now() + dt.timedelta(seconds=JOURNAL_RETRY_S)))
        finally:
            self._pursued.release()

    async def _is_early(self, visit_id: str, wake: WakeAt | WakePayer) -> bool:
        """Whether it waits for longer than a timer does, as for the day's file: nothing is written of that."""
        if isinstance(wake, WakePayer):
            return False
        visit, now = await self.visits.visit(visit_id), self.means.now()
        if wake.errand_id:
            errand = visit.errand(wake.errand_id)
            due, early = errand.next_due, errand_waits(errand, now)
        else:
            settlement = visit.settlement(wake.settlement_id)
            due = settlement.next_due
            early = settlement.state is SettlementState.UNKNOWN and waits(settlement, now, self.means.policy)
        if early and due is not None:
            self._wake(visit_id, evolve(wake, due=due))
        return early

    # -- the life of the process

    def forget(self) -> None:
        """This node's life is over: what it knew is read again, and what was due is somebody's who has a lease."""
        self._stop_timers()
        self.visits.forget_all()

    def refuse_new(self) -> None:
        """From now on no new work is begun; what was begun goes on."""
        self._stopping = True

    async def stop(self, drain_s: float) -> None:
        """Take nothing new; let what was sent end within ``drain_s``; what has not is Unknown, durably (invariant 25)."""
        self._stopping = True
        self._stop_timers()
        if self._lookout is not None:
            self._lookout.stop()
        if self._flying:
            idle: Deferred[None] = Deferred()
            self._idle_waiters.append(idle)
            limit = self.means.clock.callLater(drain_s, fire, idle)
            await idle
            if limit.active():
                limit.cancel()
        for visit_id, command, epoch in tuple(self._flying.values()):
            await self._record(visit_id, command, Unknown("stopping"), epoch)

    def _stop_timers(self) -> None:
        for timer in self._timers.values():
            if timer.active():
                timer.cancel()
        self._timers.clear()


async def nothing_follows(_letter: Letter, _accepted: HisAccepted) -> None:
    """Nobody wants to hear more."""


def _step(before: Visit | None, event: Event, at: At) -> Step[Visit]:
    if isinstance(event, RegistrationRequested):
        return flow.begin(event, at)
    if before is None:
        raise AssertionError("only a registration begins a visit")
    return flow.step(before, event, at)


def _trusted(since: dt.datetime, trusted: dt.datetime, now: dt.datetime) -> dt.datetime:
    """From when on times are true: before ``since`` another node's clock told them; ours may have stepped later."""
    return since if trusted < since <= now else trusted
