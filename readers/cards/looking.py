"""One application of a card, looked at: each declared file and account read, or refused by its rule with what to do.

A file whose access rule is not granted is not asked for: the card's "no" would say nothing new, and on some cards counts.
What is wrong with one item is that item's fault; what is wrong with card or reader ends the look.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from attrs import frozen

from middleware.domain.fault import Fault
from readers import status_words
from readers.cards.declaration import Access, Balance, CardFile, Encoding, Environment, Generation, Item, Structure
from readers.cards.encoding import Malformed, decode, is_blank, masked_account
from readers.cards.reading import FileReader

OF_AN_ITEM = status_words.OF_AN_ITEM | {"card.malformed"}
OF_AN_APPLICATION = OF_AN_ITEM | {"card.locked", "card.blocked"}
ZERO_IS_A_VALUE = frozenset({Encoding.NUMBER, Encoding.BCD_MONEY, Encoding.BINARY_MONEY, Encoding.BYTES})
TEXTS = frozenset({Encoding.ASCII, Encoding.GB18030})
MAX_STARS = 12
WHAT_TO_DO = MappingProxyType({
    Access.RKSSSE: ("须用 PSAM 或加密机做外部认证（RKSSSE）", "needs external authentication under RKSSSE: a PSAM or an HSM"),
    Access.PIN: ("须持卡人输入 PIN", "needs the holder's PIN"),
    Access.READ_KEY: ("须用 PSAM 或加密机认证读密钥", "needs the read key: a PSAM or an HSM"),
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
        if self.item is not None and (self.item.never_shown or not self.item.personal):
            return self.text
        return "*" * min(len(self.text), MAX_STARS)


@frozen(slots=True)
class FileRead:
    """One file or account: its values, or why it was not read (``refused`` by its rule, ``fault`` by the card).

    Of an application that the card has and does not open, the application itself with the fault.
    """

    file: CardFile | Balance | Environment
    values: tuple[Value, ...] = ()
    refused: Access | None = None
    fault: Fault | None = None


def look_at(
    files: FileReader, environment: Environment, granted: frozenset[Access], generation: Generation = Generation.FIRST
) -> list[FileRead]:
    """Every file and account of the application that is selected, in order. Cards of one layout are of the first generation."""
    found = [_file(files, file, generation, granted) for file in environment.files_of(generation)]
    return found + [_balance(files, balance, granted) for balance in environment.balances if balance.items]


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


def _balance(files: FileReader, balance: Balance, granted: frozenset[Access]) -> FileRead:
    if balance.access not in granted:
        return FileRead(balance, refused=balance.access)
    try:
        raws = files.ask(balance)
    except Fault as fault:
        if fault.code not in OF_AN_ITEM:
            raise
        return FileRead(balance, fault=fault)
    if raws is None:
        return FileRead(balance, (Value(None, balance.path, state="missing"),))
    return FileRead(
        balance, tuple(_decoded(item, balance.where(item), raw) for item, raw in zip(balance.items, raws, strict=True))
    )


def _values(files: FileReader, file: CardFile, generation: Generation) -> Iterator[Value]:
    match file.structure:
        case Structure.TRANSPARENT:
            data = files.read_bytes(file)
            yield Value(None, file.path, data.hex().upper(), "blank" if is_blank(data) else "read")
        case Structure.NUMBERED:
            for number in range(1, file.records + 1):
                fields = files.read_fields(file, number)
                if fields is None:
                    return
                yield from _several(file, file.items, fields, f" record {number}")
        case Structure.OBJECTS:
            objects = files.read_objects(file)
            for item in file.items:
                raw, where = objects.get(item.tag), file.where(item)
                yield Value(item, where, state="missing") if raw is None else _decoded(item, where, raw)
        case _:
            for item in file.items:
                if item.since <= generation:
                    yield _tagged(files, file, item, generation)
            yield from _groups(files, file)


def _groups(files: FileReader, file: CardFile) -> Iterator[Value]:
    for group in file.groups:
        for number in range(group.first, group.first + group.count):
            inner = files.read_group(file, group, number)
            if inner is not None:
                yield from _several(file, group.items, inner, f" record {number}")


def _tagged(files: FileReader, file: CardFile, item: Item, generation: Generation) -> Value:
    where = file.where(item)
    try:
        if file.structure is Structure.ORDERED:
            raw = files.read_ordered(file, item)
        else:
            raw = files.read_item(file, item, generation)
    except Fault as fault:
        if fault.code not in OF_AN_ITEM:
            raise
        return Value(item, where, state="fault", fault=fault)
    return Value(item, where, state="missing") if raw is None else _decoded(item, where, raw)


def _several(file: CardFile, items: tuple[Item, ...], raws: tuple[bytes, ...], place: str) -> Iterator[Value]:
    unwritten = is_blank(b"".join(raws), text=any(item.encoding in TEXTS for item in items))
    for item, raw in zip(items, raws, strict=True):
        where = file.where(item) + place
        yield Value(item, where, state="blank") if unwritten else _decoded(item, where, raw)


def _decoded(item: Item, where: str, raw: bytes) -> Value:
    if item.encoding not in ZERO_IS_A_VALUE and is_blank(raw, text=item.encoding in TEXTS):
        return Value(item, where, state="blank")
    try:
        text = decode(item, raw)
    except Malformed as exc:
        return Value(item, where, state="fault", fault=Fault("card.malformed", f"{where}: {exc}"))
    return Value(item, where, masked_account(text) if item.never_shown else text)
