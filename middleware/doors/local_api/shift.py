"""shift.close and shift.get: what they take, what they answer, and who does it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from middleware.domain.shift import ShiftOrder
from middleware.doors.local_api.handlers import Visit
from middleware.doors.local_api.params import Key, Params
from middleware.doors.local_api.results import Result, Sums, When, Yuan
from middleware.engine.counter import Answer

MOST_ROWS = 500
_MOST = 1_000_000_000


class ShiftCloseParams(Params, frozen=True, kw_only=True):
    """shift.close."""

    request_id: Key
    allow_empty: Annotated[
        bool, Meta(description="没有记录也结批，例如当日无业务；缺省拒绝 / close it without rows, too; else it is refused")
    ] = False


class ShiftGetParams(Params, frozen=True, kw_only=True):
    """shift.get."""

    number: Annotated[
        int, Meta(ge=0, le=_MOST, description="批次号，0 为最近一批 / the batch's number, 0 = the newest")
    ] = 0
    after: Annotated[int, Meta(ge=0, le=_MOST, description="上一页的 next_after / next_after of the page before")] = 0
    limit: Annotated[int, Meta(ge=1, le=MOST_ROWS)] = 100


class UnknownAtClose(Result, frozen=True, kw_only=True):
    """What was unknown at that moment: it falls into the batch that is open when it becomes certain."""

    count: int
    settlements: Annotated[list[str], Meta(max_length=200, description="settlement_id，最早的 200 笔 / the oldest 200")]


class JournalStretch(Result, frozen=True, kw_only=True):
    """The journal's numbers of the batch: after < n <= last."""

    after: int
    last: int


class ShiftBatch(Result, frozen=True, kw_only=True):
    """A closed batch of the caller's own terminal. It never changes."""

    terminal: str
    number: Annotated[int, Meta(description="本终端的批次号，从 1 起不断号 / of this terminal, from 1 without gap")]
    closed_at: When
    rows: Annotated[int, Meta(description="明细行数 / how many rows shift.get gives")]
    settled: Sums
    cancelled: Annotated[Sums, Meta(description="撤销笔数和金额，不带负号 / what was undone, without its sign")]
    unknown: UnknownAtClose
    journal: JournalStretch


class ShiftRowFacts(Result, frozen=True, kw_only=True):
    """One row. Amounts are negative for what was undone."""

    row: int
    settlement_id: str
    kind: Annotated[
        Literal["settled", "cancelled", "captured", "refunded"],
        Meta(description="结算、撤销、银行已扣款、银行已退款 / the bank took it, the bank gave it back"),
    ]
    at: When
    total: Yuan
    fund: Yuan
    account: Yuan
    cash: Yuan
    bank: Yuan


class ShiftGetResult(Result, frozen=True, kw_only=True):
    """shift.get."""

    batch: Annotated[
        ShiftBatch, Meta(description="与 shift.close 的应答逐字节相同 / byte for byte what shift.close answered")
    ]
    rows: list[ShiftRowFacts]
    next_after: int
    complete: bool


async def shift_close(visit: Visit, params: ShiftCloseParams) -> Answer:
    """Close the caller's own open batch."""
    return await visit.business.counter.close_shift(visit.caller, params.request_id, ShiftOrder(params.allow_empty))


async def shift_get(visit: Visit, params: ShiftGetParams) -> Answer:
    """A closed batch of the caller's own terminal."""
    return await visit.business.counter.shift(visit.caller, params.number, params.after, params.limit)
