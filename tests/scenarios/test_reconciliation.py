"""Three days with a centre that loses answers and books wrongly, over real wires; each night both books are compared.

The engine, journal, store and the SOAP adapter are the real ones, the centre is the simulator with its own ledger and its
own means to write files. Wall clocks are set from night to night. Nothing but the comparison may find what was lost.
"""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import pytest
import pytest_twisted
from twisted.internet import reactor

from adapters.insurance.exchange.options import CentreOptions
from adapters.insurance.profile import load_profile
from adapters.insurance.soap.link import SoapCentre
from daemon.policies import calls_of
from daemon.simulate.trade import card_of
from middleware.domain.centre import Call
from middleware.domain.charge import ChargeLine, Diagnosis
from middleware.domain.fault import Fault
from middleware.domain.money import Money
from middleware.domain.order import CancelOrder, QuoteOrder, RegisterOrder, SettleOrder
from middleware.engine.asking import Patience
from middleware.engine.comparison import Rules
from middleware.engine.reconcile import Reconciler
from middleware.store.statements import Statements
from simulators.centre.ledger import State
from simulators.centre.refusals import Refusal
from simulators.centre.server import CentreSimulator
from tests.support.fakes import HIS, TZ, FakeReaders
from tests.support.rig import INSTITUTION, Rig

pytestmark = pytest.mark.slow

FIRST = dt.date(2026, 11, 18)
ITEMS = (("S110200001", "普通门诊诊察费", 1500), ("XA01AMOX0250", "阿莫西林胶囊", 2520))


class People(FakeReaders):
    """Whose card is read next."""

    who = "employee"

    async def read_card(self, reader):
        return card_of(self.who, reader)


class Hospital:
    """One counter, and the books on both sides."""

    def __init__(self, tmp_path):
        profile = load_profile("999900-test")
        self.rig = Rig(
            tmp_path, first_check_s=10**7, repeat_s=0.05, processing_limit_s=10, reversible=calls_of(profile.reversible),
            not_found_codes=frozenset(profile.not_found_codes), sign_in_again_codes=frozenset(profile.sign_in_again_codes),
            already_reversed_codes=frozenset(profile.already_reversed_codes), quote_valid_s=10**6, max_clock_skew_s=10**7,
        )  # fmt: skip
        self.rig.readers = People()
        self.ahead = dt.timedelta(0)  # the centre's clock
        self.set_to(FIRST, 9)
        self.simulator = CentreSimulator(reactor, clock=lambda: self.rig.now() + self.ahead, require_sign_in=False)
        self.profile = profile
        self._keys = 0

    def set_to(self, day, hour, minute=0, second=0):
        self.rig.offset = dt.datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=TZ) - dt.datetime.now(TZ)

    async def start(self):
        self.simulator.start()
        options = CentreOptions(
            url=self.simulator.url, institution_code=INSTITUTION, institution_name="测试医院", profile="999900-test",
            operator="0001", operator_name="操作员", total_deadline_s=5.0,
        )  # fmt: skip
        self.rig.centre = SoapCentre(options, reactor, self.rig.now, self.profile)
        self.rig.centre.start()
        await self.rig.start()
        self.store = Statements(self.rig.database, self.rig.reader)
        patience = Patience(repeat_s=0.02, repeat_max_s=0.05, ready_within_s=2, rest_s=10)
        self.reconciler = Reconciler(self.rig.engine, self.store, Rules(TZ, self.profile.statement.rules), patience)
        return self

    async def stop(self):
        self.reconciler.stop()
        await self.rig.stop()
        await self.rig.centre.stop()
        await self.simulator.stop()

    # -- the counter

    def key(self):
        self._keys += 1
        return f"k{self._keys}"

    async def quoted(self, who="employee"):
        self.rig.readers.who = who
        counter, now = self.rig.counter, self.rig.now()
        read = (await counter.read_card(HIS, "Virtual 00"))["card_read_id"]
        order = RegisterOrder(read, "", "0301", "呼吸内科", "A03", "D3301001", "李医生", now)
        visit = await counter.register(HIS, self.key(), order)
        lines = tuple(
            ChargeLine(
                line_id=str(n), catalogue_code=code, hospital_code=f"H{n}", name=name, unit_price=Decimal(fen) / 100,
                quantity=Decimal(1), amount=Money(fen), charged_at=now, department_code="0301", department_name="呼吸内科",
                doctor_code="D3301001", doctor_name="李医生",
            )
            for n, (code, name, fen) in enumerate(ITEMS, 1)
        )  # fmt: skip
        bill = QuoteOrder(visit["visit_id"], (Diagnosis("J06.900", "急性上呼吸道感染"),), lines)
        return await counter.quote(HIS, self.key(), bill)

    async def settled(self, who="employee", fault="", quote=None):
        """A settlement's id; with a fault at the centre, whatever the counter then hears."""
        quote = quote or await self.quoted(who)
        if fault:
            self.simulator.faults.next("2207", fault)
        sid, split = quote["settlement_id"], quote["split"]
        order = SettleOrder(sid, Money.parse(split["total"]), Money.parse(split["cash"]))
        await heard(self.rig.counter.settle(HIS, self.key(), order))
        return sid

    async def cancelled(self, sid, fault=""):
        if fault:
            self.simulator.faults.next("2208", fault)
        await heard(self.rig.counter.cancel(HIS, self.key(), CancelOrder(sid, "退费")))

    async def orphan(self):
        """The centre settles and says that it refuses."""
        quote = await self.quoted()
        business = self.simulator.business
        real = business.handle

        def approves_and_refuses(head, nodes):
            done = real(head, nodes)
            if head["infno"] == "2207":
                raise Refusal("2072")
            return done

        business.handle = approves_and_refuses
        try:
            return await self.settled(quote=quote)
        finally:
            business.handle = real

    # -- the books

    async def of(self, sid):
        return (await self.rig.engine.visits.visit(await self.rig.engine.visits.visit_of(sid))).settlement(sid)

    async def state(self, sid):
        return str((await self.of(sid)).state)

    async def held(self, sid):
        return self.simulator.ledger.by_message((await self.of(sid)).settle_message_id)

    async def night(self, day):
        """The run of that day, at half past two of the next."""
        self.set_to(day + dt.timedelta(days=1), 2, 30)
        return await self.reconciler.run(day)

    def centres_totals(self, day):
        """By key, from the centre's own entries."""
        sums = {}
        for entry in self.simulator.business.statements.entries():
            if entry.at.date() == day:
                key = (entry.insurance, entry.clearing_type, entry.agency)
                old = sums.get(key, (0, 0, 0, 0))
                sums[key] = (
                    old[0] + entry.total.fen, old[1] + entry.fund.fen, old[2] + entry.account.fen, old[3] + 1,
                )  # fmt: skip
        return sums

    def sent_totals(self, run):
        """By key, what the last 3201 of the run said; without the keys of which we had nothing."""
        rows = self.store.totals(run.run_id, run.round)
        said = {(r.insurance, r.clearing_type, r.agency): (r.total_fen, r.fund_fen, r.account_fen, r.count) for r in rows}
        return {key: sums for key, sums in said.items() if sums != (0, 0, 0, 0)}

    def explained(self, run):
        """What the files explained of the difference, round by round."""
        with self.rig.database.connect() as connection:
            query = "SELECT line FROM journal WHERE event = 'DifferencesFound' ORDER BY sequence"
            bodies = [json.loads(row[0])["body"] for row in connection.exec_driver_sql(query)]
        return {body["round"]: body["explained_fen"] for body in bodies if body["run_id"] == run.run_id}

    def differences(self, run, number=None):
        rows = self.store.rows(run.run_id, number or run.round, 0, 100)
        return {row.settlement_id: (row.difference, row.resolution, row.refund) for row in rows}


