"""Comparing the books of the run, and signing out."""

from __future__ import annotations

from daemon.conformance.repertoire import Desk
from daemon.conformance.table import End, Note
from middleware.domain.centre import (
    Call,
    CompareDetail,
    CompareTotals,
    DetailCompared,
    DownloadFile,
    FileDownloaded,
    FileUploaded,
    SignOut,
    TotalsCompared,
    UploadFile,
)
from middleware.domain.outcome import Answered, Refused
from middleware.domain.statement import DetailRow, Period, Refunds, Slice, Verdict, totals_of

EQUAL = Note("平", "equal")
DIFFERS = Note("不平", "not equal")


async def statements(desk: Desk) -> None:
    """3201 of each slice; of one also its rows, where the region compares rows."""
    slices = sorted({slice_ for slice_, _ in desk.rows})
    for slice_ in slices:
        for part in (Refunds.LEFT_OUT, Refunds.ALONE) if desk.profile.statement.refunds_apart else (Refunds.TOGETHER,):
            await _totals(desk, slice_, part)
    if not slices:
        desk.talk.leave_out(Call.COMPARE_TOTALS, Note("没有结算可对", "nothing was settled that could be compared"))
    elif not desk.profile.statement.detail:
        desk.talk.leave_out(Call.COMPARE_DETAIL, Note("地区文件：不对明细", "the profile compares no rows"))
    else:
        await _rows(desk, slices[0])


def _of(desk: Desk, slice_: Slice, part: Refunds) -> list[DetailRow]:
    rows = [row for where, row in desk.rows if where == slice_]
    return [row for row in rows if part is Refunds.TOGETHER or row.refund is (part is Refunds.ALONE)]


def _today(desk: Desk) -> Period:
    day = desk.talk.now().date()
    return Period(day, day)


async def _totals(desk: Desk, slice_: Slice, part: Refunds) -> None:
    """At somebody's real test desk others settle, too: there "not equal" is no mistake."""
    cycle = desk.sign_number if desk.profile.statement.by_cycle else ""

    def judged(reply: TotalsCompared) -> Note:
        return Note() if reply.equal or desk.talk.real else DIFFERS

    request = CompareTotals(slice_, _today(desk), totals_of(_of(desk, slice_, part)), part, cycle)
    _, outcome = await desk.talk.say(request, judge=judged)
    if isinstance(outcome, Answered) and isinstance(outcome.reply, TotalsCompared):
        desk.talk.remark(EQUAL if outcome.reply.equal else DIFFERS)


async def _rows(desk: Desk, slice_: Slice) -> None:
    rows = tuple(_of(desk, slice_, Refunds.TOGETHER))
    uploaded: FileUploaded
    _, uploaded = await desk.talk.must(UploadFile(f"conformance-{desk.number()}", rows))
    compared: DetailCompared
    request = CompareDetail(slice_.of_detail, _today(desk), totals_of(rows), uploaded.file_number)
    _, compared = await desk.talk.must(request)

    def judged(reply: object) -> Note:
        if not isinstance(reply, FileDownloaded):
            return Note("结果文件有误，整份拒绝", "the file is refused whole")
        if desk.talk.real or all(row.verdict is Verdict.EQUAL for row in reply.rows):
            return Note()
        return DIFFERS

    _, outcome = await desk.talk.say(
        DownloadFile(compared.file_number, compared.file_name),
        End.ANY_ANSWER if desk.talk.real else End.ANSWERED,
        None,
        judged,
    )
    if isinstance(outcome, Refused):
        listed = outcome.code in desk.profile.statement.not_ready_codes
        note = Note("未就绪", "not ready") if listed else Note(f"{outcome.code} 未列入 not_ready_codes", "not listed")
        desk.talk.remark(note)


async def signing_out(desk: Desk) -> None:
    """9002: of an old centre it ends the cycle that was compared."""
    if not desk.sign_number:
        desk.talk.leave_out(Call.SIGN_OUT, Note("未签到", "not signed in"))
        return
    await desk.talk.say(SignOut(desk.sign_number, desk.talk.centre.sign_in_request().operator))
