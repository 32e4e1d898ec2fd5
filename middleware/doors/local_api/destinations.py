"""destinations.*: who is told of visits and settlements, and what two persons do with a link that stopped."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from middleware.domain.fault import Fault
from middleware.doors.local_api.handlers import Visit
from middleware.doors.local_api.params import END, Digest, NoParams, Params
from middleware.doors.local_api.results import Result, When
from middleware.engine.counter import Answer
from middleware.engine.destinations import Destinations

Name = Annotated[
    str, Meta(pattern=rf"^[a-z0-9][a-z0-9_-]{{0,23}}{END}", description="配置中的名称；[his] 本身是 his / as configured")
]
Act = Annotated[
    Literal["resynchronise", "start", "hand-over", "discard"],
    Meta(
        description="以 -1 重新同步顺序号 / 以 0 询问对方期待的号 / 移交给另一系统 / 放弃所有待发报文；"
        "numbers anew by -1; ask by 0 which number is expected; to another destination; give up what waits"
    ),
]
# Goes into the chain, which forgets nothing: no free text.
Reference = Annotated[str, Meta(pattern=rf"^[A-Za-z0-9._:/-]{{1,40}}{END}", description="工单号 / a ticket number")]


class DestinationsProposeParams(Params, frozen=True, kw_only=True):
    """destinations.propose."""

    destination: Name
    act: Act
    to: Annotated[str, Meta(pattern=rf"^[a-z0-9_-]{{0,24}}{END}", description="移交给谁 / hand-over: to whom")] = ""
    reference: Reference


class DestinationsDecideParams(Params, frozen=True, kw_only=True):
    """destinations.approve and destinations.reject."""

    destination: Name
    proposal: Digest


class DestinationNumbers(Result, frozen=True, kw_only=True):
    """The sequence numbers of one link."""

    next: Annotated[int, Meta(description="下一条报文的 MSH-13 / MSH-13 of the next message")]
    state: Annotated[
        Literal["open", "start", "resync", "frozen"],
        Meta(description="正常 / 先发 0 / 先发 -1 / 已停发 / goes on; a 0 first; a -1 first; stopped"),
    ]
    waits_for: Annotated[str, Meta(description="已用号而无应答的报文 / the message that bears a number and has no answer")]
    why: Annotated[str, Meta(description="停发的原因 / why it stopped")]


class DestinationProposal(Result, frozen=True, kw_only=True):
    """What somebody proposed for it."""

    proposal: str
    proposed_by: str
    proposed_at: When
    act: Act
    to: str
    reference: str
    waiting: int


class DestinationRow(Result, frozen=True, kw_only=True):
    """One destination."""

    destination: str
    configured: Annotated[bool, Meta(description="仍在配置中 / it is still configured")]
    waiting: Annotated[int, Meta(description="待应答的报文数 / messages that wait for an answer")]
    refused: int
    events: Annotated[list[str] | UnsetType, Meta(description="向其通知什么 / what it is told")] = UNSET
    decides: Annotated[list[str] | UnsetType, Meta(description="以谁的应答为准 / of what its answer counts")] = UNSET
    oldest: When | UnsetType = UNSET
    numbers: DestinationNumbers | UnsetType = UNSET
    proposal: DestinationProposal | UnsetType = UNSET


class DestinationsResult(Result, frozen=True, kw_only=True):
    """destinations.list, and what every act answers."""

    rows: list[DestinationRow]


def _destinations(visit: Visit) -> Destinations:
    if visit.business.destinations is None:
        raise Fault("request.not_found", "this daemon tells nobody")
    return visit.business.destinations


async def destinations_list(visit: Visit, _params: NoParams) -> Answer:
    """How each stands."""
    return await _destinations(visit).list()


async def destinations_propose(visit: Visit, params: DestinationsProposeParams) -> Answer:
    """Propose an act."""
    told = (params.destination, params.act, params.to, params.reference)
    return await _destinations(visit).propose(visit.caller, *told)


async def destinations_approve(visit: Visit, params: DestinationsDecideParams) -> Answer:
    """Do it."""
    return await _destinations(visit).approve(visit.caller, params.destination, params.proposal)


async def destinations_reject(visit: Visit, params: DestinationsDecideParams) -> Answer:
    """Leave it."""
    return await _destinations(visit).reject(visit.caller, params.destination, params.proposal)
