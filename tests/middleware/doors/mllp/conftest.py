from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from tests.middleware.doors.mllp.rig import Site


@pytest.fixture
def site(tmp_path):
    """Starts a door with the options given; stopped when the test ends."""
    started = []

    def start(**options):
        started.append(Site(tmp_path, **options).start())
        return started[-1]

    yield start
    for one in started:
        pytest_twisted.blockon(Deferred.fromCoroutine(one.stop()))
