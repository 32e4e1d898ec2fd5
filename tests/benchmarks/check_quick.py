"""``make bench-check``: the benchmark works, its quick version measures everything and says so. No time is judged here.

It takes longer than all of a part's tests together, so it has a target of its own.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest

from simulators.stage import ROOT

LIMIT_S = 570


@pytest.mark.pcsc
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_quick_run_measures_every_part_and_refuses_nothing(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks", "--quick", "--directory", str(tmp_path / "bench")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        report, _ = process.communicate(timeout=LIMIT_S)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)  # all of its parts, and nothing else

    assert process.returncode == 0, report
    parts = "journal sealing card remote centre settlements durability recovery endurance profile"
    for part in parts.split():
        assert re.search(f"^{part}:", report, re.MULTILINE), part
    assert re.search(r"CPU over that: 8 clients \d", report)
    assert "NOT MEASURED" not in report
    rates = [float(line.split()[1]) for line in report.splitlines() if re.match(r" +8 +\d+\.\d .*%.*\|", line)]
    assert len(rates) == 3
    assert all(rate > 0 for rate in rates)
    assert re.search(r"\d+\.\d% +(centre-xml|reactor|journal) +\d+\.\d%", report.partition("by package")[2])
