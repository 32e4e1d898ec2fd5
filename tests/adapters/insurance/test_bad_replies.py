"""Each way a reply can be wrong, sent over a real socket (insurance.md 5.4), and the outcome that it must have."""

from __future__ import annotations

import attrs
import pytest
import pytest_twisted
import structlog
from twisted.internet import reactor
from twisted.internet.task import LoopingCall, deferLater

from middleware.domain.centre import Quoted, Reversed
from middleware.domain.fault import Fault
from middleware.domain.outcome import Answered, Refused, Unknown
from simulators.centre import wire
from tests.adapters.insurance.fault_server import REVERSED, SOAP, Peer, called, envelope, prepared, running
from tests.adapters.insurance.requests import REQUESTS, SECRETS, settled_output

SECRET = SECRETS[1]


def saying(body: bytes, **how):
    return lambda peer: peer.say(body, **how)


def settled(code: str = "2207", **changes) -> bytes:
    """A sound settlement with changed fields; None leaves a field out."""
    output = settled_output(**changes)
    row = {name: str(value) for name, value in output["setlinfo"].items() if value is not None}
    detail = [{name: str(value) for name, value in line.items()} for line in output["setldetail"]]
    return wire.write(code, {"infcode": "0"}, {"setlinfo": row, "setldetail": detail})


def bomb(doctype: str) -> bytes:
    return f"<!DOCTYPE a {doctype}>".encode() + REVERSED


