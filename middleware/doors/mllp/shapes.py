"""What the messages of one sender have in common is worked out once: all that MSH says but its time and its number.

A HIS writes the same MSH before each message of a kind. The first of them goes the long way (``judge``, and the ACK built
field by field); of the next only what differs is looked at: the number, whether all of it is text, that it is no answer.
Whatever is unusual in any way goes the long way, so that nothing is refused here and nothing is taken that ``judge`` would
refuse. Pure.
"""

from __future__ import annotations

import re
from collections import OrderedDict

from attrs import evolve, frozen

from middleware.doors.mllp.answering import expects
from middleware.doors.mllp.judge import Judged, judge, usable
from middleware.doors.mllp.profile import USUAL, Profile
from middleware.hl7.acknowledge import ACCEPTED, acknowledgement, codes
from middleware.hl7.blocks import wrap
from middleware.hl7.message import MAX_SEGMENTS, decode

MAX_SHAPES = 256
MAX_HEADER = 512
_LEAST_FIELDS = 12  # up to MSH-12, without which no message is taken
_TIME, _OURS, _THEIRS = b"\x00t", b"\x00o", b"\x00c"  # places in an answer; a header with NUL in it is unusual
_PLACES = re.compile(rb"\x00[toc]")

Pieces = tuple[bytes, bytes, bytes, bytes]  # of one block: before our time, our number and the sender's number, and behind


@frozen(slots=True)
class Shape:
    """A kind of message that is taken. ``judged`` is of the first one; ``answers`` has the blocks of an acceptance."""

    judged: Judged
    codec: str
    answers: tuple[Pieces, ...]

    def of(self, control_id: str) -> Judged:
        """As ``judge`` says it of the message with that number."""
        header = evolve(self.judged.header, control_id=control_id.encode())
        return Judged(header, control_id, self.judged.type, "")


class Shapes:
    """The kinds that one link met last, of those that get an acknowledgement and no more.

    Arguments as of ``judge`` and ``codes``.
    """

    def __init__(self, charset: str, types: tuple[str, ...], profile: Profile = USUAL, *, declared: bool) -> None:
        self._charset = charset
        self._types = types
        self._profile = profile
        self._declared = declared
        self._known: OrderedDict[tuple[bytes, ...], Shape | None] = OrderedDict()

    def look(self, payload: bytes) -> tuple[Shape, bytes] | None:
        """The kind and the number of a message that is taken; None where the long way must say what it is."""
        end = payload.find(b"\r")
        if not 0 < end <= MAX_HEADER or payload[:3] != b"MSH" or len(payload) > MAX_SEGMENTS:
            return None
        header = payload[:end]
        fields = header.split(header[3:4])
        if len(fields) < _LEAST_FIELDS or not header.isascii() or b"\n" in header or not usable(fields[9]):
            return None
        key = (header[3:4], *fields[1:6], *fields[8:9], *fields[10:12], *fields[14:18])
        try:
            shape = self._known[key]
        except KeyError:
            shape = self._learned(key, header)
        if shape is None or b"MSA" in payload or not _is_text(payload, shape.codec):
            return None
        return shape, fields[9]

    def _learned(self, key: tuple[bytes, ...], header: bytes) -> Shape | None:
        shape = self._known[key] = self._shape(header)
        if len(self._known) > MAX_SHAPES:
            self._known.popitem(last=False)
        return shape

    def _shape(self, header: bytes) -> Shape | None:
        judged = judge(header, self._charset, self._types)
        if judged.fault or expects(judged.header, self._profile) or b"\x00" in header:
            return None
        marked = evolve(judged.header, control_id=_THEIRS)
        answers: list[Pieces] = []
        for code in codes(judged.header, ACCEPTED, declared=self._declared):
            pieces = _PLACES.split(wrap(acknowledgement(marked, code, _OURS, _TIME)))
            answers.append((pieces[0], pieces[1], pieces[2], pieces[3]))
        return Shape(judged, decode(header, self._charset).reads_as, tuple(answers))


def _is_text(payload: bytes, codec: str) -> bool:
    if not payload.isascii():
        try:
            payload.decode(codec)
        except UnicodeDecodeError:
            return False
    return True
