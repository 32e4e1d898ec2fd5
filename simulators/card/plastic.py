"""What every virtual card has: an answer to reset, a count of its exchanges, and the knobs that spoil them."""

from __future__ import annotations

from typing import Protocol

from simulators.card.faults import CardFaults, SwappedError, WithdrawnError

_HEADER = 4  # CLA INS P1 P2


class Card(Protocol):
    """What a slot carries. ``answer`` is called by one thread at a time; ``None`` is silence for ever."""

    atr: bytes
    faults: CardFaults

    def reset(self) -> None:
        """Power on or reset."""

    def answer(self, apdu: bytes) -> bytes | None:
        """Data and status word."""


class Plastic:
    """A card whose exchanges are spoiled by its knobs; what it knows is its subclass's."""

    def __init__(self, faults: CardFaults, atr: bytes) -> None:
        self.faults = faults
        self.atr = atr
        self.exchanges = 0

    def reset(self) -> None:
        """Power on or reset: exchanges are counted anew."""
        self.exchanges = 0

    def answer(self, apdu: bytes) -> bytes | None:
        """Data and status word; ``None`` is silence for ever. Raises ``WithdrawnError``, ``SwappedError`` by knob."""
        self.exchanges += 1
        faults = self.faults
        if faults.withdraw_at and self.exchanges >= faults.withdraw_at:
            raise WithdrawnError
        if faults.swap_at and self.exchanges >= faults.swap_at:
            raise SwappedError
        if faults.silent_from and self.exchanges >= faults.silent_from:
            return None
        if self.exchanges in faults.status_at:
            return faults.status_at[self.exchanges].to_bytes(2, "big")
        return self._execute(apdu) if len(apdu) >= _HEADER else b"\x67\x00"

    def _execute(self, apdu: bytes) -> bytes:
        raise NotImplementedError


def atr_of(historical: bytes, *, t0: bool = False) -> bytes:
    """An answer to reset with these historical bytes. T=1 has the form that PC/SC also gives to a contactless card."""
    if t0:
        return bytes((0x3B, 0x60 + len(historical), 0x00, 0x00)) + historical
    body = bytes((0x80 + len(historical), 0x80, 0x01)) + historical
    check = 0
    for byte in body:
        check ^= byte
    return b"\x3b" + body + bytes((check,))


def tlv(tag: int, value: bytes) -> bytes:
    """A BER-TLV object; lengths up to 255."""
    head = tag.to_bytes((tag.bit_length() + 7) // 8, "big")
    return head + (bytes((len(value),)) if len(value) < 0x80 else bytes((0x81, len(value)))) + value  # noqa: PLR2004 - BER


def data_of(apdu: bytes) -> bytes:
    """The data of a short command."""
    return apdu[5 : 5 + apdu[4]] if len(apdu) > 5 else b""  # noqa: PLR2004 - header and Lc
