"""Frames of second-generation id-card readers (GA 467 modules): bytes in, frames out, pure.

Ours: AA AA AA 96 69, length (2, big-endian), command, parameter, data, check. The reader's: the same with three status
bytes in the place of command and parameter. The length counts everything behind it; the check is the XOR of length,
content and nothing else, so that length and content with check make zero. Source: reference 2.2.
"""

from __future__ import annotations

from functools import reduce
from operator import xor

from attrs import frozen

from middleware.domain.fault import Fault

PREAMBLE = bytes.fromhex("AAAAAA9669")
MAX_DATA = 2400  # the longest answer there is: text, photo and fingerprints, 2,310 bytes
MAX_NOISE = 4096  # bytes without a frame after which a reader is said to talk nonsense
_LENGTH = 2
_STATUS = 3
_CHECK = 1


@frozen(slots=True, repr=False)
class Reply:
    """One answer: three status bytes as one number, and data, which may be a person's."""

    status: int
    data: bytes = b""

    def __repr__(self) -> str:
        return f"Reply({self.status:06X}, {len(self.data)} bytes)"


def check_of(content: bytes) -> int:
    """XOR of all bytes."""
    return reduce(xor, content, 0)


def command(code: int, parameter: int, data: bytes = b"") -> bytes:
    """The bytes of one command."""
    assert len(data) <= MAX_DATA, "commands are short"  # noqa: S101 - our own mistake
    content = (2 + len(data) + _CHECK).to_bytes(_LENGTH, "big") + bytes((code, parameter)) + data
    return PREAMBLE + content + bytes((check_of(content),))


class FrameReader:
    """Takes bytes as they come and gives whole frames; noise before a preamble is skipped, and bounded.

    ``feed`` raises ``reader.no_answer`` for a wrong check, an impossible length, or noise without end; after that the
    reader starts anew.
    """

    def __init__(self) -> None:
        self._kept = bytearray()
        self._skipped = 0

    def clear(self) -> None:
        """Forget what came: a new question is asked."""
        self._kept.clear()
        self._skipped = 0

    def feed(self, data: bytes) -> list[Reply]:
        """The frames that are complete now."""
        self._kept += data
        found: list[Reply] = []
        try:
            while (reply := self._next()) is not None:
                found.append(reply)
        except Fault:
            self.clear()
            raise
        return found

    def _next(self) -> Reply | None:
        self._skip()
        head = len(PREAMBLE) + _LENGTH
        if len(self._kept) < head:
            return None
        length = int.from_bytes(self._kept[len(PREAMBLE) : head], "big")
        if not _STATUS + _CHECK <= length <= _STATUS + MAX_DATA + _CHECK:
            raise Fault("reader.no_answer", f"a frame of {length} bytes")
        if len(self._kept) < head + length:
            return None
        content = bytes(self._kept[len(PREAMBLE) : head + length])
        del self._kept[: head + length]
        self._skipped = 0
        if check_of(content) != 0:
            raise Fault("reader.no_answer", "the check of a frame is wrong")
        body = content[_LENGTH:-_CHECK]
        return Reply(int.from_bytes(body[:_STATUS], "big"), body[_STATUS:])

    def _skip(self) -> None:
        """Drop what stands before a preamble; what may be the beginning of one stays."""
        start = self._kept.find(PREAMBLE)
        if start < 0:
            start = len(self._kept)
            for size in range(min(len(PREAMBLE) - 1, start), 0, -1):
                if self._kept.endswith(PREAMBLE[:size]):
                    start -= size
                    break
        self._skipped += start
        del self._kept[:start]
        if self._skipped > MAX_NOISE:
            raise Fault("reader.no_answer", "only noise: is it such a reader, at this speed?")
