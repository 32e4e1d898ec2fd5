"""Answer to reset (ISO 7816-3), pure: only what cards are told apart and keys diversified by."""

from __future__ import annotations

from middleware.domain.fault import Fault

MAX_BYTES = 33
_MIN_BYTES = 2
_TD_BIT = 0x80
_INITIAL = frozenset({0x3B, 0x3F})


def historical_bytes(atr: bytes) -> bytes:
    """The historical bytes alone, 0-15 of them. Raises ``Fault("card.malformed")`` on what is no answer to reset."""
    if not _MIN_BYTES <= len(atr) <= MAX_BYTES or atr[0] not in _INITIAL:
        raise Fault("card.malformed", "ATR: not an answer to reset")
    count = atr[1] & 0x0F
    indicator = atr[1]
    at = 2
    while True:
        interface = (indicator & 0xF0).bit_count()
        following = at + interface - 1  # TDi, where there is one, is the last of its group
        at += interface
        if not indicator & _TD_BIT:
            break
        if following >= len(atr):
            raise Fault("card.malformed", "ATR: cut short")
        indicator = atr[following]
    if at + count > len(atr):
        raise Fault("card.malformed", "ATR: cut short")
    return atr[at : at + count]
