"""Invented keys and real arithmetic: how a card's keys come from an issuer's, level by level, and what they compute.

No key here exists anywhere: each is the digest of a sentence. Levels, each under the one before it: the ministry's root
key, then by city factor, then by card factor, then for one message by a process factor. That order is our reading of
the facts: public sources give the counts of levels and the factors, no worked example.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from enum import IntEnum

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4

KEY_BYTES = 16
FACTOR = 8


class KeyRef(IntEnum):
    """Keys by the number that card, PSAM and HSM have for them in these simulations."""

    IRK = 0x00  # the card proves itself
    RKSSSE = 0x0A  # opens the holder's data of third-generation cards
    RELOAD = 0x06  # opens the reload of a PIN
    PUK = 0x73  # protects PIN UNBLOCK
    DEBIT = 0x20  # MAC1 and MAC2 of a debit
    TAC = 0x21  # the card's word for the clearing


HEALTH_READ = range(0x31, 0x35)  # read keys of resident health cards, as a PSAM numbers them: DDF1, then DF01 to DF03


def health_key(reference: int, city: str, factor: bytes) -> bytes:
    """A read key as it lies in one resident health card."""
    return diversified(root_key(reference), (city[:2].encode("ascii") + b"000000", factor), sm4=True)


def root_key(reference: int) -> bytes:
    """The issuer's key of that number: sixteen invented bytes."""
    return hashlib.sha256(f"yikatong: an invented issuer key, number {reference:02X}".encode()).digest()[:KEY_BYTES]


def city_factor(region: str) -> bytes:
    """Six digits of region and the letters "sx"."""
    return region.encode("ascii")[:6] + b"sx"


def card_factor(atr: bytes) -> bytes:
    """The last eight of the historical bytes; a simulated ATR ends with them, but for the check byte of T=1."""
    count = atr[1] & 0x0F
    t1 = bool(atr[1] & 0x80)
    return (atr[-count - 1 : -1] if t1 else atr[-count:])[-FACTOR:]


def ecb(key: bytes, block: bytes, *, sm4: bool) -> bytes:
    """One encryption without chaining; 3DES with two keys, or SM4."""
    algorithm = SM4(key) if sm4 else TripleDES(key + key[:8])
    encryptor = Cipher(algorithm, modes.ECB()).encryptor()  # noqa: S305 - the cards' own arithmetic
    return encryptor.update(block) + encryptor.finalize()


def diversified(key: bytes, factors: Iterable[bytes], *, sm4: bool) -> bytes:
    """The key one level down for each factor: the factor and its complement, encrypted under the key."""
    for factor in factors:
        both = factor + bytes(byte ^ 0xFF for byte in factor)
        key = ecb(key, both, sm4=sm4) if sm4 else ecb(key, both[:8], sm4=False) + ecb(key, both[8:], sm4=False)
    return key


def computed(key: bytes, source: bytes, *, sm4: bool) -> bytes:
    """What a card compares: eight bytes. SM4 takes a block of the source and zeros and folds its answer in two."""
    if not sm4:
        return ecb(key, source, sm4=False)
    block = ecb(key, source + bytes(FACTOR), sm4=True)
    return folded(block)


def folded(block: bytes) -> bytes:
    """The two halves of sixteen bytes, one over the other."""
    return bytes(left ^ right for left, right in zip(block[:FACTOR], block[FACTOR:], strict=True))


def card_key(reference: int, region: str, factor: bytes, *, sm4: bool) -> bytes:
    """The key of that number as it lies in one card."""
    return diversified(root_key(reference), (city_factor(region), factor), sm4=sm4)


def mac(key: bytes, header: bytes, data: bytes, *, sm4: bool) -> bytes:
    """Four bytes over a command of secure messaging: CBC, padded 80 00.., the left half of the last block."""
    size = 16 if sm4 else 8
    text = header + data + b"\x80"
    text += bytes(-len(text) % size)
    block = bytes(size)
    for at in range(0, len(text), size):
        block = ecb(key, bytes(a ^ b for a, b in zip(block, text[at : at + size], strict=True)), sm4=sm4)
    return block[:4]


def debit_key(key: bytes, random: bytes, counter: bytes, number: bytes, *, sm4: bool) -> bytes:
    """The key of one debit: the card's, down by its random, its counter and the end of the terminal's number."""
    return diversified(key, (random + counter + number[-2:],), sm4=sm4)


def pin_block(key: bytes, pin: str, *, sm4: bool) -> bytes:
    """A PIN under a key: its length, its digits packed, padded 80 00.. to whole blocks."""
    packed = bytes.fromhex(pin + "F" * (len(pin) % 2))
    text = bytes((len(packed),)) + packed + b"\x80"
    size = 16 if sm4 else 8
    text += bytes(-len(text) % size)
    return b"".join(ecb(key, text[at : at + size], sm4=sm4) for at in range(0, len(text), size))


def pin_of(key: bytes, block: bytes, *, sm4: bool) -> str:
    """The PIN again; "" when the block is not one."""
    algorithm = SM4(key) if sm4 else TripleDES(key + key[:8])
    decryptor = Cipher(algorithm, modes.ECB()).decryptor()  # noqa: S305 - the cards' own arithmetic
    text = decryptor.update(block) + decryptor.finalize()
    return text[1 : 1 + text[0]].hex().upper().rstrip("F") if 0 < text[0] < len(text) else ""
