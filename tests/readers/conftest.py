"""A real pcscd with virtual readers, shared by all card tests of a session."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from simulators.pcscd import Pcscd, PcscdUnavailableError
from tests.conftest import PCSCD_FOLDER


@pytest.fixture(scope="session")
def shared_pcscd() -> Iterator[Pcscd]:
    """Two virtual readers of two slots each. Missing parts fail in CI and are named otherwise."""
    try:
        import smartcard.scard  # noqa: F401 - only whether it is there

        pcscd = Pcscd.start_own(readers=2, folder=PCSCD_FOLDER)
    except (ImportError, PcscdUnavailableError) as exc:
        reason = f"no real card service for this test: {exc}"
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(reason)
        pytest.skip(reason)
    os.environ.update(pcscd.environment)
    yield pcscd
    pcscd.stop()


@pytest.fixture
def pcscd(shared_pcscd: Pcscd) -> Iterator[Pcscd]:
    """The shared pcscd, running with all its readers before and after each test."""
    yield shared_pcscd
    if not shared_pcscd.pid:
        shared_pcscd.start()
