"""Registers, lists of cards, links of old media and flags: what each method takes, and who is asked."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from middleware.domain.card_list import MAX_LINE
from middleware.domain.fault import Fault
from middleware.domain.identity import IdNumber, MediumNumber, PersonName
from middleware.domain.registry import REGISTERS, Matter
from middleware.doors.local_api.handlers import Visit
from middleware.doors.local_api.params import (
    END,
    NO_CONTROLS,
    Digest,
    Id,
    NoParams,
    OptionalId,
    OptionalName,
    OptionalPersonText,
    Params,
    Remark,
)
from middleware.doors.local_api.results_registry import Register
from middleware.engine.counter import Answer
from middleware.engine.registries import Registry

MAX_PART = 1000
_MOST = 1_000_000_000

Serial = Annotated[str, Meta(pattern=rf"^[A-Za-z0-9._-]{{1,32}}{END}")]
OptionalSerial = Annotated[str, Meta(pattern=rf"^[A-Za-z0-9._-]{{0,64}}{END}")]
Region = Annotated[str, Meta(pattern=rf"^[0-9]{{6}}{END}", description="六位行政区划 / six digits of GB/T 2260")]
EntryKey = Annotated[str, Meta(min_length=1, max_length=64, pattern=rf"^{NO_CONTROLS}+{END}")]
Version = Annotated[str, Meta(pattern=rf"^[0-9]\.[0-9]{{2}}{END}", description='"1.00" "2.00" "2.01" "3.00"')]

# -- params


class PsamEntry(Params, frozen=True, kw_only=True):
    """A PSAM. ``key`` is its serial."""

    place: Annotated[OptionalName, Meta(description="所在读卡器或卡槽 / the reader or slot it sits in")] = ""
    terminal: OptionalId = ""
    issuer: Annotated[Region, Meta(description="发卡（装密钥）机构 / who loaded its keys")]
    key_version: Annotated[OptionalSerial, Meta(description="密钥版本 / of its keys")] = ""
    valid_to: dt.date
    status: Annotated[Literal["in-use", "lost", "withdrawn"], Meta(description="在用、挂失、停用")] = "in-use"


class TerminalEntry(Params, frozen=True, kw_only=True):
    """A terminal. ``key`` is its name as in the account's session."""

    desk: Annotated[OptionalName, Meta(description="窗口名称 / what people call the desk")]
    reader_serial: Annotated[OptionalSerial, Meta(description="读卡器序列号")] = ""
    certificate: Annotated[OptionalName, Meta(description="读写终端检测合格证号（LD/T 33）/ certificate of conformity")] = (
        ""
    )
    latitude: Annotated[float, Meta(ge=-90, le=90, description="WGS 84，度；不填则不参与距离规则")] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None


class IssuerEntry(Params, frozen=True, kw_only=True):
    """An issuer of cards. ``key`` is its region's six digits."""

    name: Annotated[OptionalName, Meta(description="机构名称 / its name")]
    since: Annotated[dt.date, Meta(description="自何日起发卡 / issues cards since")]
    specs: Annotated[
        list[Version], Meta(min_length=1, max_length=8, description="卡规范版本 / specifications of its cards")
    ]


class RegistryListParams(Params, frozen=True, kw_only=True):
    """registry.list."""

    register: Register
    after: Annotated[str, Meta(max_length=64, description="上一页的 next_after / next_after of the page before")] = ""
    limit: Annotated[int, Meta(ge=1, le=200)] = 100


class RegistryProposeParams(Params, frozen=True, kw_only=True):
    """registry.propose: of a register give the member of its name, or ``remove``; of a list or a conflict ``decision``."""

    matter: Literal["psam", "terminal", "issuer", "list", "conflict"]
    key: Annotated[
        EntryKey,
        Meta(description="PSAM 序列号、终端名、六位区划、list_id 或 conflict_id / serial, terminal, region or id"),
    ]
    psam: PsamEntry | UnsetType = UNSET
    terminal: TerminalEntry | UnsetType = UNSET
    issuer: IssuerEntry | UnsetType = UNSET
    remove: Annotated[bool, Meta(description="从登记册删除 / take the entry away")] = False
    decision: Annotated[
        Literal["", "install", "drop", "first", "second", "both", "neither"],
        Meta(
            description="名单：install 启用、drop 停用；冲突：保留 first、second、both、neither / "
            "of a list: install, drop; of a conflict: which link is kept"
        ),
    ] = ""
    note: Annotated[Remark, Meta(description="依据，加密保存 / why; sealed")] = ""


