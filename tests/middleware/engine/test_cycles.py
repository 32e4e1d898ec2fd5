"""An old centre: each business cycle is compared under its own sign-in and ended before the next begins."""

from __future__ import annotations

import datetime as dt

import pytest
import pytest_twisted
from attrs import define, evolve, field
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred

from middleware.domain import centre as c
from middleware.domain.centre import Call
from middleware.domain.fault import Fault
from middleware.domain.money import Money
from middleware.domain.outcome import Answered, Refused, Unknown
from middleware.domain.statement import Refunds, Slice, StatementRules
from middleware.ports import PreparedCall
from tests.support.day import AGENCY, FAST, BookCentre, Day, journal
from tests.support.fakes import HIS, TZ

RULES = StatementRules(detail=False, by_cycle=True, signed_out_codes=frozenset({"9012"}))


@define
class OldCentre(BookCentre):
    """Knows cycles and no message ids. Refuses a sign-in while an earlier day's cycle is open."""

    cycles: dict = field(factory=dict)  # number -> the day on which it was begun
    made: dict = field(factory=dict)  # message id -> cycle
    agreed: set = field(factory=set)
    signed: tuple | None = None  # what the adapter remembers: day, number
    signs: int = 0

    def needs_sign_in(self, at):
        return self.signed is None or self.signed[0] != at.date()

    def sign_in_request(self):
        return c.SignIn("0001", "00-00-00-00-00-00", "127.0.0.1")

    async def prepare(self, message_id, request, at):
        call = await super().prepare(message_id, request, at)
        number = self.signed[1] if self.signed and not isinstance(request, c.SignIn) else ""
        if isinstance(request, c.CompareTotals):
            number = request.cycle or number
        if isinstance(request, c.SignOut):
            number = request.sign_number
        return PreparedCall(call.message_id, call.call, call.digest, call.body, number)

    async def send(self, call, on_first_byte, on_late_reply):
        if call.call not in {Call.SIGN_IN, Call.SIGN_OUT}:
            self.made[call.message_id] = call.sign_number
            return await super().send(call, on_first_byte, on_late_reply)
        self.sent.append((call.message_id, call.call, call.digest))
        on_first_byte()
        outcome = self.signing(call.body)
        if call.call in self.loses:
            self.loses.remove(call.call)
            return Unknown("time-out")
        return outcome

    def signing(self, request):
        if isinstance(request, c.SignIn):
            if any(day != self.day() for day in self.cycles.values()):
                return Refused("9014")
            if not self.cycles:
                self.signs += 1
                self.cycles[f"S{self.signs}"] = self.day()
            number = next(iter(self.cycles))
            self.signed = (self.day(), number)
            return Answered(c.SignedIn(number))
        if request.sign_number not in self.cycles:
            return Refused("9012")
        if not self.mine(request.sign_number) <= self.agreed:
            return Refused("9013")
        del self.cycles[request.sign_number]
        self.signed = None
        return Answered(c.SignedOut())

    def mine(self, cycle):
        return {row.message_id for row in self.rows if self.made[row.message_id] == cycle}

    def compares(self, request):
        self.asked.append(request)
        if request.cycle not in self.cycles:
            return Refused("9012")
        rows = [row for row in self.rows if row.message_id in self.mine(request.cycle)]
        rows = [
            row for row in rows if request.refunds is Refunds.TOGETHER or row.refund is (request.refunds is Refunds.ALONE)
        ]
        told = request.totals
        equal = (told.total.fen, told.fund.fen, told.account.fen, told.count) == self._sums(rows)
        self.agreed |= {row.message_id for row in rows} if equal else set()
        return Answered(c.TotalsCompared(equal, "0" if equal else "1", ""))


class OldDay(Day):
    def __init__(self, store_url, **settings):
        patience = settings.pop("patience", FAST)
        super().__init__(store_url, rules=settings.pop("rules", RULES), **settings)
        self.patience = patience
        self.rig.centre = self.centre = OldCentre(now=self.rig.now)


def play(test, **settings):
    async def run(store_url):
        day = await OldDay(store_url, **settings).start()
        try:
            await test(day)
        finally:
            await day.stop()

    return run


