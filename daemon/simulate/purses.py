"""Cards with medical accounts: the one command of a debit, cards that lose power around it, and who pays with them.

A card is one thing in the world: what it did, it did, whether or not anybody heard of it. Its books are its own.
"""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from typing import cast

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from daemon.simulate.cards import CardRoom, Readers
from daemon.simulate.dials import Dials
from daemon.simulate.parts import Mortal
from daemon.simulate.story import Story
from middleware.domain.card_debit import Accounts, DebitChallenge, DebitOrder, DebitProof, DebitReceipt, record_of
from middleware.domain.card_key import OpenedCard, Pin
from middleware.domain.fault import Fault
from middleware.domain.identity import CardIdCode, CardNumber
from middleware.domain.order import Caller
from middleware.engine.card_debit import CardDebiting
from middleware.engine.card_sessions import CardSessions, Leases
from middleware.engine.debit_desk import DebitDesk
from middleware.engine.service import CounterService
from middleware.ports import CardSession, DebitKeys
from middleware.store.card_debits import Debit
from simulators.people import PEOPLE

SHARE = {"crashes": 1.0, "hostile": 0.1, "nodes": 0.1}  # of a profile's days
_PSAM = "PSAM01"
FUNDS = 1_000_000  # fen
_BAD = 0.35  # of commands, where cards are bad at all
_WAYS = ("before", "after", "mute", "mute-after", "refused", "mac")
_YEAR = "2026"


def drawn(seed: int, profile: str) -> bool:
    """Whether somebody pays from a card on this seed's day; by a stream of its own, as ``copies.drawn``."""
    rng = random.Random(f"chip/{profile}/{seed}")  # noqa: S311 - seeded randomness is the point
    return rng.random() < SHARE.get(profile, 0.0)


@define
class Purse:
    """One card. ``done``: transaction numbers of what it did for us; ``elsewhere``: fen that other terminals moved."""

    key: str
    balance: int = FUNDS
    pooled: int = 0
    counter: int = 0
    last: int = -1
    record: tuple[str, ...] = ()
    elsewhere: int = 0
    done: list[str] = field(factory=list)
    holder: Mortal | None = None  # the life in whose reader it lies and is held

    def accounts(self) -> Accounts:
        """What it says."""
        return Accounts(self.balance, _YEAR, self.pooled, self.last, self.record)

    def debit(self, order: DebitOrder, terminal: str, at: str, number: str) -> None:
        """It is done."""
        self._logged(order, terminal, at)
        self.done.append(number)

    def abroad(self, order: DebitOrder, at: str) -> None:
        """Another hospital's terminal debits it."""
        self._logged(order, "999999999999", at)
        self.elsewhere += order.individual_fen

    def _logged(self, order: DebitOrder, terminal: str, at: str) -> None:
        self.balance -= order.individual_fen
        self.pooled += order.pooled_fen
        self.counter += 1
        self.last += 1
        self.record = record_of(order, terminal, at)


class PurseRoom:
    """All such cards. ``commands``: how often each transaction's command left; ``whose``: the card of each."""

    def __init__(self, clock: Clock, rng: random.Random, story: Story, looker: sqlite3.Connection) -> None:
        self.clock = clock
        self.rng = rng
        self.story = story
        self.dials = Dials()
        self.purses: dict[str, Purse] = {}
        self.commands: Counter[str] = Counter()
        self.whose: dict[str, Purse] = {}
        self._looker = looker
        self._serial = 0

    def next_number(self, purse: Purse) -> str:
        """The PSAM's number of one transaction."""
        self._serial += 1
        number = f"{self._serial:08X}"
        self.whose[number] = purse
        return number

    def way(self) -> str:
        """What becomes of a command; mostly it is done and answered."""
        bad = self.dials.bad_card and self.rng.random() < _BAD
        return self.rng.choice(_WAYS) if bad else ""

    def leaves(self, number: str, order: DebitOrder) -> None:
        """The command leaves: its intent is durable, and it is the first time."""
        self.commands[number] += 1
        query = "SELECT state, individual_fen, pooled_fen FROM card_debit WHERE transaction_number = ?"
        found = self._looker.execute(query, (number,)).fetchone()
        good = found == ("sent", order.individual_fen, order.pooled_fen)
        self.story.require("4", f"debit {number} leaves, its intent is {found}", holds=good, about=number)
        self.story.require("5", f"debit {number} leaves twice", holds=self.commands[number] == 1, about=number)


