"""The desk for disputed identities: two persons decide what the HIS muddled, by the papers that the patient shows.

During the day now and then, and at its end until nothing waits. An answer that is lost is asked for again; whoever finds
that it was decided meanwhile lets it be. Now and then somebody approves his own proposal, which must be refused.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any

from daemon.simulate.callers import Callers, Place
from daemon.simulate.hospital import HisBook
from daemon.simulate.node import Node
from daemon.simulate.ward import Ward
from middleware.domain.fault import Fault
from middleware.domain.identity import IdNumber
from middleware.domain.order import Caller, Role
from middleware.engine.counter import Answer
from middleware.engine.identities import Identities
from middleware.engine.registry import RegistryDesk
from simulators.people import PEOPLE

IN_A_DAY = (1, 4)
ROUNDS, TRIES, MOST = 8, 40, 100
CARELESS = 0.3  # of decisions: somebody does what must be refused, or the other person rejects it first
OVERTAKEN = {"desk.stale", "request.not_found", "desk.not_fitting"}
_DESK = tuple(Caller(Role.OPERATOR, name, "identity-desk") for name in ("operator-1", "operator-2", "operator-3"))
_NOTE = "当面核对证件 / seen on paper"
GIVEN = "PAT"  # begins the numbers that the HIS gives in its answers to letters
Ask = Callable[[RegistryDesk, Identities], Awaitable[Answer]]


class IdentityDesk:
    """All who sit there."""

    def __init__(self, place: Place, ward: Ward, his: HisBook, rng: random.Random) -> None:
        self._his = his
        self._place = place
        self._ward = ward
        self._rng = rng
        self._hands = Callers(place, rng, rng)
        self._hands.broken = ward.hands.broken

    def begin(self, seconds: float) -> None:
        """Some rounds during the day."""
        for _ in range(self._rng.randint(*IN_A_DAY)):
            self._place.clock.callLater(self._rng.uniform(0, seconds), self._hands.spawn, self._round)

    async def clear(self) -> None:
        """Until nothing waits for two persons."""
        for _ in range(ROUNDS):
            if not await self._round():
                return
        self._place.story.require("live", "identities wait for ever", holds=False)

    async def _round(self) -> int:
        """Everything that waits now; how much that was."""
        listed = await self._ask(lambda _, identities: identities.matters(_DESK[0], "", MOST, _NOTE, every=False))
        if isinstance(listed, Fault):
            return 0
        for row in listed["rows"]:
            await self._decide(row)
        return len(listed["rows"])

    async def _decide(self, row: Answer) -> None:
        key, decision = row["key"], self._truth(row)
        maker, checker = self._rng.sample(_DESK, 2)
        careless = self._rng.choice(("same-person", "rejected")) if self._rng.random() < CARELESS else ""
        made = await self._ask(lambda _, identities: identities.resolve(maker, key, decision, _NOTE))
        if isinstance(made, Fault):
            self._overtaken(key, made)
            return
        proposal = made["proposal"]
        if careless == "same-person":
            self._place.story.fault("identity-same-person", key)
            heard = await self._ask(lambda desk, _: desk.approve(maker, proposal))
            good = isinstance(heard, Fault) and heard.code in {"desk.same_person", *OVERTAKEN}
            self._place.story.require("27", f"{maker.account} decides {key} alone", holds=good, about=key)
        elif careless:
            self._place.story.fault("identity-rejected", key)
            await self._ask(lambda desk, _: desk.reject(checker, proposal))  # it waits on; another round decides it
            return
        done = await self._ask(lambda desk, _: desk.approve(checker, proposal))
        if isinstance(done, Fault):
            self._overtaken(key, done)
        self._place.story.tell(f"identity desk {key} {row['kind']} {decision}")

    def _overtaken(self, key: str, fault: Fault) -> None:
        """Somebody else decided it meanwhile, or we did and did not hear it; or nobody is there."""
        good = fault.code in {*OVERTAKEN, "centre.no_answer"}
        self._place.story.require("27", f"{key}: {fault.code} {fault.detail}", holds=good, about=key)

    # -- the truth

    def _truth(self, row: Answer) -> str:
        """As the patients' own papers say it: nothing of ours."""
        first, second = row["first"], row["second"]
        if row["matter"] == "merge":
            one = self._ward.whose(first["number"]) is self._ward.whose(second["number"])
            return "follow" if one else "undo"
        right = (self._is_right(first), self._is_right(second))
        if right == (True, True):
            return "both" if first["number"] != second["number"] else self._rng.choice(("first", "second"))
        return {(True, False): "first", (False, True): "second"}.get(right, "neither")

    def _is_right(self, side: dict[str, Any]) -> bool:
        number = side["number"]
        if number.startswith(GIVEN):  # by the HIS, to whom the letter was about
            given = (one.message.holder for one in self._his.postings if GIVEN + one.control_id[1:] == number)
            return any(holder.id_number == IdNumber(side["id_number"]) for holder in given)
        return bool(PEOPLE[self._ward.whose(number).key].id_number == side["id_number"])

    # -- asking

    async def _ask(self, ask: Ask) -> Answer | Fault:
        """Until it is heard; the node may die under it."""
        for _ in range(TRIES):
            node = self._place.node
            heard = await self._hands.of(node, lambda node=node: ask(*_desk_of(node)))  # type: ignore[misc]
            if heard is not None and not (isinstance(heard, Fault) and heard.code.startswith("system.")):
                return heard
            await self._hands.sleep(self._rng.uniform(1, 20))
        return Fault("centre.no_answer")


def _desk_of(node: Node) -> tuple[RegistryDesk, Identities]:
    desk = RegistryDesk(node.engine.means)
    return desk, Identities(node.engine.means, desk)
