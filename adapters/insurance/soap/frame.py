"""What an HTTP answer is, before any XML parser sees a byte of it: pure, bounded, and saying nothing of its content."""

from __future__ import annotations

import json
import re

from attrs import field, frozen

MAX_REFUSAL_TEXT = 1000  # err_msg is C200; what is longer is cut, a refusal's text decides nothing

_XML_TYPES = frozenset({"text/xml", "application/xml"})
_TEXT_OK = 200
_FAULT_STATUS = 500  # SOAP 1.1, 6.2: a Fault comes with 500
_UNAUTHORISED = 401
# Encodings a centre may declare. The GB family is read as GB18030, which contains the others, so that a rare name in a
# reply labelled "GBK" is read and not refused.
_ENCODINGS = {"utf-8": "utf-8", "utf8": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030"}
_DECLARATION = re.compile(rb"""\A\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["'][^>]{0,100}?\?>""")
_DECLARATION_TEXT = re.compile(r"\A\s*<\?xml[^>]{0,400}\?>")
_CHARSET = re.compile(r"""charset\s*=\s*"?([A-Za-z0-9._-]{1,40})""", re.IGNORECASE)


@frozen(slots=True)
class HttpReply:
    """One complete HTTP answer. The body never shows itself."""

    status: int
    content_type: str
    body: bytes = field(repr=False)


@frozen(slots=True)
class Xml:
    """Bytes that may be parsed: UTF-8, without a declaration of another encoding. ``fault_only``: came with status 500."""

    body: bytes = field(repr=False)
    fault_only: bool


@frozen(slots=True)
class GatewayRefusal:
    """The gateway in front of the service said no, in its own JSON shape (insurance.md 1.3)."""

    code: str
    message: str = field(repr=False)


@frozen(slots=True)
class Unusable:
    """No reply that can be read: ``cause`` is one of domain.outcome.CAUSES."""

    cause: str
    detail: str


Judged = Xml | GatewayRefusal | Unusable


def judge(reply: HttpReply) -> Judged:
    """Status, type, length and encoding first; only what passes all may be parsed (insurance.md 5.4)."""
    media_type = reply.content_type.partition(";")[0].strip().lower()
    if reply.status in {_TEXT_OK, _UNAUTHORISED} and reply.body.lstrip()[:1] == b"{":
        return _gateway_refusal(reply.body)
    if reply.status not in {_TEXT_OK, _FAULT_STATUS}:
        return Unusable("http-status", str(reply.status))
    if media_type not in _XML_TYPES:
        return Unusable(
            "not-soap" if reply.status == _TEXT_OK else "http-status", f"{reply.status} of another content type"
        )
    if not reply.body.strip():
        return Unusable("not-soap", "an empty body")
    decoded = _decoded(reply)
    if decoded is None:
        return Unusable("unreadable", "the bytes are not in the encoding that is declared")
    return Xml(decoded, fault_only=reply.status == _FAULT_STATUS)


def _decoded(reply: HttpReply) -> bytes | None:
    """The body as UTF-8 without its declaration, or None.

    The XML declaration wins over the HTTP charset: it was written with the document, the other by whatever served it.
    """
    declared = _DECLARATION.match(reply.body[:512])
    if declared is not None:
        name = declared[1].decode("ascii")
    else:
        charset = _CHARSET.search(reply.content_type)
        name = charset[1] if charset else "utf-8"
    encoding = _ENCODINGS.get(name.lower())
    if encoding is None:
        return None
    try:
        text = reply.body.removeprefix(b"\xef\xbb\xbf").decode(encoding)
    except UnicodeDecodeError:
        return None
    return _DECLARATION_TEXT.sub("", text, count=1).strip().encode()


def _gateway_refusal(body: bytes) -> Judged:
    if len(body) > 1 << 16:
        return Unusable("not-soap", "JSON")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return Unusable("not-soap", "not JSON either")
    if isinstance(answer, dict) and str(answer.get("code")) == str(_UNAUTHORISED):
        return GatewayRefusal(str(_UNAUTHORISED), str(answer.get("message", ""))[:MAX_REFUSAL_TEXT])
    return Unusable("not-soap", "JSON")
