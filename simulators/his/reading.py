"""The wire as this HIS reads it: MLLP blocks by hand, HL7 by python-hl7."""

from __future__ import annotations

import datetime as dt

import hl7
from attrs import frozen

START, END, RETURN = b"\x0b", b"\x1c", b"\r"
MAX_BLOCK = 4 << 20

# MSH-18 in any of the ways sites write it -> a codec.
_CODECS = {"UNICODE UTF-8": "utf-8", "UTF-8": "utf-8", "UNICODE": "utf-8"}
_GB_CODECS = ("GB", "CP936")


class NotHl7(Exception):  # noqa: N818 - an answer, not an error
    """The block cannot be read; the text says why."""


def split_blocks(buffer: bytes) -> tuple[list[bytes], bytes]:
    """Whole blocks, and what is left of the buffer. A HIS that is strict: whatever is not in a block is dropped."""
    blocks: list[bytes] = []
    while True:
        start = buffer.find(START)
        if start < 0:
            return blocks, b""
        end = buffer.find(END + RETURN, start)
        if end < 0:
            return blocks, buffer[start:]
        blocks.append(buffer[start + 1 : end])
        buffer = buffer[end + 2 :]


@frozen(slots=True)
class Received:
    """One message as it came: its bytes, its head, and python-hl7's tree of it."""

    payload: bytes
    text: str
    control_id: str
    message_type: str  # "ADT^A04"
    version: str
    charset: str
    at: dt.datetime
    tree: hl7.Message

    def segments(self, name: str) -> int:
        """How many segments of that name there are."""
        return sum(1 for segment in self.tree if str(segment[0]) == name)

    def value(
        self, segment: str, number: int, component: int = 1, *, nth: int = 1, repetition: int = 1, sub: int = 1
    ) -> str:
        """One value, unescaped; "" when it is not there."""
        try:
            return str(self.tree.extract_field(segment, nth, number, repetition, component, sub))
        except (KeyError, IndexError):
            return ""

    def repetitions(self, segment: str, number: int, nth: int = 1) -> int:
        """How often a field repeats; 0 when it is not there."""
        try:
            return len(self.tree.segments(segment)[nth - 1](number))
        except (KeyError, IndexError):
            return 0

    def by_type(self, segment: str, number: int, kind: str, nth: int = 1) -> str:
        """The repetition of a CX field whose fifth component is ``kind``; "" when there is none."""
        for repetition in range(1, self.repetitions(segment, number, nth) + 1):
            if self.value(segment, number, 5, nth=nth, repetition=repetition) == kind:
                return self.value(segment, number, repetition=repetition, nth=nth)
        return ""


def read(payload: bytes, charset: str, at: dt.datetime) -> Received:
    """Read one block: by its own MSH-18 when it has one that we know, else by ours; strictly."""
    codec = _declared(payload) or charset
    try:
        text = payload.decode(codec)
        tree = hl7.parse(text)
        received = Received(
            payload=payload,
            text=text,
            control_id=str(tree.extract_field("MSH", 1, 10)),
            message_type="^".join(str(tree.extract_field("MSH", 1, 9, 1, number)) for number in (1, 2)),
            version=str(tree.extract_field("MSH", 1, 12)),
            charset=codec,
            at=at,
            tree=tree,
        )
    except UnicodeDecodeError as exc:
        raise NotHl7(f"the text is not {codec}") from exc
    except (hl7.HL7Exception, AssertionError, IndexError, KeyError, ValueError) as exc:
        raise NotHl7("no HL7 message") from exc
    if not received.control_id:
        raise NotHl7("no message control id")
    return received


def _declared(payload: bytes) -> str:
    """The codec that MSH-18 names. Only ASCII stands before it in what we are sent, so bytes may be split here."""
    fields = payload.split(b"\r", 1)[0].split(b"|")
    if len(fields) <= 17:  # noqa: PLR2004 - MSH-18 by its position after the split
        return ""
    name = fields[17].decode("ascii", "replace").strip().upper()
    return "gb18030" if name.startswith(_GB_CODECS) else _CODECS.get(name, "")
