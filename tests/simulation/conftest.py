from __future__ import annotations

import pytest

from daemon.simulate.seed import make_template, simulate


@pytest.fixture(scope="session")
def play(tmp_path_factory):
    """Play one seed: ``play(seed, profile)``."""
    directory = tmp_path_factory.mktemp("simulate")
    template = make_template(directory)
    return lambda seed, profile="hostile", hours=2.0: simulate(seed, profile, hours, template, directory)


def pytest_collection_modifyitems(items):
    """A search over seeds is long on a slow machine: the runner's limit, which ends a whole worker, is not meant for it."""
    for item in items:
        if "/simulation/" in item.path.as_posix():
            item.add_marker(pytest.mark.timeout(400))
