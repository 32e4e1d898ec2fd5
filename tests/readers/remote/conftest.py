"""One authority for all tests of the link: making keys is slow."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which certificates are made once and used again."""
    return tmp_path_factory.mktemp("certificates")
