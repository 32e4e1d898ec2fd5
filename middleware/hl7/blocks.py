"""MLLP: bytes in any pieces to tokens. Pure; never holds more than its bound, never loses a good block behind a bad one."""

from __future__ import annotations

from attrs import field, frozen, mutable

SB, EB, CR = b"\x0b", b"\x1c", b"\r"
DEFAULT_MAX_BYTES = 256 * 1024
SHOWN_BYTES = 16 * 1024  # of what is no whole block, so much is handed on
_AFTER_END = (SB[0], CR[0], b"\n"[0])


@frozen(slots=True)
class Block:
    """One whole block; ``payload`` is what stood between start and end."""

    payload: bytes


@frozen(slots=True)
class Spoiled:
    """A whole block with end characters in its midst: its sender did not escape them. Only of a patient framer."""

    payload: bytes


@frozen(slots=True)
class Garbage:
    """``length`` bytes outside any block; CR and LF between blocks are not garbage (some senders add them)."""

    length: int
    data: bytes = field(default=b"", eq=False, repr=False)


@frozen(slots=True)
class MissingEnd:
    """A block of ``length`` bytes that a new start cut off: whatever it said was not finished."""

    length: int
    data: bytes = field(default=b"", eq=False, repr=False)


@frozen(slots=True)
class TooLong:
    """A block that passed the bound; its rest is swallowed up to the next start. ``data`` is how it begins."""

    length: int
    data: bytes = field(default=b"", eq=False, repr=False)


Token = Block | Spoiled | Garbage | MissingEnd | TooLong


def wrap(payload: bytes) -> bytes:
    """The block of one message. The payload holds neither start nor end: whoever wrote it escaped both."""
    return SB + payload + EB + CR


@mutable(slots=True)
class Framer:
    """Bytes in any pieces in, tokens out; holds at most ``max_bytes``.

    A block ends at its end character, whether or not the CR follows that belongs there: waiting for it would swallow the
    next message. A ``patient`` framer looks at what follows: an end character before anything but CR, LF or a new start is
    a sender's mistake inside a message, and half a message must not be taken for a whole one. When nothing has followed
    yet, ``ended`` is true, and ``finish`` says that nothing will.
    """

    max_bytes: int = DEFAULT_MAX_BYTES
    patient: bool = False
    _buffer: bytearray = field(factory=bytearray, init=False)
    _inside: bool = field(default=False, init=False)
    _swallowing: bool = field(default=False, init=False)
    _spoiled: bool = field(default=False, init=False)
    ended: bool = field(default=False, init=False)

    @property
    def unfinished(self) -> bool:
        """A block has begun and not ended."""
        return self._inside and not self.ended

    def reset(self) -> bytes:
        """Forget what has begun, and give its beginning; its tail will be garbage."""
        begun = bytes(self._buffer[:SHOWN_BYTES])
        self._buffer.clear()
        self._inside = self._swallowing = self._spoiled = self.ended = False
        return begun

    def finish(self) -> list[Token]:
        """Nothing follows the end character: the block was whole."""
        return [self._whole(b"")] if self.ended else []

    def feed(self, data: bytes) -> list[Token]:
        """The tokens that these bytes complete, in order."""
        tokens: list[Token] = []
        position = 0
        if self.ended and data:
            self._judge_end(data, 0, tokens)
        if not (self._inside or self._swallowing):
            position = self._whole_ones(data, position, tokens)
        while position < len(data):
            step = self._in_block if self._inside else self._between
            position = step(data, position, tokens)
        return tokens

    def _whole_ones(self, data: bytes, position: int, tokens: list[Token]) -> int:
        """Blocks that begin here one behind the other, whole and followed by what may follow: nearly all there are."""
        last = len(data) - 1
        while data.startswith(SB, position):
            end = data.find(EB, position)
            if not 0 < end < last or data[end + 1] not in _AFTER_END or end - position > self.max_bytes:
                break
            if data.find(SB, position + 1, end) >= 0:
                break
            tokens.append(Block(data[position + 1 : end]))
            position = end + 2 if data[end + 1] == CR[0] else end + 1
        return position

    def _judge_end(self, data: bytes, position: int, tokens: list[Token]) -> None:
        """An end character was seen; what stands at ``position`` says whether it was one."""
        if data[position] in _AFTER_END:
            tokens.append(self._whole(b""))
        else:
            self._buffer += EB
            self._spoiled, self.ended = True, False

    def _whole(self, piece: bytes) -> Token:
        payload = bytes(self._buffer) + piece if self._buffer else piece
        token = Spoiled(payload) if self._spoiled else Block(payload)
        self.reset()
        return token

    def _between(self, data: bytes, position: int, tokens: list[Token]) -> int:
        start = data.find(SB, position)
        if start != position and not self._swallowing:
            junk = data[position:] if start < 0 else data[position:start]
            if junk.strip(b"\r\n"):
                tokens.append(Garbage(len(junk), junk[:SHOWN_BYTES]))
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
            tokens.append(TooLong(length, bytes(self._buffer[:SHOWN_BYTES]) + piece[:SHOWN_BYTES]))
            self.reset()
            self._swallowing = True
            return len(data) if stop < 0 else stop
        if stop < 0:
            self._buffer += piece
            return len(data)
        if start >= 0:
            tokens.append(MissingEnd(length, (bytes(self._buffer) + piece)[:SHOWN_BYTES]))
            self._buffer.clear()
            self._spoiled = False
            return start + 1
        return self._at_end(data, piece, end, tokens)

    def _at_end(self, data: bytes, piece: bytes, end: int, tokens: list[Token]) -> int:
        if not self.patient or (end + 1 < len(data) and data[end + 1] in _AFTER_END):
            tokens.append(self._whole(piece))
        else:
            self._buffer += piece
            self.ended = True
            if end + 1 < len(data):
                self._judge_end(data, end + 1, tokens)
        return end + 1
