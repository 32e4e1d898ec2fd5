"""The transactions of reconciliation, declared as in ``transactions``: 9002, 3201, 3202, 9101, 9102.

Source: the designated-institution interface V1.1.27 of Hunan, as for the counter's. 9102 has no output table there: what it
gives is the file; here it comes as 9101 takes it, in base64.
"""

from __future__ import annotations

from adapters.insurance.files.archive import MAX_ZIP_BYTES
from adapters.insurance.schema import FieldSpec, Node, Transaction, binary, date, number, text

# fmt: off
_AGENCY = text("setl_optins", 6, "结算经办机构", "slice.agency", need=True)
_CLR_TYPE = text("clr_type", 6, "清算类别", "slice.clearing_type", need=True, codes="clr_type")
_PERIOD: tuple[FieldSpec, ...] = (
    date("stmt_begndate", "对账开始日期", "period.first", need=True),
    date("stmt_enddate", "对账结束日期", "period.last", need=True),
)
_TOTALS: tuple[FieldSpec, ...] = (
    number("medfee_sumamt", 16, 2, "医疗费总额", "totals.total", need=True),
    number("fund_pay_sumamt", 16, 2, "基金支付总额", "totals.fund", need=True),
)
_COUNT = number("fixmedins_setl_cnt", 10, 0, "定点医药机构结算笔数", "totals.count", need=True)
_INSTITUTION_REFUNDS = text("fixmedins_refd_setl_flag", 6, "定点医药机构退费结算标志", need=True)
_FILE_NUMBER = text("file_qury_no", 30, "文件查询号", "file_number", need=True)
_FILE_NAME = text("filename", 200, "文件名", "file_name", need=True)
_INSTITUTION = text("fixmedins_code", 30, "医药机构编号", need=True)

STATEMENT_TRANSACTIONS = (
    Transaction("9002", "签退", "sign out",
        input=(Node("signOut", (
            text("sign_no", 30, "签到编号", "sign_number", need=True),
            text("opter_no", 20, "操作员编号", "operator", need=True),
        )),),
        output=(Node("sign_time", (text("sign_time", 19, "签退时间", need=True),)),),  # a date or a time, as in 9001
    ),
    Transaction("3201", "医药机构费用结算对总账", "compare totals",
        input=(Node("data", (
            text("insutype", 6, "险种", "slice.insurance", need=True, codes="insutype"),
            _CLR_TYPE, _AGENCY, *_PERIOD, *_TOTALS,
            number("acct_pay", 16, 2, "个人账户支付金额", "totals.account", need=True),
            _COUNT,
            text("refd_setl_flag", 6, "退费结算标志", "refunds"),  # without a list here, C3 with one in 3202
            _INSTITUTION_REFUNDS,
        )),),
        output=(Node("stmtinfo", (
            text("setl_optins", 6, "结算经办机构"),
            text("stmt_rslt", 6, "对账结果", "code", need=True, codes="stmt_rslt"),
            text("stmt_rslt_dscr", 200, "对账结果说明", "message"),
        )),),
    ),
    Transaction("3202", "医药机构费用结算对明细账", "compare detail",
        input=(Node("data", (
            _AGENCY, _FILE_NUMBER, *_PERIOD, *_TOTALS,
            number("cash_payamt", 16, 2, "现金支付金额", "totals.cash", need=True),
            _COUNT, _CLR_TYPE,
            text("refd_setl_flag", 3, "退费结算标志", "refunds", codes="refd_setl_flag"),
            _INSTITUTION_REFUNDS,
        )),),
        output=(Node("fileinfo", (
            _FILE_NUMBER, _FILE_NAME,
            text("dld_endtime", 30, "下载截止时间", "until"),  # a moment here, C30 in 9101
        )),),
    ),
    Transaction("9101", "文件上传", "upload file",
        input=(Node("fsUploadIn", (
            binary("in", MAX_ZIP_BYTES, "文件数据", "rows", need=True),
            _FILE_NAME, _INSTITUTION,
        )),),
        # No node in the table: the fields stand in output itself.
        output=(Node("", (_FILE_NUMBER, _FILE_NAME, _INSTITUTION, text("dld_endtime", 30, "截止时间"))),),
    ),
    Transaction("9102", "文件下载", "download file",
        input=(Node("fsDownloadIn", (
            text("file_qury_no", 40, "文件查询号", "file_number", need=True),  # C30 there, C40 in 1301
            _FILE_NAME, _INSTITUTION,
        )),),
        output=(Node("fsDownloadOut", (binary("out", MAX_ZIP_BYTES, "文件数据", "rows", need=True), _FILE_NAME)),),
    ),
)
# fmt: on
