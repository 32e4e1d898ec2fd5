"""Own shares by bank card on real wires: what the bank was asked, lost, refused and killed in between; all books agree."""

from __future__ import annotations

import json

import pytest
import pytest_twisted
from twisted.internet import reactor

from middleware.domain.money import Money
from simulators.bank import CARDS, BankSimulator
from simulators.bank.server import TEST_KEY
from simulators.ports import free_port
from simulators.stage import Stage
from tests.scenarios.hospital import Hospital, bounded, gone, until

pytestmark = [pytest.mark.pcsc, pytest.mark.slow]
CARD = {
    "means": "bank_card", "card_number": CARDS["rich"].number, "expiry": "3012",
    "track2": CARDS["rich"].number + "=30121010000000000", "pin_block": "0123456789abcdef",
}  # fmt: skip


@pytest_twisted.async_yield_fixture(scope="module")
async def hospital(tmp_path_factory):
    directory = tmp_path_factory.mktemp("payer")
    key = directory / "bank.key"
    key.write_text(TEST_KEY.hex())
    bank = BankSimulator(reactor, free_port())
    bank.start()
    settings = {
        "bank": {
            "enabled": True, "port": bank.port, "mac_key_file": str(key), "reply_timeout_s": 1.0, "retry_first_s": 0.05,
            "retry_most_s": 0.2, "processing_limit_s": 1.0, "merchant_name": "示例医院收费处",
        },
        "engine": {"first_check_s": 0.3, "repeat_s": 0.3, "drain_s": 2.0, "max_attempts": 50},
        "centre": {"total_deadline_s": 2.0, "late_reply_s": 5.0},
    }  # fmt: skip
    stage = Stage(reactor, directory, settings=settings)
    try:
        await stage.start()
        made = Hospital(stage)
        made.bank = bank
        await made.insert("employee")
        await until(lambda: bank.sign_ons, "the daemon never signed on at the bank")
        yield made
    finally:
        await stage.stop()
        await bank.stop()


async def by_card(h):
    """A new bill with an own share, and the parameters to pay it by card."""
    bill = h.bill(await h.visit()) | {"use_account": False}
    quote = await h.call("settlement.quote", bill)
    assert Money.parse(quote["split"]["cash"]).fen > 0
    return h.confirmation(quote) | {"payment": CARD}


async def paid(h, settlement_id, *states):
    """The payment as settlement.get shows it, once its leg is in one of the states."""
    return await until(lambda: _payment(h, settlement_id, states), f"the leg of {settlement_id} is not {states}")


def _payment(h, settlement_id, states):
    row = h.row("settlement", settlement_id=settlement_id)
    return row if row["leg"] in states else None


def calls(h, settlement_id):
    rows = [row for row in h.rows("message") if row["settlement_id"] == settlement_id]
    return [row["call"] for row in sorted(rows, key=lambda row: row["message_id"]) if not row["call"].isdigit()]


def receipts_2207(h, settlement_id):
    return [r for r in h.rows("message") if (r["settlement_id"], r["call"]) == (settlement_id, "2207")]


@pytest_twisted.ensureDeferred
async def test_the_own_share_is_held_settled_captured_and_shown_everywhere(hospital):
    h, order = hospital, await by_card(hospital)
    settled = await h.call("settlement.settle", order)
    row = await paid(h, order["settlement_id"], "Captured")

    assert settled["state"] == "Settled"
    assert row["bank_fen"] == Money.parse(order["cash"]).fen
    view = await h.call("settlement.get", {"settlement_id": order["settlement_id"]})
    assert (view["payment"]["charged"], view["payment"]["held"]) == (order["cash"], "0.00")
    assert calls(h, order["settlement_id"]) == ["hold", "capture"]
    rows, _ = await h.feed()
    assert [
        one["payment"] for one in (json.loads(row["line"]) for row in rows) if one["settlement"] == order["settlement_id"]
    ] == ["bank_card"]


@pytest_twisted.ensureDeferred
async def test_a_cancel_is_refunded_by_the_bank(hospital):
    h, order = hospital, await by_card(hospital)
    await h.call("settlement.settle", order)
    await paid(h, order["settlement_id"], "Captured")
    await h.call("settlement.cancel", h.undoing(order))
    row = await paid(h, order["settlement_id"], "Refunded")

    assert row["refunded_fen"] == row["bank_fen"] == Money.parse(order["cash"]).fen


