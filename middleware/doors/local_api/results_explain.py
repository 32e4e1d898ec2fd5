"""What ``settlement.explain`` answers."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from middleware.doors.local_api.results import Result, Yuan


class ExplainedPart(Result, frozen=True, kw_only=True):
    """One amount and its words."""

    code: str
    zh: str
    en: str
    amount: Yuan


class ExplainedItem(Result, frozen=True, kw_only=True):
    """A line of the bill of which something is not shared by any fund."""

    line_id: str
    name: Annotated[str, Meta(description="个人信息已按规定销毁时为空 / empty once the bill was destroyed by rule")]
    level: Annotated[str, Meta(description="收费项目等级 / chrgitm_lv: 01, 02, 03")]
    zh: str
    en: str
    amount: Yuan
    reasons: list[ExplainedPart]


class ExplainedReceipt(Result, frozen=True, kw_only=True):
    """The same as lines to print, none wider than 32 columns (a Chinese character takes two): paper of 58 mm."""

    zh: list[str]
    en: list[str]


class ExplainResult(Result, frozen=True, kw_only=True):
    """settlement.explain."""

    settlement_id: str
    visit_id: str
    of: Annotated[
        Literal["quoted", "settled", "cancelled"], Meta(description="说明的是哪一步的金额 / whose amounts these are")
    ]
    certain: Annotated[
        bool, Meta(description="否则中心返回的金额不平，须人工核对 / false: the centre's own amounts do not add up")
    ]
    total: Yuan
    balance_after: Annotated[Yuan, Meta(description="个人账户余额 / left in the insurance account")]
    payers: Annotated[list[ExplainedPart], Meta(description="由谁支付，合计即总额 / who pays; together the total")]
    own: Annotated[list[ExplainedPart], Meta(description="未由基金分担的部分及原因 / what no fund shares in, and why")]
    items: list[ExplainedItem]
    items_known: Annotated[
        bool,
        Meta(description="否：中心未逐项告知（部分地区药店） / false: the centre told nothing by line (some pharmacies)"),
    ]
    items_left_off: Annotated[int, Meta(description="未列出的项目数 / items beyond the first 200")]
    receipt: ExplainedReceipt
