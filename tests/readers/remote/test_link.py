"""Readers at agents, read by the daemon over real TLS."""

from __future__ import annotations

from pathlib import Path

import pytest_twisted

from middleware.domain.card import CardRead
from middleware.domain.health import Condition
from simulators.card import PEOPLE
from tests.readers.remote.kit import CardSlots, site

R = "window-1/R"


@pytest_twisted.ensureDeferred
async def test_a_card_at_an_agent_is_read_whole_under_the_agents_name(certificates: Path) -> None:
    async with site(certificates, agents={"window-1": ""}) as s:
        slots = CardSlots("R")
        s.agent("window-1", slots)
        await s.until_state(R, "empty")
        card = slots.insert("R")
        await s.until_state(R, "card-present")
        read = await s.read(R)
        slots.withdraw("R")
        await s.until_state(R, "empty")

        assert isinstance(read, CardRead)
        assert (read.id_number.reveal(), read.reader) == (PEOPLE["employee"].id_number, R)
        assert read.atr_historical
        assert s.events == [("inserted", R), ("removed", R)]
        assert s.readers.health().condition is Condition.GOOD
        assert card.exchanges == 17
