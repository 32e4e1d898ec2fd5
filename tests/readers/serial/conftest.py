"""Readers on pseudo-terminals, each test with its own."""

from __future__ import annotations

import pytest

from simulators.serial import HandScanner, IdModule


@pytest.fixture
def module(tmp_path):
    line = IdModule(tmp_path / "id-reader")
    line.plug()
    yield line
    line.unplug()


@pytest.fixture
def hand(tmp_path):
    line = HandScanner(tmp_path / "scanner")
    line.plug()
    yield line
    line.unplug()
