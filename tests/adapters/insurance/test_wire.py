"""The first byte, the late reply, the kept connection, the bounds, the end: on real sockets."""

from __future__ import annotations

import datetime as dt
import hashlib
import socket
import threading
import time

import pytest
import pytest_twisted
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList, ensureDeferred
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.task import deferLater

from adapters.insurance.soap.link import SoapCentre
from middleware.domain.centre import Reversed, SignedIn
from middleware.domain.fault import Fault
from middleware.domain.health import Condition
from middleware.domain.outcome import Answered, NotSent, Refused, Unknown
from simulators.ports import free_port
from tests.adapters.insurance.fault_server import (
    REVERSED,
    FaultServer,
    Peer,
    called,
    envelope,
    nothing,
    options,
    prepared,
    running,
)
from tests.adapters.insurance.requests import AT, MESSAGE_ID, REQUESTS, SECRETS


def answer(peer: Peer) -> None:
    peer.say(REVERSED)


# -- bytes


@pytest_twisted.ensureDeferred
async def test_the_digest_is_that_of_the_very_bytes_on_the_wire() -> None:
    async with running(answer) as (centre, server):
        call = await prepared(centre, "2207")
        await centre.send(call, nothing, nothing)

        body = server.requests[0].partition(b"\r\n\r\n")[2]
        assert hashlib.sha256(body).hexdigest() == call.digest
        assert (await prepared(centre, "2207")).digest == call.digest


@pytest_twisted.ensureDeferred
async def test_a_prepared_call_shows_nobody() -> None:
    async with running(answer) as (centre, _server):
        for code in REQUESTS:
            shown = repr(await prepared(centre, code))
            assert not any(secret in shown for secret in SECRETS)


# -- the first byte


@pytest_twisted.ensureDeferred
async def test_nothing_has_left_when_the_first_byte_is_announced_and_it_is_announced_once() -> None:
    at_call = []
    async with running(answer) as (centre, server):
        for _ in range(2):  # a new connection, then a kept one
            before = server.bytes_received
            outcome = await called(
                centre, on_first_byte=lambda: at_call.append((len(server.requests), server.bytes_received))
            )

            assert outcome == Answered(Reversed())
            assert at_call.pop() == (len(server.requests) - 1, before)
            assert at_call == []


@pytest_twisted.ensureDeferred
async def test_the_first_byte_is_announced_before_the_transport_gets_a_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    from twisted.internet.tcp import Client

    order = []
    for name in ("write", "writeSequence"):
        real = getattr(Client, name)

        def noted(self, data, real=real) -> None:
            order.append("bytes")
            real(self, data)

        monkeypatch.setattr(Client, name, noted)
    async with running(answer) as (centre, _server):
        await called(centre, on_first_byte=lambda: order.append("told"))

    assert order[0] == "told"
    assert "bytes" in order


@pytest.mark.parametrize(
    ("raised", "expected"), [(Fault("system.journal"), "system.journal"), (RuntimeError("x"), "system.internal")]
)
@pytest_twisted.ensureDeferred
async def test_when_the_first_byte_is_forbidden_none_leaves(raised: Exception, expected: str) -> None:
    def forbid() -> None:
        raise raised

    async with running(answer) as (centre, server):
        outcome = await called(centre, on_first_byte=forbid)
        while server.lost < len(server.peers):
            await deferLater(reactor, 0.01)

        assert outcome == NotSent(expected)
        assert server.bytes_received == 0


@pytest_twisted.ensureDeferred
async def test_nobody_listening_is_not_sent() -> None:
    told = []
    async with running(answer, url=f"http://127.0.0.1:{free_port()}/centre") as (centre, _server):
        outcome = await called(centre, on_first_byte=lambda: told.append(1))

        assert isinstance(outcome, NotSent)
        assert outcome.fault == "centre.unreachable"
        assert told == []
        assert centre.health().condition is Condition.DOWN


@pytest_twisted.ensureDeferred
async def test_a_name_that_does_not_exist_is_not_sent_and_is_not_looked_up_in_the_reactors_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never():
        raise AssertionError("the reactor's default pool is not for us")

    monkeypatch.setattr(reactor, "getThreadPool", never)
    async with running(answer, url="http://no-such-centre.invalid/centre") as (centre, _server):
        assert (await called(centre)).fault == "centre.unreachable"


@pytest_twisted.ensureDeferred
async def test_a_name_is_looked_up_in_a_thread_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(answer) as (_unused, server):
        monkeypatch.setattr(reactor, "getThreadPool", lambda: 1 / 0)
        async with running(answer, url=server.url.replace("127.0.0.1", "localhost")) as (centre, _other):
            assert await called(centre) == Answered(Reversed())


# -- TLS


