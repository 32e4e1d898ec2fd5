"""A day of settlements over a rig, and a centre with books of its own to compare it with."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from attrs import define, evolve, field
from twisted.internet import reactor

from middleware.domain import centre as c
from middleware.domain.centre import Call
from middleware.domain.fault import Fault
from middleware.domain.money import Money
from middleware.domain.order import Caller, CancelOrder, Role, SettleOrder
from middleware.domain.outcome import Answered, Refused, Unknown
from middleware.domain.statement import Refunds, ResultRow, StatementRules, Verdict
from middleware.engine.asking import Patience
from middleware.engine.comparison import Rules
from middleware.engine.reconcile import Reconciler
from middleware.store import tables as t
from middleware.store.statements import Statements
from tests.support.fakes import HIS, TZ, FakeCentre, quote_order, register_order
from tests.support.rig import Rig

AGENCY = "999900"
LI, WANG = Caller(Role.OPERATOR, "li"), Caller(Role.OPERATOR, "wang")
FAST = Patience(tries=3, repeat_s=0.01, repeat_max_s=0.02, ready_within_s=1.5, rest_s=5)


@define
class Row:
    """One row in the centre's books."""

    message_id: str
    number: str
    day: dt.date
    total: Money
    fund: Money
    account: Money
    refund: bool = False
    insurance: str = "310"

    def sums(self):
        return (self.total.fen, self.fund.fen, self.account.fen)


@define
class BookCentre(FakeCentre):
    """Settles, cancels, reverses and compares by its own books; ``loses`` the answers of the calls named in it."""

    now: object = None
    rows: list = field(factory=list)
    loses: list = field(factory=list)
    numbers: int = 0
    uploads: dict = field(factory=dict)
    not_ready: int = 0
    spoil: object = None  # changes the result rows
    bad_file: object = None
    asked: list = field(factory=list)
    unknown_kinds: tuple = ()  # kinds of insurance of which it compares nothing

    def __attrs_post_init__(self):
        FakeCentre.__init__(self)

    def of(self, message_id):
        return [row for row in self.rows if row.message_id == message_id]

    async def send(self, call, on_first_byte, on_late_reply):
        self.current = call.message_id
        if call.call not in {Call.SETTLE, Call.CANCEL, Call.REVERSE} and not call.call.startswith(("32", "91")):
            return await super().send(call, on_first_byte, on_late_reply)
        self.sent.append((call.message_id, call.call, call.digest))
        on_first_byte()
        outcome = self.does(call.body)
        if call.call in self.loses:
            self.loses.remove(call.call)
            return Unknown("time-out")
        return outcome

    def does(self, request):
        match request:
            case c.Settle():
                split = request.quoted
                self.numbers += 1
                row = Row(self.current, f"SETL{self.numbers}", self.day(), split.total, split.fund, split.account)
                self.rows.append(row)
                return Answered(c.Settled(row.number, self.now(), split, "11", "1", AGENCY))
            case c.CancelSettlement():
                held = next(row for row in self.rows if row.number == request.settlement_number)
                number = held.number + "C"
                self.rows.append(Row(self.current, number, self.day(), -held.total, -held.fund, -held.account, refund=True))
                split = self.requests[held.message_id].quoted
                negative = {
                    n: -getattr(split, n) for n in ("total", "fund", "account", "cash", "personal", "in_scope", "pool")
                }
                return Answered(c.SettlementCancelled(number, self.now(), evolve(split, funds=(), **negative)))
            case c.Reverse():
                found = self.of(request.original_message_id)
                if not found:
                    return Refused("2611")
                self.rows.remove(found[0])
                return Answered(c.Reversed())
        return self.compares(request)

    def day(self):
        return self.now().date()

    def compares(self, request):
        self.asked.append(request)
        match request:
            case c.CompareTotals():
                of = [
                    row
                    for row in self._of(request.period.first, request.refunds)
                    if row.insurance == request.slice.insurance
                ]
                if request.slice.insurance in self.unknown_kinds:
                    return Refused("9999")
                mine = self._sums(of)
                told = request.totals
                return Answered(
                    c.TotalsCompared((told.total.fen, told.fund.fen, told.account.fen, told.count) == mine, "1", "")
                )
            case c.UploadFile():
                self.uploads[request.name] = request.rows
                return Answered(c.FileUploaded(request.name, f"zip {request.rows}".encode()))
            case c.CompareDetail():
                if self.not_ready:
                    self.not_ready -= 1
                    return Refused("WAIT")
                self.result = self._compare(self.uploads[request.file_number], request)
                return Answered(c.DetailCompared("result", "result.zip", None))
            case c.DownloadFile():
                if self.bad_file is not None:
                    return Answered(self.bad_file)
                rows = self.spoil(self.result) if self.spoil else self.result
                return Answered(c.FileDownloaded(tuple(rows), f"{hash(tuple(rows)) & (2**64 - 1):064x}", b"zip"))
        raise AssertionError(request)

    def _of(self, day, part):
        rows = [row for row in self.rows if row.day == day]
        return [row for row in rows if part is Refunds.TOGETHER or row.refund is (part is Refunds.ALONE)]

    def _sums(self, rows):
        return (*(sum(row.sums()[n] for row in rows) for n in range(3)), len(rows))

    def _compare(self, ours, request):
        theirs = {(row.refund, row.number): row for row in self._of(request.period.first, request.refunds)}
        result = []
        for row in ours:
            held = theirs.pop((row.refund, row.settlement_number), None)
            told = (row.total, row.fund, row.account)
            if held is None:
                result.append(_said(row, "", Verdict.ONLY_HERE, told))
            else:
                same = (held.total, held.fund, held.account) == told
                verdict = Verdict.EQUAL if same else Verdict.AMOUNTS
                result.append(_said(row, held.message_id, verdict, (held.total, held.fund, held.account)))
        for held in theirs.values():
            amounts = (held.total, held.fund, held.account)
            result.append(ResultRow("P1", "", "", held.message_id, Verdict.ONLY_THERE, "x", held.refund, "", *amounts))
        return result


