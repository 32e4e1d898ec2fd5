"""Keys and PINs at an agent's reader: as at a reader of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest_twisted
from twisted.internet import reactor

from middleware.domain.card_key import HOLDER_KEY, Pin
from middleware.engine.driver import mutual_proof
from readers.auth.keyed import ReadersWithKeys
from readers.auth.options import CardKeyOptions
from simulators.card.hsm import answer_of
from simulators.card.secure import FIRST_PIN, SecureCard
from simulators.people import PEOPLE
from tests.readers.remote.kit import CardSlots, site

R = "window-1/R"
THIRD = PEOPLE["third-generation"]


@pytest_twisted.ensureDeferred
async def test_a_card_at_an_agent_is_proved_by_an_hsm_and_takes_a_pin_that_is_wiped(certificates: Path) -> None:
    async with site(certificates) as s:
        slots = CardSlots("R")
        s.agent("window-1", slots)
        slots.insert("R")
        card = slots.cards["R"] = SecureCard(THIRD)
        await s.until_state(R, "card-present")
        session = await ReadersWithKeys(s.readers, CardKeyOptions(), reactor).open_card(R)
        pin = Pin(FIRST_PIN)
        await session.verify_pin(pin)
        made = await session.challenge(HOLDER_KEY)
        values = (made.internal_factor, made.internal_source, made.external_factor, made.external_source)
        fields = [made.region, made.historical, made.algorithm, "", *(value.hex() for value in values), ""]
        await session.prove(mutual_proof(answer_of("read", "|".join(fields) + "|")))
        found = await session.identity(psam=False)
        await session.closed()

        assert (found.read.id_number.reveal(), found.read.reader) == (THIRD.id_number, R)
        assert (pin.empty, card.proved) == (True, frozenset({0x0A}))
        await s.until(lambda: slots.powered == slots.released == ["R"], "let go")
