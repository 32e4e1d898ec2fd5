"""What a destination must be told, in order, until it says yes or no. The letters are in the database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import structlog
from attrs import evolve, frozen

from middleware.domain.command import NOTICES, WRITTEN, HisMatter, TellHis
from middleware.domain.destination import HIS
from middleware.domain.event import (
    Event,
    HisAcceptedCharges,
    HisAcceptedPatient,
    HisRefusedCharges,
    HisRefusedPatient,
)
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.domain.his import HisAccepted, RegisterPatient
from middleware.domain.outcome import Answered, NotSent, Outcome, Refused, Unknown
from middleware.engine.his_news import content_of
from middleware.engine.lanes import Lanes
from middleware.engine.runner import Engine
from middleware.engine.tasks import spawn
from middleware.engine.writing import Extra
from middleware.flow.requests import his_message
from middleware.flow.step import IllegalEvent
from middleware.ports import His
from middleware.store.codec import encode
from middleware.store.letters import refusal_note
from middleware.store.reader import Waiting
from middleware.store.units import Letter, Record, Unit

log = structlog.get_logger()

PAGE = 512  # letters read at a time
HELD = 4096  # at most in memory, and a page: of these a registration goes first, so a bound that is seldom met
FIRST_RETRY_S = 0.5
POLL_S = 0.25  # on a database that other nodes write into: their letters are ours to deliver while we hold the task
MAX_RETRY_S = 5.0  # a patient may be standing at the counter
OLD_S = 60.0


@frozen(slots=True)
class OutboxStats:
    """For metrics and health."""

    waiting: int
    oldest: dt.datetime | None
    attempts: int
    last: str


class Outbox:
    """One destination, in order for each patient: a letter that gets no answer holds those of its patient, and is repeated.

    At most ``width`` letters are out at a time, each of another patient, registrations before charges. The HIS may see a
    letter twice, always with the same control id and bytes. ``ours`` says whether this node is the one that delivers now;
    it is asked before each letter. Each destination has an outbox of its own, so that one that is down stops nobody else.
    """

    def __init__(
        self,
        engine: Engine,
        his: His,
        on_delivery: Callable[[str, str], None] = lambda _matter, _outcome: None,
        ours: Callable[[], bool] = lambda: True,
        poll_s: float = POLL_S,
        width: int = 1,
        name: str = HIS,
    ) -> None:
        self.name = name
        self._engine = engine
        self._his = his
        self._on_delivery = on_delivery
        self._ours = ours
        self._poll_s = poll_s
        self._width = width
        self._lanes = Lanes()
        self._out: set[int] = set()
        self._after = 0  # what is behind it has not been read
        self._anew = False  # read from the beginning next time
        self._more = False  # there was more than could be held
        self._answered: set[int] = set()  # while a page was read, which may still show them
        self._forgotten = False  # what is out belongs to another time: nothing is read before that has ended
        self._reading = False
        self._again = False
        self._sending = False
        self._stopped = False
        self._attempts = 0
        self._last = ""
        self._timers: dict[str, Any] = {}  # "" rests all lanes, a lane's key that one
        self._ticking: Any = None
        engine.letter_added = self.kick

    @property
    def stats(self) -> OutboxStats:
        """How it stands now."""
        oldest = min((one.letter.created_at for one in self._lanes), default=None)
        return OutboxStats(len(self._lanes), oldest, self._attempts, self._last)

    def start(self) -> None:
        """Go on with what an earlier life left."""
        if self._engine.means.shared and not self._stopped:
            self._ticking = self._engine.means.clock.callLater(self._poll_s, self.start)
            self._anew = self._anew or not len(self._lanes)
        self.kick()

    def stop(self) -> None:
        """Start nothing more. What is under way ends by itself; its letter stays if it got no answer."""
        self._stopped = True
        for timer in (*self._timers.values(), self._ticking):
            if timer is not None and timer.active():
                timer.cancel()

    def health(self) -> PartHealth:
        """DEGRADED when the oldest letter waits longer than a minute."""
        stats = self.stats
        part = part_of("outbox", self.name)
        detail = f"waiting {stats.waiting}"
        if stats.oldest is not None and (self._engine.means.now() - stats.oldest).total_seconds() > OLD_S:
            return PartHealth(part, Condition.DEGRADED, "his.no_answer", f"{detail}, last {stats.last}")
        return PartHealth(part, Condition.GOOD, "", detail)

    def look_again(self) -> None:
        """A letter that was closed is open again."""
        self._anew = True
        self.kick()

    def kick(self) -> None:
        """There may be something to deliver."""
        if self._stopped or "" in self._timers:
            return
        if self._reading:
            self._again = True
            return
        self._reading = True
        spawn(self._read(), "outbox")

    async def _read(self) -> None:
        try:
            while not self._stopped:
                self._again = False
                if not self._ours():
                    self._forget()
                    return
                if (self._forgotten and self._out) or len(self._lanes) >= HELD:
                    self._more = True  # whichever ends next asks again
                    return
                self._forgotten = False
                self._answered.clear()
                if self._anew:
                    self._after, self._anew = 0, False
                try:
                    page = await self._page()
                except Fault as fault:  # the database does not answer: look again, or no letter would leave any more
                    self._last = fault.code
                    self._later()
                    return
                self._take_in(page)
                self._more = len(page) == PAGE
                self._send_ready()
                # A page that was not full was all there was; what became durable since has kicked.
                if not self._again and not self._more:
                    return
        finally:
            self._reading = False

    async def _page(self) -> list[Waiting]:
        means = self._engine.means
        return await means.pool.run(means.reader.waiting_letters, self._after, PAGE, self.name)

    def _take_in(self, page: list[Waiting]) -> None:
        for waiting in page:
            if waiting.sequence not in self._answered:
                self._lanes.add(waiting)
        if page:
            self._after = page[-1].sequence

    def _forget(self) -> None:
        """Another node delivers; when it is ours again, the disk says what is left."""
        self._forgotten = self._anew = True
        self._lanes.clear()
        for key in [key for key in self._timers if key]:
            self._timers.pop(key).cancel()

    def _send_ready(self) -> None:
        """Let letters leave, as many as may be out. A letter that ends at once lets the next leave from here."""
        if self._sending:
            return
        self._sending = True
        try:
            while not self._stopped and "" not in self._timers and len(self._out) < self._width:
                waiting = self._lanes.take()
                if waiting is None:
                    return
                self._out.add(waiting.sequence)
                spawn(self._send(waiting), "outbox")
        finally:
            self._sending = False

    async def _send(self, waiting: Waiting) -> None:
        try:
            if await self._until_answered(waiting):
                self._answered.add(waiting.sequence)
                self._lanes.done(waiting)
        except Exception:
            log.exception("outbox.raised", matter=waiting.letter.matter)
            self._later(waiting, everybody=False)
        finally:
            self._out.discard(waiting.sequence)
        if self._more and len(self._lanes) <= HELD // 2:
            self.kick()
        self._send_ready()

    async def _until_answered(self, waiting: Waiting) -> bool:
        """Try once; False when its patient's letters, or all, must rest (a timer or the next reading goes on)."""
        epoch = self._engine.means.journal.epoch
        if not self._ours():
            self._forget()
            return False
        outcome = await self._deliver(waiting)
        self._on_delivery(waiting.letter.matter, type(outcome).__name__.lower())
        if not isinstance(outcome, Answered | Refused):
            self._last = outcome.fault if isinstance(outcome, NotSent) else outcome.cause
            self._later(waiting, everybody=isinstance(outcome, NotSent) and _concerns_all(outcome))
            return False
        if self._engine.means.journal.epoch != epoch:
            self._forget()
            self.kick()
            return False  # whoever delivers now asks the HIS again, and hears the same
        try:
            await self._close(waiting.letter, outcome, epoch)
        except Fault as fault:
            self._last = fault.code
            self._later(waiting)
            return False
        self._attempts = 0
        return True

    async def _close(self, letter: Letter, outcome: Answered[HisAccepted] | Refused, epoch: int) -> None:
        """Make the answer durable with what follows from it; from a copy's or a notice's nothing does."""
        if letter.copy or letter.matter in NOTICES:
            await self._engine.means.journal.commit(copy_closed(letter, outcome, self._engine.means.now(), epoch))
            return
        event, how = _event(letter, outcome)
        work = await self._engine.follows(letter, outcome.reply) if isinstance(outcome, Answered) else None
        try:
            await self._engine.apply(letter.visit_id, event, Extra(closed_letter=(letter.control_id, how), work=work))
        except IllegalEvent:
            log.exception("outbox.illegal_event", evt=type(event).__name__)
        if work is not None:
            self._engine.letter_added()

    def _later(self, waiting: Waiting | None = None, *, everybody: bool = True) -> None:
        """Rest: all lanes when the HIS or our own database is not there, else the lane that got no answer."""
        if self._stopped:
            return
        key, attempts = "", 1
        if waiting is not None:
            attempts = self._lanes.rest(waiting)
            key = "" if everybody else waiting.lane
        if not key:
            self._attempts = attempts = self._attempts + 1
            if waiting is not None:
                self._lanes.wake(waiting.lane)  # it may be the first again, after the rest of all
            if "" in self._timers:
                return
        delay = min(MAX_RETRY_S, FIRST_RETRY_S * 2 ** min(attempts - 1, 10))
        delay *= 1 + self._engine.means.jitter() / 4
        self._timers[key] = self._engine.means.clock.callLater(delay, self._rested, key)

    def _rested(self, key: str) -> None:
        self._timers.pop(key, None)
        if key:
            self._lanes.wake(key)
        else:
            self.kick()
        self._send_ready()

    async def _deliver(self, waiting: Waiting) -> Outcome[HisAccepted]:
        letter = waiting.letter
        engine = self._engine
        try:
            if letter.matter in WRITTEN:
                return await self._his.deliver(await content_of(engine.means, letter))
            # The disk may show a letter a moment before its visit is here: what is being written is waited for.
            async with engine.visits.alone(letter.visit_id):
                visit = await engine.visits.visit(letter.visit_id)
            holder = await engine.visits.holder(visit)
            bill = await engine.visits.bill(visit.visit_id, letter.settlement_id) if letter.settlement_id else None
            command = TellHis(HisMatter(letter.matter), letter.control_id, letter.settlement_id)
            message = his_message(command, visit, holder, bill, letter.created_at)
            if letter.copy and isinstance(message, RegisterPatient):
                # The number that its own HIS has given meanwhile: a copy leaves only after that.
                message = evolve(message, patient_number=visit.patient_number)
            return await self._his.deliver(message)
        except Fault as fault:
            if fault.code == "his.message":
                return Refused(fault.code, fault.detail)  # it can never be delivered: a person must see it
            return NotSent(fault.code, fault.detail)
        except Exception:
            log.exception("outbox.deliver_raised", matter=letter.matter)
            return Unknown("crash")


