"""Orders to the ``data`` that the channel seals (``signing.voucher``), and back. Pure.

A message that breaks a rule of its table is refused before anything is sealed; a reply is whole, ours and readable, or it
is no answer.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from adapters.insurance.dictionaries import DICTIONARIES
from adapters.insurance.exchange.cells import (
    CHINA,
    TIME_FORMATS,
    BadValue,
    Incomplete,
    echo,
    must_amount,
    required,
    text_of,
)
from adapters.insurance.exchange.mapping import moment
from adapters.insurance.mobile.tables import LISTS, MOBILE
from adapters.insurance.schema import Input, SiteRules, check_input, exact_decimal
from middleware.domain.charge import ChargeLine, Diagnosis
from middleware.domain.fault import Fault
from middleware.domain.mobile import (
    CALLS,
    Amounts,
    OrderOpened,
    OrderRefunded,
    OrderReply,
    OrderRequest,
    OrderStands,
    PlaceOrder,
    QueryOrder,
    Refund,
    RefundOrder,
    UploadBill,
)
from middleware.domain.money import ZERO

BY_ITEM, YES, NO = "01", "1", "0"
_CITIZEN = "01"
Data = dict[str, Any]


def written(request: OrderRequest, institution: str, site: SiteRules) -> Data:
    """What is sealed: texts only, no amount is a float. ``Fault("centre.field")`` names transaction, field and rule."""
    code = CALLS[type(request)]
    nodes = _nodes(request, institution)
    check_input(MOBILE[code], nodes, DICTIONARIES, site)
    data: Data = {name: cell for name, cell in nodes["data"][0].items() if cell}
    return data | {name: [dict(row) for row in rows] for name, rows in nodes.items() if name in LISTS}


def read(request: OrderRequest, data: Mapping[str, Any]) -> OrderReply:
    """What was answered. Raises ``Incomplete``, ``NotOurs`` or ``BadValue``: then nothing is known of the order."""
    match request:
        case UploadBill():
            return OrderOpened(required(data, "payOrdId"), required(data, "payToken"), text_of(data, "cashierUrl"))
        case PlaceOrder():
            return _stands(data, request.order_number, required(data, "ordStas"), "ownPayAmt")
        case QueryOrder():
            if request.our_number:
                echo(data, "medOrgOrd", request.our_number)
            return _stands(data, request.order_number, required(data, "ordStas"), "ownPayAmt")
        case RefundOrder():
            when = _moment(text_of(data, "hiTrnsDate") + text_of(data, "hiTrnsTime"))
            return OrderRefunded(required(data, "refdSn"), required(data, "hiFefdSn"), text_of(data, "refStatus"), when)


def notice(data: Mapping[str, Any]) -> OrderStands:
    """6302: the centre says by itself that an order was paid. It may come many times, and proves what 6301 must confirm."""
    return _stands(data, "", "", "ownpayAmt")


def acknowledgement(*, taken: bool, message: str = "") -> Data:
    """What 6302 is answered with; one that is not taken comes again."""
    return {"success": taken, "message": message or ("成功" if taken else "失败")}


def _stands(data: Mapping[str, Any], order: str, state: str, cash: str) -> OrderStands:
    if order:
        echo(data, "payOrdId", order)
    numbers = {name: _exact(data, name) for name in ("feeSumamt", "fundPay", "psnAcctPay", cash)}
    amounts = Amounts(*(must_amount(numbers, name) for name in numbers))
    if not amounts.agree:
        raise BadValue("feeSumamt")
    number, ours, when = required(data, "payOrdId"), text_of(data, "medOrgOrd"), _moment(text_of(data, "traceTime"))
    return OrderStands(number, state, amounts, ours, when, text_of(data, "revsToken"))


def _moment(written: str) -> dt.datetime | None:
    """A time of the channel's clock; no table says how it is written, so one that cannot be read is none."""
    for form in TIME_FORMATS:
        try:
            return dt.datetime.strptime(written[:19], form).replace(tzinfo=CHINA)
        except ValueError:
            continue
    return None


def _exact(data: Mapping[str, Any], name: str) -> Decimal:
    """By its digits, whether it came as a text or as a number."""
    value = text_of(data, name)
    if not value:
        raise Incomplete(name)
    try:
        return Decimal(value)
    except InvalidOperation:
        raise BadValue(name) from None


