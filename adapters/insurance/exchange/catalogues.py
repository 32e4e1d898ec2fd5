"""Requests and replies of catalogues, our words to the centre's fields and back. Pure."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from functools import partial

import msgspec

from adapters.insurance.catalogue import file
from adapters.insurance.catalogue.file import NO, YES, day_of
from adapters.insurance.catalogue.form import CatalogueForm
from adapters.insurance.exchange.cells import BadValue, Incomplete, NotOurs, Output, all_rows, required, text_of
from adapters.insurance.schema import DATE_FORMAT, Input
from adapters.insurance.transactions import TRANSACTIONS
from middleware.domain.catalogue import (
    MAX_CODE,
    MAX_NAME,
    AskCatalogue,
    AskList,
    AskPage,
    CatalogueFile,
    CatalogueOffered,
    CataloguePage,
    CatalogueReply,
    CatalogueRequest,
    CatalogueRow,
    FetchCatalogue,
)

MAX_COUNT = 10_000_000
MAX_ENTRIES = 5000  # of one code list
_MAX_DIGITS = 20
_encoder = msgspec.json.Encoder(decimal_format="string", enc_hook=str)
_COUNTS = ("recordCounts", "total", "totalCount")  # what centres call it


def to_input(request: CatalogueRequest, form: CatalogueForm, institution: str) -> Input:
    """The nodes of ``input``."""
    match request:
        case AskCatalogue():
            return {"data": ({"ver": request.version or form.first_version},)}
        case FetchCatalogue():
            names = {"file_qury_no": request.file_number, "filename": request.file_name}
            return {"fsDownloadIn": (names | {"fixmedins_code": institution},)}
        case AskPage():
            row = {"updt_time": request.since, "page_num": str(request.page), "page_size": str(request.size)}
            ours = {spec.name for node in TRANSACTIONS[request.catalogue.name].input for spec in node.fields}
            return {"data": (row | ({"fixmedins_code": institution} if "fixmedins_code" in ours else {}),)}
        case AskList():
            theirs = form.lists.get(request.name, request.name)
            return {"data": ({"type": theirs, "date": request.day.strftime(DATE_FORMAT)},)}


def to_reply(request: CatalogueRequest, output: Output, form: CatalogueForm) -> CatalogueReply:
    """What the centre answered. Raises ``Incomplete``, ``NotOurs`` or ``BadValue``."""
    match request:
        case AskCatalogue():
            return _offered(output)
        case FetchCatalogue():
            return _file(request, output, form)
        case AskPage():
            rows = tuple(_row(request, row) for row in all_rows(output, "data"))
            told = (_count(output, name) for name in _COUNTS)
            return CataloguePage(rows, next((found for found in told if found is not None), None))
        case AskList():
            rows = tuple(_entry(request, row, form) for row in all_rows(output, "list"))
            if len(rows) > MAX_ENTRIES:
                raise BadValue("list: too long")
            return CataloguePage(rows, None)


def _offered(output: Output) -> CatalogueOffered:
    rows = _count(output, "data_cnt")
    if rows == 0:
        return CatalogueOffered("", "", 0)
    return CatalogueOffered(required(output, "file_qury_no"), required(output, "filename"), rows)


def _file(request: FetchCatalogue, output: Output, form: CatalogueForm) -> CatalogueFile:
    node = output.get("fsDownloadOut")
    packed = node.get("out") if isinstance(node, dict) else None
    if not isinstance(packed, bytes):
        raise Incomplete("fsDownloadOut.out")
    rows = partial(file.read, packed, request.catalogue.name, request.version, form)
    return CatalogueFile(hashlib.sha256(packed).hexdigest(), len(packed), rows)


def _count(output: Output, name: str) -> int | None:
    value = output.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < _MAX_DIGITS:
        value = Decimal(value)
    if not isinstance(value, Decimal) or not value.is_finite() or not 0 <= value <= MAX_COUNT or value % 1:
        raise BadValue(name)
    return int(value)


def _row(request: AskPage, row: Output) -> CatalogueRow:
    specs = {spec.means: spec.name for node in TRANSACTIONS[request.catalogue.name].output for spec in node.fields}
    code = _bounded(required(row, specs["code"]), specs["code"])
    since, until = day_of(text_of(row, specs["since"])), day_of(text_of(row, specs["until"]))
    other = text_of(row, specs["other"]) if "other" in specs else ""
    return CatalogueRow(
        code=code,
        record=_bounded(text_of(row, "rid") or f"{code} {other}", "rid"),
        version=(day_of(text_of(row, specs["version"])) or ""),
        name=text_of(row, specs["name"])[:MAX_NAME] if "name" in specs else "",
        valid=text_of(row, specs["valid"]) != NO,
        since=since or "",
        until=until or "",
        limit=_decimal(row, specs.get("limit", "")),
        share=_decimal(row, specs.get("share", "")),
        level=text_of(row, specs["level"])[:3] if "level" in specs else "",
        limited=text_of(row, specs["limited"]) == YES if "limited" in specs else False,
        other=_bounded(other, "med_list_codg"),
        raw=_raw(row),
        odd=(since is None) + (until is None),
    )


def _entry(request: AskList, row: Output, form: CatalogueForm) -> CatalogueRow:
    theirs = form.lists.get(request.name, request.name)
    if text_of(row, "type").casefold() not in {"", theirs.casefold()}:
        raise NotOurs("list.type")
    code = _bounded(required(row, "value"), "value")
    return CatalogueRow(
        code=code,
        record=_bounded(f"{request.name} {code}", "value"),
        version=request.day.isoformat(),
        name=text_of(row, "label")[:MAX_NAME],
        valid=text_of(row, "valiFlag") != NO,
        other=request.name,
        raw=_raw(row),
    )


def _decimal(row: Output, name: str) -> Decimal | None:
    """A number that is not negative and that the database can hold; one that is not readable refuses the page."""
    value = row.get(name) if name else None
    if value is None or value == "":
        return None
    if not isinstance(value, Decimal) or not value.is_finite() or value < 0 or abs(value.adjusted()) > _MAX_DIGITS:
        raise BadValue(name)
    return value


def _bounded(text: str, name: str) -> str:
    if len(text) > MAX_CODE:
        raise BadValue(name)
    return text


def _raw(row: Output) -> str:
    return _encoder.encode({name: value for name, value in row.items() if value is not None}).decode()
