"""The test run's PostgreSQL: a private cluster whose databases begin migrated, each a copy of one template."""

from __future__ import annotations

from middleware.store.database import open_database, ready
from simulators.postgres import PASSWORD, USER, Cluster

__all__ = ["PASSWORD", "USER", "TestCluster"]

_TEMPLATE = "migrated"


class TestCluster(Cluster):
    """``create()`` gives a migrated database."""

    __test__ = False

    def make(self):
        super().make()
        self.sql(f"CREATE DATABASE {_TEMPLATE} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
        engine = open_database(self.url(_TEMPLATE))
        ready(engine)
        engine.dispose()

    def create(self, template=_TEMPLATE):
        return super().create(template)
