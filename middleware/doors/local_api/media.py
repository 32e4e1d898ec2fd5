"""Old media: what a front end hands in, and numbers for the HIS's own look-up."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from middleware.domain.card import KINDS
from middleware.domain.fault import Fault
from middleware.doors.local_api.handlers import Visit
from middleware.doors.local_api.params import END, NO_CONTROLS, Params, ReaderName
from middleware.doors.local_api.results import Result
from middleware.engine.counter import Answer
from middleware.engine.media import Media

MAX_TYPED = 2048

Typed = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_TYPED,
        pattern=rf"^{NO_CONTROLS}+{END}",
        description="键盘口设备键入的整段内容，不含回车 / all that the wedge typed, without the line's end",
    ),
]
OptionalTyped = Annotated[
    str,
    Meta(
        max_length=MAX_TYPED,
        pattern=rf"^{NO_CONTROLS}*{END}",
        description="同上；空则读该读卡器 / empty: the reader is read",
    ),
]


class CardPresentParams(Params, frozen=True, kw_only=True):
    """card.present."""

    reader: Annotated[ReaderName, Meta(description="[[readers]] 中 kind 为 handed 的名称 / a reader of kind handed")]
    text: Typed


class MediumReadParams(Params, frozen=True, kw_only=True):
    """medium.read."""

    reader: Annotated[ReaderName, Meta(description="reader.list 给出的名称 / a name from reader.list")]
    text: OptionalTyped = ""


class MediumReadResult(Result, frozen=True, kw_only=True):
    """medium.read."""

    reader: str
    kind: Annotated[str, Meta(description=" | ".join(KINDS))]
    number: Annotated[
        str, Meta(description="旧卡号；出示的是有身份的卡证时为空 / empty when an identity was shown: card.read")
    ]


async def card_present(visit: Visit, params: CardPresentParams) -> Answer:
    """Take what was typed for a card."""
    return await _media(visit).present(visit.caller, params.reader, params.text)


async def medium_read(visit: Visit, params: MediumReadParams) -> Answer:
    """The number of an old medium."""
    return await _media(visit).number(visit.caller, params.reader, params.text)


def _media(visit: Visit) -> Media:
    if visit.business.media is None:
        raise Fault("reader.unknown", "no readers of old media here")
    return visit.business.media
