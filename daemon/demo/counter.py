"""A hospital's counter, as a HIS developer would program it: the public socket API and nothing else."""

from __future__ import annotations

import datetime as dt
import time
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from clients.python.yikatong_client import ApiError, Client, connect
from daemon.demo.say import step

CHINA = dt.timezone(dt.timedelta(hours=8))
PATIENCE_S = 20.0

# catalogue code, name, unit price, quantity: codes of the centre simulator's catalogue
COLD = (
    ("S110200001", "普通门诊诊察费", "15.00", "1"),
    ("XA01AMOX0250", "阿莫西林胶囊", "12.60", "2"),
    ("ZA04GMLG0010", "感冒灵颗粒", "18.90", "1"),
)
HEART = (
    ("S110200001", "普通门诊诊察费", "15.00", "1"),
    ("S250101015", "血细胞分析", "20.00", "1"),
    ("S210200001", "磁共振平扫", "480.00", "1"),
    ("XC10ATOR0020", "阿托伐他汀钙片", "27.35", "4"),
    ("W900000001", "营养补充剂", "39.80", "1"),
)
PHARMACY = (("XN02IBUP0300", "布洛芬缓释胶囊", "21.45", "1"), ("XC08AMLO0005", "苯磺酸氨氯地平片", "13.90", "3"))


class Window:
    """One counter window with its session; keys are its own and never used twice."""

    def __init__(self, port: int, token: str, prefix: str) -> None:
        self.client: Client = connect(host="127.0.0.1", port=port)
        self.session = self.client.hello(token)
        self._prefix = prefix
        self._count = 0

    def key(self) -> str:
        """A new idempotency key."""
        self._count += 1
        return f"{self._prefix}-{self._count:04d}"

    def read(self, reader: str) -> dict[str, Any]:
        """Read the card and say whose it is (masked)."""
        read = self.client.call("card.read", {"reader": reader})
        card, holder = read["card"], read["holder"]
        step("读到卡", "card found", f"{card['kind']} {card['spec_version']}  {hide(card['card_number'], 0, 3)}")
        step("持卡人", "holder", f"{hide(holder['name'], 1, 0)}  {hide(holder['id_number'], 6, 0)}")
        return read

    def register(self, read: dict[str, Any]) -> dict[str, Any]:
        """Register with the HIS and the centre."""
        visit = self.client.call(
            "patient.register",
            {
                "request_id": self.key(),
                "card_read_id": read["card_read_id"],
                "department_code": "0301",
                "department_name": "呼吸内科",
                "specialty": "A03",
                "doctor_code": "D3301001",
                "doctor_name": "李医生",
                "begun_at": now(),
            },
        )
        insurance = visit["insurance"]
        step("已登记", "registered", f"HIS {visit['patient_number']}  中心/centre {visit['visit_number']}")
        step("参保", "insured", f"{insurance['kind']}  账户余额/balance {insurance['balance']}")
        return visit

    def quote(self, visit: dict[str, Any], items: tuple[tuple[str, str, str, str], ...]) -> dict[str, Any]:
        """Upload the bill and say how it splits."""
        quote = self.client.call(
            "settlement.quote",
            {
                "request_id": self.key(),
                "visit_id": visit["visit_id"],
                "diagnoses": [{"code": "J06.900", "name": "急性上呼吸道感染"}],
                "lines": [charge_line(n, *item) for n, item in enumerate(items, 1)],
            },
        )
        step("预结算", "quoted", money(quote["split"]))
        return quote

    def quote_stay(self, visit: dict[str, Any]) -> dict[str, Any]:
        """How all that the stay was charged splits."""
        quote = self.client.call("settlement.quote", {"request_id": self.key(), "visit_id": visit["visit_id"]})
        step("预结算", "quoted", money(quote["split"]))
        return quote

    def settle(self, quote: dict[str, Any]) -> dict[str, Any]:
        """Confirm the two figures that the patient saw, and settle."""
        settled = self.client.call("settlement.settle", self.confirmation(quote))
        step("已结算", "settled", f"中心/centre {settled['settlement_number']}  {money(settled['split'])}")
        return settled

    def confirmation(self, quote: dict[str, Any]) -> dict[str, Any]:
        """The parameters of a settle request."""
        split = quote["split"]
        return {
            "request_id": self.key(),
            "settlement_id": quote["settlement_id"],
            "total": split["total"],
            "cash": split["cash"],
        }

    def until(self, settlement_id: str, *states: str) -> dict[str, Any]:
        """Ask until the settlement is in one of the states."""
        limit = time.monotonic() + PATIENCE_S
        while True:
            view = self.client.call("settlement.get", {"settlement_id": settlement_id})
            if view["state"] in states:
                return view
            if time.monotonic() > limit:
                raise TimeoutError(f"{settlement_id} stays {view['state']}")
            time.sleep(0.05)


def charge_line(number: int, code: str, name: str, price: str, quantity: str) -> dict[str, Any]:
    """One line of a bill as settlement.quote takes it."""
    amount = (Decimal(price) * Decimal(quantity)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return {
        "line_id": f"L{number:03d}",
        "catalogue_code": code,
        "hospital_code": f"Y{code[-8:]}",
        "name": name,
        "unit_price": price,
        "quantity": quantity,
        "amount": str(amount),
        "charged_at": now(),
        "department_code": "0301",
        "department_name": "呼吸内科",
        "doctor_code": "D3301001",
        "doctor_name": "李医生",
    }


def now() -> str:
    """The counter's clock."""
    return dt.datetime.now(CHINA).isoformat(timespec="seconds")


def hide(text: str, head: int, tail: int) -> str:
    """What a transcript may show of a person's data."""
    return text[:head] + "*" * (len(text) - head - tail) + (text[-tail:] if tail else "")


def money(split: dict[str, Any]) -> str:
    """The four figures that matter at a counter."""
    return (
        f"总额/total {split['total']} = 基金/fund {split['fund']} + 账户/account {split['account']}"
        f" + 现金/cash {split['cash']}" + (f" + 医院/hospital {split['hospital']}" if split["hospital"] != "0.00" else "")
    )


def problem(error: ApiError) -> str:
    """A fault as a cashier would see it."""
    data = error.data
    quoted = f"  中心原话/centre: 「{data['foreign']}」" if data.get("foreign") else ""
    return f"{error.code}: {data['zh']} / {data['en']}  [money: {data['money']}]{quoted}"
