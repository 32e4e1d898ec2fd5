"""SM2 signatures (GB/T 32918.2) as a port: whoever holds a key signs with it; two ways of writing a signature. Pure."""

from __future__ import annotations

from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

DEFAULT_USER_ID = "1234567812345678"  # GM/T 0009-2012, 10
RAW, DER = "raw", "der"
FORMS = (RAW, DER)
_HALF = 32


class SigningKey(Protocol):
    """A private key that never leaves its holder. Blocking; may be called from several threads."""

    def sign(self, data: bytes, user_id: bytes) -> bytes:
        """SM3withSM2: r and s, 32 bytes each."""


class VerifyingKey(Protocol):
    """The other side's public key. Blocking; may be called from several threads."""

    def verify(self, signature: bytes, data: bytes, user_id: bytes) -> bool:
        """Whether r and s, 32 bytes each, are of these bytes. Never raises."""


def to_der(signature: bytes) -> bytes:
    """R and s as the SEQUENCE of two integers that most libraries give."""
    r, s = signature[:_HALF], signature[_HALF:]
    return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))


def to_raw(signature: bytes) -> bytes:
    """The reverse; ``ValueError`` for what is no such SEQUENCE, or whose integers are too long."""
    try:
        return b"".join(number.to_bytes(_HALF, "big") for number in decode_dss_signature(signature))
    except OverflowError:
        raise ValueError("an integer of the signature is too long") from None


def formed(signature: bytes, form: str) -> bytes:
    """R and s in that form."""
    return to_der(signature) if form == DER else signature
