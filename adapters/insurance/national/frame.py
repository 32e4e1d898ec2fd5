"""What an HTTP answer of the national platform is, before any parser sees a byte of it. Pure."""

from __future__ import annotations

from attrs import field, frozen

from adapters.insurance.exchange.frame import (
    UNAUTHORISED,
    GatewayRefusal,
    HttpReply,
    Unusable,
    charset,
    decoded,
    gateway_refusal,
    media_type,
)

_OK = 200
# The platform's own sample talks of text/plain; what is surely another kind of document is no reply.
_OTHER_TYPES = frozenset({"text/html", "application/xhtml+xml", "text/xml", "application/xml", "application/soap+xml"})
_FILE_TYPES = frozenset({"application/octet-stream", "application/zip", "application/x-zip-compressed"})


@frozen(slots=True)
class Json:
    """Text that may be parsed: it begins as an object does."""

    text: str = field(repr=False)


@frozen(slots=True)
class File:
    """The bytes of a download, as they are."""

    body: bytes = field(repr=False)


Judged = Json | File | GatewayRefusal | Unusable


def judge(reply: HttpReply, *, wants_file: bool) -> Judged:
    """Status, type, length and encoding first; only what passes all may be parsed (insurance.md 5.4)."""
    if reply.status == UNAUTHORISED:
        return gateway_refusal(reply.body) or Unusable("http-status", str(reply.status))
    if reply.status != _OK:
        return Unusable("http-status", str(reply.status))
    kind = media_type(reply)
    if kind in _OTHER_TYPES:
        return Unusable("not-json", "another content type")
    if not reply.body.strip():
        return Unusable("not-json", "an empty body")
    if wants_file and kind in _FILE_TYPES and not reply.body.lstrip().startswith(b"{"):
        return File(reply.body)
    text = decoded(reply.body, charset(reply))
    if text is None:
        return Unusable("unreadable", "the bytes are not in the encoding that is declared")
    if not text.lstrip().startswith("{"):
        return Unusable("not-json", "no object")
    return Json(text)