async def heard(answer):
    try:
        await answer
    except Fault as fault:
        if fault.code not in {"settlement.outcome_unknown", "centre.refused"}:
            raise


@pytest_twisted.ensureDeferred
async def test_three_days_in_which_every_class_of_difference_occurs_and_both_books_agree_after_each_night(tmp_path):
    h = await Hospital(tmp_path).start()
    try:
        first = await first_day(h)
        await second_day(h, first)
        await third_day(h)
    finally:
        await h.stop()


async def first_day(h):
    """Lost answers, a loss before the centre, a refund on the same day, one across midnight."""
    kept, resident = await h.settled(), await h.settled("resident")
    await h.cancelled(await h.settled())
    lost = await h.settled(fault="lose-reply")
    never = await h.settled("resident", fault="drop-before")
    h.set_to(FIRST, 23, 59, 50)
    crossing = await h.quoted()
    late = await h.quoted("resident")
    h.ahead = dt.timedelta(seconds=20)  # at the centre it is the next day already
    crossed = await h.settled(quote=crossing)
    crossed_and_lost = await h.settled(fault="lose-reply", quote=late)
    assert (await h.of(crossed)).settled.settled_at.date() == FIRST + dt.timedelta(days=1)
    h.ahead = dt.timedelta(0)
    assert [await h.state(one) for one in (lost, never, crossed_and_lost)] == ["Unknown"] * 3

    run = await h.night(FIRST)

    assert (run.state, run.fault) == ("balanced", "")
    assert await h.state(lost) == "Reversed"
    assert (await h.held(lost)).state is State.REVERSED
    assert await h.state(never) == "Reversed"
    assert await h.held(never) is None
    assert h.differences(run, 1)[lost] == ("only-there", "reverse-or-adopt", False)
    assert h.differences(run, 2)[never] == ("unlisted", "absent", False)
    assert await h.state(crossed_and_lost) == "Unknown"  # it belongs to the next day, at the centre
    assert h.sent_totals(run) == h.centres_totals(FIRST)
    again = await h.night(FIRST)
    assert (again.state, again.round, again.resolved) == ("balanced", 1, 0)
    return {"kept": kept, "resident": resident, "crossed": crossed, "crossed_and_lost": crossed_and_lost}


