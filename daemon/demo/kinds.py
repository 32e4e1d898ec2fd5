"""The demo's scenes of the other kinds of visit: a pharmacy's sale, a stay. On the same wires as the rest."""

from __future__ import annotations

from typing import Any

from clients.python.yikatong_client import ApiError
from daemon.demo.counter import PHARMACY, Window, charge_line, now, problem
from daemon.demo.say import scene, step
from daemon.demo.visits import Show, Unexpected

_WARD = (("S120400002", "静脉输液", "8.00", "3"), ("C010101001", "一次性使用输液器", "3.20", "3"))
_THEATRE = (("S210200001", "磁共振平扫", "480.00", "1"), ("XL01TRAS0440", "注射用曲妥珠单抗", "5500.00", "1"))
_DIAGNOSES = [{"code": "J18.900", "name": "肺炎"}]


def sale(show: Show) -> None:
    """A pharmacy sells: no registration, the settlement carries the lines, the HIS hears nothing."""
    scene(7, "药店售药（2101、2102）", "a pharmacy's sale: nothing is registered")
    show.insert("four-byte")
    read = show.pos.read(show.reader)
    visit = show.pos.client.call(
        "patient.register",
        {"request_id": show.pos.key(), "card_read_id": read["card_read_id"], "kind": "pharmacy", "begun_at": now()},
    )
    step("已识别", "identified", f"参保/insured {visit['insurance']['kind']}  HIS: {visit['his']}")
    quote = show.pos.quote(visit, PHARMACY)
    show.pos.settle(quote)
    show.settlements[quote["settlement_id"]] = "sale"
    show.untold.add(quote["settlement_id"])


def stay(show: Show) -> None:
    """A stay without a deposit: admitted, charged twice, discharged, settled."""
    scene(8, "住院免押金：入院、两次记账、出院、结算", "a stay: admitted, charged twice, discharged, settled")
    show.insert("pulled")
    his = show.his
    visit = his.client.call("inpatient.admit", _admission(his, his.read(show.reader)))
    step("已入院", "admitted", f"中心/centre {visit['visit_number']}")
    for number, items in enumerate((_WARD, _THEATRE)):
        lines = [charge_line(10 * number + n, *item) for n, item in enumerate(items, 1)]
        charged = _ask(his, "inpatient.charge", visit, lines=lines)
        step("已记账", "charged", f"本次/now {charged['total']}  累计/in all {charged['charged']}")
    try:
        his.quote_stay(visit)
    except ApiError as error:
        step("未出院不能结算", "discharge first", problem(error))
        if error.code != "visit.order":
            raise
    else:
        raise Unexpected("a stay was quoted before its discharge")
    _ask(his, "inpatient.discharge", visit, ended_at=now(), diagnoses=_DIAGNOSES)
    step("已出院", "discharged", visit["visit_number"])
    quote = his.quote_stay(visit)
    his.settle(quote)
    show.settlements[quote["settlement_id"]] = "stay"


def _admission(his: Window, read: dict[str, Any]) -> dict[str, Any]:
    return {
        "request_id": his.key(),
        "card_read_id": read["card_read_id"],
        "stay_number": "ZY20260001",
        "department_code": "0301",
        "department_name": "呼吸内科",
        "bed": "12",
        "doctor_code": "D3301001",
        "doctor_name": "李医生",
        "begun_at": now(),
        "description": "咳嗽、发热三日",
        "diagnoses": _DIAGNOSES,
    }


def _ask(his: Window, method: str, visit: dict[str, Any], **params: Any) -> dict[str, Any]:
    return his.client.call(method, {"request_id": his.key(), "visit_id": visit["visit_id"], **params})


KINDS = (sale, stay)
