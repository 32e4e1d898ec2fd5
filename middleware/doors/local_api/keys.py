"""Keys and persons: what each method takes and answers, and who is asked."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from middleware.domain.fault import Fault
from middleware.domain.identity import IdNumber
from middleware.doors.local_api.handlers import Visit
from middleware.doors.local_api.params import END, Digest, NoParams, OptionalId, Params, Remark
from middleware.doors.local_api.results import Result, When, Yuan
from middleware.engine.counter import Answer
from middleware.engine.keydesk import Keys

# -- params

Period = Annotated[
    str,
    Meta(
        pattern=rf"^[0-9]{{4}}(-(0[1-9]|1[0-2]|Q[1-4]))?{END}",
        description="年月、季度或年 / a month, quarter or year: 2026-11, 2026-Q4, 2026",
    ),
]


class KeysRotateParams(Params, frozen=True, kw_only=True):
    """keys.rotate."""

    rewrap: Annotated[
        bool, Meta(description="重新读取主密钥，用新主密钥包裹全部数据密钥 / read the master keys anew, wrap all data keys")
    ] = False
    reseal: Annotated[
        bool, Meta(description="业务进行中用新密钥重写旧数据 / rewrite old values by new keys, beside the work")
    ] = False


class KeysDestroyParams(Params, frozen=True, kw_only=True):
    """keys.destroy."""

    period: Period


class KeysDecideParams(Params, frozen=True, kw_only=True):
    """keys.approve and keys.reject."""

    period: Period
    proposal: Digest


class PersonFindParams(Params, frozen=True, kw_only=True):
    """person.find: exactly one of the two numbers."""

    id_number: Annotated[str, Meta(max_length=18, pattern=rf"^[0-9Xx]*{END}", description="证件号码 / id number")] = ""
    card_number: Annotated[str, Meta(max_length=32, pattern=rf"^[0-9A-Za-z]*{END}", description="卡号 / card number")] = ""
    reason: Annotated[Remark, Meta(min_length=1, description="查询理由，加密记入账本 / why you look; journalled, sealed")]
    after: Annotated[OptionalId, Meta(description="上一页的 next_after / next_after of the page before")] = ""
    limit: Annotated[int, Meta(ge=1, le=200)] = 100


# -- results


class KeyFacts(Result, frozen=True, kw_only=True):
    """One data key; nothing of the key itself."""

    id: str
    period: str
    purpose: Annotated[Literal["seal", "search"], Meta(description="加密，或按号码检索 / seals, or digests to search by")]
    algorithm: str
    state: Literal["in use", "retired", "destroyed"]
    made_at: When
    master: Annotated[str, Meta(description="包裹它的主密钥 / the master key that wraps it")]
    retired_at: When | UnsetType = UNSET
    destroyed_at: When | UnsetType = UNSET


class KeyProposal(Result, frozen=True, kw_only=True):
    """A destruction that waits for a second person."""

    period: str
    proposal: Annotated[str, Meta(description="摘要，复核时原样带回 / its digest; approve names it")]
    proposed_by: str
    proposed_at: When


class Resealing(Result, frozen=True, kw_only=True):
    """How far a rewriting is."""

    column: str
    done: int


class KeysListResult(Result, frozen=True, kw_only=True):
    """keys.list."""

    keys: list[KeyFacts]
    proposals: list[KeyProposal]
    resealing: Resealing | UnsetType = UNSET


class KeysRotateResult(Result, frozen=True, kw_only=True):
    """keys.rotate."""

    rewrapped: int
    resealing: bool


class KeysApproveResult(Result, frozen=True, kw_only=True):
    """keys.approve: it is done, and cannot be undone."""

    period: str
    state: Literal["destroyed"]
    log_cut: Annotated[
        bool, Meta(description="数据库日志中的旧密钥也已清除 / the old form is gone from the database's log too")
    ]


class KeysRejectResult(Result, frozen=True, kw_only=True):
    """keys.reject."""

    period: str
    state: Literal["kept"]


class FoundSettlement(Result, frozen=True, kw_only=True):
    """One settlement of a visit."""

    settlement_id: str
    state: str
    total: Yuan
    settlement_number: str
    settled_at: Annotated[str, Meta(description="UTC，未结算为空 / UTC, empty when not settled")]


class FoundPersonVisit(Result, frozen=True, kw_only=True):
    """One visit of the person."""

    visit_id: str
    state: str
    updated_at: When
    settlements: list[FoundSettlement]


class PersonFindResult(Result, frozen=True, kw_only=True):
    """person.find."""

    visits: list[FoundPersonVisit]
    next_after: str
    complete: Annotated[bool, Meta(description="没有下一页 / there is no further page")]


# -- handlers


def _keys(visit: Visit) -> Keys:
    if visit.business.keys is None:
        raise Fault("system.keys", "this daemon has no key desk")
    return visit.business.keys


async def keys_list(visit: Visit, _params: NoParams) -> Answer:
    """All data keys."""
    return await _keys(visit).list()


async def keys_rotate(visit: Visit, params: KeysRotateParams) -> Answer:
    """New keys."""
    return await _keys(visit).rotate(visit.caller, rewrap=params.rewrap, reseal=params.reseal)


async def keys_destroy(visit: Visit, params: KeysDestroyParams) -> Answer:
    """Propose to destroy a period."""
    return await _keys(visit).destroy(visit.caller, params.period)


async def keys_approve(visit: Visit, params: KeysDecideParams) -> Answer:
    """Destroy it."""
    return await _keys(visit).approve(visit.caller, params.period, params.proposal)


async def keys_reject(visit: Visit, params: KeysDecideParams) -> Answer:
    """Keep it."""
    return await _keys(visit).reject(visit.caller, params.period, params.proposal)


async def person_find(visit: Visit, params: PersonFindParams) -> Answer:
    """Whose visits; a number with a wrong check character is a typing error, not a person without visits."""
    if bool(params.id_number) == bool(params.card_number):
        raise Fault("request.bad_params", "params.id_number: give id_number or card_number, exactly one of them")
    number = params.id_number
    if number:
        try:
            number = IdNumber.parse(number).reveal()
        except ValueError as exc:
            raise Fault("request.bad_params", f"params.id_number: {exc}") from None
    return await _keys(visit).find(
        visit.caller,
        id_number=number,
        card_number=params.card_number.upper(),
        reason=params.reason,
        after=params.after,
        limit=params.limit,
    )
