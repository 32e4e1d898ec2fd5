from __future__ import annotations

import shutil

import pytest
import pytest_twisted

from middleware.domain.centre import Call
from middleware.domain.fault import Fault
from middleware.domain.order import CancelOrder
from middleware.domain.outcome import Unknown
from tests.daemon.books import Books
from tests.middleware.engine.test_service import order_of, quoted, until
from tests.support.fakes import HIS
from tests.support.rig import Rig


@pytest_twisted.async_yield_fixture(scope="module")
async def written(tmp_path_factory):
    """A database as a daemon leaves it: settled, cancelled, and one whose outcome is unknown."""
    folder = tmp_path_factory.mktemp("written")
    rig = await Rig(folder, first_check_s=3600).start()
    for key in ("a", "b"):
        done = await rig.counter.settle(HIS, f"s-{key}", order_of(await quoted(rig, key=f"q-{key}")))
        await until(rig, done["settlement_id"], "Delivered")
    await rig.counter.cancel(HIS, "c-b", CancelOrder(done["settlement_id"], "reason"))
    rig.centre.script[Call.SETTLE] = [Unknown("time-out")]
    lost = await quoted(rig, key="q-c")
    with pytest.raises(Fault, match=r"settlement\.outcome_unknown"):
        await rig.counter.settle(HIS, "s-c", order_of(lost))
    await rig.stop()
    yield folder


@pytest.fixture
def books(written, tmp_path):
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    return Books(tmp_path)
