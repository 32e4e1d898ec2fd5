"""Reconciliation over the wire: the real adapter against the centre's own books, every class of row, every bad file."""

from __future__ import annotations

import datetime as dt
import hashlib

import attrs
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater

from adapters.insurance.files import archive
from adapters.insurance.files.form import StatementForm
from adapters.insurance.profile import load_profile
from middleware.domain.centre import (
    Call,
    CompareDetail,
    CompareTotals,
    DetailCompared,
    DownloadFile,
    FileDownloaded,
    FileRefused,
    FileUploaded,
    SignedOut,
    SignOut,
    TotalsCompared,
    UploadFile,
    VisitFacts,
)
from middleware.domain.fault import Fault
from middleware.domain.money import Money
from middleware.domain.outcome import Answered, NotSent, Refused, Unknown
from middleware.domain.statement import DetailRow, Period, Refunds, Slice, Totals, Verdict, totals_of
from simulators.centre.faults import STATEMENT_ACTIONS
from simulators.centre.server import CHINA, CentreSimulator
from simulators.centre.statements import Codes, Dialect
from tests.simulators.centre.desk import Desk, open_desk

SLICE = Slice("310", "11", "999900")
TEST_REGION = load_profile("999900-test")
HUBEI = StatementForm(
    columns=(
        "setl_id",
        "mdtrt_id",
        "psn_no",
        "medfee_sumamt",
        "fund_pay_sumamt",
        "acct_pay",
        "cash_payamt",
        "refd_setl_flag",
    ),
    encoding="gb18030",
    header=True,
    verdicts={"000000": "equal", "000101": "only-there", "000102": "only-here", "000103": "amounts"},
)
HUBEI_CENTRE = Dialect(HUBEI.columns, True, "gb18030", Codes("000000", "000102", "000101", "000103"), "original")


def today() -> Period:
    day = dt.datetime.now(CHINA).date()
    return Period(day, day)


async def one_settled(desk: Desk, rows: list[DetailRow]) -> tuple[VisitFacts, DetailRow]:
    """A settlement of ours, as the engine would book it."""
    visit, outcome = await desk.settled()
    reply = outcome.reply
    part = reply.split
    row = DetailRow(
        reply.settlement_number, visit.visit_number, visit.person_number, part.total, part.fund, part.account, part.cash,
        message_id=desk.sent[-1], insurance=visit.insurance,
    )  # fmt: skip
    rows.append(row)
    return visit, row


async def one_cancelled(desk: Desk, visit: VisitFacts, row: DetailRow, rows: list[DetailRow]) -> DetailRow:
    reply = (await desk.cancel(visit, row.settlement_number)).reply
    refund = attrs.evolve(
        row, settlement_number=reply.settlement_number, total=reply.split.total, fund=reply.split.fund,
        account=reply.split.account, cash=reply.split.cash, refund=True, message_id=desk.sent[-1],
    )  # fmt: skip
    rows.append(refund)
    return refund


async def totals(desk: Desk, rows: list[DetailRow], refunds: Refunds = Refunds.TOGETHER, **changes) -> object:
    return await desk.call(attrs.evolve(CompareTotals(SLICE, today(), totals_of(rows), refunds), **changes))


async def compared(desk: Desk, rows: list[DetailRow]) -> DetailCompared:
    number = (await desk.call(UploadFile("20260302-11-999900", tuple(rows)))).reply.file_number
    outcome = await desk.call(CompareDetail(SLICE.of_detail, today(), totals_of(rows), number))
    return outcome.reply


async def result(desk: Desk, rows: list[DetailRow]) -> FileDownloaded:
    detail = await compared(desk, rows)
    outcome = await desk.call(DownloadFile(detail.file_number, detail.file_name))
    return outcome.reply


