"""Our words to the centre's fields. Pure; the centre's names appear here, in ``reading`` and in the tables only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal

from adapters.insurance.schema import DATE_FORMAT, MOMENT_FORMAT, Input, exact_decimal
from adapters.insurance.transactions import TRANSACTIONS
from middleware.domain.catalogue import CatalogueRequest
from middleware.domain.centre import (
    Admit,
    CancelSettlement,
    ChangeAdmission,
    Confirm,
    CounterRequest,
    Discharge,
    EnvelopeRequest,
    Holder,
    PreSettle,
    QueryPerson,
    QueryVisits,
    RegisterVisit,
    Reverse,
    ServiceRequest,
    Settle,
    SignIn,
    StatementRequest,
    UploadCharges,
    UploadVisit,
    VisitFacts,
    WithdrawCharges,
    WithdrawDischarge,
    WithdrawVisit,
    call_of,
)
from middleware.domain.charge import ChargeLine, Diagnosis
from middleware.domain.credential import Document, Shown
from middleware.domain.fault import Fault
from middleware.domain.kind import Call, VisitKind
from middleware.domain.split import Split

CREDENTIALS = {Shown.VOUCHER: "01", Shown.IDENTITY: "02", Shown.CARD: "03"}  # mdtrt_cert_type
DOCUMENTS = {Document.CITIZEN: "01", Document.FOREIGNER: "07", Document.HMT_RESIDENT: "17"}  # psn_cert_type
BY_ITEM = "01"  # psn_setlway
VALID = "1"  # vali_flag
NO, YES = "0", "1"
_Besides = Admit | Discharge | ChangeAdmission | QueryVisits | WithdrawVisit | WithdrawCharges | WithdrawDischarge
EVERY = "0000"  # chrg_bchno, feedetl_sn: all that is not settled (insurance.md 1.4)


def to_input(request: CounterRequest, place: str = "") -> Input:
    """The nodes of ``input`` for a request, every value as it will be on the wire; ``place`` is the region of care."""
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
            rows = (_line(line) | {"chrg_bchno": request.batch} | _of_visit(request.visit) for line in request.lines)
            return {"feedetail": tuple(_fitted(call_of(request), "feedetail", row) for row in rows)}
        case PreSettle() | Settle():
            return _money(request, place)
        case CancelSettlement() | Confirm():
            row = {"setl_id": request.settlement_number, **_visit_ids(request.visit)}
            return {"data": (_fitted(call_of(request), "data", row),)}
        case Reverse():
            row = {
                "psn_no": request.visit.person_number,
                "omsgid": request.original_message_id,
                "oinfno": request.original_call.value,
            }
            return {"data": (row,)}
        case _:
            return _besides(request, place)


def _besides(request: _Besides, place: str) -> Input:
    """What moves no money and belongs to some kinds of visit only."""
    match request:
        case Admit() | Discharge() | ChangeAdmission():
            return _stay(request, place)
        case QueryVisits():
            row = _of_visit(request.visit) | {"begntime": moment(request.since), "endtime": moment(request.until)}
            return {"data": (_fitted(call_of(request), "data", row),)}
        case WithdrawVisit() | WithdrawCharges() | WithdrawDischarge():
            row = _visit_ids(request.visit) | {"chrg_bchno": EVERY, "feedetl_sn": EVERY}
            if isinstance(request, WithdrawVisit):
                row["ipt_otp_no"] = request.our_number
            return {"data": (_fitted(call_of(request), "data", row),)}


def insured_region(request: EnvelopeRequest) -> str:
    """insuplc_admdvs: where the person is insured, "" when the request names no person (yet)."""
    if isinstance(request, StatementRequest | CatalogueRequest):
        return ""
    if isinstance(request, ServiceRequest):
        return request.who.region
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


def _fitted(call: Call, node: str, row: Mapping[str, str]) -> dict[str, str]:
    """The same with what this table has no field for left out: kinds of visit say the same in tables of other widths."""
    table = next(part for part in TRANSACTIONS[call.value].input if part.name == node)
    known = {spec.name for spec in table.fields}
    return _filled(call.value, node, {name: value for name, value in row.items() if name in known})


def _of_visit(visit: VisitFacts) -> dict[str, str]:
    """Who, which visit, and what of it every table may want."""
    row = _visit_ids(visit) | {"med_type": visit.med_type, "insutype": visit.insurance, "psn_type": visit.person_type}
    if visit.disease is not None:
        row |= {"dise_codg": visit.disease.code, "dise_name": visit.disease.name}
    if visit.maternity is not None:
        row |= {"birctrl_matn_date": visit.maternity.on.strftime(DATE_FORMAT), "birctrl_type": visit.maternity.operation}
    return row


def _money(request: PreSettle | Settle, place: str) -> Input:
    call, visit = call_of(request), request.visit
    row = _of_visit(visit) | _holder(request.holder) | _settling(request)
    row |= {"mid_setl_flag": NO, "mdtrtarea_admvs": place, "insuplc_admdvs": visit.insured_region or place}
    if visit.begun_at is not None:
        row["begntime"] = moment(visit.begun_at)
    if visit.ended_at is not None:
        row["dscgTime"] = visit.ended_at.strftime(DATE_FORMAT)
    if isinstance(request, Settle):
        row |= _quoted_amounts(request.quoted)
    if visit.kind is not VisitKind.PHARMACY:
        return {"data": (_fitted(call, "data", row),)}
    lines = tuple(_fitted(call, "drugdetail", _line(line)) for line in request.lines)
    return {"druginfo": (_fitted(call, "druginfo", row),), "drugdetail": lines}


def _stay(request: Admit | Discharge | ChangeAdmission, place: str) -> Input:
    call, visit = call_of(request), request.visit
    main = request.diagnoses[0]
    row = _of_visit(visit) | {"mdtrtarea_admvs": place, "insuplc_admdvs": visit.insured_region or place}
    if isinstance(request, Admit | ChangeAdmission):
        at, node = request.begun_at, "mdtrtinfo" if isinstance(request, Admit) else "adminfo"
        row |= _holder(request.holder) | {
            "cert_type": DOCUMENTS[request.holder.credential.document],
            "begntime": moment(at),
            "ipt_no": request.stay_number,
            "ipt_otp_no": request.stay_number,
            "medrcdno": request.our_number,
            "atddr_no": request.doctor_code,
            "chfpdr_name": request.doctor_name,
            "adm_diag_dscr": request.description,
            "adm_dept_codg": request.department_code,
            "adm_dept_name": request.department_name,
            "adm_bed": request.bed,
            "dscg_maindiag_code": main.code,
            "dscg_maindiag_name": main.name,
        }
    else:
        at, node = request.ended_at, "dscginfo"
        row |= {
            "endtime": moment(at),
            "dscg_dept_codg": request.department_code,
            "dscg_dept_name": request.department_name,
            "dscg_bed": request.bed,
            "dscg_way": request.way,
        }
    diagnoses = tuple(
        _fitted(call, "diseinfo", _diagnosis(request, diagnosis, at) | _visit_ids(visit) | {"maindiag_flag": flag})
        for flag, diagnosis in zip((YES, *NO * len(request.diagnoses)), request.diagnoses, strict=False)
    )
    return {node: (_fitted(call, node, row),), "diseinfo": diagnoses}


def _holder(holder: Holder) -> dict[str, str]:
    """Who, and by what shown: a voucher's number is its token, an id document's its own, a card's the card number."""
    credential = holder.credential
    number = {Shown.VOUCHER: credential.token, Shown.IDENTITY: holder.id_number, Shown.CARD: holder.card_number}
    return {
        "mdtrt_cert_type": CREDENTIALS[credential.shown],
        "mdtrt_cert_no": number[credential.shown].reveal(),
        "card_sn": holder.card_id_code.reveal(),
        "psn_cert_type": DOCUMENTS[credential.document],
        "certno": holder.id_number.reveal(),
        "psn_name": holder.name.reveal(),
    }


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
    visit = _of_visit(request.visit) | {"begntime": moment(request.begun_at)}
    diagnoses = tuple(
        _diagnosis(request, diagnosis, request.begun_at) | {"vali_flag": VALID} for diagnosis in request.diagnoses
    )
    return {"mdtrtinfo": (_fitted(request.call, "mdtrtinfo", visit),), "diseinfo": diagnoses}


def _diagnosis(
    request: UploadVisit | Admit | Discharge | ChangeAdmission, diagnosis: Diagnosis, at: dt.datetime
) -> dict[str, str]:
    return {
        "diag_type": diagnosis.kind,
        "diag_srt_no": str(diagnosis.order),
        "diag_code": diagnosis.code,
        "diag_name": diagnosis.name,
        "diag_dept": request.department_name,
        "dise_dor_no": request.doctor_code,
        "dise_dor_name": request.doctor_name,
        "diag_time": moment(at),
    }


def _line(line: ChargeLine) -> dict[str, str]:
    return {
        "feedetl_sn": line.line_id,
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
    return {
        "medfee_sumamt": request.total.yuan,
        "psn_setlway": BY_ITEM,
        "chrg_bchno": request.batch,
        "acct_used_flag": YES if request.use_account else NO,
    }


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
