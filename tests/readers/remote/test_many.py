"""Two hundred readers at two hundred agents on one daemon, over real TLS, read at once."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.defer import gatherResults

from middleware.domain.card import CardRead
from middleware.domain.fault import Fault
from middleware.domain.health import Condition
from simulators.card import PEOPLE, CardFaults
from tests.readers.remote.kit import CardSlots, site

AGENTS = 200
PERSONS = ("employee", "resident")


@pytest.mark.slow
@pytest_twisted.ensureDeferred
async def test_200_remote_readers_on_one_daemon_are_read_at_once_and_a_few_bad_ones_disturb_nobody(
    certificates: Path,
) -> None:
    names = [f"window-{number}" for number in range(AGENTS)]
    async with site(certificates, agents=dict.fromkeys(names, ""), beat_s=10.0) as s:
        slots = [CardSlots("R") for _ in names]
        for number, one in enumerate(slots):
            # Each tenth card is pulled in the middle, each other tenth answers nothing more.
            bad = {3: CardFaults(withdraw_at=7), 7: CardFaults(silent_from=7)}.get(number % 10)
            one.insert("R", PERSONS[number % 2], bad)
            s.agent(names[number], one)
        await s.until(lambda: sum(x.state == "card-present" for x in s.readers.statuses()) == AGENTS, "all seen")
        readers = [status.name for status in s.readers.statuses()]
        outcomes = await gatherResults([s.begin(reader) for reader in readers])
        codes = Counter(outcome.code if isinstance(outcome, Fault) else "read" for outcome in outcomes)
        again = await gatherResults([s.begin(reader) for reader in readers])

        assert codes == {"read": 160, "card.withdrawn": 20, "card.mute": 20}
        assert Counter(outcome.code if isinstance(outcome, Fault) else "read" for outcome in again) == codes
        reads = [outcome for outcome in outcomes if isinstance(outcome, CardRead)]
        assert len({read.reader for read in reads}) == 160
        assert {read.id_number.reveal() for read in reads} == {PEOPLE[person].id_number for person in PERSONS}
        assert s.readers.health().condition is Condition.GOOD
        assert s.readers.agents == (AGENTS, 0)
        assert len(s.events) == AGENTS
        await s.until(lambda: sum("remote-reader" in t.name for t in threading.enumerate()) == 0, "no thread is left")
