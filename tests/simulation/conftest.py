from __future__ import annotations

import pytest

from daemon.simulate.world import make_template, simulate


@pytest.fixture(scope="session")
def play(tmp_path_factory):
    """Play one seed: ``play(seed, profile)``."""
    directory = tmp_path_factory.mktemp("simulate")
    template = make_template(directory)
    return lambda seed, profile="hostile", hours=2.0: simulate(seed, profile, hours, template, directory)
