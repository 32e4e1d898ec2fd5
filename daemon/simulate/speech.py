"""The simulated centre's language: requests as they stand in the message, answers in the centre's own field names.

Written by hand from the interface's tables and shares nothing with ``adapters/insurance``, whose mapping and reading are
what is played: a simulator that shares an edge's codec agrees with its mistakes. Files of a reconciliation keep our words.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from attrs import evolve, frozen

from middleware.domain import centre as c
from middleware.domain.kind import Call, VisitKind
from middleware.domain.money import Money
from middleware.domain.split import Split

Nodes = Mapping[str, Sequence[Mapping[str, str]]]
Row = dict[str, Any]
_AMOUNTS = {
    "medfee_sumamt": "total", "fulamt_ownpay_amt": "self_paid", "overlmt_selfpay": "over_limit",
    "preselfpay_amt": "first_self_paid", "inscp_scp_amt": "in_scope", "act_pay_dedc": "deductible", "hifp_pay": "pool",
    "cvlserv_pay": "civil_servant", "hifes_pay": "supplementary", "hifmi_pay": "serious_illness", "hifob_pay": "large_sum",
    "maf_pay": "assistance", "hifdm_pay": "disabled_soldier", "oth_pay": "other_fund", "fund_pay_sumamt": "fund",
    "psn_part_amt": "personal", "acct_pay": "account", "psn_cash_pay": "cash", "hosp_part_amt": "hospital",
    "balc": "balance_after", "acct_mulaid_pay": "family_account",
}  # fmt: skip
# A cancel says the cash under another name, and leaves three amounts null.
_OF_A_CANCEL: Mapping[str, str] = {"psn_cash_pay": "pdn_cash_pay"}
_NULL_IN_A_CANCEL = frozenset({"psn_part_amt", "hosp_part_amt", "acct_mulaid_pay"})


@frozen(slots=True)
class Said:
    """An answer as it is on the wire: ``code`` "0" is a yes."""

    code: str
    message: str
    output: Row | None


def heard(request: c.CentreRequest, nodes: Nodes) -> c.CentreRequest:
    """The request by the message's own words, wherever the centre decides on them; the rest is as it was meant."""
    match request:
        case c.RegisterVisit():
            row = nodes["data"][0]
            return evolve(request, person_number=row["psn_no"], outpatient_no=row["ipt_otp_no"])
        case c.Admit():
            row = nodes["mdtrtinfo"][0]
            return evolve(request, visit=evolve(request.visit, person_number=row["psn_no"]), our_number=row["medrcdno"])
        case c.UploadCharges():
            rows = nodes["feedetail"]
            lines = tuple(
                evolve(
                    line,
                    line_id=row["feedetl_sn"],
                    hospital_code=row["medins_list_codg"],
                    amount=Money.parse(row["det_item_fee_sumamt"]),
                )
                for line, row in zip(request.lines, rows, strict=True)
            )
            batch = rows[0].get("chrg_bchno") or request.batch
            return evolve(request, visit=_visit(request.visit, rows[0]), batch=batch, lines=lines)
        case c.PreSettle() | c.Settle():
            return _bill(request, nodes)
        case c.CancelSettlement() | c.Confirm():
            row = nodes["data"][0]
            return evolve(request, visit=_visit(request.visit, row), settlement_number=row["setl_id"])
        case c.Reverse():
            row = nodes["data"][0]
            visit = evolve(request.visit, person_number=row["psn_no"])
            return evolve(request, visit=visit, original_message_id=row["omsgid"], original_call=Call(row["oinfno"]))
        case c.WithdrawVisit() | c.WithdrawCharges() | c.WithdrawDischarge() | c.QueryVisits():
            return evolve(request, visit=_visit(request.visit, nodes["data"][0]))
    return request


def _visit(visit: c.VisitFacts, row: Mapping[str, str]) -> c.VisitFacts:
    return evolve(visit, person_number=row["psn_no"], visit_number=row.get("mdtrt_id", ""))


def _bill(request: c.PreSettle | c.Settle, nodes: Nodes) -> c.PreSettle | c.Settle:
    sale = request.visit.kind is VisitKind.PHARMACY
    row = nodes["druginfo" if sale else "data"][0]
    lines = request.lines
    if sale:
        details = nodes["drugdetail"]
        lines = tuple(
            evolve(line, amount=Money.parse(detail["det_item_fee_sumamt"]))
            for line, detail in zip(request.lines, details, strict=True)
        )
    return evolve(
        request,
        visit=_visit(request.visit, row),
        batch=row.get("chrg_bchno") or request.batch,
        total=Money.parse(row["medfee_sumamt"]),
        use_account=row["acct_used_flag"] == "1",
        lines=lines,
    )


