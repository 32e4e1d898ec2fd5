"""One visit and one stay, request by request: shown in the reference pages, checked against the method table by a test.

The person is invented: region 999999 does not exist, and the door shows masked values anyway where the role is not his.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

_SPLIT: dict[str, Any] = {
    "total": "51.00", "fund": "30.60", "account": "20.40", "cash": "0.00", "hospital": "0.00", "personal": "20.40",
    "family_account": "0.00", "self_paid": "0.00", "over_limit": "0.00", "first_self_paid": "0.00", "in_scope": "51.00",
    "deductible": "0.00", "balance_after": "179.60",
    "funds": [
        {"kind": "310100", "name": "城镇职工基本医疗保险统筹基金", "amount": "30.60"},
        {"kind": "310200", "name": "城镇职工基本医疗保险个人账户基金", "amount": "20.40"},
    ],
}  # fmt: skip
_LINE = {
    "line_id": "202611200001", "catalogue_code": "XJ01CAA040E001010101445",
    "hospital_code": "Y0001", "name": "阿莫西林胶囊", "unit_price": "25.5", "quantity": "2", "amount": "51.00",
    "charged_at": "2026-11-20T09:41:00+08:00",
    "department_code": "0301", "department_name": "呼吸内科", "doctor_code": "D330100000001", "doctor_name": "李医生",
}  # fmt: skip
_DONE = "0212611200942000001"


@frozen(slots=True)
class Exchange:
    """One request and its answer."""

    method: str
    params: dict[str, Any]
    result: dict[str, Any]


# fmt: off
_HOLDER = {"name": "测**", "id_number": "999999************", "card_number": "******001"}
STAY = (
    Exchange(
        "inpatient.admit",
        {
            "request_id": "adm-20261120-0001", "card_read_id": "D2611201000000001", "stay_number": "ZY20260001",
            "department_code": "0301", "department_name": "呼吸内科", "bed": "12", "doctor_code": "D330100000001",
            "doctor_name": "李医生", "begun_at": "2026-11-20T10:00:00+08:00", "description": "咳嗽、发热三日",
            "diagnoses": [{"code": "J18.900", "name": "肺炎"}],
        },
        {
            "visit_id": "V2611201000000002", "status": "registered", "patient_number": "", "visit_number": "M0000002",
            "his": "untold", "holder": _HOLDER,
            "insurance": {"kind": "310", "person_type": "11", "region": "999999", "balance": "179.60"},
        },
    ),
    Exchange(
        "inpatient.charge",
        {"request_id": "adm-20261120-0001c1", "visit_id": "V2611201000000002", "lines": [_LINE]},
        {
            "visit_id": "V2611201000000002", "errand_id": "U2611201100000003", "matter": "charge", "state": "done",
            "total": "51.00", "charged": "51.00", "discharged": False,
        },
    ),
    Exchange(
        "inpatient.discharge",
        {
            "request_id": "adm-20261120-0001d", "visit_id": "V2611201000000002", "ended_at": "2026-11-24T10:00:00+08:00",
            "diagnoses": [{"code": "J18.900", "name": "肺炎"}],
        },
        {
            "visit_id": "V2611201000000002", "errand_id": "U2611241000000004", "matter": "discharge", "state": "done",
            "total": "0.00", "charged": "51.00", "discharged": True,
        },
    ),
    Exchange(
        "visit.get", {"visit_id": "V2611201000000002"},
        {
            "visit_id": "V2611201000000002", "kind": "inpatient", "state": "Registered", "visit_number": "M0000002",
            "med_type": "2101", "insurance": "310", "insured_region": "999999", "cross_region": False, "discharged": True,
            "charged": "51.00",
            "errands": [
                {
                    "errand_id": "U2611201100000003", "matter": "charge", "state": "done", "total": "51.00", "lines": 1,
                    "visit_number": "M0000002", "created_at": "2026-11-20T11:00:00+08:00",
                },
            ],
            "found": [], "settlements": [],
        },
    ),
)
_SHIFT = {
    "terminal": "", "number": 7, "closed_at": "2026-11-20T17:30:00+08:00", "rows": 1,
    "settled": {"count": 1, "total": "51.00", "fund": "30.60", "account": "20.40", "cash": "0.00", "bank": "0.00"},
    "cancelled": {"count": 0, "total": "0.00", "fund": "0.00", "account": "0.00", "cash": "0.00", "bank": "0.00"},
    "unknown": {"count": 0, "settlements": []}, "journal": {"after": 5120, "last": 5188},
}
VISIT = (
    Exchange(
        "session.hello", {"token": "<令牌 token>", "client": "demo-his/1.0"},
        {
            "account": "outpatient", "role": "his", "terminal": "", "charset": "UTF-8", "version": "0.1.0",
            "methods": ["session.hello", "reader.list", "..."],
            "limits": {"line_bytes": 1048576, "depth": 32, "in_flight": 16, "idle_timeout_s": 600.0},
        },
    ),
    Exchange("reader.list", {}, {"readers": [{"name": "Virtual PCD 00 00", "state": "card-present", "fault": ""}]}),
    Exchange(
        "card.read", {"reader": "Virtual PCD 00 00"},
        {
            "card_read_id": "D2611200940000001", "expires_at": "2026-11-20T09:45:00+08:00", "reader": "Virtual PCD 00 00",
            "card": {
                "kind": "social-security-card", "region_code": "999999", "card_number": "A00000001", "spec_version": "2.00",
                "issued_on": "2020-01-01", "expires_on": "2030-01-01",
            },
            "holder": {
                "name": "测试人", "id_number": "999999199001010016", "sex": "1", "nation": "01", "birth_date": "1990-01-01",
            },
        },
    ),
    Exchange(
        "patient.register",
        {
            "request_id": "reg-20261120-0001", "card_read_id": "D2611200940000001", "department_code": "0301",
            "department_name": "呼吸内科", "specialty": "A03", "doctor_code": "D330100000001", "doctor_name": "李医生",
            "begun_at": "2026-11-20T09:40:00+08:00",
        },
        {
            "visit_id": "V2611200940000002", "status": "registered", "patient_number": "P000123",
            "visit_number": "M0000001", "his": "acknowledged",
            "holder": {"name": "测**", "id_number": "999999************", "card_number": "******001"},
            "insurance": {"kind": "310", "person_type": "11", "region": "999999", "balance": "200.00"},
        },
    ),
    Exchange(
        "settlement.quote",
        {
            "request_id": "quote-20261120-0001", "visit_id": "V2611200940000002",
            "diagnoses": [{"code": "J00.x00", "name": "急性鼻咽炎"}], "lines": [_LINE],
        },
        {
            "settlement_id": "S2611200941000003", "visit_id": "V2611200940000002", "state": "Quoted",
            "expires_at": "2026-11-20T09:56:00+08:00", "split": _SPLIT,
        },
    ),
    Exchange(
        "settlement.settle",
        {"request_id": "settle-20261120-0001", "settlement_id": "S2611200941000003", "total": "51.00", "cash": "0.00"},
        {
            "settlement_id": "S2611200941000003", "visit_id": "V2611200940000002", "state": "Settled",
            "settlement_number": "C0000001", "settled_at": "2026-11-20T09:42:00+08:00", "message_id": _DONE,
            "certain": True, "split": _SPLIT,
        },
    ),
    Exchange(
        "settlement.explain", {"settlement_id": "S2611200941000003"},
        {
            "settlement_id": "S2611200941000003", "visit_id": "V2611200940000002", "of": "settled", "certain": True,
            "total": "51.00", "balance_after": "179.60",
            "payers": [
                {"code": "pool", "zh": "基本医疗保险统筹基金支付", "en": "basic insurance pool", "amount": "30.60"},
                {"code": "own_account", "zh": "本人个人账户支付", "en": "own insurance account", "amount": "20.40"},
                {"code": "cash", "zh": "个人现金支付", "en": "to be paid in person", "amount": "0.00"},
            ],
            "own": [], "items": [], "items_known": True, "items_left_off": 0,
            "receipt": {
                "zh": ["医疗费总额 51.00 元", "  基本医疗保险统筹基金支付 30.60 元", "  本人个人账户支付 20.40 元",
                       "  个人现金支付 0.00 元", "个人账户余额 179.60 元"],
                "en": ["Total 51.00 yuan", "  basic insurance pool 30.60 yuan", "  own insurance account 20.40 yuan",
                       "  to be paid in person 0.00 yuan", "Left in the insurance account 179.60 yuan"],
            },
        },
    ),
    Exchange(
        "settlement.get", {"request_id": "settle-20261120-0001"},
        {
            "settlement_id": "S2611200941000003", "visit_id": "V2611200940000002", "state": "Delivered", "money": "charged",
            "delivered": True, "total": "51.00",
        },
    ),
    Exchange("shift.close", {"request_id": "close-20261120-0001"}, _SHIFT),
    Exchange(
        "shift.get", {"number": 7, "limit": 100},
        {
            "batch": _SHIFT, "next_after": 1, "complete": True,
            "rows": [{
                "row": 1, "settlement_id": "S2611200941000003", "kind": "settled", "at": "2026-11-20T09:42:01+08:00",
                "total": "51.00", "fund": "30.60", "account": "20.40", "cash": "0.00", "bank": "0.00",
            }],
        },
    ),
    *STAY,
)
# fmt: on
# What a lost reply looks like, and what a refused token looks like.
FAULT_EXAMPLES = (("settlement.settle", "settlement.outcome_unknown"), ("session.hello", "access.bad_token"))
