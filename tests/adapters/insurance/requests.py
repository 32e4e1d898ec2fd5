"""Synthetic requests of every kind, and the fields of a settled bill as a centre would send them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from middleware.domain.centre import (
    Call,
    CancelSettlement,
    CentreRequest,
    Holder,
    PreSettle,
    QueryPerson,
    RegisterVisit,
    Reverse,
    Settle,
    SignIn,
    UploadCharges,
    UploadVisit,
    VisitFacts,
)
from middleware.domain.charge import ChargeLine, Diagnosis
from middleware.domain.identity import CardIdCode, CardNumber, IdNumber, PersonName
from middleware.domain.money import ZERO, Money
from middleware.domain.split import Split
from simulators.people import PEOPLE

CHINA = dt.timezone(dt.timedelta(hours=8))
AT = dt.datetime(2026, 3, 2, 9, 30, 15, tzinfo=CHINA)
INSTITUTION = "H99990000001"
MESSAGE_ID = INSTITUTION + "202603020930150000"
SECRETS = ("张伟民", "999999197405123114", "A10000015", "9999000000000000000000115A1C7E01")


def holder(key: str = "employee") -> Holder:
    person = PEOPLE[key]
    return Holder(
        IdNumber(person.id_number),
        PersonName(person.name),
        CardNumber(person.card_number),
        CardIdCode(person.card_id_code),
        person.sex,
        person.nation,
        person.birth_date,
    )


VISIT = VisitFacts("99990000000A10000015", "V1", "310", "11", "999900", "11")


def line(line_id: str = "L1", **changes) -> ChargeLine:
    values = {
        "line_id": line_id,
        "catalogue_code": "XA02OMEP0020",
        "hospital_code": "H-OMEP",
        "name": "奥美拉唑",
        "unit_price": Decimal("20.123456"),
        "quantity": Decimal(3),
        "amount": Money(6037),
        "charged_at": AT,
        "department_code": "D1",
        "department_name": "内科",
        "doctor_code": "DR1",
        "doctor_name": "测试医生",
    }
    return ChargeLine(**{**values, **changes})


def a_split(**changes) -> Split:
    amounts = dict.fromkeys(
        [
            "total",
            "fund",
            "account",
            "cash",
            "hospital",
            "personal",
            "family_account",
            "self_paid",
            "over_limit",
            "first_self_paid",
            "in_scope",
            "pool",
            "civil_servant",
            "supplementary",
            "serious_illness",
            "large_sum",
            "assistance",
            "disabled_soldier",
            "other_fund",
            "balance_after",
            "deductible",
        ],
        ZERO,
    )
    return Split(**{**amounts, **changes})


QUOTED = a_split(self_paid=Money(100), over_limit=Money(487), first_self_paid=Money(0), in_scope=Money(5450))
REQUESTS: dict[str, CentreRequest] = {
    "9001": SignIn("0001", "00-00-00-00-00-00", "127.0.0.1"),
    "1101": QueryPerson(holder(), AT),
    "2201": RegisterVisit(
        holder(), VISIT.person_number, "310", "11", "999900", AT, "OP1", "D1", "内科", "A03", "DR1", "测试医生"
    ),
    "2203": UploadVisit(VISIT, AT, (Diagnosis("J06.900", "急性上呼吸道感染"),), "内科", "DR1", "测试医生"),
    "2204": UploadCharges(VISIT, "B1", (line(),)),
    "2206": PreSettle(VISIT, holder(), "B1", Money(6037), use_account=True),
    "2207": Settle(VISIT, holder(), "B1", Money(6037), use_account=True, quoted=QUOTED),
    "2208": CancelSettlement(VISIT, "J1"),
    "2601": Reverse(VISIT, MESSAGE_ID, Call.SETTLE),
}


def settled_row(**changes) -> dict[str, object]:
    """setlinfo of a sound 2207: 60.37 = 38.79 fund + 21.58 personal (20.00 account + 1.58 cash)."""
    amounts = {
        "medfee_sumamt": "60.37", "fund_pay_sumamt": "38.79", "hifp_pay": "38.79", "psn_part_amt": "21.58",
        "acct_pay": "20.00", "psn_cash_pay": "1.58", "hosp_part_amt": "0", "fulamt_ownpay_amt": "1.00",
        "overlmt_selfpay": "4.87", "preselfpay_amt": "0.0", "inscp_scp_amt": "54.50", "balc": "100.00",
    }  # fmt: skip
    row: dict[str, object] = {name: Decimal(value) for name, value in amounts.items()}
    row |= {
        "mdtrt_id": VISIT.visit_number,
        "psn_no": VISIT.person_number,
        "setl_id": "J1",
        "setl_time": "2026-03-02 09:30:16",
        "medins_setl_id": MESSAGE_ID,
        "clr_type": "11",
        "clr_way": "1",
        "clr_optins": "999900",
    }
    return row | changes


def settled_output(**changes) -> dict[str, object]:
    return {
        "setlinfo": settled_row(**changes),
        "setldetail": [
            {"fund_pay_type": "310100", "fund_pay_type_name": "统筹", "fund_payamt": Decimal("38.79")},
            {"fund_pay_type": "310200", "fund_pay_type_name": "账户", "fund_payamt": Decimal("20.00")},
        ],
    }
