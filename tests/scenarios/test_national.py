"""A hospital whose centre speaks the national JSON, behind a gateway that checks every header and every envelope."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet import reactor

from simulators.centre.gateway import Csb, EnvelopeSignature
from simulators.centre.ledger import State
from simulators.ecode.keys import PRIVATE, PUBLIC, private_pem
from simulators.stage import Stage
from tests.scenarios import invariants
from tests.scenarios.hospital import Hospital
from tests.scenarios.kinds import BY_NAME, CALLS, CANCEL, SETTLE, STAY, Case, Counter

pytestmark = [pytest.mark.pcsc, pytest.mark.slow]

SECRET = "the-gateway-s-secret"
HOME_STAY = Case("stay-of-an-employee", "employee", STAY, "2101", "310", {"310200"})
CASES = (BY_NAME["ordinary"], BY_NAME["sale"], HOME_STAY)  # one person: no card is changed


@pytest_twisted.async_yield_fixture(scope="module")
async def counter(tmp_path_factory):
    folder = tmp_path_factory.mktemp("national")
    for name, content in (("gateway.secret", SECRET.encode()), ("signing.pem", private_pem())):
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o400)
    centre = {
        "profile": "999900-national",
        "gateway_id": "AK",
        "gateway_secret": str(folder / "gateway.secret"),
        "signing_key": str(folder / "signing.pem"),
        "total_deadline_s": 2.5,
        "late_reply_s": 20.0,
    }
    settings = {"centre": centre, "engine": {"first_check_s": 0.2, "repeat_s": 0.2}}
    stage = Stage(reactor, folder, settings=settings)
    centre["url"] = stage.centre.national_url
    csb, envelope = Csb("AK", SECRET.encode()), EnvelopeSignature(PUBLIC)
    stage.centre.gateway = lambda *message: csb(*message) or envelope(*message)
    try:
        await stage.start()
        yield Counter(Hospital(stage))
    finally:
        await stage.stop()


@pytest_twisted.async_fixture(scope="module")
async def done(counter):
    """One visit of each case, settled."""
    return [await counter.settled(case) for case in CASES]


def received_of(h, visit_id):
    ours = {row["message_id"] for row in h.rows("message") if row["visit_id"] == visit_id}
    return [receipt for receipt in h.stage.centre.ledger.receipts if receipt.message_id in ours]


@pytest_twisted.ensureDeferred
async def test_a_visit_a_sale_and_a_stay_are_done_by_their_own_transactions_and_all_books_say_the_same(counter, done):
    h = counter.h
    for one in done:
        held = h.stage.centre.ledger.by_number(one.settled["settlement_number"])

        assert [receipt.call for receipt in received_of(h, one.visit["visit_id"])] == CALLS[one.case.kind]
        assert held.state is State.APPROVED
        assert one.settled["split"]["total"] == held.bill.total.yuan
        assert one.settled["split"]["fund"] == held.bill.fund.yuan == one.quote["split"]["fund"]

    await invariants.check(h)


@pytest_twisted.ensureDeferred
async def test_an_answer_that_is_lost_is_unknown_is_reversed_and_the_bill_can_be_settled_again(counter, done):
    h, case = counter.h, CASES[0]
    visit, quote = await counter.quoted(case)
    h.stage.centre.faults.next(SETTLE[case.kind], "lose-reply")

    error = await h.fault("settlement.settle", h.confirmation(quote))

    assert (error.code, error.data["money"]) == ("settlement.outcome_unknown", "unknown")
    await h.until(quote["settlement_id"], "Reversed")
    again = await h.call("settlement.quote", counter.bill(case, visit))
    await h.call("settlement.settle", h.confirmation(again))
    states = [row.state for row in h.stage.centre.ledger.settlements[-2:]]
    assert states == [State.REVERSED, State.APPROVED]
    await invariants.check(h)


@pytest_twisted.ensureDeferred
async def test_a_cancel_undoes_it_in_all_books(counter, done):
    h, one = counter.h, done[0]

    await h.call("settlement.cancel", h.undoing(one.quote))
    await h.until(one.quote["settlement_id"], "Cancelled")

    assert [receipt.call for receipt in received_of(h, one.visit["visit_id"])][-1] == CANCEL[one.case.kind]
    assert h.stage.centre.ledger.by_number(one.settled["settlement_number"]).state is State.CANCELLED
    await invariants.check(h)


@pytest_twisted.ensureDeferred
async def test_the_clock_s_limit_is_exported_and_no_secret_is_anywhere(counter, done):
    h = counter.h

    _, body = await h.get("/metrics")

    shown = body.decode() if isinstance(body, bytes) else body
    assert "clock_limit_seconds 300" in shown
    log = h.stage.log.read_text(encoding="utf-8")
    words = (SECRET, "_api_signature", f"{PRIVATE:x}", "PRIVATE KEY")
    assert not [word for word in words if word in shown + log]
