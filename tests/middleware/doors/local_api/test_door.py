from __future__ import annotations

import json
import socket
import stat
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from clients.python.yikatong_client import ApiError, ConnectionClosedError, connect
from middleware.domain.fault import Fault
from middleware.domain.health import Condition
from middleware.domain.order import Role
from middleware.doors.local_api.methods import METHODS
from middleware.doors.local_api.options import LocalApiOptions
from middleware.doors.local_api.tables import RULES
from tests.middleware.doors.fakes import HIS_TOKEN, POS_TOKEN, READER, TOKENS, in_thread, open_door
from tests.middleware.doors.local_api.samples import PARAMS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "api.sock"


@pytest.fixture
def opened(path: Path):
    """A maker of doors; everything it opened is stopped at the end."""
    from twisted.internet import reactor

    doors = []

    def make(health=(), **settings):
        door = open_door(
            reactor, LocalApiOptions(**{"unix_path": path, "tcp_port": 0, "stop_grace_s": 0.2, **settings}), health
        )
        door.api.start()
        doors.append(door)
        return door

    yield make
    for door in doors:
        door.counter.release()
        pytest_twisted.blockon(Deferred.fromCoroutine(door.api.stop()))


async def beside(work, *args):
    from twisted.internet import reactor

    return await in_thread(reactor, work, *args)


@pytest_twisted.ensureDeferred
async def test_every_method_answers_its_published_shape(opened, path):
    door = opened()

    def client_side():
        with connect(path) as client:
            hello = client.hello(POS_TOKEN)
            answers = {name: client.call(name, PARAMS[name]) for name in hello["methods"] if name != "session.hello"}
            return hello, answers

    hello, answers = await beside(client_side)
    METHODS["session.hello"].check_result(hello)
    assert "T001" == hello["terminal"]
    for name, answer in answers.items():
        METHODS[name].check_result(answer)
    assert {outcome for _, outcome, _ in door.seen} == {"ok"}
