"""Gateways in front of a centre and the headers they want. Pure; none covers the body, so the transport must.

Source: insurance.md 2 (Hunan and Jiangsu: CSB; Hebei and Guangdong: TIF).
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
from collections.abc import Callable
from typing import Protocol

from attrs import field, frozen

Headers = tuple[tuple[str, str], ...]


class Gateway(Protocol):
    """What stands in front of the centre's service."""

    def headers(self, at: dt.datetime) -> Headers:
        """The headers of one message made at that moment; each message has its own."""


@frozen(slots=True)
class NoGateway:
    """The service itself listens."""

    def headers(self, at: dt.datetime) -> Headers:  # noqa: ARG002 - see ``Gateway``
        """None."""
        return ()


@frozen(slots=True)
class CsbGateway:
    """Gateway A, "CSB": HMAC-SHA1 over its own four headers.

    ``milliseconds``: 13 digits of time as Hunan has it, else seconds (Jiangsu).
    """

    api_name: str
    api_version: str
    access_key: str = field(repr=False)
    secret: bytes = field(repr=False)
    milliseconds: bool

    def headers(self, at: dt.datetime) -> Headers:
        """The four, and their signature."""
        signed = {
            "_api_name": self.api_name,
            "_api_version": self.api_version,
            "_api_timestamp": _time_of(at, milliseconds=self.milliseconds),
            "_api_access_key": self.access_key,
        }
        text = "&".join(f"{name}={signed[name]}" for name in sorted(signed))
        signature = base64.b64encode(hmac.digest(self.secret, text.encode(), "sha1")).decode()
        return (*signed.items(), ("_api_signature", signature))


@frozen(slots=True)
class TifGateway:
    """Gateway B, "TIF": SHA-256 of time, token, nonce, time. ``api_key`` is a header of its own where the site has one."""

    paas_id: str = field(repr=False)
    token: bytes = field(repr=False)
    api_key: str = field(repr=False)
    nonce: Callable[[], str] = field(repr=False)

    def headers(self, at: dt.datetime) -> Headers:
        """The four, and the site's key."""
        stamp, nonce = _time_of(at, milliseconds=False), self.nonce()
        signature = hashlib.sha256(stamp.encode() + self.token + f"{nonce}{stamp}".encode()).hexdigest()
        return (
            ("x-tif-paasid", self.paas_id),
            ("x-tif-timestamp", stamp),
            ("x-tif-nonce", nonce),
            ("x-tif-signature", signature),
            *((("apikey", self.api_key),) if self.api_key else ()),
        )


def _time_of(at: dt.datetime, *, milliseconds: bool) -> str:
    """Since 1970. In whole units without float: 0.1 s has no exact one."""
    since = at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return str(since // dt.timedelta(milliseconds=1) if milliseconds else since // dt.timedelta(seconds=1))
