"""The service's side of the sealed channel, by other means than the product's: SM2 by plain arithmetic, SM4 by its library.

Source: insurance.md 2. It checks a question's signature and time, and that it did not come before.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from simulators.centre.gateway import sign, verify

WINDOW_S = 300.0
NO_SUCH_APP, BAD_SIGNATURE, TOO_OLD, CAME_BEFORE = 500101, 500102, 500103, 500104


class SealedSide:
    """``own``: private key and its point; ``client``: the hospital's point. ``clock`` gives aware times."""

    def __init__(
        self, app_id: str, secret: str, own: tuple[int, tuple[int, int]], client: tuple[int, int],
        clock: Callable[[], dt.datetime], user_id: str = "1234567812345678",
    ) -> None:  # fmt: skip
        self.app_id, self.secret = app_id, secret
        self._own, self._client = own, client
        self._clock = clock
        self._user_id = user_id.encode()
        self._seen: set[str] = set()
        self.last = b""  # the newest answer, to be sent once more

    def open(self, body: bytes) -> dict[str, Any]:
        """The question, or ``ValueError`` with the channel's code."""
        whole = json.loads(body)
        if whole.get("appId") != self.app_id:
            raise ValueError(NO_SUCH_APP)
        data = json.loads(self._unpad(bytes.fromhex(whole["encData"])))
        text = self._text({**whole, "data": data})
        if not verify(self._client, base64.b64decode(whole["signData"]), text, self._user_id):
            raise ValueError(BAD_SIGNATURE)
        if abs(self._clock().timestamp() - int(whole["timestamp"]) / 1000) > WINDOW_S:
            raise ValueError(TOO_OLD)
        if whole["signData"] in self._seen:
            raise ValueError(CAME_BEFORE)
        self._seen.add(whole["signData"])
        found: dict[str, Any] = data
        return found

    def seal(self, data: dict[str, Any], fault: str) -> bytes:
        """The answer; ``fault``: "replay", "stale-clock", "bad-signature", "other-key"; any other is not the channel's."""
        if fault == "replay" and self.last:
            return self.last
        at = self._clock() - dt.timedelta(hours=1 if fault == "stale-clock" else 0)
        whole = {
            "appId": self.app_id, "encType": "SM4", "signType": "SM2", "timestamp": str(int(at.timestamp() * 1000)),
            "version": "1.0.0",
        }  # fmt: skip
        signature = sign(self._own[0], self._own[1], self._text({**whole, "data": data}), self._user_id)
        if fault == "bad-signature":
            signature = signature[:-1] + bytes([signature[-1] ^ 1])
        key = b"0" * 16 if fault == "other-key" else self._key()
        hidden = self._cipher(key, _compact(data).encode())
        self.last = json.dumps(
            whole | {"encData": hidden.hex().upper(), "signData": base64.b64encode(signature).decode()}
        ).encode()
        return self.last

    def _text(self, fields: dict[str, Any]) -> bytes:
        kept = {
            name: value if isinstance(value, str) else _compact(value)
            for name, value in fields.items()
            if name not in {"signData", "encData", "extra"} and value
        }
        return ("&".join(f"{name}={kept[name]}" for name in sorted(kept)) + f"&key={self.secret}").encode()

    def _key(self) -> bytes:
        return self._cipher(self.app_id[:16].encode(), self.secret.encode()).hex().upper()[:16].encode()

    @staticmethod
    def _cipher(key: bytes, plain: bytes) -> bytes:
        padder = padding.PKCS7(128).padder()
        encryptor = Cipher(algorithms.SM4(key), modes.ECB()).encryptor()  # noqa: S305 - what the channel has
        return encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()

    def _unpad(self, hidden: bytes) -> bytes:
        decryptor = Cipher(algorithms.SM4(self._key()), modes.ECB()).decryptor()  # noqa: S305 - as above
        unpadder = padding.PKCS7(128).unpadder()
        return unpadder.update(decryptor.update(hidden) + decryptor.finalize()) + unpadder.finalize()


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
