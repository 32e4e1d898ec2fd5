"""The records of a virtual card, made from the declared tables by the simulator's own encoding.

It reads tags and widths from the declaration and shares no codec with the reader, which would share its mistakes.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from readers.cards import social_security as ss
from readers.cards.catalogue import SOCIAL_SECURITY
from readers.cards.declaration import Access, CardFile, Encoding, Environment, Generation, Item, Structure
from simulators.card.faults import CardFaults
from simulators.people import CardPerson

_NAME_BYTES = 30
_FULL_WIDTH = 0xA1  # half of the full-width space of GB18030; texts and widths are even


def records(person: CardPerson, faults: CardFaults) -> Mapping[int, Mapping[int, bytes]]:
    """File id -> tag -> record (tag, length, value)."""
    name = person.name.encode("gb18030")
    values: dict[int, str | bytes] = {
        0x01: person.card_id_code,
        0x02: person.card_class,
        0x03: person.spec_version,
        0x04: person.issuing_organisation,
        0x05: f"{person.issued_on:%Y%m%d}",
        0x06: f"{person.expires_on:%Y%m%d}",
        0x07: person.card_number,
        0x08: person.id_number,
        0x09: name[:_NAME_BYTES],
        0x4E: name[_NAME_BYTES:],
        0x0A: person.sex,
        0x0B: person.nation,
        0x0C: person.birthplace,
        0x0D: f"{person.birth_date:%Y%m%d}",
    }
    made: dict[int, dict[int, bytes]] = {}
    for file in ss.SSSE.files:
        if not file.items:
            continue
        made[file.file_id] = {
            item.tag: faults.raw_records.get(item.tag) or _record(item, values[item.tag], faults.padding)
            for item in file.items
            if item.tag not in faults.missing_tags and item.since <= person.spec_version[:1]
        }
    return made


def _record(item: Item, value: str | bytes, padding: int) -> bytes:
    if isinstance(value, bytes):
        body = value
    elif item.encoding is Encoding.ASCII:
        body = value.encode("ascii")
    else:
        body = bytes(int(value[i : i + 2], 16) for i in range(0, len(value), 2))
    if padding == _FULL_WIDTH and item.encoding is not Encoding.GB18030:
        padding = 0
    body += bytes((padding,)) * (item.width - len(body))
    return bytes((item.tag, len(body))) + body


@frozen(slots=True)
class Content:
    """What one file of an application holds: records by tag, by number, or bytes; and whether it is guarded."""

    tagged: Mapping[int, bytes]
    numbered: Mapping[int, bytes]
    data: bytes
    guarded: bool


def application(environment: Environment, generation: Generation, faults: CardFaults) -> Mapping[int, Content]:
    """File id -> content of one application, made of the first good example of each declared item."""
    return {file.file_id: _content(file, generation, faults) for file in environment.files_of(generation)}


def balances(name: bytes, faults: CardFaults) -> Mapping[bytes, bytes]:
    """Command -> what the application of that name answers for each of its accounts."""
    return {
        balance.command: b"".join(_example(item)[2:] for item in balance.items)
        for environment in SOCIAL_SECURITY
        if environment.name == name
        for balance in environment.balances
        if balance.items and balance.path not in faults.missing_applications
    }


def _content(file: CardFile, generation: Generation, faults: CardFaults) -> Content:
    tagged = {item.tag: faults.raw_records.get(item.tag) or _example(item) for item in file.items}
    numbered = {
        number: _tlv(group.tag, b"".join(_example(item) for item in group.items))
        for group in file.groups
        for number in range(group.first, group.first + group.count)
    }
    if file.structure is Structure.NUMBERED:
        fields = b"".join(_example(item)[2:] for item in file.items)
        tagged, numbered = {}, {1: fields, 2: bytes(len(fields))}  # one written, one still blank, the rest not made
    if file.structure is Structure.ORDERED:
        present = (item.tag not in faults.missing_tags for item in file.items)
        tagged = {}
        numbered = {
            number: faults.raw_records.get(item.tag) or _example(item)
            for number, (item, there) in enumerate(zip(file.items, present, strict=True), start=1)
            if there
        }
    guarded = file.access[generation] is not Access.FREE and not faults.granted
    return Content(tagged, numbered, bytes(file.size), guarded or file.structure is Structure.INTERNAL)


def _example(item: Item) -> bytes:
    good = next(vector for vector in item.vectors if not vector.malformed and not vector.one_way)
    return _tlv(item.tag, bytes.fromhex(good.raw))


def _tlv(tag: int, value: bytes) -> bytes:
    return bytes((tag, len(value))) + value
