"""Paying by phone with the real daemon on real wires, beside a counter that speaks SOAP and one that speaks JSON."""

from __future__ import annotations

import json

import pytest
import pytest_twisted
from twisted.internet import reactor

from simulators.centre.ledger import State
from simulators.stage import Stage
from tests.scenarios.hospital import Hospital
from tests.scenarios.phones import PATH_SECRET, channel_of, settings_in

pytestmark = [pytest.mark.pcsc, pytest.mark.slow]


class Phone:
    """A hospital with its channel, and what a person does with a phone."""

    def __init__(self, stage, channel, url):
        self.h = Hospital(stage)
        self.stage, self.channel = stage, channel
        self.url = url

    async def quoted(self):
        bill = self.h.bill(await self.h.visit()) | {"use_account": False}  # so that an own share is left to pay
        return await self.h.call("settlement.quote", bill)

    async def ordered(self):
        quote = await self.quoted()
        return quote, await self.h.call("mobile.order", self.h.confirmation(quote) | {"voucher": "EC-TOKEN"})

    def booked(self, opened):
        """What the centre's ledger holds of an order."""
        return self.stage.centre.ledger.by_number(opened["order_number"])

    def sent(self, call):
        return [number for code, number in self.channel.received if code == call]


@pytest_twisted.async_yield_fixture(scope="module", params=["999900-test", "999900-national"])
async def phone(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mobile")
    more, url = settings_in(folder)
    centre = {"profile": request.param}
    engine = {"first_check_s": 0.2, "repeat_s": 0.2}
    stage = Stage(reactor, folder, settings={"centre": centre, "engine": engine} | more)
    if request.param.endswith("national"):
        own = {"gateway_id": "AK", "gateway_secret": str(folder / "secret"), "signing_key": str(folder / "ours.pem")}
        centre |= own | {"url": stage.centre.national_url}
    channel = channel_of(stage, more["mobile"])
    try:
        await stage.start()
        made = Phone(stage, channel, url)
        await made.h.insert("employee")
        yield made
    finally:
        await stage.stop()
        await channel.stop()


@pytest_twisted.ensureDeferred
async def test_an_order_is_paid_by_phone_noticed_settled_and_given_back_and_all_books_agree(phone):
    h = phone.h
    quote, opened = await phone.ordered()
    number, held = opened["order_number"], phone.booked(opened)
    assert opened["state"] == "Ordered"
    assert held.message_id == phone.sent("6202")[-1]
    assert opened["amounts"]["cash"] == quote["split"]["cash"]
    assert (await h.fault("settlement.settle", h.confirmation(quote))).code == "mobile.waiting"

    phone.channel.orders.pay(number)
    status, said = await phone.channel.notify(phone.url, number)
    assert (status, said["success"]) == (200, True)
    whole = await h.until(quote["settlement_id"], "Delivered")
    assert whole["settled"]["settlement_number"] == number
    assert whole["settled"]["split"] == quote["split"] | {"balance_after": whole["settled"]["split"]["balance_after"]}

    assert (await phone.channel.notify(phone.url, number))[1]["success"]  # the same again changes nothing
    back = await h.call("mobile.refund", h.undoing(quote))
    assert (back["state"], back["split"]["total"]) == ("Cancelled", "-" + quote["split"]["total"])
    assert held.state is State.CANCELLED
    assert held.undone_by == back["message_id"] == phone.sent("6203")[-1]
    rows = [json.loads(line) for line in (await h.get("/feed/v1/settlements", role="bureau"))[1].splitlines()]
    mine = [row for row in rows if row.get("settlement") == quote["settlement_id"]]
    assert {row["transaction"] for row in mine} <= {"6202", "6203"}


@pytest_twisted.ensureDeferred
async def test_forged_notices_and_wrong_paths_are_not_taken_and_a_true_one_with_other_amounts_decides_nothing(phone):
    h = phone.h
    quote, opened = await phone.ordered()
    number, sid = opened["order_number"], quote["settlement_id"]

    status, said = await phone.channel.notify(phone.url, number, forged=True)
    assert (status, said["success"]) == (403, False)
    assert (await phone.channel.notify(phone.url.rpartition("/")[0], number))[0] == 404
    status, said = await phone.channel.notify(phone.url, number, medOrgOrd="H99990000001209901010000000001")
    assert (status, said["success"]) == (200, False)
    other = {"feeSumamt": "1.00", "fundPay": "0.00", "psnAcctPay": "0.00", "ownpayAmt": "1.00"}
    assert (await phone.channel.notify(phone.url, number, **other))[1]["success"]
    whole = await h.call("mobile.status", {"settlement_id": sid})
    assert (whole["state"], whole["money"], whole["order"]["standing"]) == ("Ordered", "unknown", "insurance-paid")

    off = await h.call("mobile.refund", h.undoing(quote))
    assert off["state"] == "Cancelled"
    assert phone.booked(opened).state is State.CANCELLED


@pytest.mark.parametrize("call", ["6201", "6202", "6203", "6301"])
@pytest_twisted.ensureDeferred
async def test_whichever_answer_gets_lost_it_is_charged_once_and_given_back_once(phone, call):
    h = phone.h
    quote = await phone.quoted()
    sid, wanted = quote["settlement_id"], h.confirmation(quote) | {"voucher": "EC-TOKEN"}
    phone.channel.faults.next(call, "lose-reply")
    status, opened = await h.end("mobile.order", wanted), None
    if isinstance(status, tuple):
        assert status[0] in {"centre.no_answer", "settlement.outcome_unknown"}
        if status[0] == "settlement.outcome_unknown":
            await h.until(sid, "Ordered")
        status = await h.call("mobile.order", wanted)
    opened = status
    phone.channel.orders.pay(opened["order_number"])
    await h.until(sid, "Delivered")
    end = await h.end("mobile.refund", undo := h.undoing(quote))
    await h.until(sid, "Cancelled")
    again = await h.call("mobile.refund", undo)

    assert isinstance(end, dict) or end[0] == "settlement.outcome_unknown"
    assert again["state"] == "Cancelled"
    held = [one for one in phone.stage.centre.ledger.settlements if one.visit_number == phone.booked(opened).visit_number]
    assert [one.state for one in held] == [State.CANCELLED]
    ours = {row["message_id"] for row in h.rows("message") if row["settlement_id"] == sid}
    assert len(ours & set(phone.sent("6202"))) == len(ours & set(phone.sent("6203"))) == 1


@pytest_twisted.ensureDeferred
async def test_a_daemon_killed_while_an_order_waits_goes_on_asking_and_hears_that_it_is_paid(phone):
    quote, opened = await phone.ordered()
    await phone.stage.kill()
    phone.channel.orders.pay(opened["order_number"])
    await phone.stage.start_daemon()
    whole = await phone.h.until(quote["settlement_id"], "Delivered")

    assert whole["settled"]["settlement_number"] == opened["order_number"]
    assert phone.booked(opened).state is State.APPROVED
    log = phone.stage.log.read_text(encoding="utf-8")
    assert "EC-TOKEN" not in log
    assert "cashier.invalid" not in log
    assert PATH_SECRET not in log
