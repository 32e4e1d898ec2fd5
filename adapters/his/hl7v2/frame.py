"""Bytes to tokens and back: MLLP blocks, and HL7's delimiters and escapes. Pure; knows no field's meaning.

Two promises carry the rest. The framer never holds more than its bound and never loses a good block behind a bad one.
The codec never lets a value become a delimiter: whatever text goes into a field comes out of that field, or nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from attrs import field, frozen, mutable

from middleware.domain.fault import Fault

SB, EB, CR = b"\x0b", b"\x1c", b"\r"
DEFAULT_MAX_BYTES = 256 * 1024
MAX_SEGMENTS = 2_000


# -- MLLP


@frozen(slots=True)
class Block:
    """One whole block; ``payload`` is what stood between start and end."""

    payload: bytes


@frozen(slots=True)
class Garbage:
    """``length`` bytes outside any block; CR and LF between blocks are not garbage (some senders add them)."""

    length: int


@frozen(slots=True)
class MissingEnd:
    """A block of ``length`` bytes that a new start cut off: whatever it said was not finished."""

    length: int


@frozen(slots=True)
class TooLong:
    """A block that passed the bound; its rest is swallowed up to the next start."""

    length: int


Token = Block | Garbage | MissingEnd | TooLong


def wrap(payload: bytes) -> bytes:
    """The block of one message. The payload holds neither start nor end: the codec escapes both."""
    return SB + payload + EB + CR


@mutable(slots=True)
class Framer:
    """Bytes in any pieces in, tokens out; holds at most ``max_bytes``."""

    max_bytes: int = DEFAULT_MAX_BYTES
    _buffer: bytearray = field(factory=bytearray, init=False)
    _inside: bool = field(default=False, init=False)
    _swallowing: bool = field(default=False, init=False)

    @property
    def unfinished(self) -> bool:
        """A block has begun and not ended."""
        return self._inside

    def reset(self) -> None:
        """Forget what has begun; its tail will be garbage."""
        self._buffer.clear()
        self._inside = self._swallowing = False

    def feed(self, data: bytes) -> list[Token]:
        """The tokens that these bytes complete, in order."""
        tokens: list[Token] = []
        position = 0
        while position < len(data):
            step = self._in_block if self._inside else self._between
            position = step(data, position, tokens)
        return tokens

    def _between(self, data: bytes, position: int, tokens: list[Token]) -> int:
        start = data.find(SB, position)
        junk = data[position:] if start < 0 else data[position:start]
        if not self._swallowing and junk.strip(b"\r\n"):
            tokens.append(Garbage(len(junk)))
        if start < 0:
            return len(data)
        self._buffer.clear()
        self._inside, self._swallowing = True, False
        return start + 1

    def _in_block(self, data: bytes, position: int, tokens: list[Token]) -> int:
        end = data.find(EB, position)
        start = data.find(SB, position, end if end >= 0 else len(data))
        stop = start if start >= 0 else end
        piece = data[position:] if stop < 0 else data[position:stop]
        length = len(self._buffer) + len(piece)
        if length > self.max_bytes:
            tokens.append(TooLong(length))
            self.reset()
            self._swallowing = True
            return len(data) if stop < 0 else stop
        if stop < 0:
            self._buffer += piece
            return len(data)
        if start >= 0:
            tokens.append(MissingEnd(length))
            self._buffer.clear()
            return start + 1
        tokens.append(Block(bytes(self._buffer) + piece))
        self.reset()
        return end + 1


# -- values out

Component = str | tuple[str, ...]  # one text, or its sub-components
Repetition = tuple[Component, ...]
Field = tuple[Repetition, ...]


@frozen(slots=True)
class Segment:
    """A segment as values: ``fields[0]`` is field 1. Of MSH the first two are the delimiters themselves."""

    name: str
    fields: tuple[Field, ...]


_ESCAPES = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\x7f": "\\X7F\\"}
_ESCAPES.update({chr(code): f"\\X{code:02X}\\" for code in range(0x20)})
_SPECIAL = re.compile(r"[\\|^&~\x00-\x1f\x7f]")
ENCODING_CHARACTERS = "^~\\&"


def escape(text: str) -> str:
    """The text with every delimiter and control character written as an escape; CR becomes hex 0D."""
    return _SPECIAL.sub(_escaped, text) if _SPECIAL.search(text) else text


def _escaped(match: re.Match[str]) -> str:
    return _ESCAPES[match.group()]


def encode(segments: Iterable[Segment]) -> str:
    """The message as text, each segment ended by CR, empty ends cut. A raw delimiter can only be ours here."""
    return "".join([_segment(segment) + "\r" for segment in segments])


def _segment(segment: Segment) -> str:
    if segment.name == "MSH":
        body = "|".join([_field(value) for value in segment.fields[2:]])
        return f"MSH|{ENCODING_CHARACTERS}|{body}".rstrip("|")
    return (segment.name + "|" + "|".join([_field(value) for value in segment.fields])).rstrip("|")


def _field(value: Field) -> str:
    if not value:
        return ""
    if len(value) == 1:
        return _repetition(value[0])
    return "~".join([_repetition(repetition) for repetition in value]).rstrip("~")


def _repetition(value: Repetition) -> str:
    if len(value) == 1:
        return _component(value[0])
    return "^".join([_component(component) for component in value]).rstrip("^")


def _component(value: Component) -> str:
    if isinstance(value, str):
        return escape(value)
    return "&".join([escape(part) for part in value]).rstrip("&")


# -- values in


@frozen(slots=True)
class Delimiters:
    """What MSH-1 and MSH-2 of the message say; a site may use any."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"