def part_of(part: str, destination: str) -> str:
    """The name under which a destination's part tells its health."""
    return part if destination == HIS else f"{part}.{destination}"


def copy_closed(letter: Letter, outcome: Answered[HisAccepted] | Refused, now: dt.datetime, epoch: int) -> Unit:
    """What is written when a copy or a notice was answered: the record, and for a person why it was refused."""
    refused = isinstance(outcome, Refused)
    how = f"refused {outcome.code}" if isinstance(outcome, Refused) else "accepted"
    body = {"destination": letter.destination, "control_id": letter.control_id, "outcome": how}
    body |= {"visit_id": letter.visit_id, "settlement": letter.settlement_id}
    record = Record(now, "", "", "LetterRefused" if refused else "LetterAccepted", "", "", encode(body))
    puts = (refusal_note(letter.control_id, outcome, now),) if isinstance(outcome, Refused) else ()
    return Unit(records=(record,), now=now, closed_letters=((letter.control_id, how),), puts=puts, epoch=epoch)


def _concerns_all(outcome: NotSent) -> bool:
    """Whether no letter would leave now, whoever it is about."""
    return outcome.fault == "his.unreachable" or outcome.fault.startswith("system.")


def _event(letter: Letter, outcome: Answered[HisAccepted] | Refused) -> tuple[Event, str]:
    cancelled = letter.matter == HisMatter.CANCELLED
    match outcome:
        case Answered(accepted):
            if letter.matter == HisMatter.REGISTERED:
                return HisAcceptedPatient(accepted.patient_number), "accepted"
            return HisAcceptedCharges(letter.settlement_id, cancelled), "accepted"
        case Refused(code, message):
            if letter.matter == HisMatter.REGISTERED:
                return HisRefusedPatient(code, message), f"refused {code}"
            return HisRefusedCharges(letter.settlement_id, cancelled, code, message), f"refused {code}"
