"""A message as the bytes it came in: taken apart at its own delimiters, and put together again to the last byte.

Nothing is decoded before it is split, and no split is wrong for it: in GB18030 the second byte of a character may be a
delimiter's (0x7C is ``|``), so characters of two and four bytes are passed over as wholes. Values are text, asked for by
position. Any bytes whatever raise nothing but ``Fault``.
"""

from __future__ import annotations

import re
from functools import lru_cache

from attrs import frozen

from middleware.domain.fault import Fault
from middleware.hl7.charset import GB, UTF_8, codec_of

MAX_SEGMENTS = 20_000
BOM = b"\xef\xbb\xbf"
_ENDING = re.compile(rb"(\r\n|\r|\n)")
_WIDE = re.compile(rb"[\x81-\xfe](?:[\x40-\x7e\x80-\xfe]|[\x30-\x39][\x81-\xfe][\x30-\x39])")
_SHORTEST_HEADER = 6  # MSH, the field separator, one encoding character, the separator again
_MOST_MARKS = 5
_SEPARATOR, _CHARSET = 1, 18
_PLAIN_ESCAPES = 512

Segment = tuple[bytes, ...]  # raw fields by number; [0] is the name. Of MSH field 1 is the separator itself.


@frozen(slots=True)
class Marks:
    """What MSH-1 and MSH-2 say; a site may use any. b"" = the sender has no such mark."""

    field: bytes = b"|"
    component: bytes = b"^"
    repetition: bytes = b"~"
    escape: bytes = b"\\"
    subcomponent: bytes = b"&"


USUAL = Marks()


@frozen(slots=True)
class Message:
    """One message. ``pieces``: segments and what ended them, in turn, with whatever stood before MSH first.

    ``codec`` reads what MSH-18 declares; None when nobody here does: then ``default``, the link's own, splits and reads.
    """

    marks: Marks
    codec: str | None
    default: str
    pieces: tuple[bytes, ...]

    @property
    def reads_as(self) -> str:
        """The codec that values are read by."""
        return self.codec or self.default

    def encode(self) -> bytes:
        """The bytes it was decoded from, put together from its fields."""
        return self.pieces[0] + b"".join(
            self._joined(piece) if place % 2 else piece for place, piece in enumerate(self.pieces[1:], start=1)
        )

    def _joined(self, body: bytes) -> bytes:
        fields = self.fields(body)
        if fields[0] == b"MSH":
            fields = (fields[0], *fields[2:])
        return self.marks.field.join(fields)

    def header(self) -> Segment:
        """MSH."""
        return self.fields(self.pieces[1])

    def first(self, name: bytes) -> Segment:
        """The first segment of that name; () when there is none."""
        begun = name + self.marks.field
        for body in self.pieces:  # no line end begins with a name
            if body.startswith(begun) or body == name:
                return self.fields(body)
        return ()

    def fields(self, body: bytes) -> Segment:
        """A segment's raw fields by number."""
        fields = self.split(body, self.marks.field)
        if fields[0] == b"MSH":
            fields.insert(1, self.marks.field)
        return tuple(fields)

    def repetitions(self, segment: Segment, number: int) -> list[bytes]:
        """The raw repetitions of a field; [] when it is absent or empty."""
        raw = segment[number] if number < len(segment) else b""
        return self.split(raw, self.marks.repetition) if raw else []

    def component(self, repetition: bytes, number: int) -> str:
        """One component of a raw repetition, from 1: its first sub-component, as text; "" when it is absent."""
        parts = self.split(repetition, self.marks.component)
        raw = parts[number - 1] if number <= len(parts) else b""
        return unescape(self.split(raw, self.marks.subcomponent)[0], self.marks, self.reads_as)

    def value(self, segment: Segment, number: int, component: int = 1) -> str:
        """One component of the first repetition of a field."""
        repetitions = self.repetitions(segment, number)
        return self.component(repetitions[0], component) if repetitions else ""

    def split(self, data: bytes, mark: bytes) -> list[bytes]:
        """``mark.join`` of it is ``data`` again."""
        return _split(data, mark, wide=self.reads_as == GB)

    def readable(self) -> bool:
        """Whether all of it is text in the charset that it declares, or by default has."""
        codec = self.codec
        if codec is None:
            return False
        try:
            for piece in self.pieces:
                if not piece.isascii():
                    piece.decode(codec)
        except UnicodeDecodeError:
            return False
        return True


