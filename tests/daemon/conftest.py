from __future__ import annotations

import shutil

import pytest
import pytest_twisted

from middleware.domain.centre import Call
from middleware.domain.fault import Fault
from middleware.domain.order import CancelOrder
from middleware.domain.outcome import Unknown
from tests.daemon.books import Books, ServerBooks
from tests.support.counter import order_of, quoted, until
from tests.support.fakes import HIS
from tests.support.rig import Rig


async def fill(where):
    """A database as a daemon leaves it: settled, cancelled, and one whose outcome is unknown."""
    rig = await Rig(where, first_check_s=3600).start()
    for key in ("a", "b"):
        done = await rig.counter.settle(HIS, f"s-{key}", order_of(await quoted(rig, key=f"q-{key}")))
        await until(rig, done["settlement_id"], "Delivered")
    await rig.counter.cancel(HIS, "c-b", CancelOrder(done["settlement_id"], "reason"))
    rig.centre.script[Call.SETTLE] = [Unknown("time-out")]
    lost = await quoted(rig, key="q-c")
    with pytest.raises(Fault, match=r"settlement\.outcome_unknown"):
        await rig.counter.settle(HIS, "s-c", order_of(lost))
    await rig.stop()


@pytest_twisted.async_yield_fixture(scope="module")
async def written_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    await fill(folder)
    yield folder


@pytest_twisted.async_yield_fixture(scope="module")
async def written_server(cluster):
    name = cluster.create()
    await fill(cluster.url(name))
    yield name
    cluster.drop(name)


@pytest.fixture
def file_books(written_file, tmp_path):
    shutil.copytree(written_file, tmp_path, dirs_exist_ok=True)
    return Books(tmp_path)


@pytest.fixture
def server_books(cluster, written_server, tmp_path):
    name = cluster.create(written_server)
    yield ServerBooks(tmp_path, cluster, name)
    for (left,) in cluster.sql(
        "SELECT datname FROM pg_database WHERE datname = %s OR datname LIKE %s", (name, name + "_%")
    ):
        cluster.drop(left)


@pytest.fixture(params=["sqlite", "postgresql"])
def books(request):
    """On each of both databases."""
    return request.getfixturevalue("file_books" if request.param == "sqlite" else "server_books")
