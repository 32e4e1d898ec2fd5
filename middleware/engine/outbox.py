"""What the HIS must be told, in order, until it says yes or no. Survives restarts: the letters are in the database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import structlog
from attrs import define

from middleware.domain.command import HisMatter, TellHis
from middleware.domain.event import (
    Event,
    HisAcceptedCharges,
    HisAcceptedPatient,
    HisRefusedCharges,
    HisRefusedPatient,
)
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.domain.his import HisAccepted
from middleware.domain.outcome import Answered, NotSent, Outcome, Refused, Unknown
from middleware.engine.runner import Engine
from middleware.engine.tasks import spawn
from middleware.engine.writing import Extra
from middleware.flow.requests import his_message
from middleware.flow.step import IllegalEvent
from middleware.ports import His
from middleware.store.reader import Waiting

log = structlog.get_logger()

PAGE = 64
FIRST_RETRY_S = 0.5
POLL_S = 0.25  # on a database that other nodes write into: their letters are ours to deliver while we hold the task
MAX_RETRY_S = 5.0  # a patient may be standing at the counter
OLD_S = 60.0


@define
class OutboxStats:
    """For metrics and health."""

    waiting: int = 0
    oldest: dt.datetime | None = None
    attempts: int = 0
    last: str = ""


class Outbox:
    """One destination, strictly in order: a letter that gets no answer holds the ones behind it, and is repeated.

    The HIS may see a letter twice, always with the same control id and bytes. ``ours`` says whether this node is the one
    that delivers now; it is asked before each letter.
    """

    def __init__(
        self,
        engine: Engine,
        his: His,
        on_delivery: Callable[[str, str], None] = lambda _matter, _outcome: None,
        ours: Callable[[], bool] = lambda: True,
        poll_s: float = POLL_S,
    ) -> None:
        self._engine = engine
        self._his = his
        self._on_delivery = on_delivery
        self._ours = ours
        self._poll_s = poll_s
        self._after = 0
        self._running = False
        self._again = False
        self._stopped = False
        self._timer: Any = None
        self._ticking: Any = None
        self.stats = OutboxStats()
        engine.letter_added = self.kick

    def start(self) -> None:
        """Go on with what an earlier life left."""
        self.kick()
        if self._engine.means.shared and not self._stopped:
            self._ticking = self._engine.means.clock.callLater(self._poll_s, self.start)

    def stop(self) -> None:
        """Start nothing more. What is under way ends by itself; its letter stays if it got no answer."""
        self._stopped = True
        for timer in (self._timer, self._ticking):
            if timer is not None and timer.active():
                timer.cancel()

    def health(self) -> PartHealth:
        """DEGRADED when the oldest letter waits longer than a minute."""
        oldest = self.stats.oldest
        detail = f"waiting {self.stats.waiting}"
        if oldest is not None and (self._engine.means.now() - oldest).total_seconds() > OLD_S:
            return PartHealth("outbox", Condition.DEGRADED, "his.no_answer", f"{detail}, last {self.stats.last}")
        return PartHealth("outbox", Condition.GOOD, "", detail)

    def kick(self) -> None:
        """There may be something to deliver."""
        if self._stopped or (self._timer is not None and self._timer.active()):
            return
        if self._running:
            self._again = True
            return
        self._running = True
        spawn(self._run(), "outbox")

    async def _run(self) -> None:
        try:
            while not self._stopped:
                self._again = False
                if not self._ours():
                    self._after = 0
                    return
                try:
                    page = await self._page()
                except Fault as fault:  # the database does not answer: look again, or no letter would leave any more
                    self.stats.last = fault.code
                    self.stats.attempts += 1
                    self._later()
                    return
                self.stats.waiting = len(page)
                self.stats.oldest = page[0].letter.created_at if page else None
                for waiting in page:
                    if not await self._until_answered(waiting):
                        return
                    self.stats.waiting -= 1
                # A page that was not full was all there was; what became durable since has kicked.
                if len(page) < PAGE and not self._again:
                    self.stats.oldest = None
                    return
        finally:
            self._running = False

    async def _page(self) -> list[Waiting]:
        means = self._engine.means
        return await means.pool.run(means.reader.waiting_letters, self._after, PAGE)

    async def _until_answered(self, waiting: Waiting) -> bool:
        """Try once; False when it must wait and the loop must end (a timer will begin it anew)."""
        epoch = self._engine.means.journal.epoch
        if not self._ours():
            return False
        self.stats.attempts += 1
        outcome = await self._deliver(waiting)
        self._on_delivery(waiting.letter.matter, type(outcome).__name__.lower())
        if not isinstance(outcome, Answered | Refused):
            self.stats.last = outcome.fault if isinstance(outcome, NotSent) else outcome.cause
            self._later()
            return False
        if self._engine.means.journal.epoch != epoch:
            return False  # whoever delivers now asks the HIS again, and hears the same
        event, how = _event(waiting, outcome)
        try:
            await self._engine.apply(waiting.letter.visit_id, event, Extra(closed_letter=(waiting.letter.control_id, how)))
        except IllegalEvent:
            log.exception("outbox.illegal_event", evt=type(event).__name__)
        except Fault as fault:
            self.stats.last = fault.code
            self._later()
            return False
        self._after = waiting.sequence
        self.stats.attempts = 0
        return True

    def _later(self) -> None:
        if self._stopped:
            return
        delay = min(MAX_RETRY_S, FIRST_RETRY_S * 2 ** min(self.stats.attempts - 1, 10))
        delay *= 1 + self._engine.means.jitter() / 4
        self._running = False
        self._timer = self._engine.means.clock.callLater(delay, self.kick)

    async def _deliver(self, waiting: Waiting) -> Outcome[HisAccepted]:
        letter = waiting.letter
        engine = self._engine
        try:
            visit = await engine.visits.visit(letter.visit_id)
            holder = await engine.visits.holder(visit)
            bill = await engine.visits.bill(visit.visit_id, letter.settlement_id) if letter.settlement_id else None
            command = TellHis(HisMatter(letter.matter), letter.control_id, letter.settlement_id)
            message = his_message(command, visit, holder, bill, letter.created_at)
            return await self._his.deliver(message)
        except Fault as fault:
            if fault.code == "his.message":
                return Refused(fault.code, fault.detail)  # it can never be delivered: a person must see it
            return NotSent(fault.code, fault.detail)
        except Exception:
            log.exception("outbox.deliver_raised", matter=letter.matter)
            return Unknown("crash")


def _event(waiting: Waiting, outcome: Answered[HisAccepted] | Refused) -> tuple[Event, str]:
    letter = waiting.letter
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
