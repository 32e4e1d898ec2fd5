"""The door for notices of payment: what it takes, what it refuses, and that it says "taken" only when that is durable."""

from __future__ import annotations

import http.client
import json

import pytest
import pytest_twisted
from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from middleware.domain.fault import Fault
from middleware.doors.notices.door import NoticeDoor
from middleware.doors.notices.options import NoticeOptions
from simulators.ports import free_port
from tests.scenarios.hospital import in_thread

OPTIONS = NoticeOptions(path="/mobile/6302", max_bytes=1024, request_deadline_s=5)


class Edge:
    async def read_notice(self, body):
        if body == b"forged":
            raise Fault("mobile.not_genuine")
        return body

    def answer(self, *, taken):
        return json.dumps({"success": taken}).encode()


class Engine:
    def __init__(self):
        self.begun, self.ends = Deferred(), None

    async def taken(self, notice):
        if notice == b"unknown":
            raise Fault("mobile.unknown_order")
        if notice == b"broken":
            raise RuntimeError
        if self.ends is not None:
            self.begun.callback(None)
            await self.ends


@pytest.fixture
def opened():
    doors, counted = [], []

    def make(**changes):
        engine = Engine()
        door = NoticeDoor(evolve(OPTIONS, port=free_port(), **changes), Edge(), engine, reactor, "secret", counted.append)
        door.start()
        doors.append(door)
        return door, engine, counted

    yield make
    for door in doors:
        pytest_twisted.blockon(Deferred.fromCoroutine(door.stop()))


def post(door, body, path="/mobile/6302/secret", method="POST", **headers):
    """(status, answer); (0, None) when the connection was cut."""

    def work():
        connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=10)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        except (http.client.HTTPException, OSError):
            return 0, None
        finally:
            connection.close()

    return in_thread(work)


@pytest_twisted.ensureDeferred
async def test_each_notice_gets_the_answer_that_it_deserves_and_nothing_else_is_here(opened):
    door, _, counted = opened()

    assert await post(door, b"good") == (200, {"success": True})
    assert await post(door, b"unknown") == (200, {"success": False})
    assert await post(door, b"forged") == (403, {"success": False})
    assert await post(door, b"broken") == (500, {"success": False})
    assert (await post(door, b"good", "/mobile/6302"))[0] == 404
    assert (await post(door, b"good", "/mobile/6302/other"))[0] == 404
    assert (await post(door, None, method="GET"))[0] == 404
    assert (await post(door, b"x" * 1025))[0] in {413, 0}
    assert counted == ["ok", "mobile.unknown_order", "mobile.not_genuine", "system.internal"]


@pytest_twisted.ensureDeferred
async def test_it_is_answered_only_when_it_is_durable(opened):
    door, engine, _ = opened()
    engine.ends = Deferred()
    asked = post(door, b"good")
    await engine.begun

    assert not asked.called
    engine.ends.callback(None)
    assert await asked == (200, {"success": True})


def test_beyond_loopback_it_needs_tls_or_says_that_a_gateway_stands_before_it():
    with pytest.raises(ValueError, match="TLS"):
        NoticeOptions(host="10.0.0.1", port=7461)
    assert NoticeOptions(host="10.0.0.1", port=7461, behind_gateway=True).behind_gateway
