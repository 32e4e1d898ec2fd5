"""What an HTTP answer is, before any XML parser sees a byte of it: pure, bounded, and saying nothing of its content."""

from __future__ import annotations

import re

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

_XML_TYPES = frozenset({"text/xml", "application/xml"})
_TEXT_OK = 200
_FAULT_STATUS = 500  # SOAP 1.1, 6.2: a Fault comes with 500
_DECLARATION = re.compile(rb"""\A\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["'][^>]{0,100}?\?>""")
_DECLARATION_TEXT = re.compile(r"\A\s*<\?xml[^>]{0,400}\?>")


@frozen(slots=True)
class Xml:
    """Bytes that may be parsed: UTF-8, without a declaration of another encoding. ``fault_only``: came with status 500."""

    body: bytes = field(repr=False)
    fault_only: bool


Judged = Xml | GatewayRefusal | Unusable


def judge(reply: HttpReply) -> Judged:
    """Status, type, length and encoding first; only what passes all may be parsed (insurance.md 5.4)."""
    if reply.status in {_TEXT_OK, UNAUTHORISED} and reply.body.lstrip()[:1] == b"{":
        return gateway_refusal(reply.body) or Unusable("not-soap", "JSON")
    if reply.status not in {_TEXT_OK, _FAULT_STATUS}:
        return Unusable("http-status", str(reply.status))
    if media_type(reply) not in _XML_TYPES:
        return Unusable(
            "not-soap" if reply.status == _TEXT_OK else "http-status", f"{reply.status} of another content type"
        )
    if not reply.body.strip():
        return Unusable("not-soap", "an empty body")
    text = _decoded(reply)
    if text is None:
        return Unusable("unreadable", "the bytes are not in the encoding that is declared")
    return Xml(text, fault_only=reply.status == _FAULT_STATUS)


def _decoded(reply: HttpReply) -> bytes | None:
    """The body as UTF-8 without its declaration, or None.

    The XML declaration wins over the HTTP charset: it was written with the document, the other by whatever served it.
    """
    declared = _DECLARATION.match(reply.body[:512])
    text = decoded(reply.body, declared[1].decode("ascii") if declared is not None else charset(reply))
    return None if text is None else _DECLARATION_TEXT.sub("", text, count=1).strip().encode()
