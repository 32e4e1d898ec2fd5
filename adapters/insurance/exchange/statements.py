"""Reconciliation's requests and replies, our words to the centre's fields and back. Pure."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re

from adapters.insurance.exchange.cells import BadValue, Incomplete, Output, echo, one_row, required, text_of, time_of
from adapters.insurance.files import detail, result
from adapters.insurance.files.form import StatementForm
from adapters.insurance.schema import DATE_FORMAT, Input
from middleware.domain.centre import (
    CentreReply,
    CompareDetail,
    CompareTotals,
    DetailCompared,
    DownloadFile,
    FileDownloaded,
    FileRefused,
    FileUploaded,
    SignedOut,
    SignOut,
    StatementRequest,
    TotalsCompared,
    UploadFile,
)
from middleware.domain.fault import Fault
from middleware.domain.statement import Period, Refunds, Totals, Verdict

# refd_setl_flag, fixmedins_refd_setl_flag: which rows the sums are of. The second may not be empty.
_FLAGS = {Refunds.TOGETHER: ("", "0"), Refunds.LEFT_OUT: ("0", "0"), Refunds.ALONE: ("1", "1")}
_NAME = re.compile(r"[0-9A-Za-z_-]{1,100}\Z", re.ASCII)


def to_input(request: StatementRequest, form: StatementForm, institution: str) -> Input:
    """The nodes of ``input``. ``Fault("statement.*")`` for a row that may not stand in the file, or ``centre.field``."""
    match request:
        case SignOut():
            return {"signOut": ({"sign_no": request.sign_number, "opter_no": request.operator},)}
        case CompareTotals():
            row = {"insutype": request.slice.insurance, "acct_pay": request.totals.account.yuan}
            return {"data": (row | _compared(request),)}
        case CompareDetail():
            if not form.detail:
                raise Fault("centre.field", "3202: this region compares no rows")
            row = {"file_qury_no": request.file_number, "cash_payamt": request.totals.cash.yuan}
            return {"data": (row | _compared(request),)}
        case UploadFile():
            if not _NAME.match(request.name):
                raise Fault("centre.field", "9101 fsUploadIn.filename: letters, digits, _ and - only, at most 100")
            packed = detail.write(request.name, request.rows, form)
            row = {
                "in": base64.b64encode(packed).decode(),
                "filename": f"{request.name}.zip",
                "fixmedins_code": institution,
            }
            return {"fsUploadIn": (row,)}
        case DownloadFile():
            row = {"file_qury_no": request.file_number, "filename": request.file_name, "fixmedins_code": institution}
            return {"fsDownloadIn": (row,)}


def sign_number_of(request: StatementRequest) -> str:
    """The sign-in that the message must go out under, whatever the newest is; "" for any."""
    match request:
        case SignOut():
            return request.sign_number
        case CompareTotals():
            return request.cycle
        case _:
            return ""


def _compared(request: CompareTotals | CompareDetail) -> dict[str, str]:
    flag, ours = _FLAGS[request.refunds]
    return {
        "clr_type": request.slice.clearing_type,
        "setl_optins": request.slice.agency,
        **_period(request.period),
        **_sums(request.totals),
        "refd_setl_flag": flag,
        "fixmedins_refd_setl_flag": ours,
    }


def _period(period: Period) -> dict[str, str]:
    return {
        "stmt_begndate": period.first.strftime(DATE_FORMAT),
        "stmt_enddate": period.last.strftime(DATE_FORMAT),
    }


def _sums(totals: Totals) -> dict[str, str]:
    return {
        "medfee_sumamt": totals.total.yuan,
        "fund_pay_sumamt": totals.fund.yuan,
        "fixmedins_setl_cnt": str(totals.count),
    }


def to_reply(request: StatementRequest, output: Output, form: StatementForm, institution: str) -> CentreReply:
    """What the centre answered. Raises ``Incomplete``, ``NotOurs`` or ``BadValue``; a file that we refuse is an answer."""
    match request:
        case SignOut():
            return SignedOut()
        case CompareTotals():
            row = one_row(output, "stmtinfo")
            code = required(row, "stmt_rslt")
            echo(row, "setl_optins", request.slice.agency)
            return TotalsCompared(form.verdicts.get(code) == Verdict.EQUAL, code, text_of(row, "stmt_rslt_dscr"))
        case UploadFile():
            echo(output, "fixmedins_code", institution)
            # The same rows make the same bytes: this is what went out.
            return FileUploaded(required(output, "file_qury_no"), detail.write(request.name, request.rows, form))
        case CompareDetail():
            row = one_row(output, "fileinfo")
            return DetailCompared(required(row, "file_qury_no"), required(row, "filename"), _until(row))
        case DownloadFile():
            return _downloaded(one_row(output, "fsDownloadOut"), form, institution)


def _until(row: Output) -> dt.datetime | None:
    """Advice only: a time that cannot be read is none."""
    try:
        return time_of(row, "dld_endtime")
    except (Incomplete, BadValue):
        return None


def _downloaded(row: Output, form: StatementForm, institution: str) -> FileDownloaded | FileRefused:
    packed = row.get("out")
    if not isinstance(packed, bytes):
        raise Incomplete("fsDownloadOut.out")
    digest = hashlib.sha256(packed).hexdigest()
    try:
        return FileDownloaded(result.read(packed, institution, form), digest, packed)
    except Fault as fault:
        return FileRefused(fault.code, fault.detail, digest, packed)
