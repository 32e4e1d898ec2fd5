"""Reconciliation at the socket: parameters, results and handlers of ``reconcile.run``, ``.status`` and ``.list``."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from middleware.doors.local_api.handlers import Visit
from middleware.doors.local_api.params import OptionalId, Params
from middleware.doors.local_api.results import FaultFacts, Result, When, Yuan
from middleware.engine.counter import Answer

Day = Annotated[dt.date, Meta(description='中心的结算日 / the centre\'s settlement day: "2026-11-20"')]


class ReconcileRunParams(Params, frozen=True, kw_only=True):
    """reconcile.run."""

    date: Day


class ReconcileStatusParams(Params, frozen=True, kw_only=True):
    """reconcile.status."""

    run_id: Annotated[OptionalId, Meta(description="空为最近一次 / empty = the newest")] = ""


class ReconcileListParams(Params, frozen=True, kw_only=True):
    """reconcile.list."""

    run_id: Annotated[OptionalId, Meta(description="空为最近一次 / empty = the newest")] = ""
    after: Annotated[int, Meta(ge=0, le=1_000_000_000, description="上一页的 next_after / of the page before")] = 0
    limit: Annotated[int, Meta(ge=1, le=200)] = 100


class ReconcileStatus(Result, frozen=True, kw_only=True):
    """One run, and how far it is."""

    run_id: str
    date: str
    state: Annotated[
        Literal["running", "balanced", "open", "failed"],
        Meta(description="进行中、已平、不平、未完成 / only balanced means that both books say the same"),
    ]
    account: Annotated[str, Meta(description="要求者，空为定时 / who asked for it, empty = the clock")]
    begun_at: When
    round: Annotated[int, Meta(description="第几轮对账 / the comparison within the run")]
    step: Annotated[str, Meta(description="totals, detail, resolving, waiting; 结束后为空 / empty after the end")]
    done: int
    of: int
    differences: Annotated[int, Meta(description="最近一轮的差异笔数 / differing rows of the last round")]
    resolved: Annotated[int, Meta(description="已自动处理的笔数 / resolved by itself")]
    ended_at: When | UnsetType = UNSET
    fault: FaultFacts | UnsetType = UNSET


class ReconcileAmounts(Result, frozen=True, kw_only=True):
    """Amounts of one side; absent where it wrote none."""

    total: Yuan | UnsetType = UNSET
    fund: Yuan | UnsetType = UNSET
    account: Yuan | UnsetType = UNSET


class ReconcileRow(Result, frozen=True, kw_only=True):
    """One difference."""

    number: int
    date: str
    difference: Annotated[
        Literal["amounts", "only-here", "only-there", "refund-missing", "unlisted"],
        Meta(description="金额不符、仅医院有、仅中心有、缺退费、存疑且中心未列 / the class"),
    ]
    resolution: Annotated[
        Literal["wait", "reverse-or-adopt", "reverse", "absent", "person", "none"],
        Meta(description="随后的处理；person 须由人核对 / what follows; person = people must clear it"),
    ]
    refund: bool
    message_id: str
    settlement_id: Annotated[str, Meta(description="空为非本系统报文 / empty = no message of ours")]
    settlement_number: str
    ours: ReconcileAmounts
    theirs: ReconcileAmounts
    file_digest: str
    line: int


class ReconcileTotals(Result, frozen=True, kw_only=True):
    """What 3201 was told of one key, and whether the centre called it equal."""

    insurance: str
    clearing_type: str
    agency: str
    refunds: str
    total: Yuan
    fund: Yuan
    account: Yuan
    count: int
    equal: bool
    code: Annotated[str, Meta(description="中心返回的 stmt_rslt / as the centre wrote it")]


class ReconcileFile(Result, frozen=True, kw_only=True):
    """One file of the run."""

    number: int
    way: Literal["sent", "received", "refused"]
    date: str
    clearing_type: str
    agency: str
    digest: Annotated[str, Meta(description="ZIP 的 SHA-256")]
    rows: int


class ReconcileListResult(Result, frozen=True, kw_only=True):
    """reconcile.list: the last round of a run."""

    run: ReconcileStatus
    totals: list[ReconcileTotals]
    files: list[ReconcileFile]
    rows: list[ReconcileRow]
    next_after: int
    complete: Annotated[bool, Meta(description="没有下一页 / there is no further page")]


async def reconcile_run(visit: Visit, params: ReconcileRunParams) -> Answer:
    """Begin a day."""
    return await visit.business.reconciliation.run(visit.caller, params.date)


async def reconcile_status(visit: Visit, params: ReconcileStatusParams) -> Answer:
    """How far it is, or how it ended."""
    return await visit.business.reconciliation.status(params.run_id)


async def reconcile_list(visit: Visit, params: ReconcileListParams) -> Answer:
    """What a run found."""
    return await visit.business.reconciliation.list(params.run_id, params.after, params.limit)
