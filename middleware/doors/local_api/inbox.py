"""inbox.list and inbox.show: what came over HL7, for an operator."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from middleware.domain.fault import Fault
from middleware.doors.local_api.handlers import Visit
from middleware.doors.local_api.params import Params
from middleware.doors.local_api.results import Result, When
from middleware.engine.counter import Answer
from middleware.engine.inbox import Inboxes

MOST_ROWS = 500
_MOST = (1 << 53) - 1


class InboxListParams(Params, frozen=True, kw_only=True):
    """inbox.list."""

    after: Annotated[int, Meta(ge=0, le=_MOST, description="上一页的 next_after / next_after of the page before")] = 0
    limit: Annotated[int, Meta(ge=1, le=MOST_ROWS)] = 100
    all: Annotated[
        bool, Meta(description="也列出已受理的报文；缺省只列拒收和不成帧的 / also what was taken; else only what was not")
    ] = False


class InboxShowParams(Params, frozen=True, kw_only=True):
    """inbox.show."""

    sequence: Annotated[int, Meta(ge=1, le=_MOST, description="inbox.list 的 sequence / of inbox.list")]
    offset: Annotated[int, Meta(ge=0, le=_MOST, description="从第几个字节起 / from which byte on")] = 0


class InboxRow(Result, frozen=True, kw_only=True):
    """One message, or bytes that were none; without its content."""

    sequence: Annotated[int, Meta(description="账本编号 / of the journal's record")]
    link: str
    control_id: Annotated[str, Meta(description="MSH-10，不可用时为空 / empty where there is none that can be used")]
    type: str
    why: Annotated[
        str, Meta(description="拒收原因的故障码，空为已受理 / the fault for which it was not taken, empty = taken")
    ]
    digest: Annotated[str, Meta(description="加盐 SM3，账本中相同 / salted SM3, as in the journal")]
    bytes: int
    at: When


class InboxListResult(Result, frozen=True, kw_only=True):
    """inbox.list."""

    rows: list[InboxRow]
    next_after: int
    complete: Annotated[bool, Meta(description="没有下一页 / there is no further page")]


class InboxShowResult(InboxRow, frozen=True, kw_only=True):
    """inbox.show: a piece of it as it came. Every look is journalled."""

    content: Annotated[str, Meta(description="原始字节的一段，base64 / a piece of the bytes as they came, base64")]
    next_offset: int
    complete: Annotated[bool, Meta(description="已到末尾 / this was the last piece")]
    answered: Annotated[str, Meta(description="当时的应答，base64 / what was answered, base64")]


def _inbox(visit: Visit) -> Inboxes:
    if visit.business.inbox is None:
        raise Fault("request.not_found", "this daemon has no inbox")
    return visit.business.inbox


async def inbox_list(visit: Visit, params: InboxListParams) -> Answer:
    """What came."""
    return await _inbox(visit).list(params.after, params.limit, kept_only=not params.all)


async def inbox_show(visit: Visit, params: InboxShowParams) -> Answer:
    """One of them."""
    return await _inbox(visit).show(visit.caller, params.sequence, params.offset)