class RegistryDecideParams(Params, frozen=True, kw_only=True):
    """registry.approve and registry.reject."""

    proposal: Digest


class ImportBeginParams(Params, frozen=True, kw_only=True):
    """registry.import_begin."""

    source: Annotated[
        str, Meta(pattern=rf"^[A-Za-z0-9._-]{{1,32}}{END}", description="名单来源，如 bureau / whose list it is")
    ]
    mode: Annotated[
        Literal["add", "replace"],
        Meta(
            description="add 追加，传完即生效；replace 替换该来源的名单，须另一人复核 / "
            "add counts at once; replace takes the place of what the source said before, when another person approves"
        ),
    ]
    rows: Annotated[int, Meta(ge=0, le=_MOST, description="总行数 / how many lines it has")]


class ImportPartParams(Params, frozen=True, kw_only=True):
    """registry.import_part."""

    list_id: Id
    first: Annotated[int, Meta(ge=1, le=_MOST, description="首行行号，从 1 起 / number of the first line, from 1")]
    lines: Annotated[
        list[Annotated[str, Meta(max_length=MAX_LINE)]],
        Meta(
            min_length=1, max_length=MAX_PART, description="kind,number,region,reason,since；见 operations / see operations"
        ),
    ]


class ImportEndParams(Params, frozen=True, kw_only=True):
    """registry.import_end."""

    list_id: Id


class RegistryLinkParams(Params, frozen=True, kw_only=True):
    """registry.link: whose the old medium is, by a card that was just read, or by id number and name."""

    kind: Annotated[
        Literal["treatment-card", "insurance-card", "hospital-code"], Meta(description="就诊卡、旧医保卡、院内码")
    ]
    number: Annotated[str, Meta(pattern=rf"^[!-~]{{1,64}}{END}", description="旧卡号 / the number on it")]
    card_read_id: Annotated[OptionalId, Meta(description="刚读的卡 / of a card just read")] = ""
    id_number: Annotated[str, Meta(max_length=18, pattern=rf"^[0-9Xx]*{END}")] = ""
    name: OptionalPersonText = ""
    moved: Annotated[
        bool, Meta(description="已换用社会保障卡，旧卡作废 / the person has the one card: the old medium ends")
    ] = False


class ConflictsParams(Params, frozen=True, kw_only=True):
    """registry.conflicts."""

    after: OptionalId = ""
    limit: Annotated[int, Meta(ge=1, le=200)] = 100
    reason: Annotated[
        Remark, Meta(description="给出理由则显示全部号码和姓名，理由加密记入账本 / with a reason nothing is masked; sealed")
    ] = ""


class FlagsParams(Params, frozen=True, kw_only=True):
    """registry.flags."""

    after: Annotated[int, Meta(ge=0, le=_MOST)] = 0
    limit: Annotated[int, Meta(ge=1, le=200)] = 100
    unseen: Annotated[bool, Meta(description="只列未查看的 / those that nobody has looked at")] = True


class FlagParams(Params, frozen=True, kw_only=True):
    """registry.flag."""

    sequence: Annotated[int, Meta(ge=1, le=_MOST)]
    reason: Annotated[Remark, Meta(min_length=1, description="查看理由，加密记入账本 / why you look; journalled, sealed")]


class FlagSeenParams(Params, frozen=True, kw_only=True):
    """registry.flag_seen."""

    sequence: Annotated[int, Meta(ge=1, le=_MOST)]
    note: Annotated[Remark, Meta(min_length=1, description="处理情况，加密记入账本 / what came of it; journalled, sealed")]


