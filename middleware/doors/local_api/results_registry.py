"""What the registers' methods answer: entries, proposals, lists, conflicts and flags, as structs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from middleware.doors.local_api.results import Result, When

Register = Literal["psam", "terminal", "issuer"]


class RegistryEntry(Result, frozen=True, kw_only=True):
    """One entry; ``entry`` has the members of registry.propose."""

    matter: Register
    key: str
    entry: dict[str, Any]
    changed_at: When
    used_at: Annotated[When | UnsetType, Meta(description="PSAM 最近一次成功 / a PSAM's last success")] = UNSET
    failures: Annotated[int | UnsetType, Meta(description="此后失败次数 / failures since")] = UNSET


class RegistryListResult(Result, frozen=True, kw_only=True):
    """registry.list."""

    entries: list[RegistryEntry]
    next_after: str
    complete: Annotated[bool, Meta(description="没有下一页 / there is no further page")]


class RegistryProposal(Result, frozen=True, kw_only=True):
    """A change that waits for a second person."""

    proposal: Annotated[str, Meta(description="摘要，复核时原样带回 / its digest; approve names it")]
    matter: Literal["psam", "terminal", "issuer", "list", "conflict", "merge"]
    key: str
    decision: Literal["put", "remove", "install", "drop", "first", "second", "both", "neither", "follow", "undo"]
    entry: dict[str, Any] | UnsetType = UNSET
    note: str
    proposed_by: str
    proposed_at: When
    state: Annotated[Literal["approved", "rejected"] | UnsetType, Meta(description="缺省为待复核 / none: it waits")] = UNSET


class RegistryProposalsResult(Result, frozen=True, kw_only=True):
    """registry.proposals."""

    proposals: list[RegistryProposal]


class CardListFacts(Result, frozen=True, kw_only=True):
    """One list, and how far it is."""

    list_id: str
    source: str
    mode: Literal["add", "replace"]
    state: Annotated[
        Literal["loading", "waiting", "current", "ended"],
        Meta(description="导入中、待复核、有效、已结束 / being loaded, waits for approval, counts, ended"),
    ]
    rows: Annotated[int, Meta(description="已接收行数 / lines so far")]
    expected: int
    by: str | UnsetType = UNSET
    begun_at: When | UnsetType = UNSET
    ended_at: When | UnsetType = UNSET
    sha256: Annotated[str | UnsetType, Meta(description="名单文件的 SHA-256 / of the file")] = UNSET
    proposal: RegistryProposal | UnsetType = UNSET


class CardListsResult(Result, frozen=True, kw_only=True):
    """registry.lists."""

    lists: list[CardListFacts]


class LinkConflict(Result, frozen=True, kw_only=True):
    """A contradiction that the link opened."""

    conflict_id: str
    kind: Literal["two-persons", "two-media", "name-differs"]


class RegistryLinkResult(Result, frozen=True, kw_only=True):
    """registry.link."""

    link_id: str
    state: Annotated[Literal["linked", "disputed"], Meta(description="已关联、有冲突待裁定")]
    conflicts: list[LinkConflict]


class LinkFacts(Result, frozen=True, kw_only=True):
    """One side of a conflict."""

    link_id: str
    medium: str
    number: str
    id_number: str
    name: str
    made_at: When
    moved: bool


class ConflictFacts(Result, frozen=True, kw_only=True):
    """Two links that contradict each other."""

    conflict_id: str
    kind: Annotated[
        Literal["two-persons", "two-media", "name-differs"],
        Meta(description="一卡两人、一人两卡、姓名不符 / one medium of two people, one person's two media, another name"),
    ]
    found_at: When
    first: LinkFacts
    second: LinkFacts


class ConflictsResult(Result, frozen=True, kw_only=True):
    """registry.conflicts."""

    conflicts: list[ConflictFacts]
    next_after: str
    complete: bool


class FlagFacts(Result, frozen=True, kw_only=True):
    """One flag, as the bureau has it."""

    sequence: int
    rule: str
    zh: str
    en: str
    at: When
    subject: Annotated[str, Meta(description="同一张卡总是同一代号 / the same card is always the same token")]
    facts: dict[str, str]
    acts: list[dict[str, str]]
    seen_by: str | UnsetType = UNSET
    seen_at: When | UnsetType = UNSET


class FlagsResult(Result, frozen=True, kw_only=True):
    """registry.flags."""

    flags: list[FlagFacts]
    next_after: int
    complete: bool


class FlagResult(Result, frozen=True, kw_only=True):
    """registry.flag: whose card it is."""

    sequence: int
    card_number: Annotated[str, Meta(description="空为已销毁 / empty when it was destroyed")]
    id_number: str


class FlagSeenResult(Result, frozen=True, kw_only=True):
    """registry.flag_seen."""

    sequence: int
    seen_by: str
