"""How an outcome that nobody knows is established: which evidence is asked, in which order, and how far that has come."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from attrs import frozen

from middleware.domain.centre import FoundVisit


class Source(StrEnum):
    """An evidence that may be asked."""

    REVERSAL = "reversal"  # 2601: its clear answer ends the doubt
    FILE = "file"  # the result file of the day (3202), by message id: the surest, of the next night
    ORDER = "order-query"  # 6301: how an order of mobile payment stands; of such an order it comes first, and alone
    VISITS = "visit-query"  # 5201: what the centre has of the person. Weak: it decides nothing, a person reads it


# A counter waits for the answer: what can be had at once comes first, though the file of the next night is surer.
ORDER = (Source.REVERSAL, Source.VISITS, Source.FILE)


@frozen(slots=True)
class Pursuit:
    """How far one doubt has been pursued."""

    until: dt.datetime  # then a person, whatever is still to be asked (invariant 10)
    asking: Source | None = None  # None: its first step is still to come
    through: tuple[Source, ...] = ()  # asked, and not clear; or not to be asked in this doubt
    queries: int = 0  # 5201s that were to leave
    query_message_id: str = ""  # of the one that is on its way


@frozen(slots=True)
class Shown:
    """What 5201 showed while an outcome was in doubt: that a visit is there, never that it was settled."""

    message_id: str
    at: dt.datetime
    visits: tuple[FoundVisit, ...]


FIRST, PERSON = "first-check", "person"
# What is being done, as every asker hears it: code -> Chinese, English.
DOING: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        FIRST: ("即将查证", "the first check is still to come"),
        Source.REVERSAL: ("冲正查证（2601）", "a reversal (2601) establishes it"),
        Source.ORDER: ("查询移动支付订单（6301）", "the order of mobile payment is asked about (6301)"),
        Source.VISITS: ("查询就诊（5201）", "the centre is asked for the visit (5201)"),
        Source.FILE: ("等待日终对账文件（3202）", "the result file of the day (3202) is waited for"),
        PERSON: ("已转人工处理台", "two persons decide at the manual desk"),
    }
)
