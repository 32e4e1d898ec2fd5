"""Both databases, by one fixture: what takes ``store_url`` runs on SQLite and on PostgreSQL. And how many run at once."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
import structlog
from hypothesis import HealthCheck, settings

from simulators.pcscd import SOCKET_VARIABLE, Pcscd, socket_in
from simulators.ports import free_port
from tests.support.postgres import TestCluster
from tests.support.proxy import Proxy
from tests.support.scratch import ROOT

# Databases and scratch folders lie where a commit's fsync costs nothing, and what passed leaves no files there (setup.cfg).
os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(ROOT))

# Programs that the tests start, and the workers, find our modules compiled: the machine may say otherwise for everyone else.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Whatever asks for a card service in this process, before or after the shared one runs, asks at its socket.
PCSCD_FOLDER = Path(tempfile.gettempdir()) / f"yikatong-pcscd-{uuid4().hex[:12]}" if Pcscd.many_at_once() else None
if PCSCD_FOLDER is not None:
    os.environ[SOCKET_VARIABLE] = str(socket_in(PCSCD_FOLDER))

# On a machine with other work an example may take its time: that says nothing of what is tested. (With CI set, hypothesis
# says so itself, and takes the same examples each time.)
if not os.environ.get("CI"):
    settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("busy")


LONGEST = (
    "tests/simulation/test_planted.py",
    "tests/scenarios/test_kill.py",
    "tests/scenarios/test_kinds.py",
    "tests/simulation/",
    "tests/scenarios/",
    "tests/middleware/engine/",
    "tests/daemon/",
    "tests/middleware/store/",
)


def pytest_xdist_auto_num_workers():
    """``-n auto``: one worker a core, where each can have a pcscd of its own; else one after the other."""
    return len(os.sched_getaffinity(0)) if PCSCD_FOLDER is not None else 1


def pytest_collection_modifyitems(items):
    """The longest files begin first, each folder's others behind them: then no worker is left with one when all is done."""
    items.sort(key=lambda item: next((n for n, path in enumerate(LONGEST) if item.nodeid.startswith(path)), len(LONGEST)))


def pytest_collection_finish():
    """What was imported stays: no full garbage collection need look at it again."""
    gc.collect()
    gc.freeze()


def pytest_make_parametrize_id(val):
    """Long bytes are named by their length: workers must give a test the same name, and archives hold the time of day."""
    return f"{len(val)}-bytes" if isinstance(val, bytes) and len(val) > 32 else None


@pytest.fixture(autouse=True)
def logs_as_before():
    """A command that is run inside the test process sets the logs up for itself: the next test hears them as before."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def cluster():
    """The test run's own PostgreSQL, started when the first test wants it."""
    made = TestCluster()
    try:
        made.make()
        yield made
    finally:
        made.remove()


@pytest.fixture
def postgres_url(cluster):
    """A migrated database of the test's own."""
    name = cluster.create()
    yield cluster.url(name)
    cluster.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request, tmp_path):
    """The url of a database of the test's own, on each of both."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/y.db"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def empty_url(request, store_url):
    """The url of another database of the same kind, without any table."""
    if store_url.startswith("sqlite"):
        folder = request.getfixturevalue("tmp_path") / "empty"
        folder.mkdir()
        yield f"sqlite:///{folder}/y.db"
        return
    cluster = request.getfixturevalue("cluster")
    name = cluster.create("template0")
    yield cluster.url(name)
    cluster.drop(name)


@pytest.fixture
def through(cluster, postgres_url):
    """A proxy before the test's own PostgreSQL database, and the url that goes through it."""
    made = Proxy(cluster.port, free_port())
    yield made, cluster.tcp(sa.make_url(postgres_url).database, made.port)
    made.close()
