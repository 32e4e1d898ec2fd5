"""Who pays from the accounts on a card, and comes back when nobody knew; and what must be true of every such card."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import define, field

from daemon.simulate.callers import Callers, Place
from daemon.simulate.checks import Books, Row
from daemon.simulate.purses import FUNDS, DebitTill, Purse, PurseRoom
from daemon.simulate.trade import KEYS
from middleware.domain.card_debit import DebitOrder, DebitState
from middleware.domain.fault import Fault
from middleware.domain.order import Caller, Role
from middleware.store.card_debits import Debit

_DESK = tuple(Caller(Role.OPERATOR, name, "desk") for name in ("operator-1", "operator-2"))
_TILL = Caller(Role.HIS, "his-1", "window-3")
_CERTAIN = frozenset({"card.debit_refused", "card.debit_not_done", "card.debit_funds", "card.lost"})
_OPEN = frozenset({"sent", "unknown"})
TRIES = 8
ABROAD = 0.1  # of waits: another hospital debits the card meanwhile
_MAX_ROWS = 500


@define
class Payers:
    """They come, put their cards in, and put them in again."""

    place: Place
    room: PurseRoom
    rng: random.Random
    callers: Callers
    hands: Callers = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.hands = Callers(self.place, self.rng, self.rng)
        self.hands.asked, self.hands.broken = self.callers.asked, self.callers.broken

    def begin(self, seconds: float) -> None:
        """Let them come, spread over so many seconds."""
        for key in self.rng.sample(KEYS, self.rng.randint(1, 3)):
            self.room.purses[key] = purse = Purse(key)
            self.place.clock.callLater(self.rng.uniform(0, seconds * 0.6), self.hands.spawn, self._pays, purse)

    async def _pays(self, purse: Purse) -> None:
        for n in range(self.rng.randint(2, 5)):
            order = DebitOrder(self.rng.randint(1, 60_000), self.rng.choice((0, 500)), f"{self.place.day():%Y%m%d%H%M%S}")
            name, tries = f"d{purse.key}.{n}", self.rng.randint(1, TRIES)
            if self.rng.random() < self.place.dials.repeats:
                self.place.story.fault("repeat", name)
                self.hands.spawn(self._insists, purse, name, order, tries)
            await self._insists(purse, name, order, tries)
            await self.hands.sleep(self.rng.uniform(1, 300))

    async def _insists(self, purse: Purse, name: str, order: DebitOrder, tries: int) -> None:
        """The same request again until it is certain, or until they leave with the doubt."""
        for _ in range(tries):
            heard = await self._asks(lambda till: till.debit(_TILL, purse, name, order))
            if heard is not None:
                self.place.story.tell(f"payer {name} heard {heard.code if isinstance(heard, Fault) else 'done'}")
            if isinstance(heard, Debit) or (isinstance(heard, Fault) and heard.code in _CERTAIN):
                return
            await self.hands.sleep(self.rng.uniform(1, 120))
            if self.rng.random() < ABROAD:
                self.place.story.fault("debit-abroad", name)
                purse.abroad(DebitOrder(self.rng.randint(1, 5000), 0, order.at), order.at)

    async def _asks(self, what: Callable[[DebitTill], Awaitable[object]]) -> object:
        """At a node that is there; None when there is none, or it died meanwhile."""
        node = self.place.node
        till = node.debits
        return None if till is None else await self.hands.of(node, lambda: what(till))

    async def finish(self) -> None:
        """Everybody's card is read once more; what it proves nothing of two persons decide, by what the card did."""
        for purse in self.room.purses.values():
            heard = await self._asks(lambda till, purse=purse: till.look(_TILL, purse))  # type: ignore[misc]
            lost = isinstance(heard, Fault) and heard.code == "card.lost"
            what = f"a look at {purse.key}: {heard!r}"
            self.place.story.require("purse", what, holds=lost or heard is True, about=purse.key)
        shown = await self._asks(lambda till: till.desk.list("", _MAX_ROWS, every=False))
        rows: Any = shown["rows"] if isinstance(shown, dict) else ()
        for row in rows:
            await self._decide(row["debit_id"], row["transaction_number"])

    async def _decide(self, debit_id: str, number: str) -> None:
        done = number in self.room.whose[number].done
        verdict = DebitState.DONE if done else DebitState.NOT_DONE
        maker, checker = _DESK
        made: Any = await self._asks(lambda till: till.desk.propose(maker, debit_id, verdict, "the card's issuer"))
        alone = await self._asks(lambda till: till.desk.approve(maker, debit_id, made["proposal"]["proposal"]))
        good = isinstance(alone, Fault) and alone.code == "desk.same_person"
        self.place.story.require("27", f"{debit_id} is decided by one", holds=good, about=debit_id)
        await self._asks(lambda till: till.desk.approve(checker, debit_id, made["proposal"]["proposal"]))
        self.place.story.fault("debit-desk", debit_id)


def a_purse_is_what_was_debited(b: Books, room: PurseRoom, *, decided: bool = False) -> None:
    """Each card has what it had at first, less what we call done; or one doubt about it is open, and says how much.

    No command left twice; what the card did is done or open here, and what is done here the card did, once.
    """
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in b.of("card_debit"):
        rows[room.whose[row["transaction_number"]].key].append(row)
    for purse in room.purses.values():
        mine = rows[purse.key]
        open_ = [row for row in mine if row["state"] in _OPEN]
        good = len(open_) <= (0 if decided else 1)
        b.story.require("purse", f"{len(open_)} doubts about {purse.key}", holds=good, about=purse.key)
        for row in mine:
            number, state = row["transaction_number"], row["state"]
            did = purse.done.count(number)
            good = did == 1 if state == DebitState.DONE else did <= (1 if state in _OPEN else 0)
            b.story.require("purse", f"{number} is {state}, the card did it {did} times", holds=good, about=number)
        certain = sum(row["individual_fen"] for row in mine if row["state"] == DebitState.DONE)
        gone = FUNDS - purse.elsewhere - purse.balance
        what = f"{purse.key} lacks {gone}, debited {certain}, open {[row['individual_fen'] for row in open_]}"
        good = gone - certain in {0, *(row["individual_fen"] for row in open_)}
        b.story.require("purse", what, holds=good, about=purse.key)
