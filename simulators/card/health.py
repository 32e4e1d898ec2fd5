"""A virtual resident health card: selected by identifiers, records by number, its files guarded by read keys."""

from __future__ import annotations

from collections.abc import Mapping

from readers.cards.declaration import Generation
from readers.cards.health import HEALTH
from simulators.card.faults import CardFaults
from simulators.card.files import Content, application
from simulators.card.plastic import Plastic, atr_of, data_of

_OK = b"\x90\x00"
_WHOLE = 256


class HealthCard(Plastic):
    """Its content is the first good example of each declared item, in the layout of the declaration."""

    def __init__(self, faults: CardFaults | None = None) -> None:
        super().__init__(faults or CardFaults(), atr_of(bytes.fromhex("0081548A0000000099")))
        self._applications = {
            environment.identifiers[-1]: application(environment, Generation.FIRST, self.faults)
            for environment in HEALTH
            if environment.label not in self.faults.missing_applications
        }
        self._root = HEALTH[0].identifiers[0]
        self.reset()

    def reset(self) -> None:
        """Power on or reset: nothing is selected."""
        super().reset()
        self._selected: Mapping[int, Content] | None = None
        self._file: Content | None = None
        self._place = 0

    def _closed(self, file: Content) -> bool:
        return file.guarded

    def _execute(self, apdu: bytes) -> bytes:
        match apdu[:2]:
            case b"\x00\xa4":
                return self._select(apdu[2], int.from_bytes(data_of(apdu), "big"))
            case b"\x00\xb2" | b"\x00\xb0":
                return self._read(apdu)
            case _:
                return b"\x6d\x00"

    def _select(self, p1: int, identifier: int) -> bytes:
        if p1 not in {0x00, 0x02}:
            return b"\x6a\x82"
        if identifier == self._root or (self._selected is not None and identifier in self._applications):
            if identifier not in self._applications:
                return b"\x6a\x82"
            self._selected, self._file = self._applications[identifier], None
            self._place = identifier
            return _OK
        if self._selected is None or identifier not in self._selected:
            return b"\x6a\x82"
        self._file = self._selected[identifier]
        return _OK

    def _read(self, apdu: bytes) -> bytes:
        if self._file is None:
            return b"\x69\x86"
        if self._closed(self._file):
            return b"\x69\x82"
        if apdu[1] == 0xB0:  # noqa: PLR2004 - READ BINARY
            offset = apdu[2] << 8 | apdu[3]
            data = self._file.data
            wanted = (apdu[4] if len(apdu) > 4 else 0) or _WHOLE  # noqa: PLR2004 - Le
            return b"\x6b\x00" if offset >= len(data) else data[offset : offset + wanted] + _OK
        record = self._file.numbered.get(apdu[2])
        return b"\x6a\x83" if record is None else record + _OK
