"""Rows -> the bytes of a page. Pure: the same rows give the same bytes (invariant 24).

A page is *closed* when it holds all the rows it ever will: it is full, by count or by bytes. A closed page carries
nothing that can change - no head, no clock - so its bytes are the same for ever, and it has an ETag. An open page ends
at the head of the chain and says what that head is.

The row's canonical text is delivered as the string ``line``, exactly as it was hashed; nothing of it is said a second
time beside it, so nothing can diverge from it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from attrs import frozen

from middleware.domain.fault import Fault
from middleware.store.feed import FeedPage, FeedRow

ALGORITHM = "sm3"
MAX_SEQUENCE = (1 << 63) - 1
# What a row costs beside its line: two hashes, a number, names and quotes.
_ROW_OVERHEAD = 256


@frozen(slots=True)
class Cursor:
    """What was asked for."""

    after: int
    limit: int


@frozen(slots=True)
class Rendered:
    """A page on its way out. ``etag`` is "" for an open page."""

    body: bytes
    rows: int
    next_after: int
    closed: bool
    etag: str


def cursor_of(after: Sequence[str], limit: Sequence[str], default_limit: int, max_limit: int) -> Cursor:
    """The query's two numbers; ``request.bad_params`` names the one that is wrong."""
    return Cursor(_number("after", after, 0, 0, MAX_SEQUENCE), _number("limit", limit, default_limit, 1, max_limit))


def cut(page: FeedPage, cursor: Cursor, page_bytes: int) -> tuple[tuple[FeedRow, ...], bool]:
    """The rows that go out, and whether the page is closed; at least one row when there is one.

    Asserts what the store promises: the rows follow the cursor without a gap and each is chained to the one before.
    """
    if cursor.after > page.head_sequence:
        raise Fault("request.not_found", f"after is beyond the head of the chain, which is {page.head_sequence}")
    _check_chain(page.rows, cursor.after)
    size = 0
    for place, row in enumerate(page.rows):
        size += len(row.line.encode()) + _ROW_OVERHEAD
        if place and size > page_bytes:
            return page.rows[:place], True
    return page.rows, len(page.rows) >= cursor.limit


def render_json(page: FeedPage, rows: tuple[FeedRow, ...], cursor: Cursor, *, closed: bool, now: dt.datetime) -> Rendered:
    """The page as one JSON object."""
    next_after = rows[-1].sequence if rows else cursor.after
    body: dict[str, Any] = {"rows": [row_of(row) for row in rows], "next_after": next_after, "closed": closed}
    if not closed:
        body["head"] = head_of(page, now)
    return _rendered(msgspec.json.encode(body) + b"\n", rows, next_after, closed=closed)


def render_ndjson(rows: tuple[FeedRow, ...], cursor: Cursor, *, closed: bool) -> Rendered:
    """The page as one row a line; what is not a row stands in the headers."""
    next_after = rows[-1].sequence if rows else cursor.after
    body = b"".join(msgspec.json.encode(row_of(row)) + b"\n" for row in rows)
    return _rendered(body, rows, next_after, closed=closed)


def row_of(row: FeedRow) -> dict[str, Any]:
    """One row: hash = SM3(previous + LF + line)."""
    return {"sequence": row.sequence, "previous": row.previous, "hash": row.hash, "line": row.line}


def head_of(page: FeedPage, now: dt.datetime) -> dict[str, Any]:
    """The end of the chain, and the site's clock beside it so that its error can be seen."""
    return {
        "sequence": page.head_sequence, "hash": page.head_hash, "algorithm": ALGORITHM, "clock": now.isoformat(),
    }  # fmt: skip


def _rendered(body: bytes, rows: tuple[FeedRow, ...], next_after: int, *, closed: bool) -> Rendered:
    etag = f'"{hashlib.sha256(body).hexdigest()}"' if closed else ""
    return Rendered(body, len(rows), next_after, closed, etag)


def _check_chain(rows: tuple[FeedRow, ...], after: int) -> None:
    previous = ""
    for place, row in enumerate(rows, start=after + 1):
        if row.sequence != place or (previous and row.previous != previous):
            raise AssertionError(f"the feed has a gap or a broken link at row {place}")
        previous = row.hash


def _number(name: str, given: Sequence[str], default: int, low: int, high: int) -> int:
    if not given:
        return default
    text = given[0]
    # [0-9] only: int() would take "+1", "1_000" and other scripts' digits. 19 digits hold every value allowed.
    plain = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_SEQUENCE))
    if len(given) > 1 or not plain or not low <= int(text) <= high:
        raise Fault("request.bad_params", f"{name}: a whole number from {low} to {high}, once")
    return int(text)
