"""What the catalogues say against a line of a bill: a warning, never the centre's verdict.

A remark goes into the journal with its quote, so that it names the line and the rule, and no item.
"""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

MAX_REMARKS = 200  # kept of one bill


class RemarkKind(StrEnum):
    """What is wrong, as far as the catalogue is right."""

    UNKNOWN = "unknown"
    NOT_YET = "not-yet"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    OVER_LIMIT = "over-limit"
    NOT_MAPPED = "not-mapped"
    MAPPED_OTHERWISE = "mapped-otherwise"
    UNKNOWN_VALUE = "unknown-value"


# What a region may have refused before anything is asked: the centre will not share such a line.
REFUSABLE = frozenset({RemarkKind.UNKNOWN, RemarkKind.NOT_YET, RemarkKind.EXPIRED, RemarkKind.WITHDRAWN})

_TEXTS = {
    RemarkKind.UNKNOWN: ("中心目录没有这个编码", "the centre's catalogues have no such code"),
    RemarkKind.NOT_YET: ("该项目 {0} 起才生效", "the item counts from {0} on only"),
    RemarkKind.EXPIRED: ("该项目已于 {0} 停用", "the item ended on {0}"),
    RemarkKind.WITHDRAWN: ("该项目已作废", "the item was withdrawn"),
    RemarkKind.OVER_LIMIT: ("单价高于中心限价 {0} 元", "the unit price is above the centre's limit of {0} yuan"),
    RemarkKind.NOT_MAPPED: ("本院编码在中心没有对照", "the centre has no code beside ours"),
    RemarkKind.MAPPED_OTHERWISE: ("中心对照的是另一个编码", "the centre has another code beside ours"),
    RemarkKind.UNKNOWN_VALUE: ("代码不在中心字典中：{0}", "a code is not in the centre's dictionary: {0}"),
}


@frozen(slots=True)
class Remark:
    """One remark. ``line_id`` "" is for the visit; ``value`` is a day, a limit, or the name of a list and a code."""

    line_id: str
    kind: RemarkKind
    catalogue: str
    value: str = ""

    @property
    def texts(self) -> tuple[str, str]:
        """For people: in Chinese, in English."""
        zh, en = _TEXTS[self.kind]
        return zh.format(self.value), en.format(self.value)
