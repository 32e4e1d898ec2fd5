"""The HIS and the card readers, in memory."""

from __future__ import annotations

import random
from collections.abc import Callable

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from daemon.simulate.dials import Dials
from daemon.simulate.parts import Mortal
from daemon.simulate.story import Story
from daemon.simulate.trade import card_of
from middleware.domain.card import CardEvent, CardRead, ReaderStatus
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.domain.his import HisAccepted, HisMessage
from middleware.domain.outcome import Answered, NotSent, Outcome, Refused, Unknown


@frozen(slots=True)
class Posting:
    """What the HIS booked."""

    control_id: str
    message: HisMessage


class HisBook:
    """The HIS's own books; ``hears`` is asked at the moment of each hearing, before it is booked."""

    def __init__(self, clock: Clock, rng: random.Random, story: Story) -> None:
        self.clock = clock
        self.rng = rng
        self.story = story
        self.dials = Dials()
        self.postings: list[Posting] = []
        self.refused: set[str] = set()
        self.bodies: dict[str, str] = {}
        self.delivers: Callable[[object, str], None] = lambda _life, _control_id: None
        self.hears: Callable[[HisMessage], None] = lambda _message: None

    def hear(self, message: HisMessage) -> Outcome[HisAccepted]:
        """A letter is there; the same letter again gets the same answer and is booked once."""
        body = repr(message)
        known = self.bodies.setdefault(message.control_id, body)
        self.story.require("5", "one letter, one body", holds=known == body, about=message.control_id)
        self.hears(message)
        if message.control_id in self.refused:
            return Refused("AE", "不接收")
        if all(posting.control_id != message.control_id for posting in self.postings):
            if self.rng.random() < self.dials.his_refused:
                self.story.fault("his-refused", message.control_id)
                self.refused.add(message.control_id)
                return Refused("AE", "不接收")
            self.postings.append(Posting(message.control_id, message))
            self.story.tell(f"his booked {message.control_id}")
        return Answered(HisAccepted(f"PAT{message.control_id[1:]}"))


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
        pause = book.rng.uniform(0.005, 0.5)
        if draw() < book.dials.his_down:
            book.story.fault("his-down", message.control_id)
            book.clock.callLater(pause, self._end, ended, NotSent("his.unreachable"))
        elif draw() < book.dials.his_lost:
            book.story.fault("his-lost", message.control_id)
            if draw() < 0.5:  # noqa: PLR2004 - either the letter or its answer
                book.clock.callLater(pause, book.hear, message)
            book.clock.callLater(pause + 5, self._end, ended, Unknown("time-out"))
        else:
            book.clock.callLater(pause, self._hear, ended, message)
        return await ended

    def _hear(self, ended: Deferred[Outcome[HisAccepted]], message: HisMessage) -> None:
        outcome = self._book.hear(message)
        self._book.clock.callLater(self._book.rng.uniform(0.005, 0.2), self._end, ended, outcome)

    def _end(self, ended: Deferred[Outcome[HisAccepted]], outcome: Outcome[HisAccepted]) -> None:
        self._life.do(ended.callback, outcome)

    def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Nothing to stop."""

    def health(self) -> PartHealth:
        """Not asked here."""
        return PartHealth("his", Condition.GOOD)


class Readers:
    """Implements the port: the reader's name is the key of the person whose card lies in it."""

    async def read_card(self, reader: str) -> CardRead:
        """The card, at once."""
        if not reader:
            raise Fault("card.absent")
        return card_of(reader, reader)

    def statuses(self) -> tuple[ReaderStatus, ...]:
        """None are watched."""
        return ()

    def watch(self, observer: Callable[[CardEvent], None]) -> Callable[[], None]:  # noqa: ARG002 - the port's
        """Nobody pulls a card here."""
        return lambda: None

    def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Nothing to stop."""

    def health(self) -> PartHealth:
        """Not asked here."""
        return PartHealth("readers", Condition.GOOD)