@pytest_twisted.ensureDeferred
async def test_invariant_15_equal_books_have_equal_totals_and_a_settlement_with_its_refund_sums_to_nothing() -> None:
    rows: list[DetailRow] = []
    async with open_desk() as desk:
        visit, row = await one_settled(desk, rows)
        assert await totals(desk, rows) == Answered(TotalsCompared(True, "0", "总账一致"))
        await one_cancelled(desk, visit, row, rows)
        await one_settled(desk, rows)
        assert totals_of(rows).count == 3
        assert (await totals(desk, rows)).reply.equal
        assert (await totals(desk, [r for r in rows if not r.refund], Refunds.LEFT_OUT)).reply.equal
        assert (await totals(desk, [r for r in rows if r.refund], Refunds.ALONE)).reply.equal


@pytest.mark.parametrize(
    "change",
    [
        {"totals": Totals(count=1)},
        {"slice": Slice("390", "11", "999900")},
        {"slice": Slice("310", "12", "999900")},
        {"slice": Slice("310", "11", "999901")},
        {"period": Period(dt.date(2026, 1, 1), dt.date(2026, 1, 1))},
        {"refunds": Refunds.ALONE},
    ],
)
@pytest_twisted.ensureDeferred
async def test_totals_are_of_exactly_that_insurance_clearing_type_agency_and_period(change: dict[str, object]) -> None:
    rows: list[DetailRow] = []
    async with open_desk() as desk:
        await one_settled(desk, rows)

        assert await totals(desk, rows, **change) == Answered(TotalsCompared(False, "1", "总账不一致"))


@pytest_twisted.ensureDeferred
async def test_the_day_of_a_row_is_the_centres_day_of_the_settlement_and_of_the_refund() -> None:
    now = [dt.datetime.now(CHINA)]
    rows: list[DetailRow] = []
    async with open_desk(CentreSimulator(reactor, clock=lambda: now[0], require_sign_in=False)) as desk:
        visit, row = await one_settled(desk, rows)
        first = today()
        now[0] += dt.timedelta(days=1)
        next_day = Period(*[now[0].date()] * 2)
        refund = await one_cancelled(desk, visit, row, rows)

        assert (await totals(desk, [row], period=first)).reply.equal
        assert (await totals(desk, [refund], period=next_day)).reply.equal
        assert (await totals(desk, [row, refund], period=Period(first.first, next_day.last))).reply.equal


CLASSES = [
    (TEST_REGION, None, ["0", "1", "1", "1", "1"]),
    (attrs.evolve(TEST_REGION, statement=HUBEI), HUBEI_CENTRE, ["000000", "000103", "000102", "000101", "000101"]),
]


@pytest.mark.parametrize(("profile", "dialect", "codes"), CLASSES)
@pytest_twisted.ensureDeferred
async def test_every_class_of_row_comes_back_through_the_files(profile: object, dialect: object, codes: list[str]) -> None:
    rows: list[DetailRow] = []
    async with open_desk(CentreSimulator(reactor, dialect=dialect), profile=profile) as desk:
        visit, equal = await one_settled(desk, rows)
        refund = await one_cancelled(desk, visit, equal, [])
        _, differs = await one_settled(desk, rows)
        _, only_here = await one_settled(desk, rows)
        _, only_there = await one_settled(desk, [])
        desk.simulator.business.statements.misbook(differs.message_id, Money(1))
        desk.simulator.business.statements.strike(only_here.message_id)
        assert not (await totals(desk, rows)).reply.equal
        found = {(row.settlement_number, row.message_id): row for row in (await result(desk, rows)).rows}

    refund_id = equal.message_id if dialect else refund.message_id
    same = found.pop((equal.settlement_number, equal.message_id))
    amount = found.pop((differs.settlement_number, differs.message_id))
    ours = found.pop((only_here.settlement_number, ""))
    theirs = found.pop(("", only_there.message_id))
    half = found.pop(("", refund_id))
    assert found == {}
    expected = [
        Verdict.EQUAL,
        Verdict.AMOUNTS if dialect else Verdict.DIFFERS,
        Verdict.ONLY_HERE,
        *[Verdict.ONLY_THERE] * 2,
    ]
    assert [row.verdict for row in (same, amount, ours, theirs, half)] == expected
    assert [row.verdict_code for row in (same, amount, ours, theirs, half)] == codes
    assert (amount.total, amount.fund) == (differs.total + Money(1), differs.fund + Money(1))
    assert (ours.total, ours.visit_number) == (None, only_here.visit_number)
    assert (theirs.total, theirs.account, theirs.visit_number) == (only_there.total, only_there.account, "")
    assert (half.refund, half.total, half.fund) == (True, refund.total, refund.fund)


