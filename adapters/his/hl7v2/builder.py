"""Domain message to bytes: our codec writes, and hl7apy has agreed to each shape of message before its first byte.

hl7apy needs 10 ms and more of CPU for a message, our codec a tenth of a millisecond, so a message's shape - which fields
are there, how often, values of which class - is judged once. Then hl7apy builds the whole message from the real values and
validates it strictly, and its text must equal ours to the last character. That verdict is kept, bounded; the values
themselves are checked by our own rules in every message.
"""

from __future__ import annotations

from collections import OrderedDict

from twisted.internet import defer

from adapters.his.hl7v2 import repertoire, rules
from adapters.his.hl7v2.checker import Checker, Shape
from adapters.his.hl7v2.dialect import Dialect
from adapters.his.hl7v2.frame import Segment, encode
from adapters.his.hl7v2.repertoire import Sendable
from middleware.domain.fault import Fault

MAX_SHAPES = 1024
MAX_WAITING = 256


class MessageBuilder:
    """Makes the bytes of a message; the same message makes the same bytes on every repeat."""

    def __init__(self, dialect: Dialect, checker: Checker, *, max_bytes: int, max_shapes: int = MAX_SHAPES) -> None:
        self._dialect = dialect
        self._checker = checker
        self._rules = rules.rules_of(dialect.version)
        self._max_bytes = max_bytes
        self._max_shapes = max_shapes
        self._turn = defer.DeferredLock()
        self._waiting = 0
        self._agreed: OrderedDict[str, None] = OrderedDict()
        self.judged = 0  # messages that hl7apy was asked about
        self.known = 0  # messages whose shape it had agreed to before

    async def build(self, message: Sendable) -> bytes:
        """The payload of one block. Raises ``Fault("his.message")`` naming segment, field and rule, never a value.

        A query that this HIS is not asked is ``Fault("his.find_off")``.
        """
        segments = repertoire.segments_of(message, self._dialect)
        shape = rules.check(segments, self._rules)
        text = encode(segments)
        payload = self._bytes(text, segments)
        structure = repertoire.structure_of(message, self._dialect)[2]
        key = f"{structure} {self._dialect.version}\n{shape}"
        if key in self._agreed:
            self._agreed.move_to_end(key)
            self.known += 1
            return payload
        await self._judge(key, Shape(structure, self._dialect.version, segments), text)
        return payload

    async def _judge(self, key: str, shape: Shape, text: str) -> None:
        if self._waiting >= MAX_WAITING:
            raise Fault("system.busy", "his: too many messages wait for hl7apy")
        self._waiting += 1
        await self._turn.acquire()
        try:
            if key in self._agreed:  # another message of this shape was judged while this one waited
                self.known += 1
                return
            self.judged += 1
            self._agree(key, await self._checker.check(shape), text)
        finally:
            self._waiting -= 1
            self._turn.release()

    def _agree(self, key: str, theirs: str, ours: str) -> None:
        if theirs != ours:
            raise Fault("his.message", f"{_first_difference(theirs, ours)}: hl7apy writes it differently")
        self._agreed[key] = None
        while len(self._agreed) > self._max_shapes:
            self._agreed.popitem(last=False)

    def _bytes(self, text: str, segments: tuple[Segment, ...]) -> bytes:
        try:
            payload = text.encode(self._dialect.codec)
        except UnicodeEncodeError:
            raise Fault("his.message", f"{self._unencodable(segments)}: not in {self._dialect.codec}") from None
        if len(payload) > self._max_bytes:
            raise Fault("his.message", f"{segments[-1].name}: the message passes {self._max_bytes} bytes")
        return payload

    def _unencodable(self, segments: tuple[Segment, ...]) -> str:
        for segment in segments:
            for number, value in enumerate(segment.fields, 1):
                try:
                    encode([Segment(segment.name, (value,))]).encode(self._dialect.codec)
                except UnicodeEncodeError:
                    return f"{segment.name}-{number}"
        return segments[0].name


def _first_difference(theirs: str, ours: str) -> str:
    """The segment and field where two texts part, without their content."""
    for left, right in zip(theirs.split("\r"), ours.split("\r"), strict=False):
        if left == right:
            continue
        for number, (one, other) in enumerate(zip(left.split("|"), right.split("|"), strict=False)):
            if one != other:
                return f"{right[:3]}-{number + (1 if right.startswith('MSH') else 0)}"
        return right[:3]
    return "number of segments"
