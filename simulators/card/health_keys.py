"""A virtual resident health card with invented keys: it wants proof of a read key before it opens an application's files.

Strict where a real one may be: rights end with the next SELECT of an application, a challenge with the next other command.
"""

from __future__ import annotations

import random

from simulators.card import keys
from simulators.card.files import Content
from simulators.card.health import HealthCard
from simulators.card.plastic import data_of
from simulators.card.secure import KEY_TRIES, KeyFaults

_OK = b"\x90\x00"
_CITY = "999900"  # the example of DDF1/EF05 tag 39
_ROOT, _ROOT_REFERENCE, _REFERENCE = 0xDDF1, 0x04, 0x84
_PROOF = 17  # eight bytes, the source that they were made of, and 01


class KeyedHealthCard(HealthCard):
    """Tries outlive a reset, rights do not. ``commands``: everything that was sent to it."""

    def __init__(self, faults: KeyFaults | None = None, *, seed: int = 1) -> None:
        self.key_faults = faults or KeyFaults()
        self.key_tries: dict[int, int] = {}
        self.commands: list[bytes] = []
        self.proved: list[int] = []  # applications, in the order in which their keys were proved
        self._random = random.Random(seed)
        super().__init__(self.key_faults.card)

    def reset(self) -> None:
        """Power on or reset: rights and challenges are gone."""
        super().reset()
        self._open = False
        self._challenge = b""

    def _closed(self, file: Content) -> bool:
        return file.guarded and not self._open

    def _execute(self, apdu: bytes) -> bytes:
        self.commands.append(bytes(apdu))
        match apdu[:2]:
            case b"\x00\x84":
                self._challenge = self._random.randbytes(keys.FACTOR)
                return self._challenge + _OK
            case b"\x00\x82":
                return self._take_proof(apdu[3], data_of(apdu))
        self._challenge = b""
        return super()._execute(apdu)

    def _select(self, p1: int, identifier: int) -> bytes:
        answer = super()._select(p1, identifier)
        if identifier in self._applications:
            self._open = False
        return answer

    def _take_proof(self, reference: int, data: bytes) -> bytes:
        if self.key_faults.answer_prove:
            return self.key_faults.answer_prove.to_bytes(2, "big")
        if len(data) != _PROOF or data[-1] != 1:
            return b"\x67\x00"
        if reference != (_ROOT_REFERENCE if self._place == _ROOT else _REFERENCE):
            return b"\x6a\x88"
        left = self.key_tries.setdefault(self._place, KEY_TRIES)
        if not left:
            return b"\x69\x83"
        factor, self._challenge = self._challenge, b""
        cryptogram, source = data[: keys.FACTOR], data[keys.FACTOR : 2 * keys.FACTOR]
        number = keys.HEALTH_READ[0 if self._place == _ROOT else self._place & 0x0F]
        if self.key_faults.forged:
            number += 0x100
        key = keys.diversified(keys.health_key(number, _CITY, keys.card_factor(self.atr)), (factor,), sm4=True)
        if not factor or keys.computed(key, source, sm4=True) != cryptogram:
            self.key_tries[self._place] = left - 1
            return (0x63C0 + left - 1).to_bytes(2, "big")
        self.key_tries[self._place] = KEY_TRIES
        self.proved.append(self._place)
        self._open = True
        return _OK
