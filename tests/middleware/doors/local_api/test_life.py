from __future__ import annotations

import socket
import stat

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from clients.python.yikatong_client import ConnectionClosedError, connect
from middleware.domain.fault import Fault
from middleware.domain.health import Condition
from middleware.doors.local_api.methods import METHODS
from tests.middleware.doors.fakes import HIS_TOKEN, READER
from tests.middleware.doors.local_api.samples import PARAMS
from tests.middleware.doors.local_api.wire import STATUS, Wire, beside, request, until


@pytest_twisted.ensureDeferred
async def test_stopping_refuses_new_work_waits_for_old_and_ends_in_bounded_time(opened, path):
    door = opened(stop_grace_s=5)
    door.counter.hold = True
    wire = Wire(path)
    await beside(wire.hello)
    wire.say(request("card.read", PARAMS["card.read"], "old"))
    await until(lambda: door.counter.held)
    stopping = Deferred.fromCoroutine(door.api.stop())
    refused = await beside(wire.ask, STATUS)
    assert refused["error"]["data"]["code"] == "system.stopping"
    assert not path.exists()
    door.counter.release()
    assert (await beside(wire.hear))["id"] == "old"
    await stopping
    assert await beside(lambda: wire.ended)
    assert door.api.health().condition == Condition.DOWN
    wire.__exit__()


@pytest_twisted.ensureDeferred
async def test_stopping_does_not_wait_for_ever(opened, path):
    door = opened(stop_grace_s=0.1)
    door.counter.hold = True
    wire = Wire(path)
    await beside(wire.hello)
    wire.say(request("card.read", PARAMS["card.read"]))
    await until(lambda: door.counter.held)
    await door.api.stop()
    assert await beside(lambda: wire.ended)
    wire.__exit__()


@pytest_twisted.ensureDeferred
async def test_the_unix_socket_is_for_its_owner_and_group_only(opened, path):
    opened()
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


@pytest_twisted.ensureDeferred
async def test_the_socket_of_a_dead_process_is_taken_over_and_that_of_a_living_one_is_not(opened, path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    door = opened()
    assert door.api.health().condition == Condition.GOOD
    with pytest.raises(Fault) as caught:
        opened(unix_path=path, tcp_port=0)
    assert caught.value.code == "system.config"


@pytest_twisted.ensureDeferred
async def test_a_file_in_the_socket_s_place_is_left_alone(opened, path):
    path.write_text("precious")
    with pytest.raises(Fault):
        opened()
    assert path.read_text() == "precious"


@pytest_twisted.ensureDeferred
async def test_status_names_the_broken_part_and_what_to_do(opened, path):
    from middleware.domain.health import PartHealth

    def broken() -> PartHealth:
        raise RuntimeError("secret")

    opened(health=[lambda: PartHealth("centre", Condition.DOWN, "centre.unreachable", "connect"), broken])

    def client_side():
        with connect(path) as client:
            client.hello(HIS_TOKEN)
            return client.call("system.status")

    status = await beside(client_side)
    METHODS["system.status"].check_result(status)
    parts = {part["part"]: part for part in status["parts"]}
    assert status["condition"] == "down"
    assert parts["centre"]["do_zh"] == "请检查专线后用同一 request_id 重发"
    assert (parts["broken"]["fault"], parts["broken"]["detail"]) == ("system.internal", "RuntimeError")
    assert parts["readers"]["condition"] == "good"


@pytest_twisted.ensureDeferred
async def test_a_connection_that_ends_is_told_to_the_client(opened, path):
    door = opened()

    def client_side():
        with connect(path) as client:
            client.hello(HIS_TOKEN)
            with pytest.raises(ConnectionClosedError):
                client.call("card.read", {"reader": READER})
            return True

    door.counter.hold = True
    waiting = Deferred.fromCoroutine(beside(client_side))
    await until(lambda: door.counter.held)
    await door.api.stop()
    assert await waiting
