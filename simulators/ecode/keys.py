"""Keys for a sandbox: the pair that GB/T 32918.5 prints in appendix A, and PEM files made of its numbers by hand.

Everybody knows its private half: it proves nothing about anybody, and is for simulated channels and tests only.
"""

from __future__ import annotations

import base64

APP_ID, APP_SECRET = "1G7SIC7HV02Q3F60C80A0000", "the-app-secret"
PRIVATE = 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8
PUBLIC = (
    0x09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020,
    0xCCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13,
)
_SM2_CURVE = bytes.fromhex("06082a811ccf5501822d")
_EC_KEY = bytes.fromhex("06072a8648ce3d0201")


def private_pem(private: int = PRIVATE, public: tuple[int, int] = PUBLIC) -> bytes:
    """A private key as the product's keys are given."""
    content = _der(0x02, b"\x01") + _der(0x04, private.to_bytes(32, "big")) + _der(0xA0, _SM2_CURVE)
    return _pem("EC PRIVATE KEY", _der(0x30, content + _der(0xA1, _point(public))))


def public_pem(public: tuple[int, int] = PUBLIC) -> bytes:
    """The same of a public key."""
    return _pem("PUBLIC KEY", _der(0x30, _der(0x30, _EC_KEY + _SM2_CURVE) + _point(public)))


def _der(tag: int, content: bytes) -> bytes:
    return bytes([tag, len(content)]) + content


def _point(public: tuple[int, int]) -> bytes:
    return _der(0x03, b"\x00\x04" + b"".join(number.to_bytes(32, "big") for number in public))


def _pem(kind: str, der: bytes) -> bytes:
    return f"-----BEGIN {kind}-----\n{base64.encodebytes(der).decode()}-----END {kind}-----\n".encode()
