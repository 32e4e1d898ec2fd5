"""The sealed channel as its other side keeps it: by its own arithmetic and the standard's text, nothing of an edge's.

SM2 is in ``gateway`` (plain Python); SM3 is the standard library's, SM4 a library's.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4

from simulators.centre import gateway

_BLOCK = 16


class NotSealedError(ValueError):
    """What came is not sealed by the application that it names."""


@frozen(slots=True)
class Seal:
    """One application at the channel: its secret, its public key, and the channel's own private key."""

    app_id: str
    secret: str = field(repr=False)
    theirs: tuple[int, int]
    ours: int = field(repr=False)
    user_id: bytes = b"1234567812345678"

    def opened(self, body: bytes) -> dict[str, Any]:
        """What is in it; ``NotSealedError`` for anything else."""
        try:
            whole = json.loads(body)
            data = json.loads(self._decipher(bytes.fromhex(whole["encData"])))
            signature = base64.b64decode(whole["signData"])
        except (ValueError, KeyError, TypeError, IndexError) as exc:
            raise NotSealedError(type(exc).__name__) from exc
        said = self._said({**whole, "data": data})
        if whole["appId"] != self.app_id or not gateway.verify(self.theirs, signature, said, self.user_id):
            raise NotSealedError("signature")
        return dict(data)

    def closed(self, data: Mapping[str, Any], at_ms: int, *, forged: bool = False) -> bytes:
        """The same sealed by the channel; ``forged``: by somebody who has the secret and not the key."""
        head = {"appId": self.app_id, "encType": "SM4", "signType": "SM2", "timestamp": str(at_ms), "version": "1.0.0"}
        key = secrets.randbelow(1 << 200) + 1 if forged else self.ours
        signature = gateway.sign(key, self._said({**head, "data": dict(data)}), self.user_id)
        head["encData"] = self._encipher(_json(data).encode()).hex().upper()
        head["signData"] = base64.b64encode(signature).decode()
        return _json(head).encode()

    def _said(self, fields: Mapping[str, Any]) -> bytes:
        named = sorted(name for name in fields if name not in {"signData", "encData", "extra"})
        told = [(name, fields[name]) for name in named if fields[name] not in ("", None)]
        parts = [f"{name}={value if isinstance(value, str) else _json(value)}" for name, value in told]
        return ("&".join(parts) + f"&key={self.secret}").encode()

    def _cipher(self, key: bytes) -> Cipher[modes.ECB]:
        return Cipher(SM4(key), modes.ECB())  # noqa: S305 - the channel's own choice

    @property
    def _key(self) -> bytes:
        first = self._cipher(self.app_id[:_BLOCK].encode()).encryptor()
        return (first.update(_padded(self.secret.encode())) + first.finalize()).hex().upper()[:_BLOCK].encode()

    def _encipher(self, text: bytes) -> bytes:
        work = self._cipher(self._key).encryptor()
        return work.update(_padded(text)) + work.finalize()

    def _decipher(self, hidden: bytes) -> bytes:
        work = self._cipher(self._key).decryptor()
        text = work.update(hidden) + work.finalize()
        return text[: -text[-1]]


def _padded(text: bytes) -> bytes:
    missing = _BLOCK - len(text) % _BLOCK
    return text + bytes([missing]) * missing


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