@pytest.mark.parametrize("apart", [False, True])
@pytest_twisted.ensureDeferred
async def test_an_equal_cycle_is_signed_out_and_the_next_message_begins_another(store_url, apart):
    async def test(day):
        first = await day.settled("1")
        await day.settled("2")
        await day.cancelled(first)
        day.set_to(day.rig.now() + dt.timedelta(days=1))
        with pytest.raises(Fault, match="9014"):  # until the old one is ended nothing else is taken
            await day.rig.engine.signed_in()
        run = await day.compared()

        assert (run.state, run.differences, run.fault) == ("balanced", 0, "")
        assert {(q.cycle, q.slice) for q in day.centre.asked} == {("S1", Slice("310", "11", AGENCY))}
        assert sum(q.totals.count for q in day.centre.asked) == 3
        assert day.centre.cycles == {}
        await day.settled("3")
        assert list(day.centre.cycles) == ["S2"]
        assert (await day.compared(day.rig.now().date())).state == "balanced"  # of today: a cycle may be ended at any time
        assert [(q.cycle, q.totals.count) for q in day.centre.asked[-1 - apart :]] == [("S2", 1), ("S2", 0)][: 1 + apart]
        assert len(journal(day, "SignedOut")) == 2

    await play(test, rules=evolve(RULES, refunds_apart=apart))(store_url)


@pytest_twisted.ensureDeferred
async def test_a_cycle_that_differs_stays_open_and_says_so_until_the_books_agree(store_url):
    async def test(day):
        await day.settled("1")
        day.centre.rows[0].total += Money(1)
        day.next_night()
        run = await day.compared()
        assert (run.state, run.differences) == ("open", 1)
        assert list(day.centre.cycles) == ["S1"]
        assert '"code":"1"' in journal(day, "SliceDiffered")[0]
        day.centre.rows[0].total -= Money(1)
        run = await day.compared()
        assert (run.state, run.differences) == ("balanced", 0)
        assert day.centre.cycles == {}

    await play(test)(store_url)


@pytest_twisted.ensureDeferred
async def test_a_settlement_whose_answer_was_lost_keeps_its_cycle_open(store_url):
    async def test(day):
        await day.settled("1")
        day.centre.loses.append(Call.SETTLE)
        await day.settled("2")
        run = await day.compared(day.rig.now().date())
        assert (run.state, run.differences) == ("open", 1)
        assert list(day.centre.cycles) == ["S1"]

    await play(test, first_check_s=3600)(store_url)


@pytest_twisted.ensureDeferred
async def test_a_lost_answer_to_the_sign_out_is_asked_again_and_the_refusal_means_that_it_was_done(store_url):
    async def test(day):
        await day.settled("1")
        day.centre.loses.append(Call.SIGN_OUT)
        run = await day.compared(day.rig.now().date())
        assert (run.state, len(day.centre.calls(Call.SIGN_OUT))) == ("balanced", 2)
        assert day.store.cycles.open() == []

    await play(test)(store_url)


@pytest_twisted.ensureDeferred
async def test_a_cycle_that_somebody_else_ended_is_shown_to_a_person_once_and_never_called_equal(store_url):
    async def test(day):
        await day.settled("1")
        del day.centre.cycles["S1"]
        run = await day.compared(day.rig.now().date())
        assert (run.state, run.differences) == ("open", 1)
        assert len(journal(day, "CycleFoundEnded")) == 1
        assert day.store.cycles.open() == []

    await play(test)(store_url)


@pytest_twisted.ensureDeferred
async def test_a_slice_that_only_the_centre_has_rows_of_is_asked_when_it_was_ever_met_or_is_named(store_url):
    async def test(day):
        await day.settled("1")
        run = await day.compared(day.rig.now().date())
        assert [q.slice.insurance for q in day.centre.asked] == ["310", "390"]
        assert run.state == "open"  # the same rows answer both questions here, so the second differs

    await play(test, slices=(Slice("390", "11", AGENCY),))(store_url)


