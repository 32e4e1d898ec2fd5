"""debit.*: debits on cards whose outcome is unknown, for an operator; two persons decide."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from middleware.domain.card_debit import DebitState
from middleware.domain.fault import Fault
from middleware.doors.local_api.handlers import Visit
from middleware.doors.local_api.params import Digest, Id, OptionalId, Params, Remark
from middleware.doors.local_api.results import Result, When, Yuan
from middleware.engine.counter import Answer
from middleware.engine.debit_desk import Debits

MOST_ROWS = 200
Decision = Literal["done", "not-done"]


class DebitListParams(Params, frozen=True, kw_only=True):
    """debit.list."""

    after: Annotated[OptionalId, Meta(description="上一页的 next_after / next_after of the page before")] = ""
    limit: Annotated[int, Meta(ge=1, le=MOST_ROWS)] = 100
    all: Annotated[bool, Meta(description="也列出已查清的 / also those that are certain")] = False


class DebitProposeParams(Params, frozen=True, kw_only=True):
    """debit.propose."""

    debit_id: Id
    decision: Annotated[Decision, Meta(description="done 已扣款，not-done 未扣款 / debited or not")]
    reference: Annotated[
        Remark, Meta(min_length=1, description="依据在何处可查，加密记入账本 / where the evidence is; journalled, sealed")
    ]


class DebitDecideParams(Params, frozen=True, kw_only=True):
    """debit.approve and debit.reject."""

    debit_id: Id
    proposal: Digest


class DebitProposal(Result, frozen=True, kw_only=True):
    """A decision that waits for a second person."""

    proposal: Annotated[str, Meta(description="摘要，复核时原样带回 / its digest; approve names it")]
    decision: Decision
    proposed_by: str
    proposed_at: When


class DebitRow(Result, frozen=True, kw_only=True):
    """One debit."""

    debit_id: str
    state: Literal["sent", "unknown", "done", "refused", "not-done"]
    why: Annotated[
        str, Meta(description="故障码；evidence 由卡查清，desk 由两人裁定 / a fault; told by the card, or decided")
    ]
    card: Annotated[str, Meta(description="卡号，已遮盖 / the card's number, masked")]
    individual: Yuan
    pooled: Yuan
    account: str
    terminal: str
    way: Annotated[str, Meta(description="PSAM 序列号，或 HSM / the PSAM's serial, or HSM")]
    terminal_number: str
    transaction_number: str
    written_at: Annotated[str, Meta(description="写入卡内明细的时间 / the time that stands in the card's log")]
    made_at: When
    proposal: DebitProposal | UnsetType = UNSET


class DebitListResult(Result, frozen=True, kw_only=True):
    """debit.list."""

    rows: list[DebitRow]
    next_after: str
    complete: Annotated[bool, Meta(description="没有下一页 / there is no further page")]


def _debits(visit: Visit) -> Debits:
    if visit.business.debits is None:
        raise Fault("request.not_found", "this daemon has no debits")
    return visit.business.debits


async def debit_list(visit: Visit, params: DebitListParams) -> Answer:
    """What is open."""
    return await _debits(visit).list(params.after, params.limit, every=params.all)


async def debit_propose(visit: Visit, params: DebitProposeParams) -> Answer:
    """Propose what is true."""
    return await _debits(visit).propose(visit.caller, params.debit_id, DebitState(params.decision), params.reference)


async def debit_approve(visit: Visit, params: DebitDecideParams) -> Answer:
    """Approve it."""
    return await _debits(visit).approve(visit.caller, params.debit_id, params.proposal)


async def debit_reject(visit: Visit, params: DebitDecideParams) -> Answer:
    """Reject it."""
    return await _debits(visit).reject(visit.caller, params.debit_id, params.proposal)