@pytest_twisted.ensureDeferred
async def test_a_lost_reply_is_found_in_the_result_by_its_message_id() -> None:
    async with open_desk() as desk:
        await desk.register()
        desk.simulator.faults.next("2207", "lose-reply")
        _, outcome = await desk.settled()
        lost = desk.sent[-1]
        assert isinstance(outcome, Unknown)
        (row,) = (await result(desk, [])).rows

    assert (row.message_id, row.verdict, row.settlement_number, row.refund) == (lost, Verdict.ONLY_THERE, "", False)


@pytest_twisted.ensureDeferred
async def test_what_a_reversal_undid_stands_in_no_statement_and_an_undone_cancel_leaves_one_row() -> None:
    async with open_desk() as desk:
        visit, row = await one_settled(desk, [])
        await desk.reverse(visit, row.message_id)
        assert (await totals(desk, [])).reply.equal
        visit, row = await one_settled(desk, [])
        refund = await one_cancelled(desk, visit, row, [])
        await desk.reverse(visit, refund.message_id, Call.CANCEL)

        assert (await totals(desk, [row])).reply.equal


@pytest_twisted.ensureDeferred
async def test_a_file_whose_sums_are_not_those_of_3202_is_refused_by_the_centre() -> None:
    rows: list[DetailRow] = []
    async with open_desk() as desk:
        await one_settled(desk, rows)
        number = (await desk.call(UploadFile("d", tuple(rows)))).reply.file_number
        assert await desk.call(CompareDetail(SLICE.of_detail, today(), Totals(count=1), number)) == Refused(
            "3202", "对账总额与上传明细不符"
        )
        assert (await desk.call(CompareDetail(SLICE.of_detail, today(), Totals(), "F0"))).code == "3204"
        assert (await desk.call(DownloadFile("R0", "R0.zip"))).code == "3204"


BAD = {
    "wrong-totals": None,
    "not-ready": None,
    "cut-zip": ("statement.zip", "cut or broken"),
    "bomb": ("statement.too_big", "says that it is larger"),
    "wrong-columns": ("statement.columns", "line 1: 9 columns instead of 10"),
    "wrong-charset": ("statement.encoding", "line 1: not utf-8"),
    "foreign-row": ("statement.foreign", "line 2 column 4 (msgid): a message of another institution"),
    "wrong-fen": ("statement.cell", "line 1 column 10 (acct_pay): not an amount in yuan"),
}


def test_every_knob_of_statements_has_its_expectation() -> None:
    assert set(BAD) == set(STATEMENT_ACTIONS)


@pytest_twisted.ensureDeferred
async def test_each_bad_result_is_refused_whole_with_line_and_reason_and_a_second_try_is_read() -> None:
    rows: list[DetailRow] = []
    async with open_desk() as desk:
        await one_settled(desk, rows)
        detail = await compared(desk, rows)
        download = DownloadFile(detail.file_number, detail.file_name)
        for action, expected in BAD.items():
            if expected is None:
                continue
            desk.simulator.faults.next("9102", action)
            reply = (await desk.call(download)).reply
            assert isinstance(reply, FileRefused), action
            assert (reply.fault, expected[1] in reply.detail) == (expected[0], True), (action, reply.detail)
            assert len(reply.digest) == len(hashlib.sha256().hexdigest())
            assert isinstance((await desk.call(download)).reply, FileDownloaded)
        desk.simulator.faults.next("9102", "not-ready", times=2)
        codes = [(await desk.call(download)).code for _ in range(2)]
        assert set(codes) <= desk.centre.profile.statement.rules.not_ready_codes
        assert isinstance((await desk.call(download)).reply, FileDownloaded)
        desk.simulator.faults.next("3201", "wrong-totals")
        assert not (await totals(desk, rows)).reply.equal