BAD = {
    "xxe": (saying(b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + envelope("<infcode>&x;</infcode>")), "unreadable"),
    "billion-laughs": (saying(bomb('[<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]')), "unreadable"),
    "bare-dtd": (saying(b"<!DOCTYPE a>" + REVERSED), "unreadable"),
    "html-504": (saying(b"<html>gateway</html>", status="504 Gateway Time-out", content_type="text/html"), "http-status"),
    "xml-504": (saying(REVERSED, status="504 Gateway Time-out"), "http-status"),
    "html-200": (saying(b"<html>login</html>", content_type="text/html"), "not-soap"),
    "html-200-called-xml": (saying(b"<html>login<br></html>"), "unreadable"),
    "success-with-500": (saying(REVERSED, status="500 Internal Server Error"), "http-status"),
    "fault-without-code": (
        saying(f'<s:Envelope xmlns:s="{SOAP}"><s:Body><s:Fault/></s:Body></s:Envelope>'.encode(), status="500 x"),
        "fault-without-code",
    ),
    "fault-with-code": (saying(wire.fault("soap:Server", SECRET), status="500 x"), "soap-fault"),
    "redirect": (saying(b"", status="302 Found", extra="Location: http://127.0.0.1:1/\r\n"), "http-status"),
    "accepted-202": (saying(b"", status="202 Accepted"), "http-status"),
    "empty": (saying(b""), "not-soap"),
    "json": (saying(b'{"infcode":0}', content_type="application/json"), "not-soap"),
    "gateway-401": (saying(b'{"code":401,"message":"x"}', content_type="application/json"), "http-status"),
    "wrong-namespace": (saying(envelope("<infcode>0</infcode>", namespace="urn:other")), "unreadable"),
    "extra-element": (saying(envelope("<infcode>0</infcode><surprise/>")), "unreadable"),
    "another-transaction": (saying(envelope("<infcode>0</infcode>", code="2207")), "unreadable"),
    "no-infcode": (saying(envelope("<err_msg>x</err_msg>")), "incomplete"),
    "control-character": (saying(envelope("<infcode>0</infcode><err_msg>a\x02b</err_msg>")), "unreadable"),
    "eleven-megabytes": (saying(envelope(f"<infcode>0</infcode><err_msg>{'x' * 11_000_000}</err_msg>")), "too-long"),
    "endless-head": (lambda peer: peer.transport.write(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 400_000), "too-long"),
    "endless-chunks": (
        lambda peer: peer.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 64
        ),
        "too-long",
    ),
    "no-http": (lambda peer: peer.transport.write(b"SSH-2.0-OpenSSH\r\n" * 3), "unreadable"),
    "cut-without-answer": (Peer.cut, "connection-lost"),
    "cut-in-head": (lambda peer: (peer.transport.write(b"HTTP/1.1 200 OK\r\nConte"), peer.transport.loseConnection()), "connection-lost"),
    "cut-in-body": (
        lambda peer: (
            peer.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 500\r\n\r\n" + REVERSED[:60]),
            peer.transport.loseConnection(),
        ),
        "connection-lost",
    ),
    "cut-in-body-without-length": (
        lambda peer: (
            peer.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n" + REVERSED[:60]),
            peer.transport.loseConnection(),
        ),
        "unreadable",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", BAD)
@pytest_twisted.ensureDeferred
async def test_a_bad_reply_is_unknown_with_its_cause_and_was_sent_once(how: str) -> None:
    behave, cause = BAD[how]
    async with running(behave) as (centre, server):
        outcome = await called(centre)

        assert isinstance(outcome, Unknown)
        assert outcome.cause == cause
        assert len(server.requests) == 1


@pytest_twisted.ensureDeferred
async def test_a_whole_reply_without_a_length_is_read() -> None:
    def behave(peer: Peer) -> None:
        peer.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n" + REVERSED)
        peer.transport.loseConnection()

    async with running(behave) as (centre, _server):
        assert await called(centre) == Answered(Reversed())


@pytest_twisted.ensureDeferred
async def test_an_external_dtd_is_never_fetched() -> None:
    async with running(saying(b"")) as (_other, trap):
        doctype = f'SYSTEM "{trap.url}/x.dtd"'
        async with running(saying(bomb(doctype))) as (centre, _server):
            outcome = await called(centre)

            assert outcome.cause == "unreadable"
            assert trap.peers == []


@pytest_twisted.ensureDeferred
async def test_no_answer_is_a_time_out_after_the_total_deadline() -> None:
    async with running(lambda peer: None, total_deadline_s=0.6, late_reply_s=0.1) as (centre, _server):
        begun = reactor.seconds()

        assert await called(centre) == Unknown("time-out")
        assert reactor.seconds() - begun >= 0.2


@pytest_twisted.ensureDeferred
async def test_a_dripping_server_is_cut_by_the_total_deadline() -> None:
    dripping = []

    def behave(peer: Peer) -> None:
        peer.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 5000\r\n\r\n")
        drip = LoopingCall(lambda: peer.transport.write(b" "))
        dripping.append(drip)
        drip.start(0.02)

    async with running(behave, total_deadline_s=0.3, late_reply_s=0.1) as (centre, server):
        assert await called(centre) == Unknown("time-out")  # the whole would drip for more than a minute

        while not server.lost:
            await deferLater(reactor, 0.01)
        dripping[0].stop()


@pytest_twisted.ensureDeferred
async def test_a_gbk_reply_is_read_correctly() -> None:
    text = (
        '<?xml version="1.0" encoding="GBK"?>'
        + envelope("<infcode>2079</infcode><err_msg>张𬭎：待遇异常</err_msg>").decode()
    )
    async with running(saying(text.encode("gb18030"), content_type="text/xml")) as (centre, _server):
        assert await called(centre) == Refused("2079", "张𬭎：待遇异常")


@pytest_twisted.ensureDeferred
async def test_an_expected_element_that_is_missing_is_incomplete() -> None:
    for missing in ("setl_id", "setl_time", "acct_pay"):
        async with running(saying(settled(**{missing: None}))) as (centre, _server):
            outcome = await called(centre, "2207")

            assert isinstance(outcome, Unknown)
            assert outcome.cause == "incomplete"


@pytest_twisted.ensureDeferred
async def test_another_persons_settlement_is_not_ours() -> None:
    async with running(saying(settled(psn_no="other"))) as (centre, _server):
        assert await called(centre, "2207") == Unknown("not-ours", "psn_no")


@pytest_twisted.ensureDeferred
async def test_a_refusal_that_carries_a_settlement_is_unknown() -> None:
    body = settled().replace(b"<infcode>0<", b"<infcode>-1<")
    async with running(saying(body)) as (centre, _server):
        assert (await called(centre, "2207")).cause == "unreadable"


@pytest_twisted.ensureDeferred
async def test_a_quote_without_settlement_number_is_answered() -> None:
    async with running(saying(settled("2206", setl_id=None, setl_time=None))) as (centre, _server):
        outcome = await called(centre, "2206")

        assert isinstance(outcome, Answered)
        assert isinstance(outcome.reply, Quoted)


@pytest_twisted.ensureDeferred
async def test_a_gateways_401_is_a_refusal_where_the_switch_says_so() -> None:
    behave = saying(b'{"code":401,"message":"x"}', content_type="application/json", status="401 Unauthorized")
    async with running(behave, gateway_401_is_refusal=True) as (centre, _server):
        assert await called(centre) == Refused("401", "x")


@pytest.mark.parametrize("bad", ["a\x01b", "a\ud800b", ""])
@pytest_twisted.ensureDeferred
async def test_what_xml_cannot_carry_or_the_tables_require_never_leaves(bad: str) -> None:
    async with running(saying(REVERSED)) as (centre, server):
        request = attrs.evolve(REQUESTS["2201"], doctor_name="x", department_name=bad)
        with pytest.raises(Fault) as caught:
            await centre.prepare("1", request, REQUESTS["1101"].at)

        assert caught.value.code == "centre.field"
        assert caught.value.detail.startswith("2201 data.dept_name: ")
        assert server.peers == []


@pytest_twisted.ensureDeferred
async def test_neither_outcome_nor_log_nor_health_shows_a_reply_or_a_person(caplog: pytest.LogCaptureFixture) -> None:
    bodies = [
        SECRET.encode() * 50,
        envelope(f"<infcode>{SECRET}</infcode>"),
        envelope(f"<infcode>0</infcode><{'x' + SECRET}/>"),
        settled(psn_name=SECRET, setl_id=None),
        settled(acct_pay=SECRET),
        settled(psn_no=SECRET),
        wire.fault("", SECRET),
    ]
    with structlog.testing.capture_logs() as logs:
        for body in bodies:
            async with running(saying(body)) as (centre, _server):
                call = await prepared(centre, "2207")
                outcome = await called(centre, "2207")

                shown = f"{outcome!r} {centre.health()!r} {call!r}"
                assert isinstance(outcome, Unknown)
                assert not any(secret in shown for secret in SECRETS)

    assert len(logs) == len(bodies)
    assert not any(secret in f"{logs} {caplog.text}" for secret in SECRETS)