def decode(raw: bytes, default: str = UTF_8) -> Message:
    """Take a message apart. ``default``: the codec of a message that does not say its own.

    Raises ``Fault("hl7.not_hl7")``, whose detail says why and quotes nothing, and ``Fault("hl7.too_long")``.
    """
    start = _begin(raw)
    if raw.count(b"\r") + raw.count(b"\n") > MAX_SEGMENTS:
        raise Fault("hl7.too_long", f"more than {MAX_SEGMENTS} segments")
    body = raw[start:] if start else raw
    pieces = (raw[:start], *_ENDING.split(body))
    header = pieces[1]
    marks = _marks_of(header)
    # Bytes that are valid UTF-8 are split the same way by either charset where both can be meant; others are GB.
    fields = _split(header, marks.field, wide=not _is_utf_8(header))
    place = _CHARSET - _SEPARATOR
    said = _split(fields[place], marks.repetition, wide=False)[0] if len(fields) > place else b""
    declared = said.decode("latin-1").strip()
    return Message(marks, codec_of(declared, default), default, pieces)


def _begin(raw: bytes) -> int:
    """Where MSH stands: behind a byte order mark, blanks and line ends, which some senders put before it."""
    if raw[:3] == b"MSH":
        return 0
    start = len(BOM) if raw.startswith(BOM) else 0
    while raw[start : start + 1] in {b" ", b"\r", b"\n"}:
        start += 1
    if raw[start : start + 3] != b"MSH":
        raise Fault("hl7.not_hl7", "no MSH segment")
    return start


def _marks_of(header: bytes) -> Marks:
    if len(header) < _SHORTEST_HEADER:
        raise Fault("hl7.not_hl7", "MSH ends before its delimiters")
    end = header.find(header[3:4], 4)
    return _marks(header[3 : end if end >= 0 else len(header)])


@lru_cache(maxsize=64)
def _marks(written: bytes) -> Marks:
    """The field separator and MSH-2. A fifth encoding character, 2.7's truncation mark, splits nothing."""
    few = 1 < len(written) <= 1 + _MOST_MARKS
    if not few or len(set(written)) != len(written) or not all(_can_be_mark(mark) for mark in written):
        raise Fault("hl7.not_hl7", "the delimiters in MSH-1 and MSH-2 cannot be used")
    each = [written[place : place + 1] for place in range(_MOST_MARKS)]
    return Marks(each[0], each[1], each[2], each[3], each[4])


def _can_be_mark(mark: int) -> bool:
    return 0x20 < mark < 0x7F and not chr(mark).isalnum()  # noqa: PLR2004 - printable ASCII


def _is_utf_8(data: bytes) -> bool:
    try:
        data.decode(UTF_8)
    except UnicodeDecodeError:
        return False
    return True


def _split(data: bytes, mark: bytes, *, wide: bool) -> list[bytes]:
    if not mark:
        return [data]
    if not wide or data.isascii():
        return data.split(mark)
    pieces, start = [], 0
    for part in _WIDE.sub(_filled, data).split(mark):
        pieces.append(data[start : start + len(part)])
        start += len(part) + len(mark)
    return pieces


def _filled(character: re.Match[bytes]) -> bytes:
    return b"\x80" * len(character.group())


def unescape(raw: bytes, marks: Marks = USUAL, codec: str = UTF_8) -> str:
    """The text that escaped bytes stand for. An escape that nobody defined stays as it is written."""
    text = raw.decode(codec, "replace")
    if not marks.escape or marks.escape not in raw:
        return text
    mark = re.escape(marks.escape.decode("ascii"))
    pattern = rf"{mark}([^{mark}]{{1,{_PLAIN_ESCAPES}}}){mark}"

    def meaning(match: re.Match[str]) -> str:
        return _meaning(match.group(1), marks, codec, match.group())

    return re.sub(pattern, meaning, text)


def _meaning(code: str, marks: Marks, codec: str, written: str) -> str:
    known = {
        "F": marks.field, "S": marks.component, "T": marks.subcomponent, "R": marks.repetition, "E": marks.escape,
        "H": b"", "N": b"", ".br": b"\n",
    }  # fmt: skip
    if code in known:
        return known[code].decode("ascii")
    if code.startswith("X"):
        try:
            return bytes.fromhex(code[1:]).decode(codec, "replace")
        except ValueError:
            return written
    return written
