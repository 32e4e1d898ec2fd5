"""A HIS that is silent, gone, or says no: what callers hear, what health says, and what is delivered in the end."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest
import pytest_twisted
from twisted.internet import reactor

from simulators.centre.ledger import State
from simulators.his.knobs import Fault
from simulators.stage import Stage
from tests.scenarios import invariants
from tests.scenarios.hospital import Hospital, bounded, until

pytestmark = [pytest.mark.pcsc, pytest.mark.slow]

SETTINGS = {"his": {"ack_timeout_s": 0.5}, "engine": {"register_wait_s": 2.0}}


@pytest_twisted.async_yield_fixture(scope="module")
async def hospital(tmp_path_factory):
    stage = Stage(reactor, tmp_path_factory.mktemp("his"), settings=SETTINGS)
    try:
        await stage.start()
        made = Hospital(stage)
        await made.insert("employee")
        yield made
    finally:
        await stage.stop()


async def until_health(h, part, condition):
    """The part, as /health/full tells it, once it is in that condition."""
    url = f"http://127.0.0.1:{h.stage.http_port}/health/full"

    def look():
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                body = answer.read()
        except urllib.error.HTTPError as error:  # 503 when a part is down
            body = error.read()
        told = {one["part"]: one for one in json.loads(body)["parts"]}[part]
        return told if told["condition"] == condition else None

    return await until(look, f"{part} never {condition}")


@pytest_twisted.ensureDeferred
async def test_a_silent_his_is_asked_again_and_the_registration_ends_when_it_speaks(hospital):
    h, his = hospital, hospital.stage.his
    order = await h.registration()
    for _ in range(200):
        his.knobs.turn("ADT^A04", Fault.NO_ANSWER)

    error = await h.fault("patient.register", order)
    his.knobs.clear()
    visit = await h.call("patient.register", order)

    assert (error.code, error.data["money"], error.data["retry"]) == ("his.no_answer", "no", "same-key")
    assert visit["his"] == "acknowledged"
    control_id = h.row("outbox", visit_id=visit["visit_id"])["control_id"]
    bodies = his.bodies_of(control_id)
    assert len(bodies) > 1
    assert len(set(bodies)) == 1
    assert list(his.book.visits.values()).count(visit["patient_number"]) == 1
    await invariants.check(h)


@pytest_twisted.ensureDeferred
async def test_a_his_that_is_gone_does_not_hold_up_money_and_hears_of_all_of_it_in_order_when_it_is_back(hospital):
    h, his = hospital, hospital.stage.his
    quotes = [await h.quote() for _ in range(3)]
    await his.stop()
    answers = [await h.call("settlement.settle", h.confirmation(quote)) for quote in quotes]
    views = [await h.call("settlement.get", {"settlement_id": quote["settlement_id"]}) for quote in quotes]
    part = await until_health(h, "his", "down")
    posted = len(his.book.postings)
    his.start()
    for quote in quotes:
        await h.until(quote["settlement_id"], "Delivered")

    assert [answer["state"] for answer in answers] == ["Settled"] * 3
    assert [(view["state"], view["delivered"]) for view in views] == [("Settled", False)] * 3
    assert part["fault"] == "his.unreachable"
    told = [posting.settlement_number for posting in his.book.postings[posted:]]
    assert told == [answer["settlement_number"] for answer in answers]
    await until_health(h, "his", "good")
    await invariants.check(h)


@pytest_twisted.ensureDeferred
async def test_a_registration_that_the_his_refuses_is_refused_for_good_with_its_reason(hospital):
    h, his = hospital, hospital.stage.his
    order = await h.registration()
    his.knobs.turn("ADT^A04", Fault.ANSWER_AE)

    error = await h.fault("patient.register", order)
    again = await h.fault("patient.register", order)

    assert (error.code, error.data["money"], error.data["foreign"]) == (
        "his.refused",
        "no",
        "refused by the simulator's knob",
    )
    assert again.data == error.data
    visit_id = h.rows("visit")[-1]["visit_id"]
    refused = await h.fault("settlement.quote", h.bill({"visit_id": visit_id}))
    assert refused.code == "visit.not_registered"
    await invariants.check(h)


@pytest.mark.parametrize("no", [Fault.ANSWER_AE, Fault.ANSWER_AR])
@pytest_twisted.ensureDeferred
async def test_a_settlement_that_the_his_refuses_is_held_for_a_person_and_health_says_so_also_after_a_restart(hospital, no):
    h, his = hospital, hospital.stage.his
    quote = await h.quote()
    his.knobs.turn("DFT^P03", no)
    heard = his.next_message("DFT^P03")
    settled = await h.call("settlement.settle", h.confirmation(quote))
    await bounded(heard)
    await until(
        lambda: h.row("outbox", settlement_id=quote["settlement_id"])["outcome"] == f"refused {no.value[-2:].upper()}",
        "the refusal was not recorded",
    )

    view = await h.call("settlement.get", {"settlement_id": quote["settlement_id"]})
    part = await until_health(h, "settlements", "degraded")
    await h.kill()
    await h.restart()
    again = await until_health(h, "settlements", "degraded")

    assert (view["state"], view["money"], view["delivered"]) == ("Settled", "charged", False)
    assert (view["fault"]["code"], view["fault"]["foreign"]) == ("his.refused", "refused by the simulator's knob")
    assert (part["fault"], again["fault"]) == ("his.refused", "his.refused")
    assert "held 1" in again["detail"]
    assert h.stage.centre.ledger.by_number(settled["settlement_number"]).state is State.APPROVED
    # the person decides: undo it; then nothing is held any more
    await h.call("settlement.cancel", h.undoing(quote))
    await until_health(h, "settlements", "good")
    assert h.stage.centre.ledger.by_number(settled["settlement_number"]).state is State.CANCELLED


@pytest_twisted.ensureDeferred
async def test_in_the_end_all_books_agree(hospital):
    h = hospital
    h.stage.his.knobs.clear()

    await h.until_quiet()

    invariants.all_books_agree(await invariants.check(h))
    invariants.nobody_is_named(h)
