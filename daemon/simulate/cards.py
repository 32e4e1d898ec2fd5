"""Cards and readers in memory: the real procedure on cards that are pulled, swapped, slow, silent or worn out.

A reader is named after the person whose card is meant to lie in it. What counts is written down: how often each card was
read whole, for nothing may reach the centre about a card that was not.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from daemon.simulate.checks import Books
from daemon.simulate.dials import Dials
from daemon.simulate.parts import Mortal
from daemon.simulate.story import Story
from daemon.simulate.trade import KEYS, card_of
from middleware.domain.card import CardEvent, CardRead, ReaderStatus
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from readers.cards.social_security_read import CardContext, read_social_security_card
from simulators.card.faults import CardFaults, WithdrawnError
from simulators.card.virtual import VirtualCard
from simulators.people import PEOPLE

EXCHANGES = 17  # of a whole read
SLOW_S = 8.0
_SWAPPED = 0.3  # of the pulled ones, somebody else's card is put in
_MANNERS = (CardFaults(), CardFaults(get_response=True), CardFaults(padding=0xFF), CardFaults(select_forms=(0x00,)))
_STATUSES = (0x6F00, 0x6A82, 0x6982, 0x6283, 0x6581)


class CardRoom:
    """All cards and readers. ``whole`` counts whole reads by card number."""

    def __init__(self, clock: Clock, rng: random.Random, story: Story, today: Callable[[], dt.datetime]) -> None:
        self.clock = clock
        self.rng = rng
        self.story = story
        self.dials = Dials()
        self.whole: Counter[str] = Counter()
        self._today = today
        self._swapped: dict[str, str] = {}

    def read(self, reader: str) -> CardRead:
        """One read of the card that lies there, whole, or a fault. What is read is one person's."""
        person = self._swapped.get(reader, reader)
        card = VirtualCard(PEOPLE[person], self._faults(reader))

        def exchange(command: bytes) -> bytes:
            try:
                answer = card.answer(command)
            except WithdrawnError:
                raise Fault("card.withdrawn") from None
            if answer is None:
                raise Fault("card.mute")
            return answer

        context = CardContext(reader, "00", self._today().date())
        read = read_social_security_card(exchange, context).card
        self.story.require("8", f"a mixed card in {reader}", holds=read == card_of(person, reader), about=reader)
        self.whole[read.card_number.reveal()] += 1
        return read

    def slowly(self) -> float:
        """Seconds that this read takes: mostly none worth telling."""
        if self.rng.random() >= self.dials.bad_card:
            return 0.0
        self.story.fault("card-slow")
        return self.rng.uniform(0.1, SLOW_S)

    def _faults(self, reader: str) -> CardFaults:
        rng, at = self.rng, self.rng.randint(1, EXCHANGES)
        if rng.random() >= self.dials.bad_card:
            return rng.choice(_MANNERS)
        what = rng.choice(("pulled", "pulled", "silent", "status", "worn"))
        self.story.fault(f"card-{what}", f"{reader} at {at}")
        match what:
            case "silent":
                return CardFaults(silent_from=at)
            case "status":
                return CardFaults(status_at={at: rng.choice(_STATUSES)})
            case "worn":
                return rng.choice((CardFaults.wrong_length(0x08), CardFaults.not_bcd(0x0D), CardFaults.broken_name()))
        if rng.random() < _SWAPPED:
            self._swapped[reader] = rng.choice(KEYS)
        return CardFaults(withdraw_at=at)


class Readers:
    """Implements the port for one life of the node."""

    def __init__(self, room: CardRoom, life: Mortal) -> None:
        self._room = room
        self._life = life
        self._busy: set[str] = set()

    async def read_card(self, reader: str) -> CardRead:
        """See ``Readers.read_card``."""
        if reader in self._busy:
            raise Fault("reader.busy")
        self._busy.add(reader)
        try:
            if seconds := self._room.slowly():
                waiter: Deferred[None] = Deferred()
                self._life.graves.append(waiter)
                self._room.clock.callLater(seconds, self._life.do, waiter.callback, None)
                await waiter
            return self._room.read(reader)
        finally:
            self._busy.discard(reader)

    def statuses(self) -> tuple[ReaderStatus, ...]:
        """None are watched."""
        return ()

    def watch(self, observer: Callable[[CardEvent], None]) -> Callable[[], None]:  # noqa: ARG002 - the port's
        """Nobody looks: a card's absence decides nothing once it was read."""
        return lambda: None

    def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Nothing to stop."""

    def health(self) -> PartHealth:
        """Not asked here."""
        return PartHealth("readers", Condition.GOOD)


def a_card_that_was_not_read_whole_is_unknown_at_the_centre(b: Books, room: CardRoom) -> None:
    """Invariant 8: each registration of ours rests on a whole read of that very card, and each read is good for one."""
    ours: dict[str, set[str]] = {}
    for held in b.ledger.registry.visits.values():
        ours.setdefault(held.person, set()).add(held.our_number)
    for person, visits in ours.items():
        good = len(visits) <= room.whole[person]
        what = f"{len(visits)} registrations, the card was read whole {room.whole[person]} times"
        b.story.require("8", what, holds=good, about=min(visits))
