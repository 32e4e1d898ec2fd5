"""The run of a day with the real engine, the real adapter and the simulated centre: files, refusals, reversals, cycles."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import attrs
import pytest
import pytest_twisted
from twisted.internet import reactor

from adapters.insurance.files.form import StatementForm
from daemon.conformance.stand import speech_of
from daemon.policies import finish_of
from middleware.domain.centre import MONEY_CALLS, Call
from middleware.domain.money import Money
from middleware.domain.order import QuoteOrder
from middleware.domain.statement import Slice
from middleware.domain.visit import SettlementState
from middleware.engine.comparison import Rules
from simulators.centre.ledger import State
from simulators.centre.server import CentreSimulator
from simulators.centre.statements import Dialect
from tests.adapters.insurance.requests import line
from tests.support.day import Day, journal
from tests.support.fakes import HIS, TZ, quote_order, register_order
from tests.support.wire import NATIONAL, PROCESS, PROFILE, Employee, centre_at

SLICES = (Slice("310", "11", "999900"),)
OLD = attrs.evolve(
    PROFILE,
    statement=StatementForm(detail=False, by_cycle=True, signed_out_codes=("9012",)),
    sign_in_again_codes=("9011",),
)

STRINGS = attrs.evolve(OLD, dialect="soap-string")

CONFIRMED = attrs.evolve(PROCESS, after_settle="confirm")


class WireDay(Day):
    """The same day, with a wire."""

    def __init__(self, store_url, profile, slices=SLICES, dialect=None, **policy):
        super().__init__(store_url, rules=profile.statement.rules, slices=slices, **policy)
        self.rig.readers = Employee()
        self.simulator = CentreSimulator(
            reactor,
            clock=self.rig.now,
            dialect=dialect,
            by_cycle=profile.statement.by_cycle,
            speech=speech_of(profile),
            finish=str(finish_of(profile) or ""),
        )
        self.simulator.start()
        self.rig.centre = self.centre = centre_at(self.simulator, profile, self.rig.now)
        self.rules = Rules(TZ, profile.statement.rules, slices)

    async def quoted(self, key):
        read = await self.rig.counter.read_card(HIS, "Virtual 00")
        order = attrs.evolve(register_order(read["card_read_id"]), begun_at=self.rig.now())
        visit = await self.rig.counter.register(HIS, f"r{key}", order)
        bill = (
            line(f"L{key}", unit_price=Decimal(100 + int(key)), quantity=Decimal(1), amount=Money(10000 + 100 * int(key))),
        )
        quote: QuoteOrder = attrs.evolve(quote_order(visit["visit_id"]), lines=bill)
        return await self.rig.counter.quote(HIS, f"q{key}", quote)

    async def stop(self):
        await super().stop()
        await self.centre.stop()
        await self.simulator.stop()


def play(test, profile=PROFILE, **settings):
    async def run(store_url):
        day = await WireDay(store_url, profile, **settings).start()
        try:
            await test(day)
        finally:
            await day.stop()

    return run


@pytest.mark.parametrize("profile", [PROFILE, NATIONAL, PROCESS], ids=["soap", "national", "process"])
@pytest_twisted.ensureDeferred
async def test_invariant_15_a_lost_settlement_is_found_by_the_centres_file_and_undone_and_the_next_run_is_empty(
    store_url, profile
):
    async def test(day):
        first = await day.settled("1")
        await day.settled("2")
        await day.cancelled(first)
        day.simulator.faults.next("2207", "lose-reply")
        lost = await day.settled("3")
        assert (await day.of(lost)).state is SettlementState.UNKNOWN
        day.next_night()
        day.simulator.faults.next("9102", "not-ready")
        run = await day.compared()

        assert (run.fault, run.state, run.resolved) == ("", "balanced", 1), run.detail
        assert (await day.of(lost)).state is SettlementState.REVERSED
        assert len(day.simulator.ledger.in_state(State.REVERSED)) == 1
        run = await day.compared()
        assert (run.state, run.differences, run.resolved) == ("balanced", 0, 0)

    await play(test, profile, first_check_s=3600)(store_url)


@pytest.mark.parametrize("names", ["cancel", "original"])
@pytest.mark.parametrize("apart", [False, True])
@pytest_twisted.ensureDeferred
async def test_a_lost_cancel_is_found_as_a_refund_that_only_the_centre_has_whatever_id_it_names(store_url, names, apart):
    async def test(day):
        settled = await day.settled("1")
        await day.until(settled, SettlementState.DELIVERED)
        day.simulator.faults.next("2208", "lose-reply")
        await day.cancelled(settled)
        assert (await day.of(settled)).state is SettlementState.UNKNOWN
        day.next_night()
        run = await day.compared()

        assert (run.fault, run.state, run.resolved) == ("", "balanced", 1), run.detail
        assert (await day.of(settled)).state is SettlementState.DELIVERED
        assert day.simulator.ledger.settlements[0].state is State.APPROVED

    profile = attrs.evolve(PROFILE, statement=attrs.evolve(PROFILE.statement, refunds_apart=apart))
    await play(test, profile, dialect=Dialect(refund_message=names), first_check_s=3600)(store_url)


@pytest.mark.parametrize(
    ("action", "fault"),
    [
        ("cut-zip", "statement.zip"),
        ("bomb", "statement.too_big"),
        ("wrong-columns", "statement.columns"),
        ("wrong-charset", "statement.encoding"),
        ("foreign-row", "statement.foreign"),
        ("wrong-fen", "statement.cell"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_bad_file_fails_the_run_and_nothing_of_it_is_applied(store_url, action, fault):
    async def test(day):
        day.simulator.faults.next("2207", "lose-reply")
        lost = await day.settled("1")
        day.next_night()
        day.simulator.faults.next("9102", action)
        run = await day.compared()

        assert (run.state, run.fault) == ("failed", fault)
        assert "line" in run.detail or action in {"cut-zip", "bomb"}
        assert (await day.of(lost)).state is SettlementState.UNKNOWN
        assert day.simulator.ledger.in_state(State.REVERSED) == []
        assert len(journal(day, "ResultRefused")) == 1
        assert (await day.compared()).state == "balanced"

    await play(test, first_check_s=3600)(store_url)


@pytest.mark.parametrize("profile", [OLD, STRINGS], ids=["soap", "strings"])
@pytest_twisted.ensureDeferred
async def test_an_old_centres_cycle_is_compared_and_signed_out_over_the_wire(store_url, profile):
    async def test(day):
        first = await day.settled("1")
        await day.settled("2")
        await day.cancelled(first)
        day.next_night()
        day.simulator.faults.next("9002", "lose-reply")
        run = await day.compared()

        assert (run.fault, run.state, run.differences) == ("", "balanced", 0), run.detail
        assert [r.end for r in day.simulator.ledger.receipts if r.call == "9002"] == ["done", "refused 9012"]
        await day.settled("3")
        cycles = [s.cycle for s in day.simulator.ledger.settlements]
        assert cycles[0] == cycles[1] != cycles[2]
        day.simulator.business.statements.misbook(day.simulator.ledger.settlements[2].message_id, Money(1))
        day.set_to(day.rig.now() + dt.timedelta(days=1))
        run = await day.compared()
        assert (run.state, run.differences) == ("open", 1)
        day.simulator.business.statements.mend()
        assert (await day.compared()).state == "balanced"
        with day.rig.database.connect() as connection:
            money = connection.exec_driver_sql(
                "SELECT DISTINCT sign_number FROM message WHERE call IN ('2207', '2208')"
            ).all()
        assert {row[0] for row in money} == {cycles[0], cycles[2]}

    await play(test, profile, first_check_s=3600, sign_in_again_codes=frozenset({"9011"}))(store_url)


@pytest_twisted.ensureDeferred
async def test_a_settlement_counts_once_it_is_confirmed_over_the_wire(store_url):
    async def test(day):
        first = await day.of(await day.settled("1"))
        assert first.state in {SettlementState.SETTLED, SettlementState.DELIVERED}
        assert [r.call for r in day.simulator.ledger.receipts][-2:] == ["2207", "9901"]
        assert day.simulator.business.unfinished == set()
        day.simulator.faults.next("9901", "drop-before")
        lost = await day.of(await day.settled("2"))
        assert (lost.state, lost.settled, lost.unknown_call) == (SettlementState.UNKNOWN, None, Call.SETTLE)
        assert day.simulator.business.unfinished == {lost.approved.settlement_number}
        with day.rig.database.connect() as connection:
            told = connection.exec_driver_sql("SELECT settlement_id FROM outbox WHERE settlement_id != ''").all()
        assert {row[0] for row in told} == {first.settlement_id}

    await play(test, CONFIRMED, first_check_s=3600, finish=Call.CONFIRM)(store_url)


def test_the_calls_of_statements_move_no_money() -> None:
    assert not MONEY_CALLS & {
        Call.SIGN_OUT, Call.COMPARE_TOTALS, Call.COMPARE_DETAIL, Call.UPLOAD_FILE, Call.DOWNLOAD_FILE,
    }  # fmt: skip
