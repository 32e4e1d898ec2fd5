r"""Authenticated encryption and keyed digests under a name: AES-256-GCM, SM4-GCM (RFC 8998), HMAC-SM3, HMAC-SHA-256. Pure.

A box is version (1 byte) | nonce (12) | ciphertext | tag (16). Nonces are random: of one key no more than ``MAX_VALUES``
boxes may be made (NIST SP 800-38D, 8.3: the chance that two nonces meet stays under 2^-32), which the keyring counts.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION = b"\x01"
NONCE_BYTES = 12
TAG_BYTES = 16
MAX_VALUES = 1 << 32

RandomBytes = Callable[[int], bytes]


class NotOpenedError(Exception):
    """The box, the key or the associated data is not the one it was made with; which of them cannot be told."""


class Aead(Protocol):
    """One key in use."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        """Ciphertext and tag."""

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        """The data, or ``InvalidTag``."""


class Sm4Gcm:
    """SM4-GCM with the same face as ``AESGCM``; the library has no class of its own for it."""

    def __init__(self, key: bytes | bytearray) -> None:
        self._cipher = algorithms.SM4(bytes(key))

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        """See ``Aead``."""
        encryptor = Cipher(self._cipher, modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(associated_data)
        return encryptor.update(data) + encryptor.finalize() + encryptor.tag

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        """See ``Aead``."""
        decryptor = Cipher(self._cipher, modes.GCM(nonce, data[-TAG_BYTES:])).decryptor()
        decryptor.authenticate_additional_data(associated_data)
        return decryptor.update(data[:-TAG_BYTES]) + decryptor.finalize()


AES, SM4 = "aes-256-gcm", "sm4-gcm"
KEY_BYTES = {AES: 32, SM4: 16}
DIGESTS = {"hmac-sm3": "sm3", "hmac-sha256": "sha256"}
DIGEST_KEY_BYTES = 32


def aead(algorithm: str, key: bytes | bytearray) -> Aead:
    """The cipher of that name; ``ValueError`` for another name or a key of another length."""
    if len(key) != KEY_BYTES.get(algorithm):
        raise ValueError(f"{algorithm} with a key of {len(key)} bytes")
    return AESGCM(bytes(key)) if algorithm == AES else Sm4Gcm(key)


def enclose(cipher: Aead, data: bytes, context: bytes, random_bytes: RandomBytes) -> bytes:
    """A box of ``data`` that opens with the same key and the same ``context`` only."""
    return enclose_with(random_bytes(NONCE_BYTES), cipher, data, context)


def enclose_with(nonce: bytes, cipher: Aead, data: bytes, context: bytes) -> bytes:
    """The same with a nonce that was drawn for this box and for no other."""
    return VERSION + nonce + cipher.encrypt(nonce, data, VERSION + context)


def disclose(cipher: Aead, box: bytes, context: bytes) -> bytes:
    """What was enclosed, or ``NotOpenedError``."""
    nonce, rest = box[1 : 1 + NONCE_BYTES], box[1 + NONCE_BYTES :]
    if box[:1] != VERSION or len(rest) < TAG_BYTES:
        raise NotOpenedError
    try:
        return cipher.decrypt(nonce, rest, VERSION + context)
    except InvalidTag:
        raise NotOpenedError from None


class KeyedDigest:
    """One key in use for digests: equal for equal texts, and of no use to whoever has not the key. Any thread may ask."""

    def __init__(self, algorithm: str, key: bytes | bytearray) -> None:
        self._begun = hmac.new(bytes(key), digestmod=DIGESTS[algorithm])

    def of(self, text: str) -> str:
        """64 hex digits."""
        begun = self._begun.copy()
        begun.update(text.encode())
        return begun.hexdigest()
