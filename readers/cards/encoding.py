"""Item values: bytes <-> text, pure and strict, one pair of functions for each declared encoding.

Raises ``Malformed`` whose text names the rule and never the value; the reading turns it into ``card.malformed``.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Callable

from readers.cards.declaration import Encoding, Item

_PADDING = b"\x00\xff"  # neither can be part of ASCII or of any GB18030 character
_PRINTABLE = bytes(range(0x21, 0x7F))  # without the space
_SPACES = " \u3000"
_SHORT_DATE_DIGITS = 6
_CENTURY_TURNS_AT = 50  # EMV book 4, 6.7.3
_ACCOUNT_LEAST, _ACCOUNT_MOST = 13, 19
_ISSUER_DIGITS, _LAST_DIGITS = 6, 4
_MOMENT_MARKS = str.maketrans("", "", "-:T")


class Malformed(Exception):  # noqa: N818 - it is what the card is, not an error of ours
    """The bytes are not what the declaration says."""


def decode(item: Item, value: bytes) -> str:
    """The text of a value of exactly the declared width."""
    if not (item.least or item.width) <= len(value) <= item.width:
        raise Malformed(f"{len(value)} bytes, not {f'{item.least}-' if item.least else ''}{item.width}")
    return decode_as(item.encoding, value)


def decode_as(encoding: Encoding, value: bytes) -> str:
    """The same without a width, for values put together of several records."""
    return _DECODERS[encoding](value)


def encode(item: Item, text: str) -> bytes:
    """The bytes that the card holds for ``text``, padded to the declared width as the declaration says."""
    try:
        raw = _ENCODERS[item.encoding](text, item.width)
    except (ValueError, OverflowError):
        raise Malformed(f"not {item.encoding}") from None
    if decode(item, raw) != text:
        raise Malformed(f"not {item.encoding}")
    return raw


def is_blank(value: bytes, *, text: bool = True) -> bool:
    """Whether nobody has written this value yet: all 00, all FF or, of a text, all spaces, as cards leave the issuer.

    Of packed digits 20 is a value: the nation 20 and the year 2020 are not blank.
    """
    fillings = (0x00, 0xFF, 0x20) if text else (0x00, 0xFF)
    return any(value.count(filling) == len(value) for filling in fillings)


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


def _short_date(value: bytes) -> str:
    digits = _bcd(value)
    if len(digits) != _SHORT_DATE_DIGITS:
        raise Malformed("no day of the calendar")
    century = "20" if int(digits[:2]) < _CENTURY_TURNS_AT else "19"
    return _date(bytes.fromhex(century + digits))


def _account(value: bytes) -> str:
    digits = value.hex().rstrip("f")
    if not digits.isdecimal() or not _ACCOUNT_LEAST <= len(digits) <= _ACCOUNT_MOST:
        raise Malformed("no account number of 13-19 digits")
    if sum(_luhn(int(digit), place) for place, digit in enumerate(reversed(digits))) % 10:
        raise Malformed("the check digit of the account number is wrong (ISO 7812)")
    return digits


def _luhn(digit: int, place: int) -> int:
    """What a digit adds to the check sum; every second one from the right is doubled and its digits are added."""
    return digit if place % 2 == 0 else sum(divmod(digit * 2, 10))


def masked_account(digits: str) -> str:
    """What anybody may ever see of an account number: the issuer and the last four."""
    return digits[:_ISSUER_DIGITS] + "*" * (len(digits) - _ISSUER_DIGITS - _LAST_DIGITS) + digits[-_LAST_DIGITS:]


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
    if body.translate(None, _PRINTABLE):
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
    Encoding.SHORT_DATE: _short_date,
    Encoding.ACCOUNT: _account,
    Encoding.NUMBER: _number,
    Encoding.BCD_MONEY: lambda value: _yuan(int(_bcd(value))),
    Encoding.BINARY_MONEY: lambda value: _yuan(int.from_bytes(value, "big")),
}
_ENCODERS: dict[Encoding, Callable[[str, int], bytes]] = {
    Encoding.CN: lambda text, width: bytes.fromhex(text.ljust(width * 2, "F")),
    Encoding.BCD: lambda text, _: bytes.fromhex(text),
    Encoding.BYTES: lambda text, _: bytes.fromhex(text),
    Encoding.BCD_DATE: lambda text, _: bytes.fromhex(text.translate(_MOMENT_MARKS)),
    Encoding.BCD_MOMENT: lambda text, _: bytes.fromhex(text.translate(_MOMENT_MARKS)),
    Encoding.SHORT_DATE: lambda text, _: bytes.fromhex(text.translate(_MOMENT_MARKS)[2:]),
    Encoding.ACCOUNT: lambda text, _: bytes.fromhex(text + "F" * (len(text) % 2)),
    Encoding.NUMBER: lambda text, width: int(text).to_bytes(width, "big"),
    Encoding.BCD_MONEY: lambda text, width: bytes.fromhex(text.replace(".", "").zfill(width * 2)),
    Encoding.BINARY_MONEY: lambda text, width: int(text.replace(".", "")).to_bytes(width, "big"),
    Encoding.ASCII: lambda text, width: text.encode("ascii").ljust(width, b"\x00"),
    Encoding.GB18030: lambda text, width: text.encode("gb18030").ljust(width, b"\x00"),
}