# -- handlers


def _registry(visit: Visit) -> Registry:
    if visit.business.registry is None:
        raise Fault("system.config", "this daemon has no registers")
    return visit.business.registry


async def registry_list(visit: Visit, params: RegistryListParams) -> Answer:
    """One register."""
    return await _registry(visit).desk.entries(Matter(params.register), params.after, params.limit)


async def registry_proposals(visit: Visit, _params: NoParams) -> Answer:
    """What waits."""
    return await _registry(visit).desk.proposals()


async def registry_propose(visit: Visit, params: RegistryProposeParams) -> Answer:
    """Propose a change."""
    matter = Matter(params.matter)
    given = {name: value for name in REGISTERS if (value := getattr(params, name)) is not UNSET}
    wanted = {matter} if matter in REGISTERS and not params.remove else set()
    if (
        set(given) != wanted
        or (params.remove and matter not in REGISTERS)
        or (bool(params.decision) == (matter in REGISTERS))
    ):
        raise Fault("request.bad_params", f"params: of {matter} give what the table says, and nothing else")
    entry = msgspec.to_builtins(given[matter]) if given else None
    return await _registry(visit).desk.propose(visit.caller, matter, params.key, entry, params.decision, params.note)


async def registry_approve(visit: Visit, params: RegistryDecideParams) -> Answer:
    """Approve it."""
    return await _registry(visit).desk.approve(visit.caller, params.proposal)


async def registry_reject(visit: Visit, params: RegistryDecideParams) -> Answer:
    """Reject it."""
    return await _registry(visit).desk.reject(visit.caller, params.proposal)


async def registry_import_begin(visit: Visit, params: ImportBeginParams) -> Answer:
    """Begin a list."""
    return await _registry(visit).lists.begin(visit.caller, params.source, params.mode, params.rows)


async def registry_import_part(visit: Visit, params: ImportPartParams) -> Answer:
    """Its next lines."""
    return await _registry(visit).lists.part(visit.caller, params.list_id, params.first, params.lines)


async def registry_import_end(visit: Visit, params: ImportEndParams) -> Answer:
    """All of it was sent."""
    return await _registry(visit).lists.end(visit.caller, params.list_id)


async def registry_lists(visit: Visit, _params: NoParams) -> Answer:
    """The lists."""
    return await _registry(visit).lists.all()


async def registry_link(visit: Visit, params: RegistryLinkParams) -> Answer:
    """Link an old medium to a person."""
    registry = _registry(visit)
    if bool(params.card_read_id) == bool(params.id_number) or bool(params.id_number) != bool(params.name):
        raise Fault("request.bad_params", "params.card_read_id: give it, or id_number and name")
    if params.card_read_id:
        holder = registry.holder(visit.caller, params.card_read_id)
        id_number, name = holder.id_number, holder.name
    else:
        try:
            id_number, name = IdNumber.parse(params.id_number), PersonName(params.name)
        except ValueError as exc:
            raise Fault("request.bad_params", f"params.id_number: {exc}") from None
    number = MediumNumber(params.number)
    return await registry.links.link(visit.caller, params.kind, number, id_number, name, moved=params.moved)


async def registry_conflicts(visit: Visit, params: ConflictsParams) -> Answer:
    """What two persons must decide."""
    return await _registry(visit).links.conflicts(visit.caller, params.after, params.limit, params.reason)


async def registry_flags(visit: Visit, params: FlagsParams) -> Answer:
    """Flags."""
    return await _registry(visit).flags.list(params.after, params.limit, unseen=params.unseen)


async def registry_flag(visit: Visit, params: FlagParams) -> Answer:
    """Whose card it is."""
    return await _registry(visit).flags.whose(visit.caller, params.sequence, params.reason)


async def registry_flag_seen(visit: Visit, params: FlagSeenParams) -> Answer:
    """Somebody looked."""
    return await _registry(visit).flags.seen(visit.caller, params.sequence, params.note)
