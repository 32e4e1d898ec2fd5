"""What a card file is, as data: types only, no bytes are read or written here.

A card kind is a module that lists ``CardFile`` records; each ``Item`` carries its own test vectors, and one generic
test walks every item of every declared file. Simulators read the same declarations and encode by other means.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from attrs import Factory, field, frozen


class Encoding(StrEnum):
    """How the value bytes of an item are to be understood."""

    CN = "CN"  # packed digits, given as upper-case hex of the whole width; left aligned, F nibbles right
    ASCII = "ASCII"  # printable, left aligned, padded right with 00 (FF is met and accepted)
    GB18030 = "GB18030"  # the same with GB18030 text
    BCD = "BCD"  # packed decimal digits of the whole width
    BCD_DATE = "BCD date"  # yyyymmdd, a day of the calendar
    BCD_MOMENT = "BCD date and time"  # yyyymmddhhmmss, given as ISO 8601 without zone: the terminal's local time
    NUMBER = "number"  # unsigned, big-endian, given as decimal digits
    BCD_MONEY = "BCD money"  # whole fen in packed digits, given as yuan with two decimals
    BINARY_MONEY = "binary money"  # whole fen, unsigned, big-endian, given alike
    SHORT_DATE = "BCD date of two-digit year"  # yymmdd, 20yy below 50 as EMV has it, given as ISO 8601
    ACCOUNT = "account number"  # packed digits, F behind; 13-19 digits, the last one a check digit (ISO 7812, Luhn)
    BYTES = "bytes"  # kept as they are, given as upper-case hex


class Generation(StrEnum):
    """Which specification a card follows; chosen by the first character of its version."""

    FIRST = "1"
    SECOND = "2"
    THIRD = "3"


class Access(StrEnum):
    """What must be done on this card, since its last reset, before a file may be read."""

    FREE = "free"
    RKSSSE = "external authentication under RKSSSE"
    PIN = "the holder's PIN"
    READ_KEY = "external authentication under the read key"
    KEY_OR_PIN = "external authentication under the read key, or the holder's PIN"
    KEY_AND_PIN = "external authentication under the read key, and the holder's PIN"
    NEVER = "never"  # the card reads it itself


class Structure(StrEnum):
    """How the content of a file is reached."""

    TAGGED = "records by tag"
    NUMBERED = "records by number"  # each record is the items, one behind the other, without tags
    ORDERED = "records by number, each with its tag"  # record n holds item n
    OBJECTS = "BER-TLV objects"  # EMV records: the items stand anywhere in the template of record 1 to the last
    TRANSPARENT = "bytes"  # READ BINARY
    INTERNAL = "internal"  # for the card's own use; a terminal never reads it


class Algorithm(StrEnum):
    """With which cipher a card's keys work: the marker in the FCI of its environment."""

    TDES = "3DES"
    SSF33 = "SSF33"
    SM4 = "SM4"


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
    In a file of numbered records ``tag`` is the place in the record, from 1. ``least``: a value may be as short as that; 0:
    it has the whole width. ``never_shown``: masked as soon as it is understood, for everybody and for good.
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
    personal: bool = True  # shown masked unless a person asks for it in clear
    least: int = 0
    never_shown: bool = False

    @property
    def le(self) -> int:
        """Bytes that READ RECORD answers: tag, length and value."""
        return self.width + 2


@frozen(slots=True)
class Group:
    """Records of one file that repeat: each holds ``items`` as records of their own, and is reached by number.

    ``first`` is the number of the first one, from 1; ``count`` how many the file has room for.
    """

    tag: int
    zh: str
    en: str
    first: int
    count: int
    items: tuple[Item, ...]

    @property
    def le(self) -> int:
        """Bytes that READ RECORD answers: the outer tag and length, then every inner record."""
        return 2 + sum(item.le for item in self.items)


@frozen(slots=True)
class CardFile:
    """One elementary file. ``generations``: whose layout this is; two of one path never share a generation.

    ``key``: reference of the read key (EXTERNAL AUTHENTICATE P2), 0 when none is known. ``records``: of a file of
    numbered ones. ``size``: bytes of a transparent file, 0 when it is not known. ``by_short_id``: ``file_id`` is the short
    identifier (1-30) that READ RECORD takes, and the file is not selected.
    """

    file_id: int
    path: str  # as faults name it: "SSSE/EF06"
    zh: str
    en: str
    items: tuple[Item, ...]
    access: Mapping[Generation, Access]
    groups: tuple[Group, ...] = ()
    structure: Structure = Structure.TAGGED
    generations: frozenset[Generation] = Factory(lambda: frozenset(Generation))
    key: int = 0
    records: int = 0
    size: int = 0
    by_short_id: bool = False
    source: str = ""
    _by_tag: Mapping[int, Item] = field(
        init=False,
        eq=False,
        repr=False,
        default=Factory(lambda file: {item.tag: item for item in file.items}, takes_self=True),
    )

    def item(self, tag: int) -> Item:
        """The item of that tag; ``KeyError`` is our own mistake."""
        if tag not in self._by_tag:
            raise KeyError(f"{self.path} declares no tag {tag:02X}")
        return self._by_tag[tag]

    def every_item(self) -> tuple[Item, ...]:
        """The items, and those inside groups."""
        return (*self.items, *(item for group in self.groups for item in group.items))

    def where(self, item: Item) -> str:
        """How a fault names the item: file, tag and name, never the value."""
        place = "field" if self.structure is Structure.NUMBERED else "tag"
        return f"{self.path} {place} {item.tag:02X} {item.en}"


@frozen(slots=True)
class Balance:
    """An account or a counter that the card itself keeps, asked for by a command of its own in its application.

    ``command``: CLA INS P1 P2. The answer is the items one behind the other; with ``tag``, inside the object of that tag (GET
    DATA). Without items nobody has published what the answer holds, and it is not asked for.
    """

    path: str  # as faults name it: "DF04/B02601"
    command: bytes
    zh: str
    en: str
    items: tuple[Item, ...]
    access: Access
    source: str
    tag: int = 0

    @property
    def le(self) -> int:
        """Bytes of a whole answer without its tag and length."""
        return sum(item.width for item in self.items)

    def where(self, item: Item) -> str:
        """How a fault names the item."""
        return f"{self.path} {item.en}"


@frozen(slots=True)
class Environment:
    """An application of a card: what selects it, the files under it, and the accounts that it answers for.

    ``also``: names of applications that are laid out alike; a card has one of them. ``identifiers``: selected by these, one
    after the other from the root, where the application has no name.
    """

    label: str
    name: bytes
    zh: str
    en: str
    files: tuple[CardFile, ...]
    source: str
    balances: tuple[Balance, ...] = ()
    also: tuple[bytes, ...] = ()
    identifiers: tuple[int, ...] = ()

    @property
    def path(self) -> str:
        """As faults name it."""
        return self.label

    def files_of(self, generation: Generation) -> tuple[CardFile, ...]:
        """The files that a card of this generation has."""
        return tuple(file for file in self.files if generation in file.generations)
