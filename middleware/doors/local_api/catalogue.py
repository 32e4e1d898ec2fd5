"""The centre's catalogues at the socket: parameters, results and handlers of ``catalogue.*``."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from middleware.domain.fault import Fault
from middleware.doors.local_api.handlers import Visit
from middleware.doors.local_api.params import END, OptionalId, Params
from middleware.doors.local_api.results import FaultFacts, Result, When
from middleware.engine.catalogue_desk import CatalogueBusiness
from middleware.engine.counter import Answer

Name = Annotated[str, Meta(pattern=rf"^[0-9]{{4}}{END}", description="目录的交易编号 / the catalogue's transaction: 1301")]
Number = Annotated[str, Meta(pattern=rf"^[0-9]{{1,21}}(\.[0-9]{{1,21}})?{END}")]


class CatalogueShowParams(Params, frozen=True, kw_only=True):
    """catalogue.show."""

    catalogue: Name
    code: Annotated[str, Meta(max_length=150, description="空为逐页列出 / empty = page by page")] = ""
    after: Annotated[str, Meta(max_length=320, description="上一页的 next_after / of the page before")] = ""
    limit: Annotated[int, Meta(ge=1, le=100)] = 50


class CatalogueDownloadParams(Params, frozen=True, kw_only=True):
    """catalogue.download."""

    catalogue: Name
    full: Annotated[bool, Meta(description="从头整份下载 / all of it, from the beginning")] = False


class CatalogueStatusParams(Params, frozen=True, kw_only=True):
    """catalogue.status."""

    load_id: Annotated[OptionalId, Meta(description="空为该目录最近一次 / empty = the newest of the catalogue")] = ""
    catalogue: Annotated[str, Meta(pattern=rf"^[0-9]{{0,4}}{END}")] = ""


class CatalogueLoad(Result, frozen=True, kw_only=True):
    """One download, and how far it is."""

    load_id: str
    catalogue: str
    way: Annotated[Literal["full", "increment"], Meta(description="整份、增量 / from the beginning, or what is newer")]
    account: Annotated[str, Meta(description="要求者，空为定时 / who asked for it, empty = the clock")]
    begun_at: When
    state: Annotated[
        Literal["running", "loaded", "newest", "failed"],
        Meta(description="进行中、已更新、已是最新、未完成 / only loaded means that something new counts"),
    ]
    step: Annotated[str, Meta(description="waiting, asking, fetching, loading; 结束后为空 / empty after the end")]
    version: str
    versions: Annotated[int, Meta(description="已完整下载的版本数 / versions that are whole")]
    rows: Annotated[int, Meta(description="当前版本已写入的行数 / rows of the version that is being loaded")]
    of: Annotated[int, Meta(description="中心所称的行数，0 为未说 / as the centre announced, 0 = it did not say")]
    odd: Annotated[int, Meta(description="看不懂的日期单元格 / cells with a date that is none")]
    digest: Annotated[str | UnsetType, Meta(description="最近文件的 SHA-256 / of the newest file")] = UNSET
    ended_at: When | UnsetType = UNSET
    fault: FaultFacts | UnsetType = UNSET


class CatalogueFacts(Result, frozen=True, kw_only=True):
    """One catalogue, as it counts now."""

    catalogue: str
    zh: str
    en: str
    way: Annotated[Literal["file", "pages", "lists"], Meta(description="文件、分页、逐表 / how the centre tells it")]
    offered: Annotated[bool, Meta(description="地区文件是否列出 / whether the region's profile lists it")]
    version: Annotated[str, Meta(description="空为还没有 / empty = none yet")]
    rows: int
    published_at: When | UnsetType = UNSET
    checked_at: Annotated[When | UnsetType, Meta(description="中心上次称无更新 / when nothing was newer")] = UNSET
    newest: CatalogueLoad | UnsetType = UNSET


class CatalogueListResult(Result, frozen=True, kw_only=True):
    """catalogue.list."""

    catalogues: list[CatalogueFacts]


class CatalogueItem(Result, frozen=True, kw_only=True):
    """One row. ``raw`` is what the centre wrote: a file's cells with TABs between, or the row as JSON."""

    code: str
    name: str
    valid: Annotated[bool, Meta(description="有效标志 / the centre's own flag")]
    holds: Annotated[bool, Meta(description="今天是否有效 / whether it counts today")]
    limited: bool
    version: str
    raw: str
    since: str | UnsetType = UNSET
    until: str | UnsetType = UNSET
    level: str | UnsetType = UNSET
    other: Annotated[str | UnsetType, Meta(description="1317：中心编码；1901：字典 / the other code, or the list")] = UNSET
    limit: Annotated[Number | UnsetType, Meta(description="限价，元 / yuan a unit")] = UNSET
    share: Annotated[Number | UnsetType, Meta(description="先自付比例，0 至 1 / what the person pays first")] = UNSET


class CatalogueShowResult(Result, frozen=True, kw_only=True):
    """catalogue.show."""

    catalogue: CatalogueFacts
    rows: list[CatalogueItem]
    next_after: str
    complete: Annotated[bool, Meta(description="没有下一页 / there is no further page")]


async def catalogue_list(visit: Visit, _params: object) -> Answer:
    """Which there are."""
    return await _business(visit).all()


async def catalogue_show(visit: Visit, params: CatalogueShowParams) -> Answer:
    """What one says."""
    return await _business(visit).show(params.catalogue, params.code, params.after, params.limit)


async def catalogue_download(visit: Visit, params: CatalogueDownloadParams) -> Answer:
    """Begin a download."""
    return await _business(visit).download(visit.caller, params.catalogue, full=params.full)


async def catalogue_status(visit: Visit, params: CatalogueStatusParams) -> Answer:
    """How far it is, or how it ended."""
    return await _business(visit).status(params.load_id, params.catalogue)


def _business(visit: Visit) -> CatalogueBusiness:
    if visit.business.catalogues is None:
        raise Fault("request.not_found", "this daemon keeps no catalogues")
    return visit.business.catalogues
