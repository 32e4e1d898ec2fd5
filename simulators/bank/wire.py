"""ISO 8583 by pyiso8583 and a specification of our own: the simulator shares no codec with the adapter it talks to."""

from __future__ import annotations

from typing import Any

import iso8583
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.cmac import CMAC

Decoded = dict[str, str]


def _number(length: int, lengths: int = 0) -> dict[str, Any]:
    return {
        "data_enc": "b", "len_enc": "bcd", "len_type": lengths, "max_len": length, "len_count": "nibbles", "right_pad": "0",
        "desc": "",
    }  # fmt: skip


def _text(length: int, lengths: int = 0, encoding: str = "latin-1") -> dict[str, Any]:
    return {"data_enc": encoding, "len_enc": "bcd", "len_type": lengths, "max_len": length, "desc": ""}


def _octets(length: int) -> dict[str, Any]:
    return {"data_enc": "b", "len_enc": "bcd", "len_type": 0, "max_len": length, "desc": ""}


SPEC: dict[str, dict[str, Any]] = {
    "h": _text(0), "t": _octets(2), "p": _octets(8), "1": _octets(8),
    "2": _number(19, 1), "3": _number(6), "4": _number(12), "11": _number(6), "12": _number(6), "13": _number(4),
    "14": _number(4), "15": _number(4), "22": _number(3), "25": _number(2), "26": _number(2), "32": _number(11, 1),
    "35": _number(37, 1), "37": _text(12), "38": _text(6), "39": _text(2), "41": _text(8), "42": _text(15),
    "43": _text(40), "44": _text(25, 1), "49": _text(3), "52": _octets(8), "53": _number(16),
    "60": _number(17, 2), "61": _number(29, 2), "63": _text(163, 2), "64": _octets(8),
}  # fmt: skip


class Unreadable(ValueError):  # noqa: N818 - what it is
    """Bytes that pyiso8583 does not take."""


def decode(body: bytes) -> Decoded:
    """The fields of a message, MTI under "t"; binary ones as hex."""
    try:
        decoded, _ = iso8583.decode(body, SPEC)
    except iso8583.DecodeError as exc:
        raise Unreadable(str(exc.msg)) from exc
    return decoded


def encode(message: Decoded) -> bytes:
    """The bytes of a message."""
    raw, _ = iso8583.encode(message, SPEC)
    return bytes(raw)


def mac_of(algorithm: str, key: bytes, data: bytes) -> bytes:
    """Field 64, by another way than the adapter's: whole chains by the library's CBC."""
    if algorithm == "sm4-cmac":
        code = CMAC(SM4(key))
        code.update(data)
        return code.finalize()[:8]
    block = 16 if algorithm == "sm4-cbc" else 8
    data += bytes(-len(data) % block)
    if algorithm == "sm4-cbc":
        chain = Cipher(SM4(key), modes.CBC(bytes(16))).encryptor()
        return chain.update(data)[-16:-8]
    head, last = data[:-8], data[-8:]
    single = Cipher(TripleDES(key[:8] * 3), modes.CBC(bytes(8))).encryptor()
    before = single.update(head)[-8:] if head else bytes(8)
    mixed = (int.from_bytes(before, "big") ^ int.from_bytes(last, "big")).to_bytes(8, "big")
    return Cipher(TripleDES(key + key[:8]), modes.ECB()).encryptor().update(mixed)  # noqa: S305 - one block
