"""How a card file is written down: one line an item, so that a declaration is as short as the table that it comes from.

A line gives tag, names, width, encoding, and one example: the bytes before their padding, and the text they mean. The example
that must be refused follows from the encoding. Whoever needs other examples builds an ``Item`` by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import attrs
from attrs import frozen

from readers.cards.declaration import Access, Balance, CardFile, Encoding, Generation, Group, Item, Structure, Vector

ASCII, BCD, BYTES, CN, GB18030, NUMBER = (
    Encoding.ASCII, Encoding.BCD, Encoding.BYTES, Encoding.CN, Encoding.GB18030, Encoding.NUMBER,
)  # fmt: skip
DATE, MOMENT, SHORT_DATE, BCD_MONEY, BINARY_MONEY, ACCOUNT = (
    Encoding.BCD_DATE, Encoding.BCD_MOMENT, Encoding.SHORT_DATE, Encoding.BCD_MONEY, Encoding.BINARY_MONEY, Encoding.ACCOUNT,
)  # fmt: skip
FIRST = frozenset({Generation.FIRST})
LATER = frozenset({Generation.SECOND, Generation.THIRD})
EVERY = frozenset(Generation)

_REFUSED = MappingProxyType({
    Encoding.ASCII: "07",  # a control character
    Encoding.GB18030: "D5",  # half a character
    Encoding.BCD_DATE: "20230229",  # no day of the calendar
    Encoding.BCD_MOMENT: "20230229120000",
    Encoding.SHORT_DATE: "230229",
})  # fmt: skip
_NO_DIGIT = frozenset({Encoding.BCD, Encoding.BCD_MONEY, Encoding.ACCOUNT})
_PADDED = frozenset({Encoding.ASCII, Encoding.GB18030})


def row(tag: int, zh: str, en: str, width: int, encoding: Encoding, raw: str, text: str, *, personal: bool = True) -> Item:
    """One item with its example and the one to be refused; the file that it is put into gives it its source."""
    padding = "00" * (width - len(raw) // 2) if encoding in _PADDED else ""
    return Item(
        tag, zh, en, width, encoding, (Vector(raw + padding, text), refused(width, encoding)), "", personal=personal
    )


def refused(width: int, encoding: Encoding) -> Vector:
    """Bytes that no item of that width and encoding may hold."""
    if encoding in _REFUSED:
        raw = _REFUSED[encoding].ljust(width * 2, "0")
    elif encoding in _NO_DIGIT:
        raw = "A".rjust(width * 2, "0")
    else:
        raw = "00" * (width + 1)  # whatever stands there is a value: only a wrong length can be refused
    return Vector(raw, malformed=True)


def everywhere(rule: Access) -> Mapping[Generation, Access]:
    """The same access rule on cards of every generation."""
    return MappingProxyType(dict.fromkeys(Generation, rule))


@frozen(slots=True)
class Place:
    """An application whose files are being declared: its label, and the source of whatever names no other."""

    label: str
    source: str

    def file(
        self,
        file_id: int,
        names: tuple[str, str],
        rule: Access,
        lines: Iterable[Item | Group] = (),
        *,
        generations: frozenset[Generation] = EVERY,
        key: int = 0,
        structure: Structure = Structure.TAGGED,
        extent: int = 0,
        name: str = "",
    ) -> CardFile:
        """One file. ``extent``: the records of a file of numbered ones, the bytes of a transparent one."""
        sourced = [self._sourced(line) for line in lines]
        binary = structure is Structure.TRANSPARENT
        return CardFile(
            file_id=file_id,
            path=f"{self.label}/{name or f'{file_id:04X}'}",
            zh=names[0],
            en=names[1],
            items=tuple(line for line in sourced if isinstance(line, Item)),
            access=everywhere(rule),
            groups=tuple(line for line in sourced if isinstance(line, Group)),
            structure=structure,
            generations=generations,
            key=key,
            records=0 if binary else extent,
            size=extent if binary else 0,
            by_short_id=structure is Structure.OBJECTS,
            source=self.source,
        )

    def balance(
        self, command: str, names: tuple[str, str], rule: Access, lines: Iterable[Item] = (), *, tag: int = 0
    ) -> Balance:
        """An account or counter, asked for by that command (hex)."""
        items = tuple(attrs.evolve(line, source=line.source or self.source) for line in lines)
        path = f"{self.label}/{command[2:] if tag else command}"
        return Balance(path, bytes.fromhex(command), names[0], names[1], items, rule, self.source, tag)

    def _sourced(self, line: Item | Group) -> Item | Group:
        if isinstance(line, Group):
            return attrs.evolve(
                line, items=tuple(attrs.evolve(item, source=item.source or self.source) for item in line.items)
            )
        return attrs.evolve(line, source=line.source or self.source)