def said(request: c.CentreRequest, message_id: str, reply: c.CentreReply) -> Row | None:
    """The ``output`` of a yes."""
    match request, reply:
        case c.SignIn(), c.SignedIn(number):
            return {"signinoutb": {"sign_time": "2026-11-21 08:00:00", "sign_no": number}}
        case c.QueryPerson(), c.PersonKnown():
            return _person(request, reply)
        case c.RegisterVisit(), c.VisitRegistered(number):
            ids = {"mdtrt_id": number, "psn_no": request.person_number, "ipt_otp_no": request.outpatient_no}
            return {"data": ids}
        case c.Admit(), c.VisitRegistered(number):
            return {"result": {"mdtrt_id": number}}
        case c.QueryVisits(), c.VisitsFound(visits):
            return {"mdtrtinfo": [_found(request, one) for one in visits]}
        case c.UploadCharges(), _:
            return {"result": [_verdict(line.line_id, line.amount) for line in request.lines]}
        case c.PreSettle(), c.Quoted(split):
            row = _ids(request.visit, request.visit.visit_number or "PRE", message_id)
            return _bill_said(row | {"setl_id": None, "setl_time": None}, split, cancel=False)
        case c.Settle(), c.Settled():
            row = _ids(request.visit, request.visit.visit_number or reply.visit_number, message_id)
            row |= {"setl_id": reply.settlement_number, "setl_time": _moment(reply.settled_at)}
            row |= {"clr_type": reply.clearing_type, "clr_way": reply.clearing_way, "clr_optins": reply.clearing_agency}
            return _bill_said(row, reply.split, cancel=False)
        case c.CancelSettlement(), c.SettlementCancelled():
            row = _ids(request.visit, request.visit.visit_number, message_id)
            row |= {"setl_id": reply.settlement_number, "setl_time": _moment(reply.cancelled_at)}
            return _bill_said(row, reply.split, cancel=True)
    return None


def _person(request: c.QueryPerson, reply: c.PersonKnown) -> Row:
    number = request.holder.id_number.reveal() if reply.same_person else "999999199001010000"
    insured = [
        {
            "insutype": one.kind,
            "psn_type": one.person_type,
            "insuplc_admdvs": one.region,
            "balc": Decimal(one.balance.yuan),
            "psn_insu_stas": "1" if one.active else "2",
            "paus_insu_date": None,
            "cvlserv_flag": "0",
        }
        for one in reply.insurances
    ]
    return {"baseinfo": {"psn_no": reply.person_number, "certno": number}, "insuinfo": insured}


def _found(request: c.QueryVisits, one: c.FoundVisit) -> Row:
    stay = request.visit.kind is VisitKind.INPATIENT
    return {
        "mdtrt_id": one.visit_number,
        "psn_no": request.visit.person_number,
        "medrcdno" if stay else "ipt_otp_no": one.our_number,
        "med_type": one.med_type,
        "begntime": one.begun_at,
        "inhosp_stas": {True: "1", False: "0", None: None}[one.in_hospital],
    }


def _verdict(line_id: str, amount: Money) -> Row:
    nothing, whole = Decimal(0), Decimal(amount.yuan)
    cuts = {"fulamt_ownpay_amt": nothing, "overlmt_amt": nothing, "preselfpay_amt": nothing, "inscp_scp_amt": whole}
    return {"feedetl_sn": line_id, "det_item_fee_sumamt": whole, "chrgitm_lv": "01", **cuts}


def _ids(visit: c.VisitFacts, visit_number: str, message_id: str) -> Row:
    return {"psn_no": visit.person_number, "mdtrt_id": visit_number, "medins_setl_id": message_id}


def _bill_said(row: Row, split: Split, *, cancel: bool) -> Row:
    amounts: Row = {}
    for name, attribute in _AMOUNTS.items():
        said_as = _OF_A_CANCEL.get(name, name) if cancel else name
        amount: Money = getattr(split, attribute)
        amounts[said_as] = None if cancel and name in _NULL_IN_A_CANCEL else Decimal(amount.yuan)
    funds = [
        {"fund_pay_type": one.kind, "fund_pay_type_name": one.name, "fund_payamt": Decimal(one.amount.yuan)}
        for one in split.funds
    ]
    return {"setlinfo": row | amounts, "setldetail": funds}


def _moment(at: dt.datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")