def _said(row, message_id, verdict, amounts):
    return ResultRow(
        row.person_number, row.visit_number, row.settlement_number, message_id, verdict, "x", row.refund, "", *amounts
    )


async def heard(answer):
    """An answer, or that the outcome is unknown; nothing else."""
    try:
        await answer
    except Fault as fault:
        if fault.code != "settlement.outcome_unknown":
            raise


class Day:
    """A rig whose clock can be set, with a centre that keeps books."""

    def __init__(self, store_url, *, rules=None, slices=(), **policy):
        policy = {"not_found_codes": frozenset({"2611"}), "reversible": frozenset({Call.SETTLE, Call.CANCEL})} | policy
        self.rig = Rig(store_url, **policy)
        self.rig.centre = self.centre = BookCentre(now=self.rig.now)
        self.patience = FAST
        self.rules = Rules(TZ, rules or StatementRules(not_ready_codes=frozenset({"WAIT"})), slices)
        self.set_to(dt.datetime(2026, 11, 18, 10, 0, tzinfo=TZ))

    def set_to(self, when):
        self.rig.offset = when - dt.datetime.now(TZ)

    async def start(self):
        await self.rig.start()
        rig = self.rig
        self.store = Statements(rig.database, rig.reader)
        self.ended = []
        self.reconciler = Reconciler(rig.engine, self.store, self.rules, self.patience, self.ended.append)
        return self

    async def quoted(self, key):
        counter = self.rig.counter
        read = await counter.read_card(HIS, "Virtual 00")
        visit = await counter.register(HIS, f"r{key}", register_order(read["card_read_id"]))
        return await counter.quote(HIS, f"q{key}", quote_order(visit["visit_id"], 10000 + 100 * int(key)))

    async def settled(self, key):
        """A settlement, or the fault that its asker hears; its id."""
        quote = await self.quoted(key)
        sid = quote["settlement_id"]
        await heard(self.rig.counter.settle(HIS, f"s{key}", self.order(quote)))
        return sid

    def order(self, quote):
        return SettleOrder(
            quote["settlement_id"], Money.parse(quote["split"]["total"]), Money.parse(quote["split"]["cash"])
        )

    async def cancelled(self, sid):
        await heard(self.rig.counter.cancel(HIS, f"c{sid}", CancelOrder(sid, "退费")))

    async def of(self, sid):
        visit_id = await self.rig.engine.visits.visit_of(sid)
        return (await self.rig.engine.visits.visit(visit_id)).settlement(sid)

    async def compared(self, day=None):
        """The run of the day before now."""
        day = day or self.rig.now().date() - dt.timedelta(days=1)
        return await self.reconciler.run(day, "li")

    async def until(self, sid, state):
        visit_id = await self.rig.engine.visits.visit_of(sid)
        visit = await self.rig.engine.visits.visit(visit_id)
        done, _ = self.rig.engine.visits.wait(visit, lambda seen: seen.settlement(sid).state == state)
        await done.addTimeout(10, reactor)

    def next_night(self):
        self.set_to(dt.datetime.combine(self.rig.now().date() + dt.timedelta(days=1), dt.time(2, 30), TZ))

    async def stop(self):
        self.reconciler.stop()
        await self.rig.stop()


def play(test, **settings):
    """One day with that rig, from start to stop."""

    async def run(store_url):
        day = await Day(store_url, **settings).start()
        try:
            await test(day)
        finally:
            await day.stop()

    return run


def journal(day, event):
    with day.rig.database.connect() as connection:
        rows = connection.execute(
            sa.select(t.journal.c.line).where(t.journal.c.event == event).order_by(t.journal.c.sequence)
        )
        return [row[0] for row in rows]
