from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.insurance.exchange.frame import GatewayRefusal, HttpReply, Unusable
from adapters.insurance.soap.frame import Xml, judge

XML = "text/xml; charset=utf-8"


def cause(status: int, content_type: str, body: bytes) -> str:
    judged = judge(HttpReply(status, content_type, body))
    return judged.cause if isinstance(judged, Unusable) else type(judged).__name__


@pytest.mark.parametrize(
    ("status", "content_type", "body", "expected"),
    [
        (200, XML, b"<a/>", "Xml"),
        (200, "application/xml", b"<a/>", "Xml"),
        (200, "TEXT/XML", b"\xef\xbb\xbf<a/>", "Xml"),
        (500, XML, b"<a/>", "Xml"),
        (504, "text/html", b"<html>", "http-status"),
        (504, XML, b"<a/>", "http-status"),
        (500, "text/html", b"<html>", "http-status"),
        (302, XML, b"<a/>", "http-status"),
        (202, XML, b"<a/>", "http-status"),
        (200, "text/html", b"<html>", "not-soap"),
        (200, "", b"<a/>", "not-soap"),
        (200, XML, b"", "not-soap"),
        (200, XML, b" \r\n ", "not-soap"),
        (200, "application/json", b"{}", "not-soap"),
        (200, XML, b"\xff\xfe<a/>", "unreadable"),
        (200, "text/xml; charset=koi8-r", b"<a/>", "unreadable"),
        (200, XML, b'<?xml version="1.0" encoding="UTF-16"?><a/>', "unreadable"),
    ],
)
def test_status_type_length_and_encoding_decide_before_any_parser(
    status: int, content_type: str, body: bytes, expected: str
) -> None:
    assert cause(status, content_type, body) == expected


def test_only_a_status_500_is_marked_as_a_fault_or_nothing() -> None:
    assert judge(HttpReply(500, XML, b"<a/>")) == Xml(b"<a/>", fault_only=True)
    assert judge(HttpReply(200, XML, b"<a/>")) == Xml(b"<a/>", fault_only=False)


@pytest.mark.parametrize("encoding", ["GBK", "gb2312", "GB18030"])
def test_a_gb_reply_is_read_as_gb18030_whatever_it_calls_itself(encoding: str) -> None:
    text = "张𬭎"
    body = f'<?xml version="1.0" encoding="{encoding}"?><a>{text}</a>'.encode("gb18030")

    assert judge(HttpReply(200, "text/xml", body)) == Xml(f"<a>{text}</a>".encode(), fault_only=False)


def test_without_a_declaration_the_charset_of_http_counts() -> None:
    reply = HttpReply(200, "text/xml; charset=gbk", "<a>张</a>".encode("gbk"))

    assert judge(reply) == Xml("<a>张</a>".encode(), fault_only=False)


def test_the_declaration_wins_over_the_charset_of_http() -> None:
    body = '<?xml version="1.0" encoding="utf-8"?><a>张</a>'.encode()

    assert judge(HttpReply(200, "text/xml; charset=gbk", body)) == Xml("<a>张</a>".encode(), fault_only=False)


@pytest.mark.parametrize("status", [200, 401])
def test_a_gateways_401_shape_is_recognised(status: int) -> None:
    body = '{"code":401,"message":"签名"}'.encode()

    assert judge(HttpReply(status, "application/json", body)) == GatewayRefusal("401", "签名")


@pytest.mark.parametrize("body", [b'{"code":500159}', b'{"code":', b'{"a":' * 100_000, b"{" + b'"a":1,' * 20_000])
def test_any_other_json_says_nothing(body: bytes) -> None:
    assert cause(200, "application/json", body) == "not-soap"


def test_no_reply_shows_its_body() -> None:
    assert "secret" not in repr(HttpReply(200, XML, b"<a>secret</a>"))
    assert "secret" not in repr(judge(HttpReply(200, XML, b"<a>secret</a>")))
    assert "secret" not in repr(judge(HttpReply(200, XML, b'{"code":401,"message":"secret"}')))


@settings(deadline=None)
@given(st.integers(100, 599), st.text(max_size=60), st.binary(max_size=400))
def test_no_input_whatever_raises(status: int, content_type: str, body: bytes) -> None:
    judge(HttpReply(status, content_type, body))
