"""The 18 behaviours of a bad server (insurance.md 5.4) and their kin, in JSON on a real socket, each with its outcome."""

from __future__ import annotations

import attrs
import pytest
import pytest_twisted
import structlog
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, deferLater

from adapters.insurance.signing.gateways import CsbGateway
from adapters.insurance.signing.opening import Signers
from middleware.domain.centre import DownloadFile, Quoted, Reversed, Settled
from middleware.domain.fault import Fault
from middleware.domain.outcome import Answered, NotSent, Refused, Unknown
from tests.adapters.insurance.fault_server import Peer, called, nothing, prepared
from tests.adapters.insurance.national.server import JSON, REVERSED, reply, running, saying, settled
from tests.adapters.insurance.requests import AT, MESSAGE_ID, REQUESTS, SECRETS, settled_output

SECRET = SECRETS[1]
XML = {"content_type": "text/xml; charset=utf-8"}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

BAD = {
    # 1-4: XML and its tricks are another kind of document, whatever it calls itself: no parser of XML ever sees it
    "xxe": (saying(b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>', **XML), "not-json"),
    "xxe-called-json": (saying(b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>'), "not-json"),
    "billion-laughs": (saying(b'{"infcode":0,"output":' + b"[" * 500_000), "unreadable"),
    "billion-digits": (saying(b'{"infcode":0,"output":' + b"9" * 500_000 + b"}"), "unreadable"),
    "bare-dtd": (saying(b"<!DOCTYPE a>" + REVERSED), "not-json"),
    # 5, 6: pages
    "html-504": (saying(b"<html>gateway</html>", status="504 Gateway Time-out", content_type="text/html"), "http-status"),
    "json-504": (saying(REVERSED, status="504 Gateway Time-out"), "http-status"),
    "html-200": (saying(b"<html>login</html>", content_type="text/html"), "not-json"),
    "html-200-called-json": (saying(b"<html>login<br></html>"), "not-json"),
    "success-with-500": (saying(REVERSED, status="500 Internal Server Error"), "http-status"),
    "redirect": (saying(b"", status="302 Found", extra="Location: http://127.0.0.1:1/\r\n"), "http-status"),
    "accepted-202": (saying(b"", status="202 Accepted"), "http-status"),
    "empty": (saying(b""), "not-json"),
    "soap": (saying(b"<s:Envelope/>", **XML), "not-json"),
    "gateway-401": (saying(b'{"code":401,"message":"x"}'), "http-status"),
    "gateway-500": (saying(b'{"code":500,"message":"x"}'), "incomplete"),
    "voucher-s-shape": (saying(b'{"success":false,"code":500159,"message":"x"}'), "incomplete"),
    # 8: names of another version
    "other-names": (saying(b'{"INFCODE":0,"OUTPUT":{}}'), "incomplete"),
    # 10: one too many of the same
    "name-twice": (saying(b'{"infcode":-1,"infcode":0}'), "unreadable"),
    "second-document": (saying(REVERSED + REVERSED), "unreadable"),
    "word-for-code": (saying(reply(None, "OK")), "unreadable"),
    # 11: too long
    "eleven-megabytes": (saying(reply(None, 0, err_msg="x" * 11_000_000)), "too-long"),
    "endless-head": (lambda peer: peer.transport.write(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 400_000), "too-long"),
    "endless-chunks": (
        lambda peer: peer.transport.write(
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 64
        ),
        "too-long",
    ),
    # 12: control characters, and half a character
    "control-character": (saying(b'{"infcode":0,"err_msg":"a\x02b"}'), "unreadable"),
    "control-character-escaped": (saying(b'{"infcode":0,"err_msg":"a\\u0002b"}'), "unreadable"),
    "half-a-character": (saying(b'{"infcode":0,"err_msg":"\\ud800"}'), "unreadable"),
    "not-utf-8": (saying(b'{"infcode":0,"err_msg":"\xff"}'), "unreadable"),
    "no-http": (lambda peer: peer.transport.write(b"SSH-2.0-OpenSSH\r\n" * 3), "unreadable"),
    # 14: cut
    "cut-without-answer": (Peer.cut, "connection-lost"),
    "cut-in-head": (lambda peer: (peer.transport.write(HEAD[:20]), peer.transport.loseConnection()), "connection-lost"),
    "cut-in-body": (
        lambda peer: (peer.transport.write(HEAD + b"Content-Length: 500\r\n\r\n" + REVERSED), peer.transport.loseConnection()),
        "connection-lost",
    ),
    "cut-in-body-without-length": (
        lambda peer: (peer.transport.write(HEAD + b"\r\n" + REVERSED[:8]), peer.transport.loseConnection()),
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
async def test_4_an_external_dtd_is_never_fetched() -> None:
    async with running(saying(b"")) as (_other, trap):
        body = f'<!DOCTYPE a SYSTEM "{trap.url}/x.dtd"><a/>'.encode()
        async with running(saying(body)) as (centre, _server):
            assert (await called(centre)).cause == "not-json"
            assert trap.peers == []


@pytest_twisted.ensureDeferred
async def test_9_an_expected_field_that_is_missing_or_null_is_incomplete() -> None:
    without = settled_output()
    del without["setlinfo"]["setl_id"]
    for body in (
        settled(setl_id=None),
        settled(setl_time=None),
        settled(acct_pay=None),
        reply(without),
        reply({}),
        reply(),
    ):
        async with running(saying(body)) as (centre, _server):
            assert (await called(centre, "2207")).cause == "incomplete"


@pytest_twisted.ensureDeferred
async def test_10_fields_that_no_table_has_do_no_harm() -> None:
    body = reply(settled_output(brand_new="x") | {"new": {}}, 0, warn_msg="w", enctype=None, cainfo="", signtype="SM2")
    async with running(saying(body)) as (centre, _server):
        outcome = await called(centre, "2207")

        assert isinstance(outcome, Answered)
        assert isinstance(outcome.reply, Settled)


@pytest_twisted.ensureDeferred
async def test_13_a_gbk_reply_is_read_correctly() -> None:
    body = '{"infcode":2079,"err_msg":"张𬭎：待遇异常"}'.encode("gb18030")
    async with running(saying(body, content_type="application/json;charset=GBK")) as (centre, _server):
        assert await called(centre) == Refused("2079", "张𬭎：待遇异常")


@pytest_twisted.ensureDeferred
async def test_15_no_answer_is_a_time_out_after_the_total_deadline_and_a_late_one_is_told_once() -> None:
    late: Deferred = Deferred()
    waiting = []
    async with running(waiting.append, total_deadline_s=0.3) as (centre, server):
        assert await called(centre, on_late_reply=late.callback) == Unknown("time-out")
        waiting[0].say(REVERSED, content_type=JSON)

        assert await late == Answered(Reversed())
        assert len(server.requests) == 1


@pytest_twisted.ensureDeferred
async def test_16_a_dripping_server_is_cut_by_the_total_deadline() -> None:
    dripping = []

    def behave(peer: Peer) -> None:
        peer.transport.write(HEAD + b"Content-Length: 5000\r\n\r\n{")
        drip = LoopingCall(lambda: peer.transport.write(b" "))
        dripping.append(drip)
        drip.start(0.02)

    async with running(behave, total_deadline_s=0.3, late_reply_s=0.1) as (centre, server):
        assert await called(centre) == Unknown("time-out")
        while not server.lost:
            await deferLater(reactor, 0.01)
        dripping[0].stop()


@pytest.mark.parametrize("bad", ["a\x01b", "a\ud800b", ""])
@pytest_twisted.ensureDeferred
async def test_17_18_what_the_tables_forbid_or_require_never_leaves(bad: str) -> None:
    async with running(saying(REVERSED)) as (centre, server):
        request = attrs.evolve(REQUESTS["2201"], doctor_name="x", department_name=bad)
        with pytest.raises(Fault) as caught:
            await centre.prepare("1", request, AT)

        assert caught.value.code == "centre.field"
        assert caught.value.detail.startswith("2201 data.dept_name: ")
        assert server.peers == []


@pytest_twisted.ensureDeferred
async def test_a_whole_reply_without_a_length_is_read() -> None:
    def behave(peer: Peer) -> None:
        peer.transport.write(HEAD + b"\r\n" + REVERSED)
        peer.transport.loseConnection()

    async with running(behave) as (centre, _server):
        assert await called(centre) == Answered(Reversed())


@pytest_twisted.ensureDeferred
async def test_another_persons_settlement_is_not_ours() -> None:
    async with running(saying(settled(psn_no="other"))) as (centre, _server):
        assert await called(centre, "2207") == Unknown("not-ours", "psn_no")


@pytest_twisted.ensureDeferred
async def test_a_refusal_that_carries_a_settlement_is_unknown() -> None:
    async with running(saying(reply(settled_output(), -1))) as (centre, _server):
        assert (await called(centre, "2207")).cause == "unreadable"


@pytest_twisted.ensureDeferred
async def test_a_quote_without_settlement_number_is_answered() -> None:
    async with running(saying(settled(setl_id=None, setl_time=None, clr_way=None))) as (centre, _server):
        outcome = await called(centre, "2206")

        assert isinstance(outcome.reply, Quoted)


@pytest_twisted.ensureDeferred
async def test_a_gateways_401_is_a_refusal_where_the_switch_says_so() -> None:
    for how in (saying(b'{"code":401,"message":"x"}'), saying(b'{"code":"401","message":"x"}', status="401 Unauthorized")):
        async with running(how, gateway_401_is_refusal=True) as (centre, _server):
            assert await called(centre) == Refused("401", "x")


@pytest_twisted.ensureDeferred
async def test_neither_outcome_nor_log_nor_health_shows_a_reply_or_a_person_or_a_signature(caplog) -> None:
    bodies = [
        SECRET.encode() * 50,
        f'{{"{SECRET}":1'.encode(),
        reply(None, SECRET),
        reply({SECRET: SECRET}),
        settled(psn_name=SECRET, setl_id=None),
        settled(acct_pay=SECRET),
        settled(psn_no=SECRET),
        b'{"code":401,"message":"' + SECRET.encode() + b'"}',
    ]
    signers = Signers(gateway=CsbGateway("n", "1", "access-key", b"secret", milliseconds=True))
    with structlog.testing.capture_logs() as logs:
        for body in bodies:
            async with running(saying(body), signers) as (centre, _server):
                call = await prepared(centre, "2207")
                outcome = await centre.send(call, nothing, nothing)

                shown = f"{outcome!r} {centre.health()!r} {call!r}"
                assert isinstance(outcome, Unknown)
                assert not any(secret in shown for secret in (*SECRETS, "access-key", "_api_signature"))

    assert len(logs) == len(bodies)
    assert not any(secret in f"{logs} {caplog.text}" for secret in (*SECRETS, "access-key", "_api_signature"))


# -- the wire's own rules, in this dialect


@pytest_twisted.ensureDeferred
async def test_one_post_of_the_very_bytes_of_the_digest_with_the_gateway_s_headers() -> None:
    signers = Signers(gateway=CsbGateway("callService", "1.0.0", "AK", b"secret", milliseconds=True))
    async with running(saying(REVERSED), signers) as (centre, server):
        assert await called(centre) == Answered(Reversed())
        head, _, body = server.requests[0].partition(b"\r\n\r\n")

        rows = head.decode().lower().split("\r\n")
        assert rows[0] == "post /centre http/1.1"
        assert "content-type: application/json; charset=utf-8" in rows
        assert "_api_name: callservice" in rows
        assert "_api_timestamp: 1772415015000" in rows
        assert body.startswith(b'{"infno":"2601","msgid":"' + MESSAGE_ID.encode())


@pytest_twisted.ensureDeferred
async def test_a_download_is_asked_for_at_its_own_address_of_the_same_host() -> None:
    async with running(saying(reply(None, -1))) as (centre, server):
        call = await centre.prepare(MESSAGE_ID, DownloadFile("F1", "x.zip"), AT)

        assert isinstance(await centre.send(call, nothing, nothing), Refused)
        assert server.requests[0].startswith(b"POST /fileupload/download HTTP/1.1\r\n")


@pytest_twisted.ensureDeferred
async def test_a_kept_connection_that_dies_under_the_request_is_unknown_and_is_not_tried_again() -> None:
    def behave(peer: Peer) -> None:
        if peer.served == 1:
            peer.say(REVERSED, content_type=JSON)
        else:
            peer.cut()

    async with running(behave) as (centre, server):
        assert await called(centre) == Answered(Reversed())
        assert await called(centre) == Unknown("connection-lost", "cut before the reply")
        assert len(server.requests) == 2


@pytest_twisted.ensureDeferred
async def test_when_the_first_byte_is_forbidden_none_leaves() -> None:
    def forbid() -> None:
        raise Fault("system.journal")

    async with running(saying(REVERSED)) as (centre, server):
        assert await called(centre, on_first_byte=forbid) == NotSent("system.journal")
        assert server.bytes_received == 0


# -- the gateway's clock (invariant 22)


def dated(written: str):
    return saying(b'{"code":401,"message":"timestamp expired"}', extra=f"Date: {written}\r\n")


@pytest_twisted.ensureDeferred
async def test_invariant_22_a_gateway_that_refuses_tells_the_time_all_the_same() -> None:
    """``AT`` is our wall clock here: 01:30:15 in Greenwich."""
    signers = Signers(window_s=1800.0)
    for written, low, high in (
        ("Mon, 02 Mar 2026 00:30:15 GMT", 3500, 3660),
        ("Mon, 02 Mar 2026 02:30:15 GMT", -3660, -3500),
        ("Mon, 02 Mar 2026 01:30:15 GMT", -60, 60),
    ):
        async with running(dated(written), signers) as (centre, _server):
            assert centre.clock_ahead_s() is None
            await called(centre)
            assert low <= centre.clock_ahead_s() <= high


@pytest.mark.parametrize("written", ["soon", "", "Mon, 99 Mar 2026 00:30:15 GMT"])
@pytest_twisted.ensureDeferred
async def test_a_date_that_is_none_is_passed_over(written: str) -> None:
    async with running(dated(written), Signers(window_s=1800.0)) as (centre, _server):
        await called(centre)
        assert centre.clock_ahead_s() is None


@pytest_twisted.ensureDeferred
async def test_where_no_gateway_stands_a_date_is_nobody_s() -> None:
    async with running(dated("Mon, 02 Mar 2026 00:30:15 GMT")) as (centre, _server):
        await called(centre)
        assert centre.clock_ahead_s() is None
