"""A bill's split as people are told it: who pays what, why a part of it is one's own, what is left. Pure.

Nothing is computed here that money depends on: the amounts are the centre's, each is shown, and none is made to fit.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from attrs import frozen

from middleware.domain.centre import LineVerdict
from middleware.domain.charge import ChargeLine
from middleware.domain.money import ZERO, Money
from middleware.domain.split import Split

MAX_ITEMS = 200  # of one explanation; a printed page has no more
RECEIPT_COLUMNS = 32  # paper of 58 mm: what fits there fits everywhere

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
    """The same as lines to print, in Chinese and in English; none is wider than ``RECEIPT_COLUMNS``."""
    zh, en = _Lines(" 元"), _Lines(" yuan")
    zh.row("医疗费总额", split.total)
    en.row("Total", split.total)
    _parts(zh, en, payers(split), "  ")
    if own := reasons(split):
        zh.text("其中未由基金分担：")
        en.text("Of it shared by no fund:")
        _parts(zh, en, own, "  ")
    if found:
        zh.text("自费和自付项目：")
        en.text("Items not wholly shared:")
    for item in found:
        for lines, level in zip((zh, en), level_name(item.level), strict=True):
            lines.row(f"  {item.name or item.line_id}{f' ({level})' if level else ''}", item.amount)
        _parts(zh, en, item.reasons, "    ")
    zh.row("个人账户余额", split.balance_after)
    en.row("Left in the insurance account", split.balance_after)
    if not certain:
        zh.text("注意：医保中心返回的金额不平，须人工核对")
        en.text("Note: the centre's own amounts do not add up; a person must check them")
    return tuple(zh.lines), tuple(en.lines)


def _parts(zh: _Lines, en: _Lines, parts: Sequence[Part], indent: str) -> None:
    for one in parts:
        zh.row(indent + one.zh, one.amount)
        en.row(indent + one.en, one.amount)


class _Lines:
    """Lines of a receipt as they grow: words to the left, amounts to the right."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self.lines: list[str] = []

    def row(self, words: str, amount: Money) -> None:
        """Words and their amount in one line, or the amount in a line of its own below them."""
        written = amount.yuan + self._unit
        self.text(words)
        if columns(self.lines[-1]) + 1 + columns(written) > RECEIPT_COLUMNS:
            self.lines.append("")
        self.lines[-1] += " " * (RECEIPT_COLUMNS - columns(self.lines[-1]) - columns(written)) + written

    def text(self, words: str) -> None:
        """Words alone; what is too long goes on below, indented a little further."""
        hang = " " * (len(words) - len(words.lstrip(" ")) + 2)
        line = words
        while columns(line) > RECEIPT_COLUMNS:
            end = _cut(line, len(hang))
            self.lines.append(line[:end].rstrip(" "))
            line = hang + line[end:].lstrip(" ")
        self.lines.append(line)


def columns(text: str) -> int:
    """How wide it prints: Chinese characters take two columns, combining marks none."""
    return sum(_width(one) for one in text)


def _width(one: str) -> int:
    if unicodedata.combining(one):
        return 0
    return 2 if unicodedata.east_asian_width(one) in "WFA" else 1


def _cut(line: str, hang: int) -> int:
    """Where the line ends that still fits: behind a blank where there is one in its second half, else anywhere."""
    end, used = 0, 0
    while used + _width(line[end]) <= RECEIPT_COLUMNS:
        used += _width(line[end])
        end += 1
    blank = line.rfind(" ", max(hang, end // 2), end)
    return blank + 1 if blank > 0 else end
