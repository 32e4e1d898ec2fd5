"""Reading declared files over an ``Exchange``: select, read by tag, check, decode. Pure: no PC/SC, no clock.

Every fault names file and item ("SSSE/EF06 tag 0D birth date: not BCD"), never a value.
"""

from __future__ import annotations

from middleware.domain.fault import Fault
from readers import status_words
from readers.apdu import Exchange, read_record, select_by_name, select_file, transmit
from readers.cards.declaration import CardFile, Environment, Generation, Item
from readers.tlv import Record

SELECT_FORMS = (0x02, 0x00)  # P1 of SELECT EF by identifier; both are met in the field (reference 1.5)


class FileReader:
    """Selects and reads on one powered card. Remembers which form of SELECT this card takes."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._forms: tuple[int, ...] = SELECT_FORMS

    def select_environment(self, environment: Environment) -> None:
        """Select by name; a card that has never heard of it is ``card.unsupported``."""
        response = transmit(self._exchange, select_by_name(environment.name), environment.label)
        if response.ok:
            return
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
