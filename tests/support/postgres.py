"""The test run's PostgreSQL: a private cluster whose databases begin migrated, each a copy of one template."""

from __future__ import annotations

import fcntl
import shutil

from middleware.store.database import open_database, ready
from simulators.postgres import PASSWORD, USER, Cluster
from tests.support.scratch import IN_MEMORY, ROOT

__all__ = ["PASSWORD", "USER", "TestCluster"]

_TEMPLATE = "migrated"
_HELD = "held"  # locked in each cluster's folder for as long as its maker lives


class TestCluster(Cluster):
    """``create()`` gives a migrated database. What killed test runs left behind is cleared first: it may lie in memory."""

    __test__ = False

    def __init__(self):
        for left in ROOT.glob(f"yikatong-pg-*/{_HELD}"):
            _clear_if_nobodys(left)
        super().__init__(ROOT)
        self._lock = (self.folder / "new").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        (self.folder / "new").rename(self.folder / _HELD)

    def make(self):
        super().make()
        self.sql(f"CREATE DATABASE {_TEMPLATE} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
        engine = open_database(self.url(_TEMPLATE))
        ready(engine)
        engine.dispose()

    def create(self, template=_TEMPLATE):
        return super().create(template, "FILE_COPY" if IN_MEMORY else "WAL_LOG")

    def remove(self):
        super().remove()
        self._lock.close()


def _clear_if_nobodys(left):
    with left.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        shutil.rmtree(left.parent, ignore_errors=True)
