"""Chaos works: one kill and one power cut of the real daemon under load, and the table says that nothing was lost."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from simulators.stage import ROOT

LIMIT_S = 100
INSIDE = ROOT / "chaos" / "inside"


def chaos(directory, *words):
    return [sys.executable, "-m", "chaos", *words, "--directory", str(directory)]


@pytest.mark.pcsc
@pytest.mark.slow
def test_a_kill_and_a_power_cut_lose_nothing_and_leave_nothing_behind(tmp_path):
    process = subprocess.Popen(
        chaos(tmp_path, "--quick"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        said, _ = process.communicate(timeout=LIMIT_S)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(30)

    assert process.returncode == 0, said
    lines = {cells[1]: cells for row in said.splitlines() if len(cells := [c.strip() for c in row.split("|")]) == 12}
    both = lines["kill -9 and power cut"]
    if both[3] == "NOT POSSIBLE HERE":
        assert re.search(r"kill -9 and power cut \(SQLite\): .*(root|permits|no )", said)  # named, never silent
        both = lines["kill -9"]
    else:
        assert both[3] == "2"
    assert int(both[4]) > 3
    assert both[5:9] == ["0", "0", "0", "0"]
    assert str(tmp_path) not in Path("/proc/mounts").read_text()
    assert [path.name for path in tmp_path.rglob("disk.img")] == []


def test_a_point_that_is_not_there_ends_the_process_with_a_word_why():
    environment = dict(os.environ) | {"PYTHONPATH": str(INSIDE), "CHAOS_POINT": "no-such-point"}
    done = subprocess.run([sys.executable, "-c", "pass"], env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 97
    assert "no-such-point" in done.stderr


def test_a_point_whose_place_is_gone_ends_the_process(tmp_path):
    """The program was changed and the point does not fit any more: no run may go on as if it had been met."""
    package = tmp_path / "sqlalchemy"
    package.mkdir()
    (package / "__init__.py").write_text("")
    where = os.pathsep.join((str(INSIDE), str(tmp_path)))
    environment = dict(os.environ) | {"PYTHONPATH": where, "CHAOS_POINT": "settled-stored"}
    done = subprocess.run(
        [sys.executable, "-c", "import sqlalchemy"], env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 97
    assert "cannot be patched" in done.stderr
