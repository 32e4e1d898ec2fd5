"""Reading declared files over an ``Exchange``: select, read by tag, check, decode. Pure: no PC/SC, no clock.

Every fault names file and item ("SSSE/EF06 tag 0D birth date: not BCD"), never a value.
"""

from __future__ import annotations

from middleware.domain.fault import Fault
from readers import status_words
from readers.apdu import Exchange, read_binary, read_numbered_record, read_record, select_by_name, select_file, transmit
from readers.cards.declaration import CardFile, Environment, Generation, Group, Item
from readers.tlv import Record

SELECT_FORMS = (0x02, 0x00)  # P1 of SELECT EF by identifier; both are met in the field (reference 1.5)

MAX_PIECE = 128  # bytes a READ BINARY: every card takes that
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

    def select_file(self, file: CardFile) -> None:
        """Select an elementary file; the form that worked is tried first from then on."""
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
        where = file.where(item)
        response = transmit(self._exchange, read_record(item.tag, item.le), where)
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
        raw = self._numbered(where, number, width)
        if raw is None:
            return None
        if len(raw) != width:
            raise Fault("card.malformed", f"{where}: {len(raw)} bytes, not {width}")
        values, at = [], 0
        for item in file.items:
            values.append(raw[at : at + item.width])
            at += item.width
        return tuple(values)

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

    def _numbered(self, where: str, number: int, le: int) -> bytes | None:
        response = transmit(self._exchange, read_numbered_record(number, le), where)
        if response.ok:
            return response.data
        if response.sw in status_words.ABSENT_RECORD:
            return None
        raise status_words.as_fault(response.sw, where)
