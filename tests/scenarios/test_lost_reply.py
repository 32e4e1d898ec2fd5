"""The centre's answer to a 2207 gets lost, in every way in which that happens; and the books still agree.

Each way of losing it is a visit of its own. They are all lost first and resolved side by side: where the centre never
got the message it takes its processing limit, 10 s, to prove that.
"""

from __future__ import annotations

import pytest
import pytest_twisted
from attrs import define
from twisted.internet import reactor

from simulators.centre.ledger import State
from simulators.stage import Stage
from tests.scenarios import invariants
from tests.scenarios.hospital import Hospital, bounded

pytestmark = [pytest.mark.pcsc, pytest.mark.slow]

# what the centre does to the 2207 -> (whether it carried it out, the cause that we write down, the knob's seconds)
WAYS = {
    "lose-reply": (True, "connection-lost", 0),
    "page-504": (True, "http-status", 0),
    "html-200": (True, "not-soap", 0),
    "garbage": (True, "unreadable", 0),
    "cut-mid-reply": (True, "connection-lost", 0),
    "wrong-namespace": (True, "unreadable", 0),
    "missing-setl_id": (True, "incomplete", 0),
    "other-person": (True, "not-ours", 0),
    "drip": (True, "time-out", 0.2),
    "slow": (True, "time-out", 60),
    "soap-fault": (False, "soap-fault", 0),
    "gateway-401": (False, "http-status", 0),
    "drop-before": (False, "connection-lost", 0),
}
SETTINGS = {
    "centre": {"total_deadline_s": 2.0, "late_reply_s": 20.0},
    "engine": {"first_check_s": 2.0, "max_attempts": 50},
}


@define
class Lost:
    """A visit whose settle got no usable answer."""

    visit: dict
    order: dict
    error: object
    message_id: str


@pytest_twisted.async_yield_fixture(scope="module")
async def hospital(tmp_path_factory):
    stage = Stage(reactor, tmp_path_factory.mktemp("lost"), settings=SETTINGS)
    try:
        await stage.start()
        made = Hospital(stage)
        await made.insert("employee")
        yield made
    finally:
        await stage.stop()


@pytest_twisted.async_fixture(scope="module")
async def lost(hospital):
    return {way: await lose(hospital, way, seconds) for way, (_, _, seconds) in WAYS.items()}


async def lose(h, way, seconds):
    visit = await h.visit()
    order = h.confirmation(await h.call("settlement.quote", h.bill(visit)))
    h.stage.centre.faults.next("2207", way, seconds=seconds)
    error = await h.fault("settlement.settle", order)
    message_id = h.row("settlement", settlement_id=order["settlement_id"])["message_id"]
    return Lost(visit, order, error, message_id)


async def quoted_and_held(h):
    """A 2207 that the centre has carried out and whose answer it holds back beyond our deadline."""
    quote = await h.quote()
    hold = h.stage.centre.holds.next("2207", "processed")
    error = await h.fault("settlement.settle", h.confirmation(quote))
    await bounded(hold.reached)
    assert error.code == "settlement.outcome_unknown"
    return quote["settlement_id"], hold


def reversals_of(h, settlement_id):
    return [row for row in h.rows("message") if (row["settlement_id"], row["call"]) == (settlement_id, "2601")]


@pytest_twisted.ensureDeferred
async def test_while_it_is_unknown_the_visit_takes_no_other_money(hospital, lost):
    h, one = hospital, lost["drop-before"]
    if h.row("settlement", settlement_id=one.order["settlement_id"])["state"] == "Reversed":
        pytest.fail("the other tests took longer than the centre's processing limit")

    error = await h.fault("settlement.quote", h.bill(one.visit))

    assert (error.code, error.data["money"]) == ("visit.locked", "unknown")


