"""The answer to SELECT (FCI, ISO 7816-4 5.3.3) as far as cards are told apart by it. Pure, strict and bounded."""

from __future__ import annotations

from collections.abc import Iterator

from middleware.domain.fault import Fault
from readers.cards.declaration import Algorithm
from readers.cards.social_security import ALGORITHMS

ISSUER_DATA = 0x9F0C
MAX_DEPTH = 4
_CONSTRUCTED = 0x20
_MORE_TAG = 0x1F
_LONG = 0x80
_MARKER = 0x86


def objects(data: bytes, where: str) -> Iterator[tuple[int, bytes]]:
    """The BER-TLV objects of one level, tag (1-2 bytes) and value; ``Fault("card.malformed")`` where it is cut short."""
    at = 0
    while at < len(data):
        if data[at] == 0:  # EMV book 3, annex B: 00 may stand before, between and after objects
            at += 1
            continue
        start = at
        at += 2 if data[at] & _MORE_TAG == _MORE_TAG else 1
        tag = int.from_bytes(data[start:at], "big")
        if at >= len(data):
            raise Fault("card.malformed", f"{where}: cut short")
        length = data[at]
        at += 1
        if length > _LONG + 1 or length == _LONG:
            raise Fault("card.malformed", f"{where}: length of more than one byte")
        if length == _LONG + 1:
            if at >= len(data):
                raise Fault("card.malformed", f"{where}: cut short")
            length, at = data[at], at + 1
        value = data[at : at + length]
        if len(value) != length:
            raise Fault("card.malformed", f"{where}: cut short")
        yield tag, value
        at += length


def find(data: bytes, tag: int, where: str, depth: int = MAX_DEPTH) -> bytes | None:
    """The value of the first object of that tag, looked for inside constructed ones, too; ``None`` when there is none."""
    for found, value in objects(data, where):
        if found == tag:
            return value
        first = found >> 8 or found
        if first & _CONSTRUCTED and depth > 1:
            inner = find(value, tag, where, depth - 1)
            if inner is not None:
                return inner
    return None


def algorithm(fci: bytes, where: str = "SSSE FCI") -> Algorithm:
    """With which cipher the card's keys work; 3DES where the card does not say.

    Raises ``Fault("card.malformed")`` for a marker that is not understood: keys of another cipher must not be tried.
    """
    issuer = find(fci, ISSUER_DATA, where)
    if issuer is None:
        return Algorithm.TDES
    for tag, value in objects(issuer, where):
        if tag == _MARKER:
            known = ALGORITHMS.get(value[0]) if len(value) == 1 else None
            if known is None:
                raise Fault("card.malformed", f"{where}: unknown algorithm marker")
            return known
    return Algorithm.TDES
