"""Bytes <-> messages: length framing, TPDU, bitmap, fields by the table. Pure; a byte too many or too few is a refusal.

No text can forge a field: every field is read by a length that stands before it, and a value that does not fit its row is
refused before anything is written (invariant 28).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import define, field, frozen

from adapters.bank.iso8583.tables import FIELDS, MAC_FIELD, Field, Kind
from middleware.domain.fault import Fault

Value = str | bytes
MAX_FRAME = 2048
_LENGTH = 2  # bytes of length before each message
_TPDU = 5
_TPDU_ID = 0x60
_DIGITS = re.compile(r"[0-9]*\Z", re.ASCII)
_TRACK = re.compile(r"[0-9=D]*\Z", re.ASCII)
_LETTERS = re.compile(r"[0-9A-Za-z]*\Z", re.ASCII)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MTI = re.compile(r"\d{4}\Z", re.ASCII)
_BITS = 64
_NIBBLES = {"D": "d", "=": "d"}


class BadMessageError(ValueError):
    """Bytes that are no message of ours; says which field and rule, never a value."""


@frozen(slots=True)
class Coding:
    """How this host writes: digits as BCD or as ASCII (then the bitmap is hex too), and what stands before the message."""

    bcd: bool = True
    tpdu: bytes = bytes.fromhex("6000000000")
    header: bytes = b""


@frozen(slots=True, repr=False)
class Message:
    """One message. ``repr`` shows which fields there are, never what they hold."""

    mti: str
    fields: Mapping[int, Value]

    def text(self, number: int) -> str:
        """A text field, or ""."""
        value = self.fields.get(number, "")
        return value if isinstance(value, str) else ""

    def __repr__(self) -> str:
        return f"Message({self.mti}, fields {sorted(self.fields)})"


# -- writing


def pack(message: Message, coding: Coding) -> bytes:
    """MTI, bitmap and fields. ``Fault("payment.field")`` names the field and the rule that it breaks."""
    if not _MTI.match(message.mti):
        raise Fault("payment.field", "mti: four digits")
    numbers = sorted(message.fields)
    bitmap = 0
    body = b""
    for number in numbers:
        if number not in FIELDS:
            raise Fault("payment.field", f"field {number}: not in the table")
        bitmap |= 1 << (_BITS - number)
        body += _put(FIELDS[number], message.fields[number], coding)
    bits = bitmap.to_bytes(8, "big")
    return _digits(message.mti, coding) + (bits if coding.bcd else bits.hex().upper().encode()) + body


def unmacced(message: Message, coding: Coding) -> bytes:
    """What the MAC is of: everything before field 64, with its bit set."""
    return pack(Message(message.mti, {**message.fields, MAC_FIELD: bytes(8)}), coding)[: -(8 if coding.bcd else 16)]


def wrap(body: bytes, coding: Coding) -> bytes:
    """A message with what stands before it on the wire."""
    framed = coding.tpdu + coding.header + body
    if len(framed) > MAX_FRAME:
        raise Fault("payment.field", f"message longer than {MAX_FRAME} bytes")
    return len(framed).to_bytes(_LENGTH, "big") + framed


def _put(row: Field, value: Value, coding: Coding) -> bytes:
    raw, count = _written(row, value, coding)
    if row.prefix:
        if count > row.length:
            raise _bad(row, f"at most {row.length}")
        width = row.prefix + row.prefix % 2 if coding.bcd else row.prefix
        return _digits(f"{count:0{width}d}", coding) + raw
    if count != row.length:
        raise _bad(row, f"exactly {row.length}")
    return raw


def _written(row: Field, value: Value, coding: Coding) -> tuple[bytes, int]:
    """The bytes of a value and its length as the prefix counts it."""
    if row.kind is Kind.B:
        if not isinstance(value, bytes):
            raise _bad(row, "bytes")
        return (value if coding.bcd else value.hex().upper().encode()), len(value)
    if not isinstance(value, str):
        raise _bad(row, "text")
    rule = {Kind.N: _DIGITS, Kind.Z: _TRACK, Kind.AN: _LETTERS}.get(row.kind)
    if rule is not None and not rule.match(value):
        raise _bad(row, f"only characters of {row.kind}")
    if row.kind in {Kind.N, Kind.Z}:
        return _digits(value, coding), len(value)
    if _CONTROLS.search(value):
        raise _bad(row, "no control characters")
    try:
        raw = value.encode("gb18030")
    except UnicodeEncodeError:
        raise _bad(row, "cannot be written as GB18030") from None
    return (raw if row.prefix or row.kind is Kind.AN else raw.ljust(row.length, b" ")), max(
        len(raw), 0 if row.prefix or row.kind is Kind.AN else row.length
    )


def _digits(text: str, coding: Coding) -> bytes:
    if not coding.bcd:
        return text.encode("ascii")
    nibbles = "".join(_NIBBLES.get(one, one) for one in text)
    return bytes.fromhex(nibbles + "0" * (len(nibbles) % 2))


def _bad(row: Field, rule: str) -> Fault:
    return Fault("payment.field", f"field {row.number}: {rule}")


# -- reading


@define
class Framer:
    """Bytes in, whole messages out. ``BadMessageError`` when what comes can be no message: the link is made anew."""

    header: int
    _buffer: bytearray = field(factory=bytearray)

    def feed(self, data: bytes) -> list[bytes]:
        """The bodies (from the MTI on) that are complete now."""
        self._buffer += data
        bodies = []
        while len(self._buffer) >= _LENGTH:
            length = int.from_bytes(self._buffer[:_LENGTH], "big")
            if not _TPDU + self.header < length <= MAX_FRAME:
                raise BadMessageError("a length that no message has")
            if len(self._buffer) < _LENGTH + length:
                break
            framed = bytes(self._buffer[_LENGTH : _LENGTH + length])
            del self._buffer[: _LENGTH + length]
            if framed[0] != _TPDU_ID:
                raise BadMessageError("no TPDU")
            bodies.append(framed[_TPDU + self.header :])
        return bodies


def unpack(body: bytes, coding: Coding) -> Message:
    """The inverse of ``pack``; raises ``BadMessageError`` and nothing else, whatever the bytes."""
    reader = _Reader(body, coding)
    mti = reader.digits(4)
    if not _MTI.match(mti):
        raise BadMessageError("mti: four digits")
    raw = reader.take(8 if coding.bcd else 16)
    try:
        bits = int.from_bytes(raw, "big") if coding.bcd else int(raw.decode("ascii"), 16)
    except ValueError:
        raise BadMessageError("bitmap: no hex") from None
    fields: dict[int, Value] = {}
    for number in range(1, _BITS + 1):
        if bits >> (_BITS - number) & 1:
            if number not in FIELDS:
                raise BadMessageError(f"field {number}: not in the table")
            fields[number] = _get(FIELDS[number], reader)
    if reader.left:
        raise BadMessageError("bytes behind the last field")
    return Message(mti, fields)


@define
class _Reader:
    _body: bytes
    _coding: Coding
    _at: int = 0

    @property
    def left(self) -> int:
        return len(self._body) - self._at

    def take(self, count: int) -> bytes:
        if self.left < count:
            raise BadMessageError("ends in the middle of a field")
        self._at += count
        return self._body[self._at - count : self._at]

    def binary(self, count: int) -> bytes:
        if self._coding.bcd:
            return self.take(count)
        try:
            return bytes.fromhex(self.take(2 * count).decode("ascii"))
        except ValueError:
            raise BadMessageError("binary field: no hex") from None

    def digits(self, count: int) -> str:
        if not self._coding.bcd:
            raw = self.take(count)
            try:
                return raw.decode("ascii")
            except UnicodeDecodeError:
                raise BadMessageError("digits: not ASCII") from None
        nibbles = self.take((count + 1) // 2).hex()
        if set(nibbles[count:]) - {"0"}:
            raise BadMessageError("digits: filled up with something else than 0")
        return nibbles[:count]

    def prefix(self, digits: int) -> int:
        text = self.digits(digits + digits % 2 if self._coding.bcd else digits)
        if not _DIGITS.match(text):
            raise BadMessageError("a length that is no number")
        return int(text)


def _get(row: Field, reader: _Reader) -> Value:
    length = row.length
    if row.prefix:
        length = reader.prefix(row.prefix)
        if length > row.length:
            raise BadMessageError(f"field {row.number}: longer than {row.length}")
    if row.kind is Kind.B:
        return reader.binary(length)
    if row.kind in {Kind.N, Kind.Z}:
        text = reader.digits(length)
        text = text.replace("d", "=") if row.kind is Kind.Z else text
        if not (_DIGITS if row.kind is Kind.N else _TRACK).match(text):
            raise BadMessageError(f"field {row.number}: only characters of {row.kind}")
        return text
    try:
        text = reader.take(length).decode("gb18030")
    except UnicodeDecodeError:
        raise BadMessageError(f"field {row.number}: not GB18030") from None
    if row.kind is Kind.AN and not _LETTERS.match(text):
        raise BadMessageError(f"field {row.number}: only characters of {row.kind}")
    if _CONTROLS.search(text):
        raise BadMessageError(f"field {row.number}: a control character")
    return text if row.prefix or row.kind is Kind.AN else text.rstrip(" ")
