"""SIGKILL on real wires over each database: what was acknowledged stands, what was not is found out, nothing is paid twice."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet import reactor

from simulators.centre.ledger import State
from simulators.stage import Stage
from tests.scenarios import invariants
from tests.scenarios.hospital import Hospital, bounded, gone

pytestmark = [pytest.mark.pcsc, pytest.mark.slow]

SETTINGS = {"centre": {"total_deadline_s": 60.0}, "engine": {"max_attempts": 50}}


@pytest_twisted.async_yield_fixture
async def hospital(tmp_path, store_url):
    stage = Stage(reactor, tmp_path, settings=SETTINGS | {"store": {"url": store_url}})
    try:
        await stage.start()
        made = Hospital(stage, store_url)
        await made.insert("employee")
        yield made
    finally:
        await stage.stop()


@pytest_twisted.ensureDeferred
async def test_killed_while_the_centre_has_settled_and_again_after_an_answer(hospital):
    answered = await hospital.settled()
    quote = await hospital.quote()
    confirmation = hospital.confirmation(quote)
    hold = hospital.stage.centre.holds.next("2207", "processed")
    caller = hospital.call("settlement.settle", confirmation)
    await bounded(hold.reached)
    await hospital.kill()
    hold.lose()
    await bounded(gone(caller))
    await hospital.restart()
    undone = await hospital.until(quote["settlement_id"], "Reversed")
    error = await hospital.fault("settlement.settle", confirmation)
    again = await hospital.settled()
    await hospital.kill()
    await hospital.restart()
    await hospital.until_quiet()
    books = await invariants.check(hospital)

    stand = {row["settlement_id"]: row["state"] for row in books.of("settlement")}
    held = [s for s in books.centre.ledger.settlements if s.state is State.APPROVED]
    assert undone["state"] == "Reversed"
    assert error.code == "settlement.reversed"
    assert stand == {
        answered["settlement_id"]: "Delivered",
        quote["settlement_id"]: "Reversed",
        again["settlement_id"]: "Delivered",
    }
    assert len(held) == 2