@pytest.mark.parametrize(
    ("action", "cause"), [("lose-reply", "connection-lost"), ("garbage", "unreadable"), ("page-504", "http-status")]
)
@pytest_twisted.ensureDeferred
async def test_a_lost_answer_of_a_statement_is_unknown_and_is_asked_again_under_a_new_message_id(
    action: str, cause: str
) -> None:
    rows: list[DetailRow] = []
    async with open_desk() as desk:
        await one_settled(desk, rows)
        upload = UploadFile("d", tuple(rows))
        for request in (CompareTotals(SLICE, today(), totals_of(rows)), upload):
            desk.simulator.faults.next("*", action)
            assert (await desk.call(request)).cause == cause
            assert isinstance(await desk.call(request), Answered)
        assert len(set(desk.sent)) == len(desk.sent)


@pytest_twisted.ensureDeferred
async def test_a_late_answer_to_a_statement_is_heard() -> None:
    async with open_desk(total_deadline_s=0.3) as desk:
        await desk.sign_in()
        desk.simulator.faults.next("3201", "slow", seconds=0.6)
        assert await totals(desk, []) == Unknown("time-out")
        while not desk.late:
            await deferLater(reactor, 0.01)

        assert desk.late == [Answered(TotalsCompared(True, "0", "总账一致"))]


@pytest_twisted.ensureDeferred
async def test_rows_and_names_that_may_not_leave_are_faults_before_anything_is_sent() -> None:
    row = DetailRow("J1", "V1", "P1", Money(1), Money(1), Money(0), Money(0))
    async with open_desk() as desk:
        for request, code in (
            (UploadFile("d", (row, row)), "statement.duplicate"),
            (UploadFile("../d", (row,)), "centre.field"),
            (UploadFile("d", (attrs.evolve(row, person_number=""),)), "statement.cell"),
            (CompareTotals(Slice("", "11", "999900"), today(), Totals()), "centre.field"),
            (CompareDetail(SLICE.of_detail, today(), Totals(), ""), "centre.field"),
        ):
            with pytest.raises(Fault) as caught:
                await desk.call(request)
            assert caught.value.code == code
        assert desk.simulator.ledger.receipts == []
        assert desk.sent == []


@pytest_twisted.ensureDeferred
async def test_an_answer_that_names_another_agency_or_institution_is_not_ours() -> None:
    async with open_desk() as desk:
        await desk.sign_in()
        statements = desk.simulator.business.statements
        desk.simulator.business._handlers["3201"] = lambda _h, _n: {"stmtinfo": {"setl_optins": "1", "stmt_rslt": "0"}}
        assert (await totals(desk, [])).cause == "not-ours"
        desk.simulator.business._handlers["3201"] = lambda _h, _n: {"stmtinfo": {"stmt_rslt": "9"}}
        assert await totals(desk, []) == Answered(TotalsCompared(False, "9", ""))  # an unknown code: compare the rows
        desk.simulator.business._handlers["9101"] = lambda h, n: statements.upload(h, n) | {"fixmedins_code": "H1"}
        assert (await desk.call(UploadFile("d", ()))).cause == "not-ours"
        desk.simulator.business._handlers["9102"] = lambda _h, _n: {"fsDownloadOut": {"filename": "x"}}
        assert (await desk.call(DownloadFile("R1", "x"))).cause == "incomplete"
        desk.simulator.business._handlers["3202"] = lambda _h, _n: {"fileinfo": {"file_qury_no": "R1"}}
        assert (await desk.call(CompareDetail(SLICE.of_detail, today(), Totals(), "F1"))).cause == "incomplete"


