"""What a card file is, as data: types only, no bytes are read or written here.

A card kind is a module that lists ``CardFile`` records; each ``Item`` carries its own test vectors, and one generic
test walks every item of every declared file. Simulators read the same declarations and encode by other means.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from attrs import field, frozen


class Encoding(StrEnum):
    """How the value bytes of an item are to be understood."""

    CN = "CN"  # packed digits, given as upper-case hex of the whole width; left aligned, F nibbles right
    ASCII = "ASCII"  # printable, left aligned, padded right with 00 (FF is met and accepted)
    GB18030 = "GB18030"  # the same with GB18030 text
    BCD = "BCD"  # packed decimal digits of the whole width
    BCD_DATE = "BCD date"  # yyyymmdd, a day of the calendar


class Generation(StrEnum):
    """Which specification a card follows; chosen by the first character of its version."""

    FIRST = "1"
    SECOND = "2"
    THIRD = "3"


class Access(StrEnum):
    """What must be done before a file may be read."""

    FREE = "free"
    RKSSSE = "external authentication under RKSSSE"


@frozen(slots=True)
class Vector:
    """One example: bytes on the card (hex) and the text they mean.

    ``one_way`` marks bytes that are read but never written so (a padding we accept); an empty ``text`` with
    ``malformed`` marks bytes that must be refused.
    """

    raw: str
    text: str = ""
    one_way: bool = False
    malformed: bool = False


@frozen(slots=True)
class Item:
    """One record of a file: tag, clause-like name in two languages, width of the value in bytes, encoding.

    ``since``: cards of earlier generations do not have it. ``may_be_missing``: generations in which it is met absent.
    """

    tag: int
    zh: str
    en: str
    width: int
    encoding: Encoding
    vectors: tuple[Vector, ...]
    source: str
    since: Generation = Generation.FIRST
    may_be_missing: frozenset[Generation] = frozenset()

    @property
    def le(self) -> int:
        """Bytes that READ RECORD answers: tag, length and value."""
        return self.width + 2


@frozen(slots=True)
class CardFile:
    """One elementary file whose records are read by tag."""

    file_id: int
    path: str  # as faults name it: "SSSE/EF06"
    zh: str
    en: str
    items: tuple[Item, ...]
    access: Mapping[Generation, Access] = field()

    def item(self, tag: int) -> Item:
        """The item of that tag; ``KeyError`` is our own mistake."""
        for item in self.items:
            if item.tag == tag:
                return item
        raise KeyError(f"{self.path} declares no tag {tag:02X}")

    def where(self, item: Item) -> str:
        """How a fault names the item: file, tag and name, never the value."""
        return f"{self.path} tag {item.tag:02X} {item.en}"


@frozen(slots=True)
class Environment:
    """An application of a card: the name that selects it, and the files under it."""

    label: str
    name: bytes
    zh: str
    en: str
    files: tuple[CardFile, ...]
    source: str
