"""The channel of e-vouchers, mobile payment and e-prescriptions: JSON whose ``data`` is enciphered and signed.

Source: insurance.md 2 (a public client's source). Which SM2 user id the channel wants is open there: it is an argument.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from adapters.insurance.signing.sm import SM4_KEY_BYTES, sm4_decrypt, sm4_encrypt
from adapters.insurance.signing.sm2 import SigningKey, VerifyingKey

MAX_BYTES = 2 << 20
_UNSIGNED = frozenset({"signData", "encData", "extra"})
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class NotGenuine(Exception):  # noqa: N818 - it says what is so; the text names a rule, never a byte
    """What came is not what the other side sealed for us."""


class Undecipherable(NotGenuine):
    """It is in the sealed form, and our key does not open it."""


@frozen(slots=True)
class Opened:
    """A message that was sealed for us: what it says, when it was made by the other side's clock, and its signature."""

    data: Mapping[str, Any] = field(repr=False)
    at: dt.datetime
    signature: bytes = field(repr=False)


@frozen(slots=True)
class Voucher:
    """One application's side of the channel. ``app_id`` has 16 characters or more, ``secret`` is its appSecret."""

    app_id: str
    secret: str = field(repr=False)
    ours: SigningKey = field(repr=False)
    theirs: VerifyingKey = field(repr=False)
    user_id: bytes = field(repr=False)
    version: str = "1.0.0"

    def seal(self, data: Mapping[str, Any], at: dt.datetime) -> bytes:
        """One message's bytes. ``data`` holds texts, whole numbers, lists and objects; amounts are texts."""
        open_form: dict[str, Any] = {
            "appId": self.app_id,
            "data": data,
            "encType": "SM4",
            "signType": "SM2",
            "timestamp": str((at - _EPOCH) // dt.timedelta(milliseconds=1)),
            "version": self.version,
        }
        signature = self.ours.sign(sign_text(open_form, self.secret).encode(), self.user_id)
        del open_form["data"]
        open_form["encData"] = sm4_encrypt(self.key, _compact(data).encode()).hex().upper()
        open_form["signData"] = base64.b64encode(signature).decode()
        return _compact(open_form).encode()

    def unseal(self, body: bytes) -> Mapping[str, Any]:
        """The ``data`` of a message sealed for us. ``NotGenuine`` for anything else."""
        return self.opened(body).data

    def opened(self, body: bytes) -> Opened:
        """The same with what tells an old message from a new one. ``NotGenuine``, or ``Undecipherable``."""
        if len(body) > MAX_BYTES:
            raise NotGenuine("too long")
        whole = _object(body)
        try:
            hidden, signature = bytes.fromhex(whole["encData"]), base64.b64decode(whole["signData"], validate=True)
            at = _EPOCH + dt.timedelta(milliseconds=int(whole["timestamp"]))
        except (KeyError, TypeError, ValueError, OverflowError, binascii.Error) as exc:
            raise NotGenuine(f"{type(exc).__name__} in the sealed form") from None
        if whole.get("appId") != self.app_id:
            raise NotGenuine("another application's")
        data = self._deciphered(hidden)
        if not self.theirs.verify(signature, sign_text({**whole, "data": data}, self.secret).encode(), self.user_id):
            raise NotGenuine("the signature is not of these fields")
        return Opened(data, at, signature)

    def _deciphered(self, hidden: bytes) -> dict[str, Any]:
        try:
            return _object(sm4_decrypt(self.key, hidden))
        except (ValueError, NotGenuine) as exc:
            raise Undecipherable(f"{type(exc).__name__} in deciphering") from None

    @property
    def key(self) -> bytes:
        """The SM4 key: the secret enciphered under the first 16 characters of the id, of its hex the first 16."""
        hidden = sm4_encrypt(self.app_id[:SM4_KEY_BYTES].encode(), self.secret.encode())
        return hidden.hex().upper()[:SM4_KEY_BYTES].encode()


def sign_text(fields: Mapping[str, Any], secret: str) -> str:
    """``k=v`` in ordinal order without empties, objects with their keys sorted, and the secret at the end."""
    parts = [
        f"{name}={value if isinstance(value, str) else _compact(value)}"
        for name, value in sorted(fields.items())
        if name not in _UNSIGNED and value not in (None, "", {}, [])
    ]
    return "&".join([*parts, f"key={secret}"])


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise NotGenuine(f"{type(exc).__name__} in the JSON") from None
    if not isinstance(found, dict):
        raise NotGenuine("no object")
    return found
