"""A bill's split as people are told it: who pays what, why a part of it is one's own, what is left. Pure.

Nothing is computed here that money depends on: the amounts are the centre's, each is shown, and none is made to fit.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from middleware.domain.centre import LineVerdict
from middleware.domain.charge import ChargeLine
from middleware.domain.money import ZERO, Money
from middleware.domain.split import Split

MAX_ITEMS = 200  # of one explanation; a printed page has no more

# Attribute of Split -> its words. Together they are the whole bill (identities 1 to 3).
PAYERS = (
    ("pool", "基本医疗保险统筹基金支付", "basic insurance pool"),
    ("civil_servant", "公务员医疗补助支付", "civil servants' subsidy"),
    ("supplementary", "企业补充医疗保险支付", "supplementary insurance"),
    ("serious_illness", "居民大病保险支付", "serious-illness insurance"),
    ("large_sum", "职工大额医疗费用补助支付", "large-sum subsidy"),
    ("assistance", "医疗救助支付", "medical assistance"),
    ("disabled_soldier", "伤残人员医疗保障支付", "disabled soldiers' fund"),
    ("other_fund", "其他基金支付", "other funds"),
    ("own_account", "本人个人账户支付", "own insurance account"),
    ("family_account", "家庭共济账户支付", "a family member's account"),
    ("hospital", "医院负担", "borne by the hospital"),
    ("cash", "个人现金支付", "to be paid in person"),
)
# What of the bill no fund shares in, and why (identity 4); ``deductible`` lies within what is in scope.
REASONS = (
    ("self_paid", "目录外，全额自费", "outside the catalogue: paid wholly oneself"),
    ("over_limit", "超过医保限价的部分", "above the insurance's price limit"),
    ("first_self_paid", "乙类等先行自付", "first share of class B and the like"),
    ("deductible", "起付线以下", "below the deductible"),
)
_OF_A_LINE = REASONS[:3]
_LEVELS = {"01": ("甲类", "class A"), "02": ("乙类", "class B"), "03": ("自费", "self-paid")}


@frozen(slots=True)
class Part:
    """One amount and its words."""

    code: str
    zh: str
    en: str
    amount: Money


@frozen(slots=True)
class Item:
    """A line of the bill of which something is not shared by any fund. ``name`` is "" once the bill was destroyed."""

    line_id: str  # the caller's
    name: str
    level: str
    amount: Money
    reasons: tuple[Part, ...]


def payers(split: Split) -> tuple[Part, ...]:
    """Who pays: every amount that is not nought, and always what is to be paid in person."""
    return tuple(
        Part(code, zh, en, amount) for code, zh, en in PAYERS if (amount := _paid(split, code)) != ZERO or code == "cash"
    )


def _paid(split: Split, code: str) -> Money:
    amount: Money = split.account - split.family_account if code == "own_account" else getattr(split, code)
    return amount


def reasons(split: Split) -> tuple[Part, ...]:
    """Why a part is one's own: every amount that is not nought."""
    return tuple(Part(code, zh, en, amount) for code, zh, en in REASONS if (amount := getattr(split, code)) != ZERO)


def items(verdicts: Sequence[LineVerdict], lines: Sequence[ChargeLine]) -> tuple[Item, ...]:
    """The lines that are not wholly shared. A verdict names its line by the index in its number's last four digits.

    ``lines`` is empty when the bill is no longer known: then the centre's number stands for the line.
    """
    return tuple(_item(verdict, lines) for verdict in verdicts if verdict.borne)


def _item(verdict: LineVerdict, lines: Sequence[ChargeLine]) -> Item:
    index = int(verdict.line_id[-4:])
    line = lines[index - 1] if 0 < index <= len(lines) else None
    return Item(
        line_id=line.line_id if line else verdict.line_id,
        name=line.name if line else "",
        level=verdict.level,
        amount=verdict.amount,
        reasons=tuple(
            Part(code, zh, en, amount) for code, zh, en in _OF_A_LINE if (amount := getattr(verdict, code)) != ZERO
        ),
    )


def level_name(level: str) -> tuple[str, str]:
    """The words for chrgitm_lv; the code itself when it is unknown: nothing is hidden."""
    return _LEVELS.get(level, (level, level))


def receipt(split: Split, found: Sequence[Item], *, certain: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The same as lines to print: in Chinese, in English."""
    zh = [f"医疗费总额 {split.total.yuan} 元"]
    en = [f"Total {split.total.yuan} yuan"]
    zh += [f"  {one.zh} {one.amount.yuan} 元" for one in payers(split)]
    en += [f"  {one.en} {one.amount.yuan} yuan" for one in payers(split)]
    if own := reasons(split):
        zh += ["其中未由基金分担：", *(f"  {one.zh} {one.amount.yuan} 元" for one in own)]
        en += ["Of it shared by no fund:", *(f"  {one.en} {one.amount.yuan} yuan" for one in own)]
    if found:
        zh += ["自费和自付项目：", *(_line(item, 0, " 元", "：", "；") for item in found)]
        en += ["Items not wholly shared:", *(_line(item, 1, " yuan", ": ", "; ") for item in found)]
    zh.append(f"个人账户余额 {split.balance_after.yuan} 元")
    en.append(f"Left in the insurance account {split.balance_after.yuan} yuan")
    if not certain:
        zh.append("注意：医保中心返回的金额不平，须人工核对")
        en.append("Note: the centre's own amounts do not add up; a person must check them")
    return tuple(zh), tuple(en)


def _line(item: Item, language: int, unit: str, colon: str, comma: str) -> str:
    why = comma.join(f"{(one.zh, one.en)[language]} {one.amount.yuan}{unit}" for one in item.reasons)
    level = level_name(item.level)[language]
    return f"  {item.name or item.line_id} {item.amount.yuan}{unit}{f' ({level})' if level else ''}{colon}{why}"
