"""The HIS in memory: letters arrive as bytes, and so do its answers."""

from __future__ import annotations

import random
from collections.abc import Callable

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from daemon.simulate import letters
from daemon.simulate.dials import Dials
from daemon.simulate.parts import Mortal
from daemon.simulate.story import Story
from middleware.domain.health import Condition, PartHealth
from middleware.domain.his import HisAccepted, HisMessage, PostCharges, RegisterPatient
from middleware.domain.money import Money
from middleware.domain.outcome import Answered, NotSent, Outcome, Refused, Unknown

_SILENCE_S = 5.0
Heard = RegisterPatient | PostCharges


@frozen(slots=True)
class Posting:
    """What the HIS booked."""

    control_id: str
    message: Heard


class HisBook:
    """The HIS's own books; ``hears`` is asked at the moment of each hearing, before it is booked."""

    def __init__(self, clock: Clock, rng: random.Random, odd: random.Random, story: Story, mark: str = "") -> None:
        self.clock = clock
        self.rng = rng
        self.odd = odd  # for what happens to answers on their way
        self.story = story
        self.mark = mark  # of the control ids of what it is told
        self.dials = Dials()
        self.postings: list[Posting] = []
        self.refused: set[str] = set()
        self.bodies: dict[str, bytes] = {}
        self.delivers: Callable[[object, str], None] = lambda _life, _control_id: None
        self.hears: Callable[[HisMessage], None] = lambda _message: None

    def hear(self, message: HisMessage, block: bytes) -> bytes:
        """A letter is there: its answer. The same letter again gets the same answer and is booked once."""
        if not isinstance(message, Heard):
            raise TypeError("no profile of a simulated hospital has such messages")
        known = self.bodies.setdefault(message.control_id, block)
        self.story.require("5", "one letter, one body", holds=known == block, about=message.control_id)
        letter = letters.heard(block)
        self.story.require("28", "the HIS reads another letter", holds=letter == _meant(message), about=message.control_id)
        outcome = self._business(message)
        number = letter.control_id
        if isinstance(outcome, Refused):
            return letters.acknowledgement(number, outcome.code, outcome.message, "")
        return letters.acknowledgement(number, "AA", "", f"PAT{number[1:]}")

    def _business(self, message: Heard) -> Outcome[HisAccepted]:
        self.hears(message)
        if message.control_id in self.refused:
            return Refused("AE", "不接收")
        if all(posting.control_id != message.control_id for posting in self.postings):
            self._in_order(message)
            if self.rng.random() < self.dials.his_refused:
                self.story.fault("his-refused", message.control_id)
                self.refused.add(message.control_id)
                return Refused("AE", "不接收")
            self.postings.append(Posting(message.control_id, message))
            self.story.tell(f"his booked {message.control_id}")
        return Answered(HisAccepted())

    def _in_order(self, message: Heard) -> None:
        """In order per patient: a visit before its charges, charges before their cancellation; a refusal is an answer."""
        number = message.control_id
        if not isinstance(message, PostCharges):
            late = any(
                getattr(posting.message, "settlement_id", "") and posting.message.visit_id == message.visit_id
                for posting in self.postings
            )
            self.story.require("order", "a visit is heard after its charges", holds=not late, about=number)
        elif message.cancelled:
            before = "P" + message.settlement_id[1:] + self.mark
            heard = before in self.refused or any(posting.control_id == before for posting in self.postings)
            self.story.require("order", f"a cancellation is heard before {before}", holds=heard, about=number)


def _meant(message: Heard) -> letters.Letter:
    """What a letter should say."""
    holder = message.holder
    who = (message.control_id, holder.card_number.reveal(), holder.name.reveal())
    if not isinstance(message, PostCharges):
        return letters.Letter(*who)
    split = message.split
    sign = -1 if message.cancelled and split.total.fen > 0 else 1
    amounts = tuple(Money(sign * one.fen).yuan for one in (split.total, split.fund, split.account, split.cash))
    return letters.Letter(*who, message.settlement_number, message.cancelled, amounts)


class HisLink:
    """Implements ``His`` for one life of the node."""

    def __init__(self, book: HisBook, life: Mortal) -> None:
        self._book = book
        self._life = life

    async def deliver(self, message: HisMessage) -> Outcome[HisAccepted]:
        """See ``His.deliver``."""
        book, draw = self._book, self._book.rng.random
        ended: Deferred[Outcome[HisAccepted]] = Deferred()
        self._life.graves.append(ended)
        if not self._life.alive:
            return await ended
        book.delivers(self._life, message.control_id)
        block = letters.bytes_of(message)
        pause = book.rng.uniform(0.005, 0.5)
        if draw() < book.dials.his_down:
            book.story.fault("his-down", message.control_id)
            book.clock.callLater(pause, self._end, ended, NotSent("his.unreachable"))
        elif draw() < book.dials.his_lost:
            book.story.fault("his-lost", message.control_id)
            if draw() < 0.5:  # noqa: PLR2004 - either the letter or its answer
                book.clock.callLater(pause, book.hear, message, block)
            book.clock.callLater(pause + _SILENCE_S, self._end, ended, Unknown("time-out"))
        else:
            book.clock.callLater(pause, self._hear, ended, message, block)
        return await ended

    def _hear(self, ended: Deferred[Outcome[HisAccepted]], message: HisMessage, block: bytes) -> None:
        book, number = self._book, message.control_id
        answer, way = book.hear(message, block), ""
        if book.odd.random() < book.dials.his_corrupted:
            way, answer = letters.spoiled(answer, number, book.odd)
            book.story.fault("his-corrupted", f"{number} {way}")
        outcome = letters.understood(answer, number)
        if way:
            good = outcome is None or isinstance(outcome, Unknown)
            book.story.require("29", f"{way} is read as an answer", holds=good, about=number)
        pause = book.rng.uniform(0.005, 0.2)
        if outcome is None:  # the link goes on waiting for its own
            book.clock.callLater(_SILENCE_S, self._end, ended, Unknown("time-out"))
        else:
            book.clock.callLater(pause, self._end, ended, outcome)

    def _end(self, ended: Deferred[Outcome[HisAccepted]], outcome: Outcome[HisAccepted]) -> None:
        self._life.do(ended.callback, outcome)

    def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Nothing to stop."""

    def health(self) -> PartHealth:
        """Not asked here."""
        return PartHealth("his", Condition.GOOD)
