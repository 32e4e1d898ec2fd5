"""The card itself: APDU in, answer out, by its own logic and nobody else's codec."""

from __future__ import annotations

import random
from collections.abc import Mapping

from readers.cards import social_security as ss
from readers.cards.catalogue import SOCIAL_SECURITY
from readers.cards.declaration import Access, Generation
from simulators.card.bank import FinanceSide
from simulators.card.faults import CardFaults
from simulators.card.files import Content, application, balances, records
from simulators.card.plastic import Plastic, atr_of, data_of
from simulators.people import CardPerson

_BY_NAME = 0x04
_BY_NUMBER = 0x04
_WHOLE = 256
_OK = b"\x90\x00"


class VirtualCard(Plastic):
    """One person's card in one piece of plastic. ``answer`` is called by one thread at a time.

    ``atr`` speaks T=1, or T=0 when the knob ``get_response`` is on; its last eight historical bytes are the card factor.
    From version 2.00 on it is a bank's card, too; ``contactless``: the side on which the bank's part stands in the PPSE.
    """

    def __init__(
        self, person: CardPerson, faults: CardFaults | None = None, *, seed: int = 1, contactless: bool = False
    ) -> None:
        faults = faults or CardFaults()
        super().__init__(faults, _atr(person, t0=faults.get_response))
        self.person = person
        self._random = random.Random(seed)
        self._files = records(person, self.faults)
        self._generation = Generation(person.spec_version[:1])
        self._applications = {
            environment.name: application(environment, self._generation, self.faults)
            for environment in SOCIAL_SECURITY
            if environment is not ss.SSSE and environment.label not in self.faults.missing_applications
        }
        self._application: Mapping[int, Content] | None = None
        self._balances: Mapping[bytes, bytes] = {}
        financial = self._generation is not Generation.FIRST and "PBOC" not in self.faults.missing_applications
        self._finance = FinanceSide(self.faults, contactless=contactless, purse=False) if financial else None
        self._locked = (
            set()
            if self.faults.granted
            else {file.file_id for file in ss.SSSE.files if file.access[self._generation] is not Access.FREE}
        )
        self._in_environment = False
        self._file = 0
        self._pending = b""

    def reset(self) -> None:
        """Power on or reset: nothing is selected, exchanges are counted anew."""
        super().reset()
        self._in_environment = False
        self._application = None
        self._balances = {}
        if self._finance is not None:
            self._finance.selected = b""
        self._file = 0
        self._pending = b""

    def _execute(self, apdu: bytes) -> bytes:
        bank = self._finance.execute(apdu) if self._finance is not None else None
        if bank is not None:
            return self._late(bank[:-2]) if bank[-2:] == _OK else bank
        if apdu[:2] == b"\xb0\x26":
            return self._balance(apdu)
        if apdu[0] != 0:
            return b"\x6e\x00"
        body = apdu[4:]
        match apdu[1]:
            case 0xA4:
                return self._select(apdu[2], data_of(apdu))
            case 0xB2:
                return self._read_record(apdu[2], apdu[3], body[0] if body else 0)
            case 0xB0:
                return self._read_binary(apdu[2] << 8 | apdu[3], body[0] if body else 0)
            case 0xC0:
                return self._get_response()
            case 0x84:
                return self._random.randbytes(body[0] if body else 8) + _OK
            case _:
                return b"\x6d\x00"

    def _select(self, p1: int, data: bytes) -> bytes:
        if p1 == _BY_NAME:
            self._file = 0
            if data == ss.SSSE.name:
                self._in_environment, self._application, self._balances = True, None, {}
            elif self._in_environment and data in self._applications:
                self._application, self._balances = self._applications[data], balances(data, self.faults)
            else:
                return self._select_bank(data)
            if self._finance is not None:
                self._finance.selected = b""
            return self._late(self._fci(data))
        if p1 not in self.faults.select_forms:
            return b"\x6a\x86"
        file_id = int.from_bytes(data, "big")
        present = self._files if self._application is None else self._application
        if not self._in_environment or file_id not in present:
            return b"\x6a\x82"
        self._file = file_id
        return _OK

    def _select_bank(self, name: bytes) -> bytes:
        fci = self._finance.select(name) if self._finance is not None else None
        if fci is None:
            return b"\x6a\x82"
        self._in_environment, self._application, self._balances = False, None, {}
        return self._late(fci)

    def _balance(self, apdu: bytes) -> bytes:
        """An account of the application that is selected; only after what the knob ``granted`` stands for."""
        kept = self._balances.get(apdu[:4])
        if kept is None:
            return b"\x6d\x00"
        return self._of_length(kept, apdu[4] if len(apdu) > 4 else 0) if self._pin_proved() else b"\x69\x82"  # noqa: PLR2004 - Le

    def _pin_proved(self) -> bool:
        return self.faults.granted

    def _fci(self, name: bytes) -> bytes:
        if self.faults.fci is not None:
            return self.faults.fci
        marker = self.faults.algorithm
        if marker is None and self._generation is Generation.THIRD:
            marker = 0x03
        own = bytes((0x84, len(name))) + name
        if marker is not None:
            own += bytes((0xA5, 6, 0x9F, 0x0C, 3, 0x86, 1, marker))
        return bytes((0x6F, len(own))) + own

    def _late(self, data: bytes) -> bytes:
        """Data at once (T=1), or announced by 61xx (T=0)."""
        if not self.faults.get_response:
            return data + _OK
        self._pending = data
        return bytes((0x61, len(data)))

    def _get_response(self) -> bytes:
        data, self._pending = self._pending, b""
        return data + _OK if data else b"\x69\x85"

    def _read_record(self, tag: int, p2: int, le: int) -> bytes:
        short_id = p2 >> 3
        if short_id:
            self._file = 0xEF00 + short_id
        if self._application is not None:
            return self._read_application(tag, p2, le)
        if not self._in_environment or self._file not in self._files:
            return b"\x69\x86"
        if self._file in self._locked:
            return b"\x69\x82"
        record = self._files[self._file].get(tag)
        if record is None:
            return self.faults.missing_status.to_bytes(2, "big")
        return self._of_length(record, le)

    def _read_application(self, number: int, p2: int, le: int) -> bytes:
        content = self._application.get(self._file) if self._application is not None else None
        if content is None:
            return b"\x69\x86"
        if content.guarded:
            return b"\x69\x82"
        record = (content.numbered if p2 & 0x07 == _BY_NUMBER else content.tagged).get(number)
        return b"\x6a\x83" if record is None else self._of_length(record, le)

    def _read_binary(self, offset: int, le: int) -> bytes:
        content = self._application.get(self._file) if self._application is not None else None
        if content is None:
            return b"\x69\x86"
        if content.guarded:
            return b"\x69\x82"
        if offset >= len(content.data):
            return b"\x6b\x00"
        return content.data[offset : offset + (le or _WHOLE)] + _OK

    def _of_length(self, record: bytes, le: int) -> bytes:
        if (le or _WHOLE) < len(record) or (self.faults.get_response and le != len(record)):
            return bytes((0x6C, len(record)))
        return record + _OK


def _atr(person: CardPerson, *, t0: bool) -> bytes:
    """Historical bytes: category, country-like filler, and the last eight, from which keys are diversified."""
    historical = bytes.fromhex("0081549999") + bytes.fromhex(person.card_id_code)[4:12]
    return atr_of(historical, t0=t0)