def unescape(text: str, delimiters: Delimiters | None = None, codec: str = "utf-8") -> str:
    """The value that an escaped text stands for. An escape that nobody defined stays as it is written."""
    marks = delimiters or Delimiters()
    if marks.escape not in text:
        return text
    known = {
        "F": marks.field, "S": marks.component, "T": marks.subcomponent, "R": marks.repetition, "E": marks.escape,
        "H": "", "N": "", ".br": "\n",
    }  # fmt: skip
    mark = re.escape(marks.escape)
    pattern = rf"{mark}([^{mark}]{{1,512}}){mark}"
    return re.sub(pattern, _meaning(known, codec), text)


def _meaning(known: dict[str, str], codec: str) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        code = match.group(1)
        if code in known:
            return known[code]
        if code.startswith("X"):
            try:
                return bytes.fromhex(code[1:]).decode(codec, "replace")
            except ValueError:
                return match.group()
        return match.group()

    return replace


@frozen(slots=True)
class Reading:
    """A message taken apart at its own delimiters; values are asked for by position, absent ones are ""."""

    delimiters: Delimiters
    codec: str
    segments: tuple[tuple[str, ...], ...]

    def first(self, name: str) -> tuple[str, ...]:
        """The first segment of that name, its raw fields by number; () when there is none."""
        return next((segment for segment in self.segments if segment[0] == name), ())

    def value(self, segment: tuple[str, ...], number: int, component: int = 1) -> str:
        """One component of the first repetition of a field, unescaped; numbers count from 1."""
        repetitions = self.repetitions(segment, number)
        return self.component(repetitions[0], component) if repetitions else ""

    def repetitions(self, segment: tuple[str, ...], number: int) -> list[str]:
        """The raw repetitions of a field; [] when it is absent or empty."""
        raw = segment[number] if number < len(segment) else ""
        return raw.split(self.delimiters.repetition) if raw else []

    def component(self, repetition: str, component: int) -> str:
        """One component of a raw repetition: its first sub-component, unescaped."""
        parts = repetition.split(self.delimiters.component)
        raw = parts[component - 1] if component <= len(parts) else ""
        return unescape(raw.split(self.delimiters.subcomponent)[0], self.delimiters, self.codec)


_HEADER_LENGTH = 8  # "MSH", the field separator, four encoding characters


def read(text: str, codec: str = "utf-8") -> Reading:
    """Take an answer apart. Raises ``Fault("his.no_answer")`` when it is no HL7 message; the text is not told."""
    text = text.lstrip("\ufeff \r\n")
    if not text.startswith("MSH") or len(text) < _HEADER_LENGTH:
        raise Fault("his.no_answer", "the answer has no MSH segment")
    marks = text[3:_HEADER_LENGTH]
    if len(set(marks)) != len(marks) or any(mark.isalnum() or mark.isspace() for mark in marks):
        raise Fault("his.no_answer", "the answer's delimiters cannot be used")
    delimiters = Delimiters(marks[0], marks[1], marks[2], marks[3], marks[4])
    lines = re.split(r"[\r\n]+", text, maxsplit=MAX_SEGMENTS)
    if len(lines) > MAX_SEGMENTS:
        raise Fault("his.no_answer", "the answer has too many segments")
    segments = []
    for line in lines:
        fields = line.split(delimiters.field)
        if fields[0] == "MSH":
            fields.insert(1, delimiters.field)  # MSH-1 is the separator itself
        if fields[0]:
            segments.append(tuple(fields))
    return Reading(delimiters, codec, tuple(segments))