async def second_day(h, first):
    """A refund of the day before, a lost cancel, an orphan, and what the centre's books have wrongly."""
    day = FIRST + dt.timedelta(days=1)
    h.set_to(day, 9)
    await h.cancelled(first["kept"])
    lost_cancel = await h.settled()
    await h.cancelled(lost_cancel, fault="lose-reply")
    orphan = await h.orphan()
    assert (await h.state(orphan), (await h.held(orphan)).state) == ("Quoted", State.APPROVED)
    half = await h.settled("resident")
    await h.cancelled(half)
    unmake_refund(await h.held(half))
    differs, alone = await h.settled(), await h.settled("resident")
    statements = h.simulator.business.statements
    statements.misbook((await h.of(differs)).settle_message_id, Money(100))
    statements.strike((await h.of(alone)).settle_message_id)
    theirs_before = sum(sums[0] for sums in h.centres_totals(day).values())

    run = await h.night(day)

    assert (run.state, run.fault) == ("open", "")
    found = h.differences(run, 1)
    assert found[lost_cancel] == ("only-there", "reverse-or-adopt", True)
    assert found[orphan] == ("only-there", "reverse", False)
    assert found[half] == ("refund-missing", "reverse", True)
    assert found[differs] == ("amounts", "person", False)
    assert found[alone] == ("only-here", "person", False)
    assert found[first["crossed_and_lost"]] == ("only-there", "reverse-or-adopt", False)
    assert await h.state(lost_cancel) == "Delivered"  # the cancel was undone: it stands
    assert [await h.state(one) for one in (orphan, half, first["crossed_and_lost"])] == ["Reversed"] * 3
    assert (await h.held(orphan)).state is (await h.held(half)).state is State.REVERSED
    ours = sum(row.total_fen for row in h.store.totals(run.run_id, 1))
    assert h.explained(run)[1]["total"] == theirs_before - ours  # every fen
    theirs = sum(sums[0] for sums in h.centres_totals(day).values())
    ours = sum(row.total_fen for row in h.store.totals(run.run_id, run.round))
    assert h.explained(run)[run.round]["total"] == theirs - ours == 100 - 4020
    assert set(h.differences(run)) == {differs, alone}  # what is left is a person's
    page = await h.rig.desk.list("", 100)
    classes = {row["settlement_id"]: row["difference"]["class"] for row in page["rows"]}
    assert classes == {differs: "amounts", alone: "only-here"}

    statements.mend()  # the centre corrects its books
    again = await h.night(day)
    assert (again.state, again.resolved) == ("balanced", 0)
    assert h.sent_totals(again) == h.centres_totals(day)
    assert (await h.rig.desk.list("", 100))["rows"] == []


async def third_day(h):
    """Files that are no files change nothing; a result may take its time; then the night is empty."""
    day = FIRST + dt.timedelta(days=2)
    h.set_to(day, 9)
    await h.settled()
    lost = await h.settled(fault="lose-reply")
    for knob, code in (("cut-zip", "statement.zip"), ("foreign-row", "statement.foreign"), ("bomb", "statement.too_big")):
        h.simulator.faults.next("9102", knob)
        run = await h.night(day)
        assert (run.state, run.fault, run.resolved) == ("failed", code, 0)
        assert await h.state(lost) == "Unknown"
    h.simulator.faults.next("9102", "not-ready", times=2)
    h.simulator.faults.next("3201", "lose-reply")
    run = await h.night(day)
    assert (run.state, await h.state(lost)) == ("balanced", "Reversed")
    assert h.sent_totals(run) == h.centres_totals(day)
    again = await h.night(day)
    assert (again.state, again.round, again.resolved) == ("balanced", 1, 0)
    approved = {s.settlement_number for s in h.simulator.ledger.in_state(State.APPROVED)}
    with h.rig.database.connect() as connection:
        query = "SELECT settlement_number FROM settlement WHERE state IN ('Settled', 'Delivered')"
        assert {row[0] for row in connection.exec_driver_sql(query)} == approved
    reversals = [r for r in h.simulator.ledger.receipts if r.call == Call.REVERSE and r.end == "done"]
    assert len(reversals) == len({r.message_id for r in reversals}) == 6


def unmake_refund(held):
    """The centre answered the cancel and has lost it since."""
    held.state, held.undone_by, held.cancel_number, held.cancelled_at = State.APPROVED, "", "", None
