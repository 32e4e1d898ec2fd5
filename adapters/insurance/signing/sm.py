"""SM3 (GB/T 32905) and SM4 in ECB with PKCS #7 (GB/T 32907), by ``cryptography``. Pure."""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SM3, Hash

SM4_KEY_BYTES = 16
_BLOCK_BITS = 128


def sm3(data: bytes) -> bytes:
    """32 bytes."""
    digest = Hash(SM3())
    digest.update(data)
    return digest.finalize()


def sm4_encrypt(key: bytes, data: bytes) -> bytes:
    """Padded and enciphered; ``key`` has 16 bytes.

    ECB is what the channel wants: equal blocks stay equal, so what it protects is little; the transport must.
    """
    padder = padding.PKCS7(_BLOCK_BITS).padder()
    encryptor = Cipher(algorithms.SM4(key), modes.ECB()).encryptor()  # noqa: S305 - see above
    return encryptor.update(padder.update(data) + padder.finalize()) + encryptor.finalize()


def sm4_decrypt(key: bytes, data: bytes) -> bytes:
    """The reverse; ``ValueError`` where length or padding are wrong."""
    decryptor = Cipher(algorithms.SM4(key), modes.ECB()).decryptor()  # noqa: S305 - as above
    unpadder = padding.PKCS7(_BLOCK_BITS).unpadder()
    return unpadder.update(decryptor.update(data) + decryptor.finalize()) + unpadder.finalize()


def is_available() -> bool:
    """Whether the library was built with both."""
    try:
        sm4_encrypt(bytes(SM4_KEY_BYTES), sm3(b""))
    except UnsupportedAlgorithm:
        return False
    return True
