from __future__ import annotations

import json
import socket

import pytest
import pytest_twisted
import treq
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from config.load import ConfigError, read
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.ops.metrics import Metrics
from middleware.ops.options import SiteOptions
from middleware.ops.site import build_site
from simulators.ports import free_port
from tests.middleware.doors.fakes import in_thread


@pytest.fixture
def sites():
    made = []

    def make(health=(), **settings):
        site = build_site(SiteOptions(**{"port": free_port(), **settings}), Metrics("1.0"), health, "1.0", reactor)
        site.start()
        made.append(site)
        return site

    yield make
    for site in made:
        pytest_twisted.blockon(Deferred.fromCoroutine(site.stop()))


async def get(site, path: str):
    response = await treq.get(f"http://127.0.0.1:{site.port}{path}", persistent=False)
    return response.code, (await treq.content(response)).decode()


GET_METRICS = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Journal:
    def health(self) -> PartHealth:
        raise RuntimeError("secret")


def part(name: str, condition: Condition = Condition.GOOD, fault: str = ""):
    return lambda: PartHealth(name, condition, fault)


@pytest_twisted.ensureDeferred
async def test_full_health_names_the_broken_part_and_what_to_do_in_both_languages(sites):
    site = sites([part("journal"), part("centre", Condition.DOWN, "centre.unreachable"), part("his", Condition.DEGRADED)])
    code, body = await get(site, "/health/full")
    page = json.loads(body)
    assert (code, page["condition"], page["broken"]) == (503, "down", ["centre"])
    centre = next(item for item in page["parts"] if item["part"] == "centre")
    assert centre["zh"] == "连接不上医保中心，请求未发出"
    assert "send again with the same request_id" in centre["do_en"]


@pytest_twisted.ensureDeferred
async def test_degraded_is_not_down(sites):
    code, body = await get(sites([part("his", Condition.DEGRADED, "his.no_answer")]), "/health/full")
    assert (code, json.loads(body)["condition"]) == (200, "degraded")


@pytest_twisted.ensureDeferred
async def test_ready_asks_only_the_essential_parts(sites):
    assert (await get(sites([part("journal"), part("readers", Condition.DOWN)]), "/health/ready"))[0] == 200
    code, body = await get(sites([part("journal", Condition.DOWN, "system.journal")]), "/health/ready")
    assert (code, json.loads(body)["broken"]) == (503, ["journal"])
    assert (await get(sites([part("readers")]), "/health/ready"))[0] == 503


@pytest_twisted.ensureDeferred
async def test_a_part_that_cannot_answer_is_down_and_the_others_are_still_heard(sites):
    site = sites([Journal().health, part("his")])
    code, body = await get(site, "/health/full")
    assert (code, json.loads(body)["broken"]) == (503, ["Journal"])
    assert "secret" not in body
    assert (await get(site, "/health/live"))[0] == 200


@pytest_twisted.ensureDeferred
async def test_metrics_are_rendered_even_when_the_reactor_s_thread_pool_is_stuck(sites):
    import threading

    site, stuck = sites(), threading.Event()
    pool = reactor.getThreadPool()
    for _ in range(pool.max):
        pool.callInThread(stuck.wait)
    try:
        # With a plain socket: treq's own look-up of the address would wait in that pool.
        answer = await in_thread(reactor, raw, site.port, GET_METRICS)
    finally:
        stuck.set()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"yikatong_build_info" in answer
    assert b"process_cpu_seconds_total" in answer


@pytest_twisted.ensureDeferred
async def test_pages_of_operations_do_not_exist_for_other_peers(sites):
    site = sites([part("journal")], ops_peers=("10.9.9.9",))
    assert [(await get(site, path))[0] for path in ("/metrics", "/health/full", "/health/ready", "/health/live")] == [
        404, 404, 404, 200,
    ]  # fmt: skip


@pytest_twisted.ensureDeferred
async def test_what_is_not_there_is_404_and_only_get_is_taken(sites):
    site = sites()
    assert (await get(site, "/nothing"))[0] == 404
    response = await treq.request("DELETE", f"http://127.0.0.1:{site.port}/metrics", persistent=False)
    assert response.code == 405


def raw(port: int, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """Send pieces, read until the end."""
    import time

    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        answer = b""
        try:
            for piece in pieces:
                sock.sendall(piece)
                time.sleep(pause_s)
        except OSError:
            pass
        try:
            while chunk := sock.recv(65536):
                answer += chunk
        except ConnectionError:
            pass
        return answer


@pytest_twisted.ensureDeferred
async def test_a_client_that_drips_headers_is_cut_at_the_deadline(sites):
    site = sites(request_deadline_s=0.5)

    def drip() -> float:
        import time

        began = time.monotonic()
        raw(site.port, b"GET / HTTP/1.1\r\n", *[b"X-A: b\r\n"] * 100, pause_s=0.05)
        return time.monotonic() - began

    began_to_end = await in_thread(reactor, drip)
    assert 0.4 < began_to_end < 4  # dripping to the end would take five seconds
    assert not site.site._channels


@pytest_twisted.ensureDeferred
async def test_each_answer_gives_a_kept_connection_its_time_again(sites):
    site = sites(request_deadline_s=1.0)

    def four_times() -> int:
        import time

        heard = 0
        with socket.create_connection(("127.0.0.1", site.port), timeout=5) as sock:
            for _ in range(4):
                sock.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
                heard += sock.recv(65536).startswith(b"HTTP/1.1 200 ")
                time.sleep(0.4)
        return heard

    assert await in_thread(reactor, four_times) == 4


@pytest_twisted.ensureDeferred
async def test_a_request_with_a_body_is_refused_before_its_body_is_read(sites):
    site = sites()
    for header in (b"Content-Length: 1000000000", b"Transfer-Encoding: chunked"):
        answer = await in_thread(reactor, raw, site.port, b"POST /metrics HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 413 ")


@pytest_twisted.ensureDeferred
async def test_a_connection_too_many_hears_busy(sites):
    site = sites(connections=1)
    with socket.create_connection(("127.0.0.1", site.port)):
        answer = b""
        while not answer:  # until the first of the two is counted
            got = await in_thread(
                reactor, raw, site.port, b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            )
            answer = got if got.startswith(b"HTTP/1.1 503 ") else b""
        assert b"Retry-After" in answer


def test_a_bind_beyond_loopback_without_tls_is_refused():
    with pytest.raises(ConfigError, match="loopback"):
        read(SiteOptions, {"host": "0.0.0.0"})
    with pytest.raises(ConfigError):
        read(SiteOptions, {"client_ca": "x"})


@pytest_twisted.ensureDeferred
async def test_a_port_in_use_is_a_fault_of_the_configuration(sites):
    site = sites()
    with pytest.raises(Fault, match=r"system\.config"):
        sites(port=site.port)
    await site.stop()
    assert site.health().condition is Condition.DOWN
