"""The gateway before the simulated centre: it checks headers and envelope signatures by its own arithmetic.

SM2 stands here in plain Python, on affine points, from the text of GB/T 32918: slow, and nobody else's. SM3 is the standard
library's.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping

from attrs import frozen

Check = Callable[[Mapping[str, str], Mapping[str, str], dt.datetime], str]
"""(headers with names in small letters, envelope, the centre's time) -> why it is refused, "" when it is not."""

_P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
_A = _P - 3
_B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
_N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
_G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
Point = tuple[int, int] | None  # None is the point at infinity


@frozen(slots=True)
class Csb:
    """Gateway A."""

    access_key: str
    secret: bytes
    window_s: float = 1800.0
    milliseconds: bool = True

    def __call__(self, headers: Mapping[str, str], _envelope: Mapping[str, str], now: dt.datetime) -> str:
        """See ``Check``."""
        names = ("_api_access_key", "_api_name", "_api_timestamp", "_api_version")  # in order
        if any(name not in headers for name in (*names, "_api_signature")):
            return "missing header"
        unit = 1000.0 if self.milliseconds else 1.0
        if abs(now.timestamp() - int(headers["_api_timestamp"]) / unit) > self.window_s:
            return "timestamp expired"
        if headers["_api_access_key"] != self.access_key:
            return "unknown key"
        text = "&".join("=".join((name, headers[name])) for name in names).encode()
        wanted = base64.b64encode(hmac.new(self.secret, text, hashlib.sha1).digest()).decode()
        return "" if hmac.compare_digest(wanted, headers["_api_signature"]) else "signature mismatch"


@frozen(slots=True)
class Tif:
    """Gateway B; a nonce is taken once."""

    paas_id: str
    token: str
    seen: set[str]
    window_s: float = 1800.0

    def __call__(self, headers: Mapping[str, str], _envelope: Mapping[str, str], now: dt.datetime) -> str:
        """See ``Check``."""
        stamp, nonce = headers.get("x-tif-timestamp", "0"), headers.get("x-tif-nonce", "")
        if headers.get("x-tif-paasid") != self.paas_id or not nonce or nonce in self.seen:
            return "unknown, or the nonce is used up"
        self.seen.add(nonce)
        if abs(now.timestamp() - int(stamp)) > self.window_s:
            return "timestamp expired"
        wanted = hashlib.sha256((stamp + self.token + nonce + stamp).encode()).hexdigest()
        return "" if wanted == headers.get("x-tif-signature") else "signature mismatch"


@frozen(slots=True)
class EnvelopeSignature:
    """cainfo as Hubei has it, r and s in hex."""

    public: tuple[int, int]
    user_id: str = "1234567812345678"

    def __call__(self, _headers: Mapping[str, str], envelope: Mapping[str, str], _now: dt.datetime) -> str:
        """See ``Check``."""
        text = "&".join(f"{name}={envelope[name]}" for name in sorted(set(envelope) - {"cainfo", "input"}))
        try:
            signature = bytes.fromhex(envelope.get("cainfo", ""))
        except ValueError:
            return "cainfo is no hex"
        good = envelope.get("signtype") == "SM2" and verify(self.public, signature, text.encode(), self.user_id.encode())
        return "" if good else "cainfo mismatch"


def verify(public: tuple[int, int], signature: bytes, data: bytes, user_id: bytes) -> bool:
    """GB/T 32918.2, 7.1: whether r and s, 32 bytes each, are of these bytes."""
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if len(signature) != 64 or not (0 < r < _N and 0 < s < _N) or (r + s) % _N == 0:  # noqa: PLR2004 - two halves of 32
        return False
    point = _add(_times(s, _G), _times((r + s) % _N, public))
    return point is not None and (_digest(public, data, user_id) + point[0]) % _N == r


def sign(private: int, public: tuple[int, int], data: bytes, user_id: bytes) -> bytes:
    """GB/T 32918.2, 6.1: r and s, 32 bytes each."""
    digest = _digest(public, data, user_id)
    while True:
        once = secrets.randbelow(_N - 1) + 1
        point = _times(once, _G)
        r = (digest + point[0]) % _N if point is not None else 0
        s = pow(1 + private, -1, _N) * (once - r * private) % _N
        if r and s and r + once != _N:
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _digest(public: tuple[int, int], data: bytes, user_id: bytes) -> int:
    own = (len(user_id) * 8).to_bytes(2, "big") + user_id
    own += b"".join(number.to_bytes(32, "big") for number in (_A, _B, *_G, *public))
    return int.from_bytes(hashlib.new("sm3", hashlib.new("sm3", own).digest() + data).digest(), "big")


def _add(one: Point, other: Point) -> Point:
    if one is None or other is None:
        return one or other
    if one[0] == other[0] and (one[1] + other[1]) % _P == 0:
        return None
    if one == other:
        slope = (3 * one[0] * one[0] + _A) * pow(2 * one[1], -1, _P)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, _P)
    x = (slope * slope - one[0] - other[0]) % _P
    return x, (slope * (one[0] - x) - one[1]) % _P


def _times(count: int, point: Point) -> Point:
    total: Point = None
    while count:
        if count & 1:
            total = _add(total, point)
        point, count = _add(point, point), count >> 1
    return total
