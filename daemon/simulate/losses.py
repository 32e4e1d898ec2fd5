"""A card is reported lost between a quote and its settlement: it pays nothing, and nothing of it leaves the house."""

from __future__ import annotations

import random
from typing import Protocol

from twisted.internet.defer import Deferred, ensureDeferred

from daemon.simulate.checks import Books
from daemon.simulate.node import Node
from daemon.simulate.story import Story
from middleware.domain.fault import Fault
from middleware.domain.kind import SETTLE_CALLS
from middleware.domain.order import Caller, Role
from middleware.engine.card_lists import CardLists

LOST = 0.04  # of quotes
_DESK = Caller(Role.OPERATOR, "operator-1", "desk")


class Place(Protocol):
    """What whoever keeps the list sees of the world."""

    story: Story

    @property
    def node(self) -> Node:
        """A node that is there now."""


class Losses:
    """``barred``: settlements of which the card was listed before anybody asked for them."""

    def __init__(self, place: Place, rng: random.Random) -> None:
        self._place = place
        self._rng = rng
        self.barred: set[str] = set()

    async def perhaps(self, visit_id: str, settlement_id: str) -> None:
        """The card of this visit may be reported lost now; when this returns, it is listed or it is not."""
        if self._rng.random() >= LOST:
            return
        node = self._place.node
        if not node.ready:
            return
        told: Deferred[object] = Deferred()
        node.callers.append(told)
        node.life.do(self._begin, node, visit_id, told)
        if await told is True:
            self.barred.add(settlement_id)
            self._place.story.fault("card-lost", settlement_id)

    def _begin(self, node: Node, visit_id: str, told: Deferred[object]) -> None:
        ensureDeferred(self._listed(node, visit_id)).addBoth(_first, told)

    async def _listed(self, node: Node, visit_id: str) -> bool:
        lists, means = CardLists(node.counter.means, 1), node.counter.means
        try:
            visit = await means.pool.run(means.reader.visit, visit_id)
            if visit is None:
                return False
            holder = await means.pool.run(means.reader.holder, visit.person_ref)
            begun = await lists.begin(_DESK, "hospital", "add", 1)
            line = f"card_id_code,{holder.card_id_code.reveal()},,lost,2026-01-01"
            await lists.part(_DESK, begun["list_id"], 1, [line])
            done = await lists.end(_DESK, begun["list_id"])
        except Fault:
            return False
        return bool(done["state"] == "current")


def _first(result: object, told: Deferred[object]) -> None:
    if not told.called:
        told.callback(result)


def a_card_that_was_reported_lost_pays_nothing(b: Books, losses: Losses) -> None:
    """Of a settlement that was asked for after its card was listed there is no message, at the centre or on its way."""
    calls = {str(call) for call in SETTLE_CALLS}
    sent = {row["settlement_id"] for row in b.of("message") if row["call"] in calls}
    for sid in sorted(losses.barred):
        good = sid not in sent and not b.ledger.of(sid)
        b.story.require("lost", f"{sid} was settled by a card that was reported lost", holds=good, about=sid)
