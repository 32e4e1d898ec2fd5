"""The simulator's catalogue: what is covered, how much of it first, up to which price. Codes are invented."""

from __future__ import annotations

from decimal import Decimal

from attrs import frozen

CLASS_A, CLASS_B, SELF_PAID = "01", "02", "03"  # chrgitm_lv


@frozen(slots=True)
class Item:
    """One line of the catalogue. ``limit`` is yuan a unit; ``hospital_bears``: what is over it is the hospital's loss."""

    code: str
    name: str
    level: str
    first_share: Decimal = Decimal(0)  # class B: this part is paid first by the person
    limit: Decimal | None = None
    hospital_bears: bool = False
    limited_use: bool = False  # covered only with the hospital's approval
    charge_kind: str = "09"  # med_chrgitm_type


def _d(value: str) -> Decimal:
    return Decimal(value)


# fmt: off
_ROWS = (
    Item("XA01AMOX0250", "阿莫西林胶囊 0.25g*24", CLASS_A),
    Item("XA02OMEP0020", "奥美拉唑肠溶胶囊 20mg*14", CLASS_A, limit=_d("18.50")),
    Item("XC08AMLO0005", "苯磺酸氨氯地平片 5mg*7", CLASS_A, limit=_d("12.80"), hospital_bears=True),
    Item("XC10ATOR0020", "阿托伐他汀钙片 20mg*7", CLASS_B, _d("0.10"), _d("25.00")),
    Item("XL01TRAS0440", "注射用曲妥珠单抗 440mg", CLASS_B, _d("0.20"), limited_use=True),
    Item("XN02IBUP0300", "布洛芬缓释胶囊 0.3g*20", CLASS_B, _d("0.05")),
    Item("ZA04GMLG0010", "感冒灵颗粒 10g*9", CLASS_B, _d("0.10"), charge_kind="11"),
    Item("S110200001", "普通门诊诊察费", CLASS_A, charge_kind="02"),
    Item("S250101015", "血细胞分析", CLASS_A, limit=_d("20.00"), charge_kind="04"),
    Item("S210200001", "磁共振平扫", CLASS_B, _d("0.20"), charge_kind="03"),
    Item("S120400002", "静脉输液", CLASS_A, charge_kind="05"),
    Item("C010101001", "一次性使用输液器", CLASS_B, _d("0.10"), _d("3.50"), charge_kind="08"),
    Item("W900000001", "营养补充剂", SELF_PAID, charge_kind="14"),
)
# fmt: on

CATALOGUE = {item.code: item for item in _ROWS}


def look_up(code: str) -> Item:
    """The item; a code that the catalogue has not is self-paid, as at a real centre."""
    return CATALOGUE.get(code) or Item(code, "目录外项目", SELF_PAID, charge_kind="14")