@pytest_twisted.ensureDeferred
async def test_one_number_for_several_sign_ins_is_one_cycle_of_the_first_day(store_url):
    async def test(day):
        await day.settled("1")
        began = day.rig.now().date()
        day.centre.signed = None  # the daemon was restarted
        await day.settled("2")
        (cycle,) = day.store.cycles.open()
        assert (cycle.sign_number, cycle.began_at.astimezone(TZ).date()) == ("S1", began)
        assert len(day.store.cycles.messages("S1", 10)) > 2
        assert len(day.centre.calls(Call.SIGN_IN)) == 2
        run = await day.compared(began - dt.timedelta(days=1))
        assert (run.state, day.centre.asked) == ("balanced", [])  # it began after that day
        assert (await day.compared(began)).state == "balanced"
        assert day.centre.asked[-1].totals.count == 2

    await play(test)(store_url)


@pytest_twisted.ensureDeferred
async def test_a_centre_that_wants_the_comparing_first_is_believed(store_url):
    async def test(day):
        await day.settled("1")
        day.centre.signing = lambda _request: Refused("9013")
        run = await day.compared(day.rig.now().date())
        assert (run.state, run.fault, run.detail) == ("failed", "centre.refused", "9002 9013")
        assert [one.sign_number for one in day.store.cycles.open()] == ["S1"]

    await play(test)(store_url)


@pytest_twisted.ensureDeferred
async def test_a_cycle_is_known_by_what_was_sent_in_it_when_the_sign_ins_answer_came_too_late(store_url):
    async def test(day):
        day.centre.loses.append(Call.SIGN_IN)  # what comes late is known to the adapter alone
        with pytest.raises(Fault, match=r"centre\.no_answer"):
            await day.rig.engine.signed_in()
        await day.settled("1")
        assert len(day.centre.calls(Call.SIGN_IN)) == 1
        run = await day.compared(day.rig.now().date())
        assert (run.state, day.centre.asked[-1].totals.count) == ("balanced", 1)
        assert day.centre.cycles == {}
        assert day.store.cycles.open() == []

    await play(test)(store_url)


@pytest.mark.parametrize("done", ["before it is compared", "after it was compared"])
@pytest_twisted.ensureDeferred
async def test_a_settlement_on_its_way_is_waited_for_and_its_cycle_compared_again(store_url, done):
    async def test(day):
        await day.settled("1")
        quote, real = await day.quoted("2"), day.centre.send
        sent, asked = Deferred(), Deferred()

        async def send(call, on_first_byte, on_late_reply):
            if call.call is Call.SETTLE and done.startswith("after"):
                sent.callback(None)
                await asked
            outcome = await real(call, on_first_byte, on_late_reply)
            if call.call is Call.SETTLE and not sent.called:
                sent.callback(None)
                await asked
            if call.call is Call.COMPARE_TOTALS and not asked.called:
                reactor.callLater(0.05, asked.callback, None)
            return outcome

        day.centre.send = send
        told = ensureDeferred(day.rig.counter.settle(HIS, "s2", day.order(quote)))
        await sent
        run = await day.compared(day.rig.now().date())
        await told
        assert (run.state, run.differences, run.fault, run.round) == ("balanced", 0, "", 2)
        assert [q.totals.count for q in day.centre.asked] == [1, 2]
        assert len(day.centre.calls(Call.SIGN_OUT)) == 1
        assert day.centre.cycles == {}

    await play(test)(store_url)


@pytest_twisted.ensureDeferred
async def test_a_cycle_that_agrees_is_not_ended_before_the_centre_has_surely_done_with_what_was_asked_of_it(store_url):
    async def test(day):
        await day.settled("1")
        real = day.centre.send

        async def lost(call, on_first_byte, on_late_reply):
            if call.call is not Call.SETTLE:
                return await real(call, on_first_byte, on_late_reply)
            on_first_byte()
            return Unknown("time-out")

        day.centre.send = lost
        await day.settled("2")
        run = await day.compared(day.rig.now().date())
        assert (run.state, run.fault, day.centre.calls(Call.SIGN_OUT)) == ("failed", "system.busy", [])
        assert list(day.centre.cycles) == ["S1"]
        day.set_to(day.rig.now() + dt.timedelta(seconds=61))  # it is not there, and cannot come to be
        run = await day.compared(day.rig.now().date())
        assert (run.state, run.fault, day.centre.cycles) == ("balanced", "", {})

    await play(test, first_check_s=1e6, processing_limit_s=60, patience=evolve(FAST, rest_s=0.05))(store_url)
