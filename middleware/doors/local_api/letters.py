"""letters.*: what the HIS refused, for an operator: look, send again, or give up by two persons."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from middleware.domain.correction import MAX_FIELDS, MAX_VALUE
from middleware.domain.fault import Fault
from middleware.doors.local_api.handlers import Visit
from middleware.doors.local_api.params import END, Digest, Id, Params, Remark
from middleware.doors.local_api.results import FaultFacts, Result, When
from middleware.engine.counter import Answer
from middleware.engine.letters import Letters

MOST_ROWS = 500
_MOST = (1 << 53) - 1
Why = Annotated[
    Literal["entered-by-hand", "already-there", "not-wanted"],
    Meta(
        description="已人工录入 HIS / HIS 已有 / 不需要 / entered at the HIS by hand; it has it already; it is not wanted"
    ),
]
# Goes into the chain, which forgets nothing: no free text.
Number = Annotated[
    str, Meta(pattern=rf"^[A-Za-z0-9._:/-]{{1,64}}{END}", description="工单或凭证号 / a ticket or voucher number")
]


class LettersListParams(Params, frozen=True, kw_only=True):
    """letters.list."""

    after: Annotated[int, Meta(ge=0, le=_MOST, description="上一页的 next_after / next_after of the page before")] = 0
    limit: Annotated[int, Meta(ge=1, le=MOST_ROWS)] = 100
    waiting: Annotated[bool, Meta(description="列出待应答的；缺省列被拒收的 / those that wait; else those refused")] = False


class LettersShowParams(Params, frozen=True, kw_only=True):
    """letters.show."""

    control_id: Id


class LettersResendParams(Params, frozen=True, kw_only=True):
    """letters.resend."""

    control_id: Id
    reason: Annotated[
        Remark, Meta(min_length=1, description="改正了什么，加密记入账本 / what was mended; journalled, sealed")
    ]


class LettersDiscardParams(Params, frozen=True, kw_only=True):
    """letters.discard."""

    control_id: Id
    why: Why
    reference: Number


class LetterField(Params, frozen=True, kw_only=True):
    """One corrected field: a name that letters.show lists, or patient_number, patient_name, a merge's prior_name."""

    field: Annotated[str, Meta(pattern=rf"^[A-Za-z0-9._-]{{1,64}}{END}")]
    value: Annotated[str, Meta(min_length=1, max_length=MAX_VALUE)]


class LettersFixParams(Params, frozen=True, kw_only=True):
    """letters.fix."""

    control_id: Id
    fields: Annotated[list[LetterField], Meta(min_length=1, max_length=MAX_FIELDS)]
    reason: Annotated[Remark, Meta(min_length=1, description="为何更正，加密记入账本 / why; journalled, sealed")]


class LettersDecideParams(Params, frozen=True, kw_only=True):
    """letters.approve and letters.reject."""

    control_id: Id
    proposal: Digest


class LetterProposal(Result, frozen=True, kw_only=True):
    """A letter that somebody wants to give up."""

    proposal: str
    proposed_by: str
    proposed_at: When
    why: Why
    reference: str


class FieldNow(Result, frozen=True, kw_only=True):
    """A field of the message and what stands in it."""

    field: str
    value: str


class LetterCorrection(Result, frozen=True, kw_only=True):
    """What a person corrected, or proposes to."""

    revision: int
    state: Literal["proposed", "applied", "rejected"]
    by: str
    at: When
    fields: list[FieldNow]
    proposal: Annotated[str | UnsetType, Meta(description="待复核：letters.approve 用它 / for letters.approve")] = UNSET


class LetterRow(Result, frozen=True, kw_only=True):
    """One letter, without its content."""

    sequence: int
    control_id: Annotated[str, Meta(description="MSH-10，每次重发都相同 / the same each time it is sent")]
    visit_id: str
    settlement_id: str
    matter: Annotated[
        Literal["registered", "settled", "cancelled", "updated", "merged", "unmerged", "account-opened", "account-ended"],
        Meta(description="挂号 / 结算 / 撤销 / 资料变更 / 合并 / 撤销合并 / 开户 / 结账"),
    ]
    created_at: When
    outcome: Annotated[str, Meta(description="waiting, accepted, refused CODE, discarded")]
    message_control_id: Annotated[
        str, Meta(description="线上的 MSH-10；更正后与 control_id 不同 / on the wire; another one after a correction")
    ]
    destination: Annotated[
        str, Meta(description="发往哪个系统；[his] 本身是 his / which system it is for; his is [his] itself")
    ]


class LettersListResult(Result, frozen=True, kw_only=True):
    """letters.list."""

    rows: list[LetterRow]
    next_after: int
    complete: Annotated[bool, Meta(description="没有下一页 / there is no further page")]


class LettersShowResult(LetterRow, frozen=True, kw_only=True):
    """letters.show, and what every other act answers."""

    state: Annotated[str, Meta(description="结算（或就诊）的状态 / of the settlement, or of the visit")]
    content: Annotated[
        list[FieldNow] | UnsetType,
        Meta(
            description="被拒时：一人可更正的字段及现值，个人信息不显示 / "
            "when refused: what one person may correct, as it is now; what is about a person is not shown"
        ),
    ] = UNSET
    corrections: Annotated[list[LetterCorrection] | UnsetType, Meta(description="更正记录 / corrections")] = UNSET
    refusal: Annotated[FaultFacts | UnsetType, Meta(description="HIS 拒收的原因 / why the HIS refused it")] = UNSET
    proposal: Annotated[LetterProposal | UnsetType, Meta(description="待复核的放弃 / to give it up, not approved yet")] = (
        UNSET
    )


def _letters(visit: Visit) -> Letters:
    if visit.business.letters is None:
        raise Fault("request.not_found", "this daemon has no outbox")
    return visit.business.letters


async def letters_list(visit: Visit, params: LettersListParams) -> Answer:
    """What was refused, or waits."""
    return await _letters(visit).list(params.after, params.limit, waiting=params.waiting)


async def letters_show(visit: Visit, params: LettersShowParams) -> Answer:
    """One of them."""
    return await _letters(visit).show(params.control_id)


async def letters_resend(visit: Visit, params: LettersResendParams) -> Answer:
    """Let it leave again."""
    return await _letters(visit).resend(visit.caller, params.control_id, params.reason)


async def letters_fix(visit: Visit, params: LettersFixParams) -> Answer:
    """Correct fields, and let it leave again; or propose that."""
    fields = {one.field: one.value for one in params.fields}
    return await _letters(visit).fix(visit.caller, params.control_id, fields, params.reason)


async def letters_discard(visit: Visit, params: LettersDiscardParams) -> Answer:
    """Propose to give it up."""
    return await _letters(visit).discard(visit.caller, params.control_id, params.why, params.reference)


async def letters_approve(visit: Visit, params: LettersDecideParams) -> Answer:
    """Give it up."""
    return await _letters(visit).approve(visit.caller, params.control_id, params.proposal)


async def letters_reject(visit: Visit, params: LettersDecideParams) -> Answer:
    """Keep it."""
    return await _letters(visit).reject(visit.caller, params.control_id, params.proposal)
