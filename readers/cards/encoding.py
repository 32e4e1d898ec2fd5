"""Item values: bytes <-> text, pure and strict, one pair of functions for each declared encoding.

Raises ``Malformed`` whose text names the rule and never the value; the reading turns it into ``card.malformed``.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Callable

from readers.cards.declaration import Encoding, Item

_PADDING = b"\x00\xff"  # neither can be part of ASCII or of any GB18030 character
_SPACES = " \u3000"
_MOMENT_MARKS = str.maketrans("", "", "-:T")


class Malformed(Exception):  # noqa: N818 - it is what the card is, not an error of ours
    """The bytes are not what the declaration says."""


def decode(item: Item, value: bytes) -> str:
    """The text of a value of exactly the declared width."""
    if len(value) != item.width:
        raise Malformed(f"{len(value)} bytes, not {item.width}")
    return decode_as(item.encoding, value)


def decode_as(encoding: Encoding, value: bytes) -> str:
    """The same without a width, for values put together of several records."""
    return _DECODERS[encoding](value)


def encode(item: Item, text: str) -> bytes:
    """The bytes that the card holds for ``text``, padded to the declared width as the declaration says."""
    try:
        raw = _encode(item, text)
    except (ValueError, OverflowError):
        raise Malformed(f"not {item.encoding}") from None
    if decode(item, raw) != text:
        raise Malformed(f"not {item.encoding}")
    return raw


def _encode(item: Item, text: str) -> bytes:
    match item.encoding:
        case Encoding.CN:
            return bytes.fromhex(text.ljust(item.width * 2, "F"))
        case Encoding.BCD | Encoding.BYTES:
            return bytes.fromhex(text)
        case Encoding.BCD_DATE | Encoding.BCD_MOMENT:
            return bytes.fromhex(text.translate(_MOMENT_MARKS))
        case Encoding.NUMBER:
            return int(text).to_bytes(item.width, "big")
        case Encoding.BCD_MONEY:
            return bytes.fromhex(text.replace(".", "").zfill(item.width * 2))
        case Encoding.BINARY_MONEY:
            return int(text.replace(".", "")).to_bytes(item.width, "big")
        case Encoding.ASCII:
            return text.encode("ascii").ljust(item.width, b"\x00")
        case Encoding.GB18030:
            return text.encode("gb18030").ljust(item.width, b"\x00")


def is_blank(value: bytes) -> bool:
    """Whether nobody has written this value yet: all 00, all FF or all spaces, as cards leave the issuer."""
    return value.count(0x00) == len(value) or value.count(0xFF) == len(value) or value.count(0x20) == len(value)


def unpadded(value: bytes) -> bytes:
    """A text value without its padding, 00 or FF."""
    return value.rstrip(_PADDING)


def _bcd(value: bytes) -> str:
    digits = value.hex()
    if not digits.isdecimal():
        raise Malformed("not BCD")
    return digits


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02}"


def _date(value: bytes) -> str:
    digits = _bcd(value)
    try:
        return dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:])).isoformat()
    except ValueError:
        raise Malformed("no day of the calendar") from None


def _moment(value: bytes) -> str:
    digits = _bcd(value)
    try:
        return dt.datetime.strptime(digits, "%Y%m%d%H%M%S").isoformat()  # noqa: DTZ007 - the card has no zone
    except ValueError:
        raise Malformed("no moment of the calendar") from None


def _ascii(value: bytes) -> str:
    body = unpadded(value)
    if not body:
        raise Malformed("empty")
    if not all(0x20 < byte < 0x7F for byte in body):  # noqa: PLR2004 - printable ASCII, without the space
        raise Malformed("not ASCII")
    return body.decode("ascii")


def _gb18030(value: bytes) -> str:
    try:
        text = unpadded(value).decode("gb18030").strip(_SPACES)
    except UnicodeDecodeError:
        raise Malformed("not GB18030") from None
    if not text:
        raise Malformed("empty")
    # Unassigned and private code points stay: GB18030 and this Python's Unicode tables are of different years.
    if any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in text):
        raise Malformed("not GB18030 text")
    return text


def _hex(value: bytes) -> str:
    return value.hex().upper()


def _number(value: bytes) -> str:
    return str(int.from_bytes(value, "big"))


_DECODERS: dict[Encoding, Callable[[bytes], str]] = {
    Encoding.CN: _hex,
    Encoding.BYTES: _hex,
    Encoding.ASCII: _ascii,
    Encoding.GB18030: _gb18030,
    Encoding.BCD: _bcd,
    Encoding.BCD_DATE: _date,
    Encoding.BCD_MOMENT: _moment,
    Encoding.NUMBER: _number,
    Encoding.BCD_MONEY: lambda value: _yuan(int(_bcd(value))),
    Encoding.BINARY_MONEY: lambda value: _yuan(int.from_bytes(value, "big")),
}
