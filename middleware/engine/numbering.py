"""The sequence numbers of one destination: given durably before a message leaves, judged by what the other side expects."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from middleware.domain.health import Condition, PartHealth
from middleware.domain.his import HisMessage
from middleware.domain.numbering import FAULT, RESYNC, START, Judged, LinkState, Numbers, judge, judge_start
from middleware.domain.outcome import NotSent, Unknown
from middleware.engine.identifiers import new_id
from middleware.engine.runner import Engine
from middleware.ports import NumberedHis
from middleware.store.codec import encode
from middleware.store.numbers import Work, answered, give, taken_back, turned
from middleware.store.units import Letter, Record, Unit

log = structlog.get_logger()

_CONTROL_ID = 20  # HL7 2.5: the longest MSH-10


class Numbering:
    """Tells letters under their numbers, one at a time; a link whose numbers do not fit is frozen, durably.

    ``read`` gives the numbers as the disk has them. ``ask``: the first letter of this life waits for the answer to a 0.
    ``committed``: a yes of this link says only that a message arrived.
    """

    def __init__(
        self, engine: Engine, his: NumberedHis, name: str, read: Callable[[str], Numbers], *, ask: bool, committed: bool
    ) -> None:
        self._engine = engine
        self._his = his
        self._name = name
        self._read = read
        self._ask = ask
        self._committed = committed
        self._seen = Numbers()

    async def tell(self, letter: Letter, message: HisMessage) -> Judged:
        """Tell it. ``Judged.outcome`` is what became of the letter; the rest is written when that is (``work_of``)."""
        numbers = await self._opened()
        if numbers.state is LinkState.FROZEN:
            return Judged(NotSent(FAULT, numbers.why))
        if numbers.state is not LinkState.OPEN:
            return Judged(Unknown("time-out", "the numbers are not agreed yet"))
        given: list[tuple[int, bool]] = []
        body: dict[str, object] = {"destination": self._name, "control_id": letter.control_id}
        await self._commit("LetterNumbered", body, give(self._name, letter.control_id, self._engine.means.now(), given))
        (number, new) = given[-1]
        told = await self._his.tell(message, number)
        if new and isinstance(told.outcome, NotSent):
            back = taken_back(self._name, letter.control_id, self._engine.means.now())
            await self._commit("LetterNumberTakenBack", body | {"number": number}, back)
            return Judged(told.outcome)
        judged = judge(number, told.outcome, told.expected, repeated=not new, committed=self._committed)
        if judged.frozen and isinstance(judged.outcome, NotSent):
            await self._turn(LinkState.FROZEN, judged.frozen)
        return judged

    def work_of(self, letter: Letter, judged: Judged) -> Work:
        """What is written with the letter's answer."""
        now = self._engine.means.now()
        if judged.frozen:
            log.error("his.sequence.frozen", destination=self._name, why=judged.frozen)
            self._seen = Numbers(self._seen.next, "", LinkState.FROZEN, judged.frozen)
        return answered(self._name, letter.control_id, now, counted=judged.counted, frozen=judged.frozen)

    def health(self, part: str) -> PartHealth | None:
        """DOWN while it is frozen, as far as was seen."""
        if self._seen.state is LinkState.FROZEN:
            return PartHealth(part, Condition.DOWN, FAULT, self._seen.why)
        return None

    async def _opened(self) -> Numbers:
        """How the link stands after it was started or resynchronised, where one of the two is due."""
        numbers = await self._look()
        state = LinkState.START if self._ask and numbers.state is LinkState.OPEN else numbers.state
        if state not in {LinkState.START, LinkState.RESYNC}:
            return numbers
        means, sent = self._engine.means, RESYNC if state is LinkState.RESYNC else START
        control_id = new_id(means, "N")[:_CONTROL_ID]
        told = await self._his.ask_number(control_id, means.now(), sent)
        if isinstance(told.outcome, NotSent | Unknown):
            return Numbers(numbers.next, numbers.open, LinkState.START)
        after, why = judge_start(sent, numbers, told.outcome, told.expected)
        self._ask = False
        await self._turn(after, why)
        return await self._look()

    async def _look(self) -> Numbers:
        self._seen = await self._engine.means.pool.run(self._read, self._name)
        return self._seen

    async def _turn(self, state: LinkState, why: str) -> None:
        if state is LinkState.FROZEN:
            log.error("his.sequence.frozen", destination=self._name, why=why)
        now = self._engine.means.now()
        event = "HisLinkFrozen" if state is LinkState.FROZEN else "HisLinkOpened"
        await self._commit(event, {"destination": self._name, "why": why}, turned(self._name, state, why, now))
        self._seen = Numbers(self._seen.next, self._seen.open, state, why)

    async def _commit(self, event: str, body: dict[str, object], work: Work) -> None:
        means = self._engine.means
        now = means.now()
        record = Record(now, "", "", event, "", "", encode(body))
        await means.journal.commit(Unit(records=(record,), now=now, work=work, epoch=means.journal.epoch))