@define
class PurseSession:
    """A card in power for one life of the node: those steps of ``CardSession`` that a debit takes."""

    room: PurseRoom
    life: Mortal
    purse: Purse
    card: OpenedCard
    gone: Fault | None = None
    _challenge: DebitChallenge | None = None
    _way: str = ""

    async def verify_pin(self, pin: Pin | None) -> None:  # noqa: ARG002 - the pad of the reader asks
        """It is right."""
        await self._pause()

    async def accounts(self) -> Accounts:
        """See ``CardSession.accounts``."""
        await self._pause()
        return self.purse.accounts()

    async def debit_challenge(self, order: DebitOrder, terminal: str, known: Accounts) -> DebitChallenge:
        """See ``CardSession.debit_challenge``."""
        await self._pause()
        if known.balance_fen < order.individual_fen:
            raise Fault("card.debit_funds")
        counter = self.purse.counter
        self._challenge = DebitChallenge(order, terminal, "SM4", "999900", "00", counter, 1, 4, b"random")
        return self._challenge

    @asynccontextmanager
    async def debit_keys(self, challenge: DebitChallenge) -> AsyncIterator[DebitKeys]:
        """See ``CardSession.debit_keys``."""
        proof = DebitProof(self.room.next_number(self.purse), challenge.order.at, b"mac1")
        yield DebitKeys(proof, _PSAM, self._check)

    async def _check(self, mac2: str) -> None:  # noqa: ARG002 - by the PSAM
        await self._pause()
        if self._way == "mac":
            raise Fault("card.mac")

    async def debit(self, proof: DebitProof) -> DebitReceipt:
        """See ``CardSession.debit``: what the card does it does, whoever is there to hear of it."""
        room, challenge = self.room, self._challenge
        if challenge is None:
            raise AssertionError("a debit without its challenge")
        order, number = challenge.order, proof.transaction_number
        room.leaves(number, order)
        self._way = way = room.way()
        if way:
            room.story.fault(f"debit-{way}", number)
        ended: Deferred[None] = Deferred()
        self.life.graves.append(ended)
        arrives = room.rng.uniform(0.01, 0.2)
        if way not in {"before", "mute", "refused"}:
            room.clock.callLater(arrives, self.purse.debit, order, challenge.terminal, proof.at, number)
        room.clock.callLater(arrives + room.rng.uniform(0.01, 0.5), self.life.do, ended.callback, None)
        await ended
        match way:
            case "before" | "after":
                self.gone = Fault("card.session_gone", "pulled")
                raise Fault("card.withdrawn")
            case "mute" | "mute-after":
                raise Fault("card.mute")
            case "refused":
                raise Fault("card.debit_refused", status=0x9401)
        return DebitReceipt("00000000", "00000000")

    def close(self, why: str = "closed") -> None:
        """See ``CardSession.close``."""
        self.gone = self.gone or Fault("card.session_gone", why)
        if self.purse.holder is self.life:
            self.purse.holder = None

    async def closed(self) -> None:
        """At once."""

    async def _pause(self) -> None:
        waiter: Deferred[None] = Deferred()
        self.life.graves.append(waiter)
        self.room.clock.callLater(self.room.rng.uniform(0.01, 0.3), self.life.do, waiter.callback, None)
        await waiter
        if self.gone is not None:
            raise self.gone


class PurseReaders(Readers):
    """The readers of one life, each named after the person whose card lies in it. Implements ``KeyedReaders``."""

    def __init__(self, purses: PurseRoom, cards: CardRoom, life: Mortal, terminal: str) -> None:
        super().__init__(cards, life)
        self._purses = purses
        self._in = life
        self._terminal = terminal

    async def open_card(self, reader: str) -> CardSession:
        """See ``KeyedReaders.open_card``."""
        purse = self._purses.purses[reader]
        if purse.holder is not None and purse.holder.alive:
            raise Fault("reader.busy")
        purse.holder = self._in
        session = PurseSession(self._purses, self._in, purse, opened_card(reader))
        await session.accounts()  # powering it takes time
        return cast("CardSession", session)  # of its steps those that a debit takes

    def choose(self) -> str:
        """Nobody leaves it open which."""
        raise Fault("card.absent")

    async def terminal_numbers(self) -> tuple[str, str]:
        """See ``KeyedReaders.terminal_numbers``."""
        return self._terminal, ""


@frozen(slots=True)
class DebitTill:
    """What debits cards in one life of the node: the real sessions, debits and desk."""

    sessions: CardSessions
    debiting: CardDebiting
    desk: DebitDesk

    async def debit(self, caller: Caller, purse: Purse, key: str, order: DebitOrder) -> Debit:
        """One request."""
        info = f"|{PEOPLE[purse.key].card_number}|"
        return await self.debiting.by_psam(caller, purse.key, key, info, order, None, lambda _session: None)

    async def look(self, caller: Caller, purse: Purse) -> bool:
        """The card is there again, and nothing else is wanted of it."""
        async with self.sessions.once(caller, purse.key, "look") as session_id:
            await self.debiting.look(caller, session_id)
        return True


def till_of(purses: PurseRoom, cards: CardRoom, life: Mortal, counter: CounterService, name: str) -> DebitTill:
    """Wired as the daemon does."""
    means, audit, ids = counter.means, counter.audit, count(1)
    readers = PurseReaders(purses, cards, life, f"{int(name[1:]):012d}")
    new_id = partial(_session_id, ids)
    sessions = CardSessions(readers, audit, counter.card_desk, means.clock, means.now, new_id, Leases())
    return DebitTill(sessions, CardDebiting(sessions, means, audit, on=True), DebitDesk(means))


def _session_id(ids: Iterator[int]) -> str:
    return f"session-{next(ids)}"


def opened_card(key: str) -> OpenedCard:
    """The card of that person."""
    p = PEOPLE[key]
    return OpenedCard(
        reader=key,
        kind="social-security-card",
        region_code=p.region,
        card_id_code=CardIdCode(p.card_id_code),
        card_number=CardNumber(p.card_number),
        spec_version=p.spec_version,
        algorithm="3DES",
        historical="00",
        issued_on="20180301",
        expires_on="20680229",
        needs_key=False,
    )