@pytest_twisted.ensureDeferred
async def test_the_banks_refusal_settles_nothing_and_cash_still_does(hospital):
    h, order = hospital, await by_card(hospital)
    poor = order | {"payment": {"means": "bank_card", "card_number": CARDS["poor"].number}}
    error = await h.fault("settlement.settle", poor)

    assert (error.code, error.data["money"]) == ("payment.refused", "no")
    assert "51 funds" in error.data["detail"]
    assert receipts_2207(h, order["settlement_id"]) == []
    cash = {name: order[name] for name in ("settlement_id", "total", "cash")} | {"request_id": h.key()}
    assert (await h.call("settlement.settle", cash))["state"] == "Settled"


@pytest.mark.parametrize("way", ["lose-reply", "silent", "cut", "wrong-mac"])
@pytest_twisted.ensureDeferred
async def test_a_hold_without_an_answer_is_reversed_before_anything_else(hospital, way):
    h, order = hospital, await by_card(hospital)
    h.bank.knob("hold", way)
    error = await h.fault("settlement.settle", order)
    await paid(h, order["settlement_id"], "Released")

    assert (error.code, error.data["money"]) == ("payment.outcome_unknown", "unknown")
    assert receipts_2207(h, order["settlement_id"]) == []
    assert (await h.call("settlement.settle", order | {"request_id": h.key()}))["state"] == "Settled"
    await paid(h, order["settlement_id"], "Captured")


@pytest_twisted.ensureDeferred
async def test_a_lost_answer_to_a_capture_takes_the_money_once(hospital):
    h, order = hospital, await by_card(hospital)
    before = h.bank.ledger.charged()
    h.bank.knob("capture", "lose-reply")
    await h.call("settlement.settle", order)
    await paid(h, order["settlement_id"], "Captured")

    assert h.bank.ledger.charged() - before == Money.parse(order["cash"]).fen
    assert calls(h, order["settlement_id"]) == ["hold", "capture", "capture"]


@pytest.mark.parametrize("way", ["refuse", "lose-reply"])
@pytest_twisted.ensureDeferred
async def test_when_the_centre_does_not_settle_the_hold_is_given_back(hospital, way):
    h, order = hospital, await by_card(hospital)
    h.stage.centre.faults.next("2207", way)
    error = await h.fault("settlement.settle", order)
    await paid(h, order["settlement_id"], "Released")

    assert error.code == {"refuse": "centre.refused", "lose-reply": "settlement.outcome_unknown"}[way]
    assert h.bank.ledger.held() == []


@pytest.mark.parametrize("where", ["hold", "2207", "capture"])
@pytest_twisted.ensureDeferred
async def test_kill_9_between_the_hold_and_the_end_loses_and_doubles_nothing(hospital, where):
    h, order = hospital, await by_card(hospital)
    before = h.bank.ledger.charged()
    if where == "2207":
        reached = h.stage.centre.holds.next("2207", "processed").reached
    else:
        h.bank.knob(where, "lose-reply")
        reached = h.bank.next(where)
    asked = h.call("settlement.settle", order)
    if where == "capture":
        await asked
    else:
        gone(asked)
    await bounded(reached)
    await h.kill()
    await h.restart()
    await paid(h, order["settlement_id"], "Captured" if where == "capture" else "Released")

    charged = h.bank.ledger.charged() - before
    assert charged == (Money.parse(order["cash"]).fen if where == "capture" else 0)
    assert (receipts_2207(h, order["settlement_id"]) == []) == (where == "hold")


@pytest_twisted.ensureDeferred
async def test_at_the_end_all_books_agree_and_no_card_is_left_anywhere(hospital):
    h = hospital
    await h.until_quiet()
    rows = [row for row in h.rows("settlement") if row["leg"]]

    assert h.bank.ledger.held() == []
    assert h.bank.ledger.charged() == sum(row["bank_fen"] - row["refunded_fen"] for row in rows) > 0
    for row in rows:
        if row["leg"] == "Captured":
            assert (row["bank_fen"], row["state"]) == (row["cash_fen"], "Delivered")
    assert h.rows("payer") == []
    assert h.bank.bad_macs == h.bank.unreadable == 0
    secrets = [CARD["card_number"].encode(), CARD["track2"].encode(), CARD["pin_block"].encode()]
    for path in (h.stage.log, h.stage.database, h.stage.database.with_name(h.stage.database.name + "-wal")):
        data = path.read_bytes() if path.exists() else b""
        assert not [secret for secret in secrets if secret in data], path
    assert h.bank.last["11"] != "000000"
