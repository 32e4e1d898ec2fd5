"""The centre's catalogues and dictionaries as a hospital keeps them: what is asked, what is told, what a row says.

A catalogue is named by the transaction that tells it. Rows keep what the centre wrote whole (``raw``); what we
understand of it stands beside. Nothing here is about a person.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import StrEnum

from attrs import field, frozen

from middleware.domain.kind import Call

MAX_CODE = 150  # medins_list_codg is the widest key of any catalogue
MAX_NAME = 300
MAX_VERSION = 64
FULL, INCREMENT = "full", "increment"


class Way(StrEnum):
    """How the centre tells a catalogue."""

    FILE = "file"  # a version's rows in a file, fetched by 9102
    PAGES = "pages"  # rows changed since a day, page by page
    LISTS = "lists"  # one list after the other, each whole


class Use(StrEnum):
    """What a quote asks of it."""

    ITEMS = "items"  # what may be charged: whether the centre knows the code
    LIMITS = "limits"  # up to which price
    SHARES = "shares"  # how much of it the person pays first
    MAPPING = "mapping"  # which code of the centre's stands for ours
    VALUES = "values"  # code lists
    OTHER = "other"  # kept to be looked up: diagnoses, operations


@frozen(slots=True)
class Catalogue:
    """One catalogue: its name is its transaction's number."""

    name: str
    call: Call
    way: Way
    use: Use
    zh: str
    en: str


_F, _P, _L = Way.FILE, Way.PAGES, Way.LISTS
# fmt: off
CATALOGUES: dict[str, Catalogue] = {one.name: one for one in (
    Catalogue("1301", Call.CATALOGUE_WESTERN, _F, Use.ITEMS, "西药、中成药目录", "western and patent medicine"),
    Catalogue("1302", Call.CATALOGUE_HERBAL, _F, Use.ITEMS, "中药饮片目录", "herbal slices"),
    Catalogue("1303", Call.CATALOGUE_SELF_MADE, _F, Use.ITEMS, "医疗机构制剂目录", "medicine made by institutions"),
    Catalogue("1305", Call.CATALOGUE_SERVICES, _F, Use.ITEMS, "医疗服务项目目录", "services"),
    Catalogue("1306", Call.CATALOGUE_MATERIALS, _F, Use.ITEMS, "医用耗材目录", "materials"),
    Catalogue("1307", Call.CATALOGUE_DIAGNOSES, _F, Use.OTHER, "疾病与诊断目录", "diagnoses"),
    Catalogue("1308", Call.CATALOGUE_OPERATIONS, _F, Use.OTHER, "手术操作目录", "operations"),
    Catalogue("1309", Call.CATALOGUE_CHRONIC, _F, Use.OTHER, "门诊慢特病种目录", "chronic and special diseases"),
    Catalogue("1312", Call.CATALOGUE_INSURED, _P, Use.OTHER, "医保目录信息", "what the insurance pays for"),
    Catalogue("1317", Call.CATALOGUE_MAPPING, _P, Use.MAPPING, "医药机构目录匹配信息", "our codes beside the centre's"),
    Catalogue("1318", Call.CATALOGUE_LIMITS, _P, Use.LIMITS, "医保目录限价信息", "price limits"),
    Catalogue("1319", Call.CATALOGUE_SHARES, _P, Use.SHARES, "医保目录先自付比例信息", "shares that the person pays first"),
    Catalogue("1901", Call.DICTIONARY, _L, Use.VALUES, "字典表", "dictionaries"),
)}
# fmt: on


def of_use(use: Use) -> tuple[str, ...]:
    """The names of the catalogues that are asked for that."""
    return tuple(one.name for one in CATALOGUES.values() if one.use is use)


@frozen(slots=True)
class CatalogueRow:
    """One row, as the centre tells it; "" and None where it says nothing.

    ``record`` is what a later row replaces it by: the centre's own number of the row, or what makes the row one of its
    kind. Dates are inclusive. ``odd`` counts cells that could not be understood; they stand in ``raw``.
    """

    code: str
    record: str
    version: str = ""
    name: str = ""
    valid: bool = True
    since: str = ""  # yyyy-MM-dd
    until: str = ""
    limit: Decimal | None = None  # yuan a unit
    share: Decimal | None = None  # 0 to 1
    level: str = ""  # chrgitm_lv
    limited: bool = False
    other: str = ""  # 1317: the centre's code; 1901: the list
    raw: str = field(default="", repr=False)
    odd: int = 0

    def holds(self, day: dt.date) -> bool:
        """Whether it counts on that day."""
        written = day.isoformat()
        return self.valid and (not self.since or self.since <= written) and (not self.until or written <= self.until)


@frozen(slots=True)
class CatalogueRules:
    """What of a region's profile the download must know; made by the adapter's profile, given to the engine.

    ``newest_codes``: refusals that mean "nothing is newer"; ``not_ready_codes``: refusals that mean "ask again later".
    """

    offered: tuple[str, ...] = ()
    first_day: str = "2000-01-01"
    page_rows: int = 200
    lists: tuple[str, ...] = ()
    newest_codes: frozenset[str] = frozenset()
    not_ready_codes: frozenset[str] = frozenset()
    refuse_unknown: bool = False


# -- what is asked, and what is told


@frozen(slots=True)
class AskCatalogue:
    """Whether there is anything newer than ``version``."""

    catalogue: Catalogue
    version: str


@frozen(slots=True)
class CatalogueOffered:
    """There is: a file of so many rows, None where the centre does not say; 0 rows = nothing newer."""

    file_number: str
    file_name: str
    rows: int | None


@frozen(slots=True)
class FetchCatalogue:
    """9102: that file, of what is newer than ``version``."""

    catalogue: Catalogue
    version: str
    file_number: str
    file_name: str


@frozen(slots=True)
class CatalogueFile:
    """The file. ``rows()`` reads it from its start, a row at a time, in bounded memory.

    It raises ``Fault("catalogue.*")`` at the first thing that speaks against the whole file: blocking, for a thread.
    """

    digest: str
    size: int
    rows: Callable[[], Iterator[CatalogueRow]] = field(repr=False)


@frozen(slots=True)
class AskPage:
    """A page, from 1, of what changed on ``since`` or later."""

    catalogue: Catalogue
    since: str  # yyyy-MM-dd
    page: int
    size: int


@frozen(slots=True)
class CataloguePage:
    """Its rows; ``total`` of all pages, None where the centre does not say."""

    rows: tuple[CatalogueRow, ...] = field(repr=False)
    total: int | None


@frozen(slots=True)
class AskList:
    """1901: one code list, as it is on a day."""

    name: str
    day: dt.date


CatalogueRequest = AskCatalogue | FetchCatalogue | AskPage | AskList
CatalogueReply = CatalogueOffered | CatalogueFile | CataloguePage
DICTIONARY = CATALOGUES["1901"]


def call_of(request: CatalogueRequest) -> Call:
    """The transaction that asks it."""
    match request:
        case FetchCatalogue():
            return Call.DOWNLOAD_FILE
        case AskList():
            return Call.DICTIONARY
        case AskCatalogue() | AskPage():
            return request.catalogue.call


# -- versions

_PIECES = re.compile(r"\d+|\D+")


def version_key(version: str) -> tuple[tuple[int, int, str], ...]:
    """How versions sort: numbers as numbers, the rest as text; "" before everything."""
    pieces = _PIECES.findall(version)
    return tuple((1, int(one), "") if one.isdecimal() else (0, 0, one) for one in pieces)


def is_newer(version: str, than: str) -> bool:
    """Whether the one version came after the other."""
    return version_key(version) > version_key(than)
