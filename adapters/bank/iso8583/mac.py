"""The message authentication code (field 64) by the profile's algorithm; 8 bytes. Keys never show themselves.

``x9.19`` is ISO/IEC 9797-1 algorithm 3 with padding method 1 (two- or three-key TDEA on the last block), ``sm4-cbc`` the
CBC-MAC of GM/T practice (SM4, zero padding, left half), ``sm4-cmac`` SP 800-38B over SM4, left half.
"""

from __future__ import annotations

import hmac

from attrs import field, frozen
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.cmac import CMAC

ALGORITHMS = ("none", "x9.19", "sm4-cbc", "sm4-cmac")
_KEY_BYTES = 16
_SIZE = 8


@frozen(slots=True, repr=False)
class MacKey:
    """A key and how it is used; ``algorithm`` none has no key and makes no MAC."""

    algorithm: str
    _key: bytes = field(default=b"")

    def __attrs_post_init__(self) -> None:
        if self.algorithm not in ALGORITHMS:
            raise ValueError(f"mac must be one of {', '.join(ALGORITHMS)}")
        if len(self._key) != (0 if self.algorithm == "none" else _KEY_BYTES):
            raise ValueError("a MAC key is 16 bytes, 32 hex digits; none for mac = none")

    def __repr__(self) -> str:
        return f"MacKey({self.algorithm})"

    def of(self, data: bytes) -> bytes:
        """The MAC of ``data``; empty for none."""
        if self.algorithm == "x9.19":
            return _retail(self._key, data)
        if self.algorithm == "sm4-cbc":
            return _sm4_cbc(self._key, data)
        if self.algorithm == "sm4-cmac":
            code = CMAC(SM4(self._key))
            code.update(data)
            return code.finalize()[:_SIZE]
        return b""

    def agrees(self, data: bytes, mac: bytes) -> bool:
        """Whether ``mac`` is that of ``data``."""
        return hmac.compare_digest(self.of(data), mac)


def _padded(data: bytes, block: int) -> bytes:
    return data.ljust(max(block, -(-len(data) // block) * block), b"\0")


def _des(key: bytes) -> Cipher[modes.ECB]:
    # cryptography has no single DES; three times the same key is one.
    return Cipher(TripleDES(key * 3), modes.ECB())  # noqa: S305 - single blocks of a chain made here, as ISO 9797-1 says


def _retail(key: bytes, data: bytes) -> bytes:
    left, right = key[:_SIZE], key[_SIZE:]
    chain = bytes(_SIZE)
    padded = _padded(data, _SIZE)
    encrypt = _des(left).encryptor()
    for start in range(0, len(padded), _SIZE):
        mixed = bytes(a ^ b for a, b in zip(chain, padded[start : start + _SIZE], strict=True))
        chain = encrypt.update(mixed)
    return _des(left).encryptor().update(_des(right).decryptor().update(chain))


def _sm4_cbc(key: bytes, data: bytes) -> bytes:
    encryptor = Cipher(SM4(key), modes.CBC(bytes(_KEY_BYTES))).encryptor()
    return encryptor.update(_padded(data, _KEY_BYTES))[-_KEY_BYTES:][:_SIZE]
