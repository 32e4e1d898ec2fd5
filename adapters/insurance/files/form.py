"""How a region compares its books and writes its files: the ``[statement]`` table of its profile.

Source: insurance.md 1.6 (``stmt_rslt``), 1.9; appendix A, 3202. Hunan's values are the defaults; Hubei has an eighth column
and codes of six digits.
"""

from __future__ import annotations

import attrs

from config.section import one_of, setting
from middleware.domain.statement import StatementRules, Verdict

# Columns of the file that we upload, by the centre's names; 3202's table has the first seven, a region may ask for others.
DETAIL_COLUMNS = ("setl_id", "mdtrt_id", "psn_no", "medfee_sumamt", "fund_pay_sumamt", "acct_pay", "refd_setl_flag")
DETAIL_KNOWN = (*DETAIL_COLUMNS, "cash_payamt", "insutype", "msgid")
RESULT_COLUMNS = (
    "psn_no",
    "mdtrt_id",
    "setl_id",
    "msgid",
    "stmt_rslt",
    "refd_setl_flag",
    "memo",
    "medfee_sumamt",
    "fund_pay_sumamt",
    "acct_pay",
)


def _detail_columns(_instance: object, attribute: attrs.Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    if set(value) - set(DETAIL_KNOWN) or len(set(value)) != len(value):
        raise ValueError(f"只能取所列，各一次 / {attribute.name} takes each of these once: {', '.join(DETAIL_KNOWN)}")
    missing = [name for name in DETAIL_COLUMNS if name not in value]
    if missing:
        raise ValueError(f"缺列，无法对账 / {attribute.name} lacks {', '.join(missing)}: nothing can be compared without")


def _result_columns(_instance: object, attribute: attrs.Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    if sorted(value) != sorted(RESULT_COLUMNS):
        wanted = f"takes all of these, once, in the region's order: {', '.join(RESULT_COLUMNS)}"
        raise ValueError(f"所列须齐全，各一次，按本地顺序 / {attribute.name} {wanted}")


def _verdicts(_instance: object, attribute: attrs.Attribute[dict[str, str]], value: dict[str, str]) -> None:
    meanings = [str(verdict) for verdict in Verdict]
    if any(meaning not in meanings for meaning in value.values()):
        raise ValueError(f"代码的含义只能取 / {attribute.name} maps a code to one of: {', '.join(meanings)}")
    if Verdict.EQUAL not in value.values() or len(set(value.values())) == 1:
        raise ValueError(
            f"须有表示平和不平的代码 / {attribute.name} needs a code that means {Verdict.EQUAL} and one that does not"
        )


@attrs.frozen(slots=True, kw_only=True)
class StatementForm:
    """One region's way of reconciling; see ``config/regions/template.toml`` for each key with its reason."""

    detail: bool = setting(help="whether the centre compares row by row (3202)", default=True)
    by_cycle: bool = setting(
        help="an old centre without message ids: compare each sign-in's totals before signing out (9002)",
        default=False,
    )
    refunds_apart: bool = setting(help="whether 3201 is asked apart for settlements and for refunds", default=False)
    columns: tuple[str, ...] = setting(
        help="columns of the uploaded file, in order", default=DETAIL_COLUMNS, validator=_detail_columns
    )
    result_columns: tuple[str, ...] = setting(
        help="columns of the result file, in order", default=RESULT_COLUMNS, validator=_result_columns
    )
    header: bool = setting(help="whether both files begin with a line of column names", default=False)
    encoding: str = setting(help="encoding of both files", default="utf-8", validator=one_of("utf-8", "gb18030"))
    verdicts: dict[str, str] = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="what each code of stmt_rslt means: equal, differs, only-here, only-there, amounts",
        default=attrs.Factory(lambda: {"0": "equal", "1": "differs"}),
        validator=_verdicts,
    )
    not_ready_codes: tuple[str, ...] = setting(
        help="refusal codes of 3202 and 9102 that mean: the result is not ready, ask again later", default=()
    )

    signed_out_codes: tuple[str, ...] = setting(
        help="refusal codes of 9002 and of a cycle's 3201 that mean: that sign-in has ended", default=()
    )

    def __attrs_post_init__(self) -> None:
        if self.by_cycle and self.detail:
            raise ValueError("按周期对账的中心没有 3202 / by_cycle is for centres without 3202: set detail = false")

    @property
    def rules(self) -> StatementRules:
        """What the engine must know of it."""
        return StatementRules(
            self.detail,
            self.by_cycle,
            self.refunds_apart,
            frozenset(self.not_ready_codes),
            frozenset(self.signed_out_codes),
        )
