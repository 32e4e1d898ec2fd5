"""Our words to the centre's fields. Pure; the centre's names appear here, in ``reading`` and in the tables only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal

from adapters.insurance.schema import MOMENT_FORMAT, Input, exact_decimal
from adapters.insurance.transactions import TRANSACTIONS
from middleware.domain.centre import (
    CancelSettlement,
    CentreRequest,
    CounterRequest,
    Holder,
    PreSettle,
    QueryPerson,
    RegisterVisit,
    Reverse,
    Settle,
    SignIn,
    StatementRequest,
    UploadCharges,
    UploadVisit,
    VisitFacts,
)
from middleware.domain.charge import ChargeLine
from middleware.domain.fault import Fault
from middleware.domain.split import Split

CARD = "03"  # mdtrt_cert_type: social-security card
CITIZEN_ID = "01"  # psn_cert_type
BY_ITEM = "01"  # psn_setlway
VALID = "1"  # vali_flag
NO, YES = "0", "1"


def to_input(request: CounterRequest) -> Input:
    """The nodes of ``input`` for a request, every value the text that will be on the wire."""
    match request:
        case SignIn():
            row = {"opter_no": request.operator, "mac": request.terminal_mac, "ip": request.terminal_ip}
            return {"signIn": (row,)}
        case QueryPerson():
            return {"data": (_filled("1101", "data", _holder(request.holder) | {"begntime": moment(request.at)}),)}
        case RegisterVisit():
            return {"data": (_filled("2201", "data", _registration(request)),)}
        case UploadVisit():
            return _visit(request)
        case UploadCharges():
            return {"feedetail": tuple(_filled("2204", "feedetail", _line(request, line)) for line in request.lines)}
        case PreSettle():
            row = _settling(request) | {"psn_type": request.visit.person_type, "psn_name": request.holder.name.reveal()}
            return {"data": (_filled("2206", "data", row),)}
        case Settle():
            return {"data": (_filled("2207", "data", _settling(request) | _quoted_amounts(request.quoted)),)}
        case CancelSettlement():
            row = {"setl_id": request.settlement_number, **_visit_ids(request.visit)}
            return {"data": (_filled("2208", "data", row),)}
        case Reverse():
            row = {
                "psn_no": request.visit.person_number,
                "omsgid": request.original_message_id,
                "oinfno": request.original_call.value,
            }
            return {"data": (row,)}


def insured_region(request: CentreRequest) -> str:
    """insuplc_admdvs: where the person is insured, "" when the request names no person (yet)."""
    if isinstance(request, StatementRequest):
        return ""
    match request:
        case RegisterVisit():
            return request.insured_region
        case SignIn() | QueryPerson():
            return ""
        case _:
            return request.visit.insured_region


def _filled(code: str, node: str, row: Mapping[str, str]) -> dict[str, str]:
    """Every field of the node, in the tables' order: an empty number is 0, any other empty is "" (insurance.md 1.3)."""
    table = next(part for part in TRANSACTIONS[code].input if part.name == node)
    empty = {spec.name: "0" if spec.type == "N" else "" for spec in table.fields}
    return empty | dict(row)


def _holder(holder: Holder, *, named: bool = True) -> dict[str, str]:
    row = {
        "mdtrt_cert_type": CARD,
        "mdtrt_cert_no": holder.card_number.reveal(),
        "card_sn": holder.card_id_code.reveal(),
        "psn_cert_type": CITIZEN_ID,
        "certno": holder.id_number.reveal(),
    }
    return row | {"psn_name": holder.name.reveal()} if named else row


def _visit_ids(visit: VisitFacts) -> dict[str, str]:
    return {"mdtrt_id": visit.visit_number, "psn_no": visit.person_number}


def _registration(request: RegisterVisit) -> dict[str, str]:
    return _holder(request.holder) | {
        "psn_no": request.person_number,
        "insutype": request.insurance,
        "begntime": moment(request.begun_at),
        "psn_type": request.person_type,
        "ipt_otp_no": request.outpatient_no,
        "atddr_no": request.doctor_code,
        "dr_name": request.doctor_name,
        "dept_code": request.department_code,
        "dept_name": request.department_name,
        "caty": request.specialty,
    }


def _visit(request: UploadVisit) -> Input:
    begun = moment(request.begun_at)
    visit = _visit_ids(request.visit) | {"med_type": request.visit.med_type, "begntime": begun}
    diagnoses = tuple(
        {
            "diag_type": diagnosis.kind,
            "diag_srt_no": str(diagnosis.order),
            "diag_code": diagnosis.code,
            "diag_name": diagnosis.name,
            "diag_dept": request.department_name,
            "dise_dor_no": request.doctor_code,
            "dise_dor_name": request.doctor_name,
            "diag_time": begun,
            "vali_flag": VALID,
        }
        for diagnosis in request.diagnoses
    )
    return {"mdtrtinfo": (_filled("2203", "mdtrtinfo", visit),), "diseinfo": diagnoses}


def _line(request: UploadCharges, line: ChargeLine) -> dict[str, str]:
    return _visit_ids(request.visit) | {
        "feedetl_sn": line.line_id,
        "chrg_bchno": request.batch,
        "rxno": line.prescription_no,
        "rx_circ_flag": NO,
        "fee_ocur_time": moment(line.charged_at),
        "med_list_codg": line.catalogue_code,
        "medins_list_codg": line.hospital_code,
        "det_item_fee_sumamt": line.amount.yuan,
        "cnt": _plain(line.quantity, 4),
        "pric": _plain(line.unit_price, 6),
        "bilg_dept_codg": line.department_code,
        "bilg_dept_name": line.department_name,
        "bilg_dr_codg": line.doctor_code,
        "bilg_dr_name": line.doctor_name,
        "hosp_appr_flag": line.approval,
    }


def _settling(request: PreSettle | Settle) -> dict[str, str]:
    return (
        _holder(request.holder, named=False)
        | _visit_ids(request.visit)
        | {
            "med_type": request.visit.med_type,
            "medfee_sumamt": request.total.yuan,
            "psn_setlway": BY_ITEM,
            "chrg_bchno": request.batch,
            "acct_used_flag": YES if request.use_account else NO,
            "insutype": request.visit.insurance,
        }
    )


def _quoted_amounts(quoted: Split) -> dict[str, str]:
    return {
        "fulamt_ownpay_amt": quoted.self_paid.yuan,
        "overlmt_selfpay": quoted.over_limit.yuan,
        "preselfpay_amt": quoted.first_self_paid.yuan,
        "inscp_scp_amt": quoted.in_scope.yuan,
    }


def _plain(value: Decimal, decimals: int) -> str:
    """The number as it is written; one that cannot be goes as it is, and the check of the tables names line and field."""
    try:
        return exact_decimal(value, decimals)
    except Fault:
        return str(value)


def moment(at: dt.datetime) -> str:
    """A DT value as the wire writes it."""
    return at.strftime(MOMENT_FORMAT)
