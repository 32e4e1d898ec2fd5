"""Everything that a social-security card says without keys: each declared file read, or refused with what to do.

A file whose access rule is not granted is not asked for: the card's "no" would say nothing new, and on some cards counts.
What is wrong with one item is that item's fault; what is wrong with card or reader ends the read.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from attrs import frozen

from middleware.domain.fault import Fault
from readers import status_words
from readers.apdu import Exchange
from readers.cards import social_security as ss
from readers.cards.catalogue import SOCIAL_SECURITY
from readers.cards.declaration import Access, Algorithm, CardFile, Encoding, Environment, Generation, Item, Structure
from readers.cards.encoding import Malformed, decode, is_blank
from readers.cards.fci import algorithm
from readers.cards.reading import FileReader

OF_AN_ITEM = status_words.OF_AN_ITEM | {"card.malformed"}
ZERO_IS_A_VALUE = frozenset({Encoding.NUMBER, Encoding.BCD_MONEY, Encoding.BINARY_MONEY})
MAX_STARS = 12
FREE_ONLY = frozenset({Access.FREE})
WHAT_TO_DO = MappingProxyType({
    Access.RKSSSE: ("须用 PSAM 或加密机做外部认证（RKSSSE）", "needs external authentication under RKSSSE: a PSAM or an HSM"),
    Access.PIN: ("须持卡人输入 PIN", "needs the holder's PIN"),
    Access.KEY_OR_PIN: ("须用 PSAM 或加密机认证读密钥，或持卡人输入 PIN", "needs the read key (a PSAM or an HSM), or the holder's PIN"),
    Access.KEY_AND_PIN: ("须用 PSAM 或加密机认证读密钥，并由持卡人输入 PIN", "needs the read key (a PSAM or an HSM) and the holder's PIN"),
    Access.NEVER: ("终端不能读取", "no terminal may read it"),
})  # fmt: skip


@frozen(slots=True, repr=False)
class Value:
    """One item as it was found: its text, or why there is none (``blank``: never written; ``missing``; a fault)."""

    item: Item | None
    where: str
    text: str = ""
    state: str = "read"
    fault: Fault | None = None

    @property
    def masked(self) -> str:
        """What may be shown to anybody: the length alone where it is about a person."""
        if self.item is not None and not self.item.personal:
            return self.text
        return "*" * min(len(self.text), MAX_STARS)


@frozen(slots=True)
class FileRead:
    """One file: its values, or why it was not read (``refused`` by its rule, ``fault`` by the card)."""

    file: CardFile
    values: tuple[Value, ...] = ()
    refused: Access | None = None
    fault: Fault | None = None


@frozen(slots=True)
class WholeCard:
    """All declared files of one card, in order; ``absent``: applications that it does not have."""

    generation: Generation
    version: str
    algorithm: Algorithm
    files: tuple[FileRead, ...]
    absent: tuple[str, ...]


def read_whole(exchange: Exchange, granted: frozenset[Access] = FREE_ONLY) -> WholeCard:
    """Read every declared file whose rule is in ``granted``: what was done on this card since its last reset.

    Raises ``card.unsupported`` for another kind of card, the fault of the version when that cannot be read (without it
    nothing says which layout holds), and whatever ``exchange`` raises.
    """
    files = FileReader(exchange)
    cipher = algorithm(files.select_environment(ss.SSSE))
    version = _version(files)
    generation = _generation(version)
    found: list[FileRead] = []
    absent: list[str] = []
    for environment in SOCIAL_SECURITY:
        if environment is not ss.SSSE and not _entered(files, environment):
            absent.append(environment.label)
            continue
        found += [_file(files, file, generation, granted) for file in environment.files_of(generation)]
    return WholeCard(generation, version, cipher, tuple(found), tuple(absent))


def _version(files: FileReader) -> str:
    item = ss.EF05.item(ss.SPEC_VERSION)
    files.select_file(ss.EF05)
    value = files.read_item(ss.EF05, item)
    assert value is not None  # noqa: S101 - the declaration lets no card lack it
    try:
        return decode(item, value)
    except Malformed as exc:
        raise Fault("card.malformed", f"{ss.EF05.where(item)}: {exc}") from None


def _generation(version: str) -> Generation:
    try:
        return Generation(version[:1])
    except ValueError:
        where = ss.EF05.where(ss.EF05.item(ss.SPEC_VERSION))
        raise Fault("card.malformed", f"{where}: no known generation") from None


def _entered(files: FileReader, environment: Environment) -> bool:
    try:
        files.select_environment(environment)
    except Fault as fault:
        if fault.code == "card.unsupported":
            return False
        raise
    return True


def _file(files: FileReader, file: CardFile, generation: Generation, granted: frozenset[Access]) -> FileRead:
    rule = file.access[generation]
    if rule not in granted or file.structure is Structure.INTERNAL:
        return FileRead(file, refused=rule)
    try:
        files.select_file(file)
        return FileRead(file, tuple(_values(files, file, generation)))
    except Fault as fault:
        if fault.code not in OF_AN_ITEM:
            raise
        return FileRead(file, fault=fault)


def _values(files: FileReader, file: CardFile, generation: Generation) -> Iterator[Value]:
    if file.structure is Structure.TRANSPARENT:
        data = files.read_bytes(file)
        yield Value(None, file.path, data.hex().upper(), "blank" if is_blank(data) else "read")
        return
    if file.structure is Structure.NUMBERED:
        for number in range(1, file.records + 1):
            fields = files.read_fields(file, number)
            if fields is None:
                return
            yield from _several(file, file.items, fields, f" record {number}")
        return
    for item in file.items:
        if item.since <= generation:
            yield _tagged(files, file, item, generation)
    for group in file.groups:
        for number in range(group.first, group.first + group.count):
            inner = files.read_group(file, group, number)
            if inner is not None:
                yield from _several(file, group.items, inner, f" record {number}")


def _tagged(files: FileReader, file: CardFile, item: Item, generation: Generation) -> Value:
    where = file.where(item)
    try:
        raw = files.read_item(file, item, generation)
    except Fault as fault:
        if fault.code not in OF_AN_ITEM:
            raise
        return Value(item, where, state="fault", fault=fault)
    return Value(item, where, state="missing") if raw is None else _decoded(item, where, raw)


def _several(file: CardFile, items: tuple[Item, ...], raws: tuple[bytes, ...], place: str) -> Iterator[Value]:
    unwritten = is_blank(b"".join(raws))
    for item, raw in zip(items, raws, strict=True):
        where = file.where(item) + place
        yield Value(item, where, state="blank") if unwritten else _decoded(item, where, raw)


def _decoded(item: Item, where: str, raw: bytes) -> Value:
    if is_blank(raw) and item.encoding not in ZERO_IS_A_VALUE:
        return Value(item, where, state="blank")
    try:
        return Value(item, where, decode(item, raw))
    except Malformed as exc:
        return Value(item, where, state="fault", fault=Fault("card.malformed", f"{where}: {exc}"))