@pytest_twisted.ensureDeferred
async def test_the_file_number_and_the_time_until_which_it_waits_are_told() -> None:
    async with open_desk() as desk:
        await desk.sign_in()
        uploaded = (await desk.call(UploadFile("d", ()))).reply
        assert isinstance(uploaded, FileUploaded)
        assert uploaded.file_number == f"F{dt.datetime.now(CHINA):%Y%m%d}00000001"
        assert archive.unpack(uploaded.content) == archive.Member("d.txt", b"")
        detail = await compared(desk, [])
        assert detail.until is not None
        assert dt.timedelta(days=6) < detail.until - dt.datetime.now(CHINA) < dt.timedelta(days=8)


@pytest_twisted.ensureDeferred
async def test_after_signing_out_the_next_message_needs_a_new_sign_in() -> None:
    async with open_desk() as desk:
        await desk.sign_in()
        number = desk.centre.signs._newest[1]
        assert not desk.centre.needs_sign_in(dt.datetime.now(CHINA))
        assert await desk.call(SignOut("S0", "0001")) == Refused("9012", "签到编号不存在或已签退")
        assert await desk.call(SignOut(number, "0001")) == Answered(SignedOut())
        assert desk.centre.needs_sign_in(dt.datetime.now(CHINA))
        assert (await totals(desk, [])).code == "9011"


# -- an old centre, which knows no message ids -----------------------------------------------------------------------------
OLD = attrs.evolve(TEST_REGION, statement=StatementForm(detail=False, by_cycle=True))


@pytest_twisted.ensureDeferred
async def test_an_old_centre_compares_each_sign_in_by_its_number_before_it_lets_us_sign_out() -> None:
    now = [dt.datetime.now(CHINA)]
    rows: list[DetailRow] = []
    async with open_desk(CentreSimulator(reactor, clock=lambda: now[0], by_cycle=True), profile=OLD) as desk:
        await one_settled(desk, rows)
        cycle = desk.centre.signs._newest[1]
        assert (await desk.call(SignOut(cycle, "0001"))).code == "9013"
        assert not (await totals(desk, [], cycle=cycle)).reply.equal
        assert (await totals(desk, rows, cycle="S0" + cycle[2:])).code == "9012"
        now[0] += dt.timedelta(hours=23)  # it goes on past midnight
        desk.centre.signs._newest = None
        await desk.sign_in()
        assert desk.centre.signs._newest[1] == cycle
        now[0] += dt.timedelta(hours=1)  # and outlives its day: nothing but comparing and signing out is left
        assert (await desk.call(UploadFile("d", ()))).code == "0103"
        assert (await desk.call(desk.centre.sign_in_request())).code == "9014"
        assert (await totals(desk, rows, cycle=cycle, period=Period(now[0].date(), now[0].date()))).reply.equal
        assert await desk.call(SignOut(cycle, "0001")) == Answered(SignedOut())
        await desk.sign_in()
        assert desk.centre.signs._newest[1] != cycle


@pytest_twisted.ensureDeferred
async def test_in_a_region_without_3202_none_is_sent() -> None:
    async with open_desk(profile=OLD) as desk:
        with pytest.raises(Fault, match="3202: this region compares no rows"):
            await desk.call(CompareDetail(SLICE.of_detail, today(), Totals(), "F1"))


@pytest_twisted.ensureDeferred
async def test_nothing_is_sent_when_nobody_listens() -> None:
    async with open_desk() as desk:
        await desk.simulator.stop()
        assert isinstance(await totals(desk, []), NotSent)


@pytest_twisted.ensureDeferred
async def test_an_old_centres_sign_in_is_good_for_a_day_and_night_and_another_centres_until_midnight() -> None:
    async with open_desk(profile=OLD) as old, open_desk() as new:
        for desk in (old, new):
            await desk.sign_in()
        since, _ = old.centre.signs._newest
        midnight = since.replace(hour=0, minute=0, second=0) + dt.timedelta(days=1)
        assert [desk.centre.needs_sign_in(midnight) for desk in (old, new)] == [False, True]
        assert old.centre.needs_sign_in(since + dt.timedelta(hours=24))
