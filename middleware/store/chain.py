r"""The hash chain of the journal and of the feed: hash = SM3(previous + "\\n" + line), all as text (GB/T 32905).

Whoever holds one hash can tell whether any earlier row was changed, added or taken away (invariant 19).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec
from attrs import frozen

GENESIS = "0" * 64
ALGORITHM = "sm3"


@frozen(slots=True)
class Head:
    """The newest row of a chain."""

    sequence: int
    hash: str


START = Head(0, GENESIS)


class Line(msgspec.Struct):
    """A journal record's line, member by member as it is written. ``words``: the digest of a stranger's, if there are."""

    sequence: int
    at: str
    epoch: int
    visit: str
    settlement: str
    event: str
    before: str
    after: str
    body: Any  # a record, or its JSON as ``msgspec.Raw``
    words: str | msgspec.UnsetType = msgspec.UNSET


write_line = msgspec.json.Encoder().encode


def link(previous: str, line: str) -> str:
    """The hash of a row, 64 hex digits."""
    return sm3(f"{previous}\n{line}".encode())


def link_bytes(previous: str, line: bytes) -> str:
    """The same of a line that was just written."""
    return sm3(b"%b\n%b" % (previous.encode(), line))


_begun = hashlib.new(ALGORITHM)


def sm3(data: bytes) -> str:
    """64 hex digits. From a copy: looking the algorithm up again costs more than most lines do."""
    digest = _begun.copy()
    digest.update(data)
    return digest.hexdigest()


def first_break(rows: Iterable[tuple[int, str, str, str]], head: Head = START) -> tuple[int, str] | None:
    """Walk (sequence, previous, line, hash) rows after ``head``; the first broken one and why, or None.

    Raises nothing on hostile rows: a broken row is an answer.
    """
    for sequence, previous, line, digest in rows:
        if sequence != head.sequence + 1:
            return sequence, f"expected sequence {head.sequence + 1}"
        if previous != head.hash:
            return sequence, "does not name the hash of the row before"
        if link(previous, line) != digest:
            return sequence, "its content does not give its hash"
        head = Head(sequence, digest)
    return None
