"""Lines out of bytes, and what can be said of a line before anything parses it. Pure."""

from __future__ import annotations

import re
from array import array
from itertools import accumulate

from middleware.domain.fault import Fault

CHARSETS = ("UTF-8", "GB18030")

# Possessive and unable to fail once its quote is seen: linear in the text whatever the text is.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_OPENING_IS_ONE = bytes(1 if byte in b"[{" else 255 for byte in range(256))  # 255 is -1 as a signed byte
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


class LineFramer:
    """Yields whole lines (without LF, CR LF allowed) and holds no more than one line beyond what it was fed at once.

    GB18030 needs no care here: no byte of its multi-byte characters is LF.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0

    @property
    def partial(self) -> bool:
        """Whether bytes of an unfinished line are waiting."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> None:
        """Take bytes as they came."""
        self._buffer += data

    def next_line(self, limit: int) -> bytes | None:
        """The next whole line, or None; ``request.too_long`` as soon as a line cannot end within ``limit`` bytes."""
        end = self._buffer.find(b"\n", self._scanned)
        if end < 0:
            self._scanned = len(self._buffer)
        if (end if end >= 0 else len(self._buffer)) > limit:
            raise Fault("request.too_long", f"a line has at most {limit} bytes")
        if end < 0:
            return None
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        del self._buffer[: end + 1]
        self._scanned = 0
        return line

    def clear(self) -> None:
        """Forget everything that waits."""
        self._buffer.clear()
        self._scanned = 0


def text_of(line: bytes, charset: str) -> str:
    """The line as text; ``request.not_json`` when it is not in the session's charset."""
    try:
        return line.decode(charset)
    except UnicodeDecodeError as exc:
        raise Fault("request.not_json", f"not {charset} at byte {exc.start}") from exc


def check_depth(text: str, limit: int) -> None:
    """``request.too_deep`` when arrays and objects nest deeper than ``limit``; costs no recursion and no object."""
    if text.count("[") + text.count("{") <= limit:
        return
    outside = _STRING.sub("", text).encode("ascii", "ignore")
    steps = array("b", outside.translate(_OPENING_IS_ONE, _NOT_BRACKETS))
    if max(accumulate(steps), default=0) > limit:
        raise Fault("request.too_deep", f"nested at most {limit} deep")
