"""The simulated centre, asked through the real adapter over a real socket."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import attrs
import pytest
import pytest_twisted
import treq
from lxml import etree
from twisted.internet import reactor
from twisted.internet.task import deferLater

from middleware.domain.centre import Call, Reversed, Settle, UploadVisit
from middleware.domain.charge import Diagnosis
from middleware.domain.money import Money, total
from middleware.domain.outcome import Answered, NotSent, Refused, Unknown
from middleware.domain.split import broken_identities
from simulators.centre.catalogue import CATALOGUE
from simulators.centre.faults import ACTIONS, CATALOGUE_ACTIONS, STATEMENT_ACTIONS, Faults
from simulators.centre.insured import insure
from simulators.centre.ledger import State
from simulators.centre.server import CentreSimulator, china_now
from simulators.people import PEOPLE
from tests.adapters.insurance.requests import holder, line
from tests.simulators.centre.desk import LINES, open_desk

PERSON = insure(PEOPLE["employee"]).person_number


@pytest_twisted.ensureDeferred
async def test_a_settlement_is_what_was_quoted_and_moves_account_and_year() -> None:
    async with open_desk() as desk:
        visit = await desk.register()
        await desk.charge(visit, LINES)
        quoted = await desk.quote(visit, LINES)
        assert desk.simulator.business.balance(PERSON, "310") == Money(320_000)
        outcome = await desk.settle(visit, LINES, quoted)

        settled = outcome.reply
        assert settled.split == quoted
        assert broken_identities(quoted) == ()
        assert quoted.total == total(row.amount for row in LINES)
        assert desk.simulator.business.balance(PERSON, "310") == quoted.balance_after
        year = desk.simulator.business.year(PERSON, "310", china_now().year)
        assert (year.deductible, year.pool) == (quoted.deductible, quoted.pool)
        row = desk.simulator.ledger.by_number(settled.settlement_number)
        assert (row.state, row.message_id) == (State.APPROVED, desk.sent[-1])
        assert desk.first_bytes == len(desk.sent) == len(desk.simulator.ledger.receipts)


@pytest.mark.parametrize("key", sorted(set(PEOPLE) - {"lost-reply", "refused"}))
@pytest_twisted.ensureDeferred
async def test_everybody_can_be_treated_and_the_identities_hold(key: str) -> None:
    every = tuple(
        line(f"L{number}", catalogue_code=code, unit_price=Decimal("20.123456"), amount=Money(6037))
        for number, code in enumerate(CATALOGUE)
    )
    async with open_desk() as desk:
        _visit, outcome = await desk.settled(key, every)

        assert isinstance(outcome, Answered)
        assert broken_identities(outcome.reply.split) == ()
        if PEOPLE[key].insurance == "390":
            assert outcome.reply.split.account == Money(0)


@pytest_twisted.ensureDeferred
async def test_a_cancel_gives_everything_back_and_the_batch_can_be_settled_anew() -> None:
    async with open_desk() as desk:
        visit, outcome = await desk.settled()
        settled = outcome.reply
        cancelled = (await desk.cancel(visit, settled.settlement_number)).reply

        assert cancelled.split.total == -settled.split.total
        assert cancelled.split.hospital == -settled.split.hospital
        assert broken_identities(cancelled.split) == ()
        assert cancelled.split.balance_after == Money(320_000) == desk.simulator.business.balance(PERSON, "310")
        assert desk.simulator.ledger.in_state(State.APPROVED) == []
        assert (await desk.cancel(visit, settled.settlement_number)).code == "2082"
        again = await desk.settle(visit, LINES, settled.split)
        assert again.reply.split == settled.split


@pytest_twisted.ensureDeferred
async def test_a_reversal_undoes_exactly_one_message_once() -> None:
    async with open_desk() as desk:
        visit, _outcome = await desk.settled()
        message_id = desk.sent[-1]

        assert (await desk.reverse(visit, message_id[:-4] + "9999")).code == "2611"
        assert (await desk.reverse(visit, message_id, Call.CANCEL)).code == "2611"
        assert await desk.reverse(visit, message_id) == Answered(Reversed())
        assert (await desk.reverse(visit, message_id)).code == "2612"
        row = desk.simulator.ledger.by_message(message_id)
        assert (row.state, desk.simulator.business.balance(PERSON, "310")) == (State.REVERSED, Money(320_000))


@pytest_twisted.ensureDeferred
async def test_a_reversed_cancel_lets_the_settlement_stand_again() -> None:
    async with open_desk() as desk:
        visit, outcome = await desk.settled()
        settle_id = desk.sent[-1]
        await desk.cancel(visit, outcome.reply.settlement_number)
        cancel_id = desk.sent[-1]
        assert (await desk.reverse(visit, settle_id)).code == "2614"

        assert await desk.reverse(visit, cancel_id, Call.CANCEL) == Answered(Reversed())
        row = desk.simulator.ledger.by_message(settle_id)
        assert (row.state, desk.simulator.business.balance(PERSON, "310")) == (
            State.APPROVED,
            outcome.reply.split.balance_after,
        )


@pytest_twisted.ensureDeferred
async def test_outside_its_set_a_reversal_is_refused() -> None:
    simulator = CentreSimulator(reactor, reversible=frozenset({"2304"}))
    async with open_desk(simulator) as desk:
        visit, _outcome = await desk.settled()

        assert (await desk.reverse(visit, desk.sent[-1])).code == "2613"


@pytest_twisted.ensureDeferred
async def test_the_centre_refuses_what_is_wrong_and_changes_nothing() -> None:
    async with open_desk() as desk:
        visit, outcome = await desk.settled()
        quoted = outcome.reply.split
        elsewhere, nobody = attrs.evolve(visit, visit_number="V9"), attrs.evolve(visit, person_number="P9")
        more = (line("L9"),)
        wrong_quote = attrs.evolve(quoted, self_paid=quoted.self_paid + Money(1))
        before = json.dumps(desk.simulator.ledger.as_json()["settlements"])

        assert (await desk.charge(elsewhere, more)).code == "2021"
        assert (await desk.charge(nobody, more)).code == "1011"
        assert (await desk.charge(visit, (line("L1"),), "B2")).code == "2042"
        assert (await desk.charge(visit, (line("L9", amount=Money(6039)),), "B2")).code == "2041"
        assert (await desk.charge(visit, more, "B1")).code == "2072"
        assert (await desk.settle(visit, LINES, quoted)).code == "2072"
        assert (await desk.settle(visit, LINES, quoted, batch="B9")).code == "2061"
        assert (await desk.cancel(visit, "J9")).code == "2081"
        await desk.charge(visit, more, "B2")
        assert (await desk.settle(visit, LINES, quoted, batch="B2")).code == "2062"
        assert (await desk.settle(visit, more, wrong_quote, batch="B2")).code == "2071"
        other = Settle(visit, holder("resident"), "B2", Money(6037), use_account=True, quoted=quoted)
        assert (await desk.call(other)).code == "1012"
        assert json.dumps(desk.simulator.ledger.as_json()["settlements"]) == before


@pytest_twisted.ensureDeferred
async def test_a_diagnosis_sent_again_is_held_once() -> None:
    async with open_desk() as desk:
        visit = await desk.register()
        more = (Diagnosis("J06.900", "急性上呼吸道感染"), Diagnosis("I10.x00", "高血压", order=2))
        await desk.call(UploadVisit(visit, china_now(), more, "内科", "DR1", "测试医生"))

        held = desk.simulator.business.visits[visit.visit_number].diagnoses
        assert [row["diag_code"] for row in held] == ["J06.900", "I10.x00"]


@pytest_twisted.ensureDeferred
async def test_without_a_sign_in_of_this_day_nothing_is_done() -> None:
    today = [china_now()]
    async with open_desk(clock=lambda: today[0]) as desk:
        visit = await desk.register()
        today[0] += dt.timedelta(days=1)
        outcome = await desk.charge(visit, LINES)

        assert outcome.code == "9011"
        assert desk.centre.needs_sign_in(china_now())
        await desk.sign_in()
        assert isinstance(await desk.charge(visit, LINES), Answered)


@pytest_twisted.ensureDeferred
async def test_the_ledger_shows_a_message_id_with_two_bodies_and_a_message_sent_twice() -> None:
    async with open_desk() as desk:
        await desk.sign_in()
        visit = await desk.register()
        message_id = desk.ids.next(china_now())
        await desk.call(desk.centre.sign_in_request(), message_id)
        assert {len(hashes) for hashes in desk.simulator.ledger.bodies().values()} == {1}
        await desk.call(UploadVisit(visit, china_now(), (Diagnosis("A", "B"),), "内科", "DR1", "医生"), message_id)

        assert len(desk.simulator.ledger.bodies()[message_id]) == 2
        assert desk.simulator.ledger.times_received(message_id) == 2


@pytest_twisted.ensureDeferred
async def test_a_message_id_seen_before_is_processed_again_unless_the_knob_says_no() -> None:
    for refuse in (False, True):
        simulator = CentreSimulator(reactor, refuse_duplicates=refuse, require_sign_in=False)
        async with open_desk(simulator) as desk:
            visit, outcome = await desk.settled()
            request = Settle(
                visit, holder(), "B1", total(row.amount for row in LINES), use_account=True, quoted=outcome.reply.split
            )

            assert (await desk.call(request, desk.sent[-1])).code == ("0102" if refuse else "2072")


# -- people and knobs


@pytest_twisted.ensureDeferred
async def test_one_persons_settlement_reply_is_lost_after_it_was_done() -> None:
    async with open_desk() as desk:
        visit, outcome = await desk.settled("lost-reply")

        assert isinstance(outcome, Unknown)
        assert outcome.cause == "connection-lost"
        assert desk.simulator.ledger.by_message(desk.sent[-1]).state is State.APPROVED
        assert await desk.reverse(visit, desk.sent[-1]) == Answered(Reversed())
        assert desk.simulator.business.balance(visit.person_number, "310") == Money(80_000)


@pytest_twisted.ensureDeferred
async def test_one_person_is_refused_with_code_and_text() -> None:
    async with open_desk() as desk:
        _visit, outcome = await desk.settled("refused")

        assert outcome == Refused("2079", "待遇享受状态异常，请与经办机构联系")
        assert desk.simulator.ledger.settlements == []


KNOBS = {  # action -> (cause of the Unknown, or Answered or Refused), settlements that the centre then holds
    "lose-reply": ("connection-lost", 1),
    "drop-before": ("connection-lost", 0),
    "refuse": (Refused, 0),
    "slow": (Answered, 1),
    "stall": (Answered, 1),
    "garbage": ("unreadable", 1),
    "html-200": ("not-soap", 1),
    "page-504": ("http-status", 1),
    "gateway-401": ("http-status", 0),
    "soap-fault": ("soap-fault", 0),
    "cut-mid-reply": ("connection-lost", 1),
    "drip": ("time-out", 1),
    "wrong-namespace": ("unreadable", 1),
    "missing-setl_id": ("incomplete", 1),
    "other-person": ("not-ours", 1),
}


def test_every_knob_has_its_expectation() -> None:
    # those of statements: test_statements; of catalogues: tests/middleware/engine/test_catalogue.py
    assert set(KNOBS) | set(STATEMENT_ACTIONS) | set(CATALOGUE_ACTIONS) == set(ACTIONS)


@pytest.mark.parametrize("action", KNOBS)
@pytest_twisted.ensureDeferred
async def test_each_knob_does_what_it_says_for_one_settlement(action: str) -> None:
    expected, held = KNOBS[action]
    async with open_desk(total_deadline_s=2.0, late_reply_s=0.0) as desk:
        desk.simulator.faults.next("2207", action, seconds=0.2)
        visit, outcome = await desk.settled()

        assert getattr(outcome, "cause", type(outcome)) == expected
        assert len(desk.simulator.ledger.settlements) == held
        assert desk.simulator.ledger.times_received(desk.sent[-1]) == 1
        if not held:
            again = await desk.settle(visit, LINES, await desk.quote(visit, LINES))
            assert isinstance(again, Answered)


@pytest_twisted.ensureDeferred
async def test_a_slow_centre_times_out_and_its_late_reply_is_heard() -> None:
    async with open_desk(total_deadline_s=0.3) as desk:
        desk.simulator.faults.next("2207", "slow", seconds=0.6)
        _visit, outcome = await desk.settled()
        assert outcome == Unknown("time-out")
        while not desk.late:
            await deferLater(reactor, 0.01)

        assert desk.late[0].reply.settlement_number == desk.simulator.ledger.settlements[0].settlement_number


@pytest_twisted.ensureDeferred
async def test_the_ledger_outlives_a_stop_of_the_centre_which_is_not_sent() -> None:
    async with open_desk() as desk:
        visit, outcome = await desk.settled()
        await desk.simulator.stop()
        assert isinstance(await desk.cancel(visit, outcome.reply.settlement_number), NotSent)
        desk.simulator.start()

        assert isinstance(await desk.cancel(visit, outcome.reply.settlement_number), Answered)


def test_the_most_particular_knob_wins_and_is_used_up() -> None:
    faults = Faults()
    faults.always("2207", "slow")
    faults.next("*", "garbage", times=2)
    faults.message("M1", "drip")

    assert [faults.take("2207", name, "refuse").action for name in ("M1", "M1", "M2", "M3")] == [
        "drip",
        "garbage",
        "garbage",
        "slow",
    ]
    faults.clear()
    assert faults.take("2207", "M1", "") is None
    assert faults.take("2207", "M1", "refuse").action == "refuse"


@pytest.mark.parametrize(
    "wrong",
    [{}, {"call": "2207"}, {"call": "2207", "action": "explode"}, {"call": "2207", "action": "slow", "seconds": "1"},
     {"action": "slow"}, {"call": "2207", "action": "slow", "times": -1}, {"call": "2207", "action": "slow", "x": 1}],
)  # fmt: skip
def test_a_wrong_knob_is_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"."):
        Faults().set_from_json(wrong)


# -- for other processes


@pytest_twisted.ensureDeferred
async def test_the_contract_is_served_with_the_real_address() -> None:
    async with open_desk() as desk:
        document = etree.fromstring(await (await treq.get(desk.simulator.url + "?wsdl")).content())
        address = document.find(".//{http://schemas.xmlsoap.org/wsdl/soap/}address")

        assert address.get("location") == desk.simulator.url


@pytest_twisted.ensureDeferred
async def test_the_admin_page_shows_the_ledger_and_sets_knobs() -> None:
    async with open_desk() as desk:
        base = f"http://127.0.0.1:{desk.simulator.port}/admin"
        answer = await treq.post(f"{base}/faults", json.dumps({"call": "2207", "action": "lose-reply"}).encode())
        assert await answer.json() == {"ok": True}
        _visit, outcome = await desk.settled()
        assert isinstance(outcome, Unknown)
        ledger = await (await treq.get(f"{base}/ledger")).json()
        wrong = await treq.post(f"{base}/faults", b'{"call": 1')

        assert [(row["message_id"], row["state"]) for row in ledger["settlements"]] == [(desk.sent[-1], "approved")]
        assert [row["call"] for row in ledger["messages"]] == ["9001", "1101", "2201", "2203", "2204", "2206", "2207"]
        assert not any(
            person.id_number in json.dumps(ledger) or person.name in json.dumps(ledger, ensure_ascii=False)
            for person in PEOPLE.values()
        )
        assert wrong.code == 400


@pytest.mark.parametrize("body", [b"", b"<a/>", b"<!DOCTYPE a><a/>", b"\xff" * 100])
@pytest_twisted.ensureDeferred
async def test_what_is_no_message_gets_a_soap_fault(body: bytes) -> None:
    simulator = CentreSimulator(reactor)
    simulator.start()
    answer = await treq.post(simulator.url, body, persistent=False)
    content = await answer.content()
    await simulator.stop()

    assert answer.code == 500
    assert b"Fault" in content
    assert simulator.ledger.receipts == []
