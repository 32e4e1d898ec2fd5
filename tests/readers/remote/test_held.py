"""A card that is held from one step to the next, at an agent: as at a reader of this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor

from middleware.domain.fault import Fault
from readers.apdu import Exchange
from readers.auth.holding import HeldCard
from readers.cards.social_security_read import CardContext
from tests.readers.remote.kit import CardSlots, Site, site

R = "window-1/R"


def challenge(exchange: Exchange, _context: CardContext) -> bytes:
    return exchange(bytes.fromhex("0084000008"))


@pytest.mark.parametrize(
    "lost",
    [
        lambda s, _: s.agents[0]._link.drop("pulled out"),
        lambda _, slots: slots.insert("R", "resident"),  # swapped between two steps
        lambda _, slots: slots.withdraw("R"),
    ],
    ids=["link", "swapped", "withdrawn"],
)
@pytest_twisted.ensureDeferred
async def test_a_held_card_at_an_agent_answers_step_by_step_and_is_gone_with_link_or_card(
    certificates: Path, lost: Callable[[Site, CardSlots], object]
) -> None:
    async with site(certificates) as s:
        slots = CardSlots("R")
        s.agent("window-1", slots)
        slots.insert("R")
        await s.until_state(R, "card-present")
        held = HeldCard(R, reactor)
        first = await held.begin(s.readers, challenge, 60.0)
        second = await held.run(challenge)
        assert s.state(R) == "busy"
        lost(s, slots)
        await s.until(lambda: held.gone is not None, "gone")
        with pytest.raises(Fault) as caught:
            await held.run(challenge)
        await held.closed()

        assert len(first) == len(second) == 10
        assert first != second
        assert caught.value.code == "card.session_gone"
        assert slots.powered == ["R"]
