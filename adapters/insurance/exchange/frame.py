"""What any HTTP answer of a centre may be before a parser sees it: pure, bounded, and saying nothing of its content."""

from __future__ import annotations

import json
import re
from typing import Any

from attrs import field, frozen

MAX_REFUSAL_TEXT = 1000  # err_msg is C200; what is longer is cut, a refusal's text decides nothing
MAX_GATEWAY_BYTES = 1 << 16

UNAUTHORISED = 401
# Encodings a centre may declare. The GB family is read as GB18030, which contains the others, so that a rare name in a
# reply labelled "GBK" is read and not refused.
ENCODINGS = {"utf-8": "utf-8", "utf8": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030"}
_CHARSET = re.compile(r"""charset\s*=\s*"?([A-Za-z0-9._-]{1,40})""", re.IGNORECASE)


@frozen(slots=True)
class HttpReply:
    """One complete HTTP answer. The body never shows itself; ``date`` is the head's Date, "" for none."""

    status: int
    content_type: str
    body: bytes = field(repr=False)
    date: str = ""


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


def media_type(reply: HttpReply) -> str:
    """What the answer says it is, without parameters."""
    return reply.content_type.partition(";")[0].strip().lower()


def charset(reply: HttpReply) -> str:
    """The encoding that the head names; UTF-8 where it names none."""
    found = _CHARSET.search(reply.content_type)
    return found[1] if found else "utf-8"


def decoded(body: bytes, name: str) -> str | None:
    """The text in that encoding, or None: not one that we read, or the bytes are not in it."""
    encoding = ENCODINGS.get(name.lower())
    if encoding is None:
        return None
    try:
        return body.removeprefix(b"\xef\xbb\xbf").decode(encoding)
    except UnicodeDecodeError:
        return None


def gateway_refusal(body: bytes) -> GatewayRefusal | None:
    """The gateway's no, where these bytes are one."""
    if len(body) > MAX_GATEWAY_BYTES:
        return None
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return refusal_in(answer)


def refusal_in(answer: Any) -> GatewayRefusal | None:
    """The same of an answer that was parsed."""
    if isinstance(answer, dict) and str(answer.get("code")) == str(UNAUTHORISED):
        return GatewayRefusal(str(UNAUTHORISED), str(answer.get("message", ""))[:MAX_REFUSAL_TEXT])
    return None
