from __future__ import annotations

from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from middleware.doors.local_api.options import LocalApiOptions
from tests.middleware.doors.fakes import open_door


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
