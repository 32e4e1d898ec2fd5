"""The adapter against the bank simulator on a real socket: every way in which an answer fails to come."""

from __future__ import annotations

import contextlib
import datetime as dt

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred

from adapters.bank.iso8583.adapter import Iso8583Bank
from adapters.bank.iso8583.options import BankOptions
from middleware.domain.fault import Fault
from middleware.domain.health import Condition
from middleware.domain.money import Money
from middleware.domain.outcome import Answered, NotSent, Unknown
from middleware.domain.payment import BankCall, BankCard, BankRefusal, BankRequest, RefusalReason, Traced
from middleware.engine.tasks import sleep
from simulators.bank import CARDS, BankSimulator
from simulators.bank.server import TEST_KEY
from simulators.ports import free_port

NOW = dt.datetime(2026, 11, 21, 9, 0, 0, tzinfo=dt.timezone(dt.timedelta(hours=8)))
RICH = BankCard(CARDS["rich"].number, "3012")


@contextlib.asynccontextmanager
async def line(tmp_path, mac="sm4-cbc", **options):
    host = BankSimulator(reactor, free_port(), mac=mac)
    host.start()
    key = tmp_path / "mac.key"
    key.write_text(TEST_KEY.hex())
    given = {"reply_timeout_s": 0.4, "retry_first_s": 0.02, "late_reply_s": 5.0, **options}
    bank = Iso8583Bank(
        BankOptions(enabled=True, port=host.port, mac=mac, mac_key_file=None if mac == "none" else key, **given), reactor
    )
    bank.start()
    try:
        await until(lambda: bank.health().condition is Condition.GOOD)
        yield host, bank
    finally:
        await bank.stop()
        await host.stop()


async def until(true):
    for _ in range(500):
        if true():
            return
        await sleep(reactor, 0.01)
    raise TimeoutError


async def ask(bank, call=BankCall.HOLD, trace="000001", amount=1000, card=RICH, late=None, **more):
    request = BankRequest(call, Traced(trace, NOW, Money(amount)), card=card, **more)
    prepared = await bank.prepare("M1", request)
    left = []
    outcome = await bank.send(prepared, lambda: left.append(True), late or (lambda _: None))
    assert bool(left) != isinstance(outcome, NotSent)
    return outcome


HELD = Traced("000001", NOW, Money(1000))


@pytest.mark.parametrize("mac", ["x9.19", "sm4-cbc", "sm4-cmac", "none"])
@pytest_twisted.ensureDeferred
async def test_hold_capture_and_refund_are_booked_once_under_every_mac(tmp_path, mac):
    async with line(tmp_path, mac) as (host, bank):
        held = await ask(bank)
        taken = [
            await ask(bank, BankCall.CAPTURE, "000002", 700, None, original=HELD, original_reply=held.reply, repeat=again)
            for again in (False, True)
        ]
        paid = Traced("000002", NOW, Money(700))
        back = await ask(bank, BankCall.REFUND, "000003", 700, None, original=paid, original_reply=held.reply)

        assert all(isinstance(one, Answered) for one in (held, *taken, back))
        assert (host.ledger.captures, host.ledger.refunds, host.ledger.charged()) == (1, 1, 0)
        assert host.bad_macs == host.unreadable == 0


@pytest.mark.parametrize("call", [BankCall.REVERSE, BankCall.RELEASE])
@pytest_twisted.ensureDeferred
async def test_a_hold_is_given_back_and_asking_again_changes_nothing(tmp_path, call):
    async with line(tmp_path) as (host, bank):
        held = await ask(bank)
        own = "000001" if call is BankCall.REVERSE else "000002"
        more = {} if call is BankCall.REVERSE else {"original_reply": held.reply}
        ends = [await ask(bank, call, own, card=None, original=HELD, repeat=again, **more) for again in (False, True)]

        assert all(isinstance(one, Answered) for one in ends)
        assert host.ledger.held() == []