def _nodes(request: OrderRequest, institution: str) -> Input:
    match request:
        case UploadBill():
            return _bill(request, institution)
        case RefundOrder():
            return {"data": (_refund(request),)}
        case _:
            row = {"payOrdId": request.order_number, "payToken": request.token, "orgCodg": institution}
            return {"data": (row | _asked(request),)}


def _asked(request: PlaceOrder | QueryOrder) -> dict[str, str]:
    if isinstance(request, PlaceOrder):
        return {"orgBizSer": request.trace_number, "mdtrtId": request.visit_number}
    who = request.holder
    return {"idNo": who.id_number.reveal(), "userName": who.name.reveal(), "idType": _CITIZEN}


def _refund(request: RefundOrder) -> dict[str, str]:
    amounts = request.amounts
    # All of an order of which insurance paid nothing yet is still to be undone: the settlement itself goes back.
    if not amounts.agree or amounts.total.fen < 0 or (amounts.total == ZERO and request.what is not Refund.ALL):
        raise Fault("centre.field", "6203 data.totlRefdAmt: is not the sum of its parts, or nothing")
    return {
        "payOrdId": request.order_number,
        "appRefdSn": request.refund_number,
        "appRefdTime": moment(request.at),
        "totlRefdAmt": amounts.total.yuan,
        "psnAcctRefdAmt": amounts.account.yuan,
        "fundRefdAmt": amounts.fund.yuan,
        "cashRefdAmt": amounts.cash.yuan,
        "ecToken": request.voucher,
        "refdType": request.what.value,
    }


def _bill(request: UploadBill, institution: str) -> Input:
    visit = request.visit
    row = {
        "orgCodg": institution,
        "psnNo": visit.person_number,
        "insutype": visit.insurance,
        "medOrgOrd": request.our_number,
        "begntime": moment(request.begun_at),
        "idNo": request.holder.id_number.reveal(),
        "userName": request.holder.name.reveal(),
        "idType": _CITIZEN,
        "ecToken": request.voucher,
        "insuCode": visit.insured_region,
        "iptOtpNo": request.outpatient_no,
        "atddrNo": request.doctor_code,
        "drName": request.doctor_name,
        "deptCode": request.department_code,
        "deptName": request.department_name,
        "caty": request.specialty,
        "mdtrtId": visit.visit_number,
        "medType": visit.med_type,
        "feeType": request.fee_type,
        "medfeeSumamt": request.total.yuan,
        "acctUsedFlag": YES if request.use_account else NO,
        "diseCodg": visit.disease.code if visit.disease else "",
        "diseName": visit.disease.name if visit.disease else "",
        "psnSetlway": BY_ITEM,
        "chrgBchno": request.batch,
    }
    return {
        "data": (row,),
        "diseinfoList": tuple(_diagnosis(one, request, number) for number, one in enumerate(request.diagnoses, 1)),
        "feedetailList": tuple(_line(one, request) for one in request.lines),
    }


def _diagnosis(one: Diagnosis, request: UploadBill, number: int) -> dict[str, str]:
    return {
        "diagType": one.kind,
        "diagSrtNo": str(number),
        "diagCode": one.code,
        "diagName": one.name,
        "diagDept": request.department_name,
        "diseDorNo": request.doctor_code,
        "diseDorName": request.doctor_name,
        "diagTime": moment(request.begun_at),
        "valiFlag": YES,
    }


def _line(line: ChargeLine, request: UploadBill) -> dict[str, str]:
    return {
        "feedetlSn": line.line_id,
        "mdtrtId": request.visit.visit_number,
        "psnNo": request.visit.person_number,
        "chrgBchno": request.batch,
        "rxno": line.prescription_no,
        "rxCircFlag": NO,
        "feeOcurTime": moment(line.charged_at),
        "medListCodg": line.catalogue_code,
        "medinsListCodg": line.hospital_code,
        "detItemFeeSumamt": line.amount.yuan,
        "cnt": exact_decimal(line.quantity, 4),
        "pric": exact_decimal(line.unit_price, 6),
        "bilgDeptCodg": line.department_code,
        "bilgDeptName": line.department_name,
        "bilgDrCodg": line.doctor_code,
        "bilgDrName": line.doctor_name,
        "hospApprFlag": line.approval,
        "medType": request.visit.med_type,
    }
