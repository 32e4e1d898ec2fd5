"""Reading declared files over an ``Exchange``: select, read by tag, check, decode. Pure: no PC/SC, no clock.

Every fault names file and item ("SSSE/EF06 tag 0D birth date: not BCD"), never a value.
"""

from __future__ import annotations

from collections.abc import Iterator

from middleware.domain.fault import Fault
from readers import status_words
from readers.apdu import (
    MAX_LE,
    SW_OK,
    Command,
    Exchange,
    read_binary,
    read_numbered_record,
    read_record,
    record_command,
    select_by_name,
    select_file,
    transmit,
)
from readers.cards.declaration import Balance, CardFile, Environment, Generation, Group, Item
from readers.cards.fci import find
from readers.tlv import Record

SELECT_FORMS = (0x02, 0x00)  # P1 of SELECT EF by identifier; both are met in the field (reference 1.5)

WELL = SW_OK.to_bytes(2, "big")
MAX_PIECE = 128  # bytes a READ BINARY: every card takes that
TEMPLATE = 0x70  # of a record of EMV
ROOT_FORM = 0x00  # P1 of SELECT of an application or file by its identifier
END_OF_FILE = frozenset({0x6282, 0x6B00})  # fewer bytes than asked for; an offset behind the end


class FileReader:
    """Selects and reads on one powered card. Remembers which form of SELECT this card takes."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._forms: tuple[int, ...] = SELECT_FORMS

    def select_environment(self, environment: Environment) -> bytes:
        """Select by name and give the card's answer (FCI); one that has never heard of it is ``card.unsupported``."""
        response = transmit(self._exchange, select_by_name(environment.name), environment.label)
        if response.ok:
            return response.data
        if response.sw in status_words.NO_SUCH_APPLICATION:
            raise Fault("card.unsupported", f"{environment.label}: status {response.sw:04X}")
        raise status_words.as_fault(response.sw, environment.label)

    def enter(self, environment: Environment, first: tuple[bytes, ...] = ()) -> bytes | None:
        """Select an application by its name, another of its names or its identifiers; ``None`` when the card has none of it.

        ``first``: names that the card itself gave, tried before the declared ones. Gives the answer to the last SELECT.
        """
        if environment.identifiers:
            commands = [select_file(identifier, ROOT_FORM) for identifier in environment.identifiers]
            for command in commands[:-1]:
                if self._known(command, environment.label) is None:
                    return None
            return self._known(commands[-1], environment.label)
        for name in dict.fromkeys((*first, environment.name, *environment.also)):
            fci = self._known(select_by_name(name), environment.label)
            if fci is not None:
                return fci
        return None

    def _known(self, command: Command, where: str) -> bytes | None:
        response = transmit(self._exchange, command, where)
        if response.ok:
            return response.data
        if response.sw in status_words.NO_SUCH_APPLICATION:
            return None
        raise status_words.as_fault(response.sw, where)

    def select_file(self, file: CardFile) -> None:
        """Select an elementary file; the form that worked is tried first from then on. One of a short identifier needs none."""
        if file.by_short_id:
            return
        where, sw = f"{file.path} select", 0
        for p1 in self._forms:
            response = transmit(self._exchange, select_file(file.file_id, p1), where)
            if response.ok:
                self._forms = (p1, *(form for form in SELECT_FORMS if form != p1))
                return
            sw = response.sw
            if sw not in status_words.OTHER_FORM:
                break
        raise status_words.as_fault(sw, where)

    def read_item(self, file: CardFile, item: Item, generation: Generation | None = None) -> bytes | None:
        """The value of one record of the selected file, of exactly the declared width.

        ``None`` only where the declaration lets a card of this generation lack it.
        """
        raw = self._exchange(record_command(item.tag, item.le))
        if len(raw) == item.le + 2 and raw[0] == item.tag and raw[1] == item.width and raw[-2:] == WELL:
            return raw[2:-2]  # as declared, and nothing to complain of: most of what a read does
        where = file.where(item)
        response = transmit(self._exchange, read_record(item.tag, item.le), where, raw)
        if not response.ok:
            if generation in item.may_be_missing and response.sw in status_words.ABSENT_RECORD:
                return None
            raise status_words.as_fault(response.sw, where)
        record = Record.decode(response.data, where)
        if record.tag != item.tag:
            raise Fault("card.malformed", f"{where}: record has tag {record.tag:02X}")
        if len(record.value) != item.width:
            raise Fault("card.malformed", f"{where}: {len(record.value)} bytes, not {item.width}")
        return record.value

    def read_group(self, file: CardFile, group: Group, number: int) -> tuple[bytes, ...] | None:
        """The values of one repeated record of the selected file, in the declared order; ``None`` when it is not there."""
        where = f"{file.path} tag {group.tag:02X} record {number}"
        raw = self._numbered(where, number, group.le)
        if raw is None:
            return None
        record = Record.decode(raw, where)
        if record.tag != group.tag:
            raise Fault("card.malformed", f"{where}: record has tag {record.tag:02X}")
        values, rest = [], record.value
        for item in group.items:
            inner = Record.decode(rest[: item.le], f"{where} {item.en}")
            if inner.tag != item.tag:
                raise Fault("card.malformed", f"{where} {item.en}: record has tag {inner.tag:02X}")
            if len(inner.value) != item.width:
                raise Fault("card.malformed", f"{where} {item.en}: {len(inner.value)} bytes, not {item.width}")
            values.append(inner.value)
            rest = rest[item.le :]
        if rest:
            raise Fault("card.malformed", f"{where}: longer than its items")
        return tuple(values)

    def read_fields(self, file: CardFile, number: int) -> tuple[bytes, ...] | None:
        """The fields of one numbered record of the selected file; ``None`` when there is no such record."""
        where = f"{file.path} record {number}"
        width = sum(item.width for item in file.items)
        raw = self._numbered(where, number, width, file.file_id if file.by_short_id else 0)
        if raw is None:
            return None
        if len(raw) != width:
            raise Fault("card.malformed", f"{where}: {len(raw)} bytes, not {width}")
        return tuple(_cut(raw, file.items))

    def read_ordered(self, file: CardFile, item: Item) -> bytes | None:
        """The value of the record that is this item by its place in the file; ``None`` when there is no such record."""
        where = file.where(item)
        raw = self._numbered(where, file.items.index(item) + 1, item.le)
        if raw is None:
            return None
        record = Record.decode(raw, where)
        if record.tag != item.tag:
            raise Fault("card.malformed", f"{where}: record has tag {record.tag:02X}")
        return record.value

    def read_objects(self, file: CardFile) -> dict[int, bytes]:
        """The declared objects that stand in the templates of the file's records, by tag; what else stands there is dropped."""
        found: dict[int, bytes] = {}
        for number in range(1, file.records + 1):
            where = f"{file.path} record {number}"
            raw = self._numbered(where, number, MAX_LE, file.file_id)
            if raw is None:
                break
            template = find(raw, TEMPLATE, where)
            if template is None:
                raise Fault("card.malformed", f"{where}: no template {TEMPLATE:02X}")
            for item in file.items:
                value = find(template, item.tag, where)
                if value is not None:
                    found.setdefault(item.tag, value)
        return found

    def ask(self, balance: Balance) -> tuple[bytes, ...] | None:
        """What the card keeps of an account, item by item; ``None`` when it keeps none. Needs its application selected."""
        cla, ins, p1, p2 = balance.command
        command = Command(cla, ins, p1, p2, le=MAX_LE if balance.tag else balance.le)
        response = transmit(self._exchange, command, balance.path)
        if not response.ok:
            if response.sw in status_words.ABSENT_RECORD | status_words.NO_SUCH_APPLICATION:
                return None
            raise status_words.as_fault(response.sw, balance.path)
        data: bytes | None = response.data
        if balance.tag:
            data = find(response.data, balance.tag, balance.path)
            if data is None:
                raise Fault("card.malformed", f"{balance.path}: no object {balance.tag:04X}")
        if data is None or len(data) != balance.le:
            raise Fault("card.malformed", f"{balance.path}: {len(data or b'')} bytes, not {balance.le}")
        return tuple(_cut(data, balance.items))

    def read_bytes(self, file: CardFile) -> bytes:
        """The selected transparent file, as much of its declared size as the card has."""
        data = b""
        while len(data) < file.size:
            response = transmit(self._exchange, read_binary(len(data), min(MAX_PIECE, file.size - len(data))), file.path)
            if response.sw in END_OF_FILE:
                return data + response.data
            if not response.ok:
                raise status_words.as_fault(response.sw, file.path)
            if not response.data:
                break
            data += response.data
        return data

    def _numbered(self, where: str, number: int, le: int, short_id: int = 0) -> bytes | None:
        response = transmit(self._exchange, read_numbered_record(number, le, short_id), where)
        if response.ok:
            return response.data
        if response.sw in status_words.ABSENT_RECORD:
            return None
        raise status_words.as_fault(response.sw, where)


def _cut(raw: bytes, items: tuple[Item, ...]) -> Iterator[bytes]:
    """Items that stand one behind the other, without tags."""
    at = 0
    for item in items:
        yield raw[at : at + item.width]
        at += item.width
