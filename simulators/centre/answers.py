"""What the centre's answers carry, field by field."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from adapters.insurance.dictionaries import name_of
from adapters.insurance.schema import DATE_FORMAT, MOMENT_FORMAT
from middleware.domain.money import ZERO, Money
from simulators.centre.insured import InsuredPerson
from simulators.centre.ledger import Settlement
from simulators.centre.rules import Bill, LineCut

NULL = None  # written as xsi:nil
CLEARING_TYPE, CLEARING_WAY, CLEARING_AGENCY = "11", "1", "999900"
_CITIZEN_ID = "01"


def person(who: InsuredPerson, balances: Mapping[str, Money], today: dt.date) -> dict[str, Any]:
    """1101."""
    years = today.year - who.birth_date.year - ((today.month, today.day) < (who.birth_date.month, who.birth_date.day))
    return {
        "baseinfo": {
            "psn_no": who.person_number,
            "psn_cert_type": _CITIZEN_ID,
            "certno": who.id_number,
            "psn_name": who.name,
            "gend": who.sex,
            "naty": who.nation,
            "brdy": who.birth_date.strftime(DATE_FORMAT),
            "age": f"{max(0, years)}.0",
        },
        "insuinfo": [
            {
                "balc": balances.get(cover.kind, ZERO).yuan,
                "insutype": cover.kind,
                "psn_type": cover.person_type,
                "psn_insu_stas": cover.status,
                "psn_insu_date": "2015-01-01",
                "paus_insu_date": cover.suspended_on or NULL,
                "cvlserv_flag": "1" if cover.civil_servant else "0",
                "insuplc_admdvs": cover.region,
            }
            for cover in who.covers
        ],
    }


def verdict(part: LineCut) -> dict[str, str]:
    """One row of 2204's result."""
    line = part.line
    return {
        "feedetl_sn": line.line_id,
        "det_item_fee_sumamt": line.amount.yuan,
        "cnt": format(line.quantity, "f"),
        "pric": format(line.price, "f"),
        "pric_uplmt_amt": format(line.item.limit or Decimal(0), "f"),
        "selfpay_prop": format(line.item.first_share, "f"),
        "fulamt_ownpay_amt": part.self_paid.yuan,
        "overlmt_amt": part.over_limit.yuan,
        "preselfpay_amt": part.first_self_paid.yuan,
        "inscp_scp_amt": part.in_scope.yuan,
        "chrgitm_lv": part.level,
        "med_chrgitm_type": line.item.charge_kind,
        "lmt_used_flag": "1" if line.item.limited_use else "0",
    }


def cuts(bill: Bill) -> dict[str, Any]:
    """detlcutinfo: what 2101 and 2102 say of each line beside the sums."""
    rows = [verdict(part) | {"hosp_part_amt": part.hospital.yuan} for part in bill.cuts]
    return {"detlcutinfo": [{name: cell for name, cell in row.items() if name != "lmt_used_flag"} for row in rows]}


def amounts(bill: Bill, sign: int) -> dict[str, str | None]:
    """The sums of a bill as setlinfo names them; ``sign`` -1: of what takes it back."""

    def yuan(amount: Money) -> str:
        return Money(sign * amount.fen).yuan

    resident = bill.above_fund.startswith("390")
    return {
        "medfee_sumamt": yuan(bill.total),
        "fulamt_ownpay_amt": yuan(bill.self_paid),
        "overlmt_selfpay": yuan(bill.over_limit),
        "preselfpay_amt": yuan(bill.first_self_paid),
        "inscp_scp_amt": yuan(bill.in_scope),
        "act_pay_dedc": yuan(bill.deductible),
        "hifp_pay": yuan(bill.pool),
        "pool_prop_selfpay": format(bill.ratio, "f"),
        "cvlserv_pay": yuan(bill.civil),
        "hifes_pay": "0",
        "hifmi_pay": yuan(bill.above if resident else ZERO),
        "hifob_pay": yuan(ZERO if resident else bill.above),
        "maf_pay": yuan(bill.assistance),
        "hifdm_pay": "0",
        "oth_pay": "0",
        "fund_pay_sumamt": yuan(bill.fund),
        "psn_part_amt": yuan(bill.personal),
        "acct_pay": yuan(bill.account),
        "psn_cash_pay": yuan(bill.cash),
        "hosp_part_amt": yuan(bill.hospital),
        "balc": bill.balance_after.yuan,
        "acct_mulaid_pay": "0",
    }


def detail(bill: Bill, sign: int) -> list[dict[str, str]]:
    """setldetail: who pays how much."""
    return [
        {
            "fund_pay_type": kind,
            "inscp_scp_amt": Money(sign * bill.in_scope.fen).yuan,
            "crt_payb_lmt_amt": "0",
            "fund_payamt": Money(sign * amount.fen).yuan,
            "fund_pay_type_name": name_of("fund_pay_type", kind),
        }
        for kind, amount in bill.detail
    ]


def settlement(
    who: InsuredPerson,
    visit_number: str,
    row: Mapping[str, str],
    bill: Bill,
    message_id: str,
    at: dt.datetime | None,
    number: str,
    clearing: str,
) -> dict[str, Any]:
    """2207, and without a time 2206: there setl_id, setl_time and clearing are null (insurance.md 1.7)."""
    quoted = at is None
    return {
        "setlinfo": {
            "mdtrt_id": visit_number,
            "setl_id": NULL if quoted else number,
            "psn_no": who.person_number,
            "psn_name": who.name,
            "psn_cert_type": _CITIZEN_ID,
            "certno": who.id_number,
            "gend": who.sex,
            "insutype": row["insutype"],
            "med_type": row["med_type"],
            "setl_time": at.strftime(MOMENT_FORMAT) if at is not None else NULL,
            **amounts(bill, 1),
            "medins_setl_id": message_id,
            "clr_optins": NULL if quoted else CLEARING_AGENCY,
            "clr_way": NULL if quoted else CLEARING_WAY,
            "clr_type": clearing,
        },
        "setldetail": detail(bill, 1),
    }


def cancel(done: Settlement, message_id: str, at: dt.datetime, balance: Money) -> dict[str, Any]:
    """2208: negative, with nulls and other names for the personal, cash and hospital parts (insurance.md, fact 6)."""
    back = amounts(done.bill, -1)
    cash, hospital = back.pop("psn_cash_pay"), back.pop("hosp_part_amt")
    return {
        "setlinfo": {
            "mdtrt_id": done.visit_number,
            "psn_no": done.person_number,
            "setl_id": done.cancel_number,
            "setl_time": at.strftime(MOMENT_FORMAT),
            **back,
            "psn_part_amt": NULL,
            "hosp_part_amt": NULL,
            "acct_mulaid_pay": NULL,
            "pdn_cash_pay": cash,
            "ownpay_hosp_part": hospital,
            "balc": balance.yuan,
            "medins_setl_id": message_id,
            "clr_optins": CLEARING_AGENCY,
            "clr_way": CLEARING_WAY,
            "clr_type": done.clearing_type,
        },
        "setldetail": detail(done.bill, -1),
    }
