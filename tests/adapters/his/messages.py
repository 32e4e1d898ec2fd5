"""Synthetic holders and messages for the HIS tests: nobody of these exists."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from middleware.domain.centre import Holder
from middleware.domain.charge import ChargeLine
from middleware.domain.his import PostCharges, RegisterPatient
from middleware.domain.identity import CardIdCode, CardNumber, IdNumber, PersonName, id_check_character
from middleware.domain.money import Money
from middleware.domain.split import Split

ZONE = dt.timezone(dt.timedelta(hours=8))
NOW = dt.datetime(2026, 11, 21, 10, 11, 12, tzinfo=ZONE)
ID_17 = "99999919800101001"
ID_TEXT = ID_17 + id_check_character(ID_17)


def holder(name: str = "测试甲", **changes: str) -> Holder:
    return Holder(
        id_number=IdNumber.parse(ID_TEXT),
        name=PersonName(name),
        card_number=CardNumber(changes.get("card_number", "00A123456")),
        card_id_code=CardIdCode("999999" + "0" * 26),
        sex=changes.get("sex", "1"),
        nation="01",
        birth_date=dt.date(1980, 1, 1),
    )


def registration(control_id: str = "YKT00000001", **changes) -> RegisterPatient:
    values = {
        "control_id": control_id,
        "created_at": NOW,
        "holder": holder(),
        "visit_id": "V0001",
        "visit_number": "M0001",
        "patient_number": "",
        "person_number": "99990000000001",
        "insurance": "310",
        "department_code": "0101",
        "department_name": "内科",
        "doctor_code": "D001",
        "doctor_name": "测试医生",
        "begun_at": NOW,
    }
    return RegisterPatient(**(values | changes))


def line(number: int = 1, **changes) -> ChargeLine:
    values = {
        "line_id": f"L{number:04d}",
        "catalogue_code": "XA01AA",
        "hospital_code": "0007",
        "name": "阿莫西林胶囊",
        "unit_price": Decimal("12.500000"),
        "quantity": Decimal("2.0000"),
        "amount": Money(2500),
        "charged_at": NOW,
        "department_code": "0101",
        "department_name": "内科",
        "doctor_code": "D001",
        "doctor_name": "测试医生",
    }
    return ChargeLine(**(values | changes))


def split(total_fen: int = 2500, sign: int = 1) -> Split:
    zero = Money(0)
    total, fund, account, cash = (Money(sign * fen) for fen in (total_fen, total_fen - 1000, 600, 400))
    return Split(
        total=total, fund=fund, account=account, cash=cash, hospital=zero, personal=account + cash, family_account=zero,
        self_paid=zero, over_limit=zero, first_self_paid=zero, in_scope=total, pool=fund, civil_servant=zero,
        supplementary=zero, serious_illness=zero, large_sum=zero, assistance=zero, disabled_soldier=zero, other_fund=zero,
        balance_after=Money(123456), deductible=zero,
    )  # fmt: skip


def posting(control_id: str = "YKT00000002", lines: int = 1, **changes) -> PostCharges:
    values = {
        "control_id": control_id,
        "created_at": NOW,
        "holder": holder(),
        "visit_id": "V0001",
        "visit_number": "M0001",
        "patient_number": "P000000001",
        "settlement_id": "S0001",
        "settlement_number": "SETL0001",
        "settled_at": NOW,
        "insurance": "310",
        "split": split(2500 * lines),
        "lines": tuple(line(number) for number in range(1, lines + 1)),
        "cancelled": False,
    }
    return PostCharges(**(values | changes))