@pytest.mark.parametrize(
    ("action", "cause", "booked"),
    [
        ("silent", "time-out", 0), ("lose-reply", "time-out", 1), ("wrong-mac", "time-out", 1), ("wrong-trace", "time-out", 1),
        ("cut-before", "connection-lost", 0), ("cut", "connection-lost", 1),
    ],
)  # fmt: skip
@pytest_twisted.ensureDeferred
async def test_no_clear_answer_is_unknown_and_the_line_comes_back(tmp_path, action, cause, booked):
    async with line(tmp_path) as (host, bank):
        host.knob("hold", action)
        outcome = await ask(bank)

        assert outcome == Unknown(cause)
        assert len(host.ledger.held()) == booked
        await until(lambda: bank.health().condition is Condition.GOOD)
        assert isinstance(await ask(bank, trace="000002"), Answered)


@pytest_twisted.ensureDeferred
async def test_a_late_answer_is_told_once_and_a_second_one_answers_nothing(tmp_path):
    async with line(tmp_path, reply_timeout_s=0.2) as (host, bank):
        host.knob("hold", "late", seconds=0.4)
        heard = Deferred()
        outcome = await ask(bank, late=heard.callback)
        late = await heard

        assert outcome == Unknown("time-out")
        assert isinstance(late, Answered)
        host.knob("hold", "duplicate")
        assert isinstance(await ask(bank, trace="000002"), Answered)
        assert isinstance(await ask(bank, trace="000003"), Answered)


@pytest_twisted.ensureDeferred
async def test_a_refusal_says_why_in_a_class_that_a_cashier_can_act_on(tmp_path):
    async with line(tmp_path) as (_, bank):
        poor = await ask(bank, card=BankCard(CARDS["poor"].number))
        lost = await ask(bank, trace="000002", card=BankCard(CARDS["lost"].number))

        assert isinstance(poor, BankRefusal)
        assert (poor.code, poor.reason) == ("51", RefusalReason.FUNDS)
        assert "余额不足" in poor.message
        assert lost.reason is RefusalReason.STOLEN


@pytest_twisted.ensureDeferred
async def test_answers_find_their_requests_whatever_their_order(tmp_path):
    async with line(tmp_path, reply_timeout_s=2.0) as (host, bank):
        host.knob("hold", "late", seconds=0.3)
        slow = ensureDeferred(ask(bank, amount=100))
        quick = await ask(bank, trace="000002", amount=200)

        assert [hold.reference for hold in host.ledger.holds.values()] == [
            (await slow).reply.reference,
            quick.reply.reference,
        ]


@pytest_twisted.ensureDeferred
async def test_without_a_line_nothing_is_sent_and_health_says_so(tmp_path):
    async with line(tmp_path) as (host, bank):
        await host.stop()
        await until(lambda: bank.health().condition is Condition.DOWN)

        outcome = await ask(bank)
        assert (outcome.fault, bank.health().fault) == ("payment.unreachable", "payment.unreachable")
        host.start()
        await until(lambda: bank.health().condition is Condition.GOOD)


@pytest_twisted.ensureDeferred
async def test_an_idle_line_is_asked_and_a_silent_one_made_anew(tmp_path):
    async with line(tmp_path, echo_s=0.1) as (host, _):
        await until(lambda: host.sign_ons >= 3)


@pytest_twisted.ensureDeferred
async def test_beyond_the_bound_of_messages_in_flight_nothing_leaves(tmp_path):
    async with line(tmp_path, max_in_flight=1) as (host, bank):
        host.knob("hold", "silent")
        first = ensureDeferred(ask(bank))
        second = await ask(bank, trace="000002")

        assert second == NotSent("payment.line_busy", "")
        assert await first == Unknown("time-out")


@pytest_twisted.ensureDeferred
async def test_a_stop_leaves_what_waits_unknown(tmp_path):
    async with line(tmp_path, reply_timeout_s=5.0) as (host, bank):
        host.knob("hold", "silent")
        waiting = ensureDeferred(ask(bank))
        await until(lambda: bank.health().detail == "in flight 1")
        await bank.stop()

        assert await waiting == Unknown("stopping")


@pytest.mark.parametrize("text", ["", "xyz", "00", "0123456789ABCDEFFEDCBA987654321"])
def test_a_key_that_is_none_is_refused_without_being_shown(tmp_path, text):
    path = tmp_path / "k"
    path.write_text(text)
    with pytest.raises(Fault) as caught:
        Iso8583Bank(BankOptions(enabled=True, mac_key_file=path), reactor)

    assert caught.value.code == "system.config"
    assert not text or text not in str(caught.value)
