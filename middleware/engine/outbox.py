"""What a destination must be told, in order, until it says yes or no. The letters are in the database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import structlog
from attrs import evolve, frozen

from middleware.domain.command import NOTICES
from middleware.domain.destination import HIS
from middleware.domain.event import HisAcceptedPatient
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.domain.his import HisAccepted
from middleware.domain.numbering import Judged
from middleware.domain.outcome import Answered, NotSent, Outcome, Refused, Unknown
from middleware.engine.closing import Later, concerns_all, copy_closed, event_of, part_of, together
from middleware.engine.composing import message_of
from middleware.engine.lanes import Lanes
from middleware.engine.learning import learn
from middleware.engine.numbering import Numbering
from middleware.engine.runner import Engine
from middleware.engine.tasks import spawn
from middleware.engine.writing import Extra
from middleware.flow.step import IllegalEvent
from middleware.ports import His
from middleware.store.letters import Work, still_waiting
from middleware.store.reader import Waiting
from middleware.store.units import Letter

log = structlog.get_logger()

PAGE = 512  # letters read at a time
HELD = 4096  # at most in memory, and a page: of these a registration goes first, so a bound that is seldom met
FIRST_RETRY_S = 0.5
POLL_S = 0.25  # on a database that other nodes write into: their letters are ours to deliver while we hold the task
MAX_RETRY_S = 5.0  # a patient may be standing at the counter
OLD_S = 60.0
_ONE_LANE = "*"  # of a destination whose letters bear numbers


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
        later: Later | None = None,
    ) -> None:
        self.name = name
        self._later_answers = later
        self._committed: set[str] = set()  # arrived, and what is made of it is answered elsewhere
        self._known_elsewhere: set[str] = set()  # answered there while it was out, or waited here
        self._works: dict[str, Work] = {}  # what is written with a letter's answer
        self.numbering: Numbering | None = None  # set before ``start``: its letters bear numbers and leave one by one
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
        """DEGRADED when the oldest letter waits longer than a minute; DOWN while its numbers do not fit."""
        stats = self.stats
        part = part_of("outbox", self.name)
        if self.numbering is not None and (frozen := self.numbering.health(part)) is not None:
            return frozen
        detail = f"waiting {stats.waiting}"
        if stats.oldest is not None and (self._engine.means.now() - stats.oldest).total_seconds() > OLD_S:
            return PartHealth(part, Condition.DEGRADED, "his.no_answer", f"{detail}, last {stats.last}")
        return PartHealth(part, Condition.GOOD, "", detail)

    async def answered_elsewhere(self, sequence: int, letter: Letter, outcome: Answered[HisAccepted] | Refused) -> None:
        """What the other side makes of a letter came over another connection. Durable when this returns.

        Raises ``Fault``: ``desk.stale`` when the letter has an answer already.
        """
        await self._close(letter, outcome, self._engine.means.journal.epoch)
        self._committed.discard(letter.control_id)
        self._answered.add(sequence)
        here = next((one for one in self._lanes if one.sequence == sequence), None)
        if here is None:
            return
        self._known_elsewhere.add(letter.control_id)
        if (timer := self._timers.pop(here.lane, None)) is not None and timer.active():
            timer.cancel()
            self._lanes.wake(here.lane)
            self._send_ready()

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
        page = await means.pool.run(means.reader.waiting_letters, self._after, PAGE, self.name)
        if self.numbering is not None and not len(self._lanes) and not self._out:
            # Whatever opened before it again: the letter that bears the last number has its answer first.
            self._take_in(await means.pool.run(means.reader.numbered_letters, self.name), first=True)
        return page

    def _take_in(self, page: list[Waiting], *, first: bool = False) -> None:
        for waiting in page:
            if waiting.sequence not in self._answered:
                self._lanes.add(waiting if self.numbering is None else evolve(waiting, lane=_ONE_LANE, also=()))
        if first:
            return
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
        if await self._has_answer(waiting):
            return True
        outcome = await self._deliver(waiting)
        self._on_delivery(waiting.letter.matter, type(outcome).__name__.lower())
        if waiting.letter.control_id in self._known_elsewhere:  # that answer came before this one
            self._known_elsewhere.discard(waiting.letter.control_id)
            self._works.pop(waiting.letter.control_id, None)
            return True
        if not isinstance(outcome, Answered | Refused):
            self._last = outcome.fault if isinstance(outcome, NotSent) else outcome.cause
            self._later(waiting, everybody=isinstance(outcome, NotSent) and concerns_all(outcome))
            return False
        if self._engine.means.journal.epoch != epoch:
            self._forget()
            self.kick()
            return False  # whoever delivers now asks the HIS again, and hears the same
        if isinstance(outcome, Answered) and outcome.reply.committed:
            self._wait_for_more(waiting)
            return False
        return await self._closed(waiting, outcome, epoch)

    async def _closed(self, waiting: Waiting, outcome: Answered[HisAccepted] | Refused, epoch: int) -> bool:
        try:
            await self._close(waiting.letter, outcome, epoch)
        except Fault as fault:
            if fault.code == "desk.stale":  # answered elsewhere meanwhile, or given up
                return True
            self._last = fault.code
            self._later(waiting)
            return False
        self._attempts = 0
        return True

    async def _has_answer(self, waiting: Waiting) -> bool:
        """Whether it has been answered since it was read: elsewhere, perhaps at another node."""
        control_id = waiting.letter.control_id
        if control_id in self._known_elsewhere:
            self._known_elsewhere.discard(control_id)
            return True
        if control_id not in self._committed:
            return False
        means = self._engine.means
        return not await means.pool.run(means.reader.letter_waits, control_id)

    def _wait_for_more(self, waiting: Waiting) -> None:
        """It arrived. Its patient's next letter waits until the other side has said what it makes of it, or too long."""
        if self._later_answers is None or self._stopped:
            return
        self._attempts = 0
        self._committed.add(waiting.letter.control_id)
        self._timers[waiting.lane] = self._engine.means.clock.callLater(
            self._later_answers.timeout_s, self._nothing_came, waiting
        )

    def _nothing_came(self, waiting: Waiting) -> None:
        """In time. That is a yes where only a no is told; else the letter goes again, and is answered again."""
        if self._later_answers is None or not self._later_answers.silence_is_yes:
            self._rested(waiting.lane)
            return
        self._timers.pop(waiting.lane, None)
        spawn(self._taken_for_yes(waiting), "outbox")

    async def _taken_for_yes(self, waiting: Waiting) -> None:
        if await self._closed(waiting, Answered(HisAccepted()), self._engine.means.journal.epoch):
            self._answered.add(waiting.sequence)
            self._committed.discard(waiting.letter.control_id)
            self._lanes.done(waiting)
            self._send_ready()

    async def _close(self, letter: Letter, outcome: Answered[HisAccepted] | Refused, epoch: int) -> None:
        """Make the answer durable and what follows; of a copy or notice nothing does. ``desk.stale``: it has one."""
        work = self._works.pop(letter.control_id, None)
        if self._later_answers is not None:  # two connections may bring an answer
            work = together(still_waiting(letter.control_id), work)
        if letter.copy or letter.matter in NOTICES:
            unit = evolve(copy_closed(letter, outcome, self._engine.means.now(), epoch), work=work)
            await self._engine.means.journal.commit(unit)
            return
        event, how = event_of(letter, outcome)
        if isinstance(event, HisAcceptedPatient):
            # Before the letter is closed: should this life end between the two, the HIS is asked again.
            await learn(self._engine, letter.visit_id, event.patient_number, epoch)
        follows = await self._engine.follows(letter, outcome.reply) if isinstance(outcome, Answered) else None
        work = together(work, follows) if work and follows else work or follows
        try:
            extra = Extra(closed_letter=(letter.control_id, how), work=work)
            await self._engine.apply(letter.visit_id, event, extra)
        except IllegalEvent:
            log.exception("outbox.illegal_event", evt=type(event).__name__)
        if follows is not None:
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
        try:
            message = await message_of(self._engine, letter)
            if self.numbering is None:
                return await self._his.deliver(message)
            return self._judged(letter, await self.numbering.tell(letter, message))
        except Fault as fault:
            if fault.code == "his.message":
                no = Refused(fault.code, fault.detail)  # it can never be delivered: a person must see it
                return no if self.numbering is None else self._judged(letter, Judged(no, counted=False))
            return NotSent(fault.code, fault.detail)
        except Exception:
            log.exception("outbox.deliver_raised", matter=letter.matter)
            return Unknown("crash")

    def _judged(self, letter: Letter, judged: Judged) -> Outcome[HisAccepted]:
        """The outcome; what its number became is written with it."""
        if self.numbering is not None and isinstance(judged.outcome, Answered | Refused):
            self._works[letter.control_id] = self.numbering.work_of(letter, judged)
        return judged.outcome