@pytest.mark.parametrize("way", WAYS)
@pytest_twisted.ensureDeferred
async def test_the_caller_hears_that_it_is_unknown_and_never_that_it_failed(hospital, lost, way):
    h, one = hospital, lost[way]

    assert (one.error.code, one.error.data["money"]) == ("settlement.outcome_unknown", "unknown")
    assert one.error.data["retry"] == "ask"
    assert h.row("message", message_id=one.message_id)["outcome"] == f"unknown {WAYS[way][1]}"
    assert h.stage.centre.ledger.times_received(one.message_id) == 1


@pytest.mark.parametrize("way", [way for way, (done, _, _) in WAYS.items() if done])
@pytest_twisted.ensureDeferred
async def test_what_the_centre_did_is_reversed_and_the_bill_can_be_settled_again(hospital, lost, way):
    h, one = hospital, lost[way]

    view = await h.until(one.order["settlement_id"], "Reversed")
    again = await h.call("settlement.quote", h.bill(one.visit))
    settled = await h.call("settlement.settle", h.confirmation(again))

    assert view["money"] == "reversed"
    ledger = h.stage.centre.ledger
    assert ledger.by_message(one.message_id).state is State.REVERSED
    assert ledger.by_number(settled["settlement_number"]).state is State.APPROVED
    assert (await h.fault("settlement.settle", one.order)).code == "settlement.reversed"
    await invariants.check(h)


@pytest_twisted.ensureDeferred
async def test_a_late_answer_is_used_when_nothing_was_reversed_yet(hospital):
    h = hospital
    settlement_id, hold = await quoted_and_held(h)

    hold.release()
    view = await h.until(settlement_id, "Delivered")

    assert view["money"] == "charged"
    assert reversals_of(h, settlement_id) == []
    row = h.row("settlement", settlement_id=settlement_id)
    assert h.row("message", message_id=row["message_id"])["outcome"] == "late answered"
    await invariants.check(h)


@pytest_twisted.ensureDeferred
async def test_a_late_answer_after_a_reversal_never_makes_it_settled(hospital):
    """Invariant 13."""
    h = hospital
    settlement_id, hold = await quoted_and_held(h)
    await h.until(settlement_id, "Reversed")

    hold.release()
    await h.until_ended("late answered", settlement_id)
    view = await h.until(settlement_id, "Reversed")

    assert view["money"] == "reversed"
    assert h.stage.centre.ledger.by_message(h.row("settlement", settlement_id=settlement_id)["message_id"]).undone_by
    events = [row["event"] for row in h.rows("journal") if row["settlement_id"] == settlement_id]
    assert "HisAcceptedCharges" not in events
    await invariants.check(h)


@pytest_twisted.ensureDeferred
async def test_a_late_refusal_ends_the_doubt(hospital):
    h = hospital
    quote = await h.quote()
    h.stage.centre.faults.next("2207", "refuse")
    hold = h.stage.centre.holds.next("2207", "processed")
    assert (await h.fault("settlement.settle", h.confirmation(quote))).code == "settlement.outcome_unknown"
    await bounded(hold.reached)

    hold.release()
    view = await h.until(quote["settlement_id"], "Refused")

    assert view["money"] == "none"
    assert reversals_of(h, quote["settlement_id"]) == []
    await invariants.check(h)


@pytest.mark.parametrize("way", [way for way, (done, _, _) in WAYS.items() if not done])
@pytest_twisted.ensureDeferred
async def test_what_the_centre_never_did_is_proven_absent_but_not_too_early(hospital, lost, way):
    """Invariant 12: "original not found" counts only from the centre's processing limit on."""
    h, one = hospital, lost[way]

    view = await h.until(one.order["settlement_id"], "Reversed")

    assert view["money"] == "reversed"
    assert h.stage.centre.ledger.by_message(one.message_id) is None
    assert len(reversals_of(h, one.order["settlement_id"])) > 1
    await invariants.check(h)


@pytest_twisted.ensureDeferred
async def test_in_the_end_all_books_agree(hospital, lost):
    h = hospital

    await h.until_quiet()

    invariants.all_books_agree(await invariants.check(h))
    invariants.nobody_is_named(h)