def certificate(name: str) -> tuple[PrivateCertificate, bytes]:
    """A self-signed certificate of that host, and its PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return PrivateCertificate.loadPEM(private + pem), pem


async def over_tls(tmp_path, *, trusted: bool, name: str = "localhost"):
    """The outcome of two calls over TLS, and how often the first byte was announced."""
    server_certificate, pem = certificate(name)
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(pem if trusted else certificate("localhost")[1])
    told = []
    server = FaultServer(answer)
    listening = reactor.listenSSL(0, server, server_certificate.options(), interface="127.0.0.1")
    url = f"https://localhost:{listening.getHost().port}/centre"
    centre = SoapCentre(options(url, ca_file=ca_file), reactor, lambda: AT)
    centre.start()
    try:
        return [await called(centre, on_first_byte=lambda: told.append(1)) for _ in range(2)], len(told)
    finally:
        await centre.stop()
        await listening.stopListening()
        await server.stop()


@pytest_twisted.ensureDeferred
async def test_a_trusted_centre_is_called_over_tls(tmp_path) -> None:
    assert await over_tls(tmp_path, trusted=True) == ([Answered(Reversed())] * 2, 2)


@pytest.mark.parametrize(("trusted", "name"), [(False, "localhost"), (True, "another.invalid")])
@pytest_twisted.ensureDeferred
async def test_a_tls_handshake_that_fails_is_not_sent(tmp_path, trusted: bool, name: str) -> None:
    outcomes, told = await over_tls(tmp_path, trusted=trusted, name=name)

    assert [outcome.fault for outcome in outcomes] == ["centre.unreachable"] * 2
    assert told == 0


@pytest_twisted.ensureDeferred
async def test_a_peer_that_never_answers_the_handshake_is_not_sent_in_time() -> None:
    async with running(lambda peer: None) as (_unused, server):
        url = server.url.replace("http:", "https:").replace("127.0.0.1", "localhost")
        async with running(answer, url=url, connect_s=0.3) as (centre, _other):
            assert await called(centre) == NotSent("centre.unreachable", "no connection in time")


# -- late replies


@pytest_twisted.ensureDeferred
async def test_a_late_reply_is_told_once_and_exactly() -> None:
    late: Deferred = Deferred()
    async with running(lambda peer: reactor.callLater(1.2, answer, peer), total_deadline_s=0.6) as (centre, _server):
        assert await called(centre, on_late_reply=late.callback) == Unknown("time-out")
        assert await late == Answered(Reversed())


@pytest_twisted.ensureDeferred
async def test_a_late_refusal_is_told_too() -> None:
    late: Deferred = Deferred()
    body = envelope("<infcode>2611</infcode>")
    async with running(lambda peer: reactor.callLater(1.2, peer.say, body), total_deadline_s=0.6) as (centre, _server):
        assert await called(centre, on_late_reply=late.callback) == Unknown("time-out")
        assert await late == Refused("2611", "")


@pytest.mark.parametrize("late_end", [Peer.cut, lambda peer: peer.say(b"", status="504 x")])
@pytest_twisted.ensureDeferred
async def test_a_late_end_that_settles_nothing_is_not_told(late_end) -> None:
    told = []
    async with running(lambda peer: reactor.callLater(1.2, late_end, peer), total_deadline_s=0.6) as (centre, server):
        assert await called(centre, on_late_reply=told.append) == Unknown("time-out")
        while not server.lost:
            await deferLater(reactor, 0.01)
            if told or not centre._flights:
                break

        assert told == []


@pytest_twisted.ensureDeferred
async def test_after_the_late_limit_the_connection_is_cut() -> None:
    told = []
    async with running(lambda peer: None, total_deadline_s=0.6, late_reply_s=0.3) as (centre, server):
        assert await called(centre, on_late_reply=told.append) == Unknown("time-out")
        while not server.lost:
            await deferLater(reactor, 0.01)

        assert told == []
        assert centre._flights == set()


@pytest_twisted.ensureDeferred
async def test_a_caller_that_withdraws_hears_unknown_and_still_gets_the_late_reply() -> None:
    late: Deferred = Deferred()
    async with running(lambda peer: reactor.callLater(0.2, answer, peer)) as (centre, server):
        sending = ensureDeferred(called(centre, on_late_reply=late.callback))
        await server.received(1)
        sending.cancel()

        assert await sending == Unknown("stopping", "the caller withdrew")
        assert await late == Answered(Reversed())


@pytest_twisted.ensureDeferred
async def test_a_caller_that_withdraws_while_connecting_hears_not_sent() -> None:
    async with running(lambda peer: None) as (_unused, server):
        url = server.url.replace("http:", "https:").replace("127.0.0.1", "localhost")
        async with running(answer, url=url) as (centre, _other):
            call = await prepared(centre)
            sending = ensureDeferred(centre.send(call, nothing, nothing))
            while not server.peers:
                await deferLater(reactor, 0.01)
            sending.cancel()

            assert await sending == NotSent("centre.unreachable", "the caller withdrew")


@pytest_twisted.ensureDeferred
async def test_a_late_reply_that_the_caller_cannot_take_is_logged_and_hurts_nobody() -> None:
    def broken(_outcome: object) -> None:
        raise RuntimeError("the caller's own mistake")

    async with running(lambda peer: reactor.callLater(1.0, answer, peer), total_deadline_s=0.5) as (centre, server):
        with structlog.testing.capture_logs() as logs:
            assert await called(centre, on_late_reply=broken) == Unknown("time-out")
            while centre._flights:
                await deferLater(reactor, 0.01)

        assert [entry["event"] for entry in logs][-1] == "centre.late_reply_not_taken"
        server.behave = answer
        assert await called(centre) == Answered(Reversed())


# -- kept connections


@pytest_twisted.ensureDeferred
async def test_a_connection_is_used_again_while_it_is_fresh() -> None:
    async with running(answer) as (centre, server):
        for _ in range(3):
            await called(centre)

        assert len(server.peers) == 1


@pytest_twisted.ensureDeferred
async def test_an_idle_connection_is_given_up_after_a_while() -> None:
    async with running(answer, idle_s=0.1) as (centre, server):
        await called(centre)
        while not server.lost:
            await deferLater(reactor, 0.01)
        await called(centre)

        assert len(server.peers) == 2


def closing_server(port: socket.socket, replies: int) -> None:
    """Answers one request a connection, closes without saying so: what many gateways do."""
    for _ in range(replies):
        connection, _ = port.accept()
        with connection:
            data = b""
            while b"</soap-env:Envelope>" not in data:
                data += connection.recv(65536)
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n" % len(REVERSED)
            connection.sendall(head + REVERSED)


@pytest_twisted.ensureDeferred
async def test_a_kept_connection_that_died_unseen_is_noticed_before_a_byte_is_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as port:
        server = threading.Thread(target=closing_server, args=(port, 3), daemon=True)
        server.start()
        async with running(answer, url=f"http://127.0.0.1:{port.getsockname()[1]}/centre") as (centre, _other):
            calls = [await prepared(centre) for _ in range(3)]
            for call in calls:
                outcome = await centre.send(call, nothing, nothing)
                time.sleep(0.05)  # noqa: ASYNC251 - the reactor stands still, so that it cannot have seen the end of the connection

                assert outcome == Answered(Reversed())
        server.join(5)


@pytest_twisted.ensureDeferred
async def test_a_kept_connection_that_dies_under_the_request_is_unknown_and_is_not_tried_again() -> None:
    def behave(peer: Peer) -> None:
        if peer.served == 1:
            answer(peer)
        else:
            peer.cut()

    async with running(behave) as (centre, server):
        assert await called(centre) == Answered(Reversed())
        outcome = await called(centre)

        assert outcome == Unknown("connection-lost", "cut before the reply")
        assert len(server.requests) == 2
        assert len(server.peers) == 1


@pytest_twisted.ensureDeferred
async def test_bytes_nobody_asked_for_on_a_kept_connection_are_no_reply() -> None:
    async with running(answer) as (centre, server):
        await called(centre)
        server.behave = lambda peer: peer.say(envelope("<infcode>2611</infcode>"))
        server.peers[0].transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 3\r\n\r\nabc")
        while not server.lost:
            await deferLater(reactor, 0.01)
        outcome = await called(centre)

        assert outcome == Refused("2611", "")
        assert len(server.peers) == 2


# -- bounds


@pytest_twisted.ensureDeferred
async def test_five_hundred_calls_are_in_flight_at_once_and_one_more_hears_busy() -> None:
    waiting: list[Peer] = []
    # A busy machine needs longer than usual until this process has looked at 500 new connections.
    async with running(waiting.append, total_deadline_s=60.0, connect_s=60.0) as (centre, server):
        call = await prepared(centre)
        flights = [ensureDeferred(centre.send(call, nothing, nothing)) for _ in range(500)]
        assert await centre.send(call, nothing, nothing) == NotSent("centre.busy")
        await server.received(500)
        for peer in waiting:
            answer(peer)
        results = await DeferredList(flights)

        assert results == [(True, Answered(Reversed()))] * 500
        assert len(server.requests) == 500


@pytest_twisted.ensureDeferred
async def test_a_message_longer_than_the_bound_never_leaves() -> None:
    async with running(answer, max_body_bytes=1 << 14) as (centre, server):
        import attrs

        from tests.adapters.insurance.requests import line

        request = attrs.evolve(REQUESTS["2204"], lines=tuple(line(f"L{number}") for number in range(100)))
        with pytest.raises(Fault, match="longer than 16384 bytes"):
            await centre.prepare(MESSAGE_ID, request, AT)

        assert server.peers == []


@pytest_twisted.ensureDeferred
async def test_a_reversal_that_the_region_does_not_know_never_leaves() -> None:
    import attrs

    from middleware.domain.centre import Call

    async with running(answer) as (centre, server):
        with pytest.raises(Fault, match="this region does not reverse 2204"):
            await centre.prepare(MESSAGE_ID, attrs.evolve(REQUESTS["2601"], original_call=Call.UPLOAD_CHARGES), AT)

        assert server.peers == []


# -- the end


@pytest_twisted.ensureDeferred
async def test_stopping_ends_what_was_sent_as_unknown_and_what_was_not_as_not_sent() -> None:
    late = []
    async with running(lambda peer: None) as (centre, server):
        flight = ensureDeferred(called(centre, on_late_reply=late.append))
        await server.received(1)
        await centre.stop()

        assert await flight == Unknown("stopping", "")
        assert await centre.send(None, nothing, nothing) == NotSent("system.stopping")
        with pytest.raises(Fault, match=r"system\.stopping"):
            await centre.prepare(MESSAGE_ID, REQUESTS["2601"], AT)
        assert late == []


@pytest_twisted.ensureDeferred
async def test_stopping_leaves_no_timer_and_no_thread() -> None:
    timers, threads = set(reactor.getDelayedCalls()), set(threading.enumerate())
    server = FaultServer(answer)
    centre = SoapCentre(options(server.url), reactor, lambda: AT)
    centre.start()
    await called(centre)
    await centre.stop()
    await server.stop()

    assert set(reactor.getDelayedCalls()) <= timers
    while {thread for thread in threading.enumerate() if "centre" in thread.name} - threads:
        await deferLater(reactor, 0.01)


@pytest_twisted.ensureDeferred
async def test_health_says_how_the_last_call_fared() -> None:
    async with running(answer) as (centre, server):
        assert centre.health().condition is Condition.DEGRADED
        await called(centre)
        assert centre.health().condition is Condition.GOOD
        server.behave = Peer.cut
        await called(centre)
        assert (centre.health().condition, centre.health().fault) == (Condition.DEGRADED, "centre.no_answer")


# -- signing in


@pytest_twisted.ensureDeferred
async def test_the_number_of_the_sign_in_goes_into_every_later_head_until_the_day_or_the_centre_ends_it() -> None:
    sign_in = envelope("<infcode>0</infcode><output><signinoutb><sign_no>S77</sign_no></signinoutb></output>", code="9001")
    async with running(lambda peer: peer.say(sign_in)) as (centre, server):
        assert centre.needs_sign_in(AT)
        assert await called(centre, "9001") == Answered(SignedIn("S77"))
        assert not centre.needs_sign_in(AT)
        assert centre.needs_sign_in(AT + dt.timedelta(days=1))

        server.behave = lambda peer: peer.say(envelope("<infcode>9011</infcode>"))
        await called(centre)
        assert b"sign_no>S77<" in server.requests[-1]
        assert centre.needs_sign_in(AT)

        await called(centre)
        assert b"sign_no/>" in server.requests[-1] or b"sign_no></" in server.requests[-1]
        assert centre.sign_in_request() == REQUESTS["9001"]


@pytest_twisted.ensureDeferred
async def test_where_people_are_insured_is_left_empty_for_locals_if_the_site_wants_it_so() -> None:
    async with running(answer, insured_region="elsewhere") as (centre, server):
        await called(centre, "2208")

        assert b"<ns0:insuplc_admdvs></" in server.requests[0] or b"<ns0:insuplc_admdvs/>" in server.requests[0]


# -- the centre's clock


@pytest_twisted.ensureDeferred
async def test_invariant_22_an_answer_tells_how_far_our_clock_is_from_the_centre_s() -> None:
    """``AT`` is our wall clock here; the centre's is an hour behind it, or says nothing that can be read."""
    hour_ago = (AT - dt.timedelta(hours=1)).strftime("%Y%m%d%H%M%S")
    said = [f"{hour_ago}000", "soon"]

    def behave(peer: Peer) -> None:
        peer.say(envelope(f"<infcode>0</infcode><respond_time>{said.pop(0)}</respond_time>"))

    async with running(behave) as (centre, _server):
        assert centre.clock_ahead_s() is None
        for _ in range(2):
            await called(centre)
            assert 3500 < centre.clock_ahead_s() <= 3600
