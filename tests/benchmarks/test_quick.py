"""The benchmark works: its quick version measures everything, loses nothing, and says so. No time is judged here."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest

from benchmarks import disk, machine
from benchmarks.hotspots import read, thread_names
from simulators.stage import ROOT

LIMIT_S = 220


@pytest.mark.pcsc
@pytest.mark.slow
@pytest.mark.timeout(240)
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
    assert "NOT MEASURED" not in report
    rates = [float(line.split()[1]) for line in report.splitlines() if re.match(r" +8 +\d+\.\d .*%.*\|", line)]
    assert len(rates) == 3
    assert all(rate > 0 for rate in rates)
    assert re.search(r"\d+\.\d% +(centre-xml|reactor|journal) +\d+\.\d%", report.partition("by package")[2])


def test_the_disk_is_measured_and_nothing_is_left_behind(tmp_path):
    figures = disk.run(tmp_path, 0.09)

    assert set(figures) == {"fdatasync_per_s", "sqlite_commits_per_s", "sqlite_rows_per_s"}
    assert all(figure > 0 for figure in figures.values())
    assert list(tmp_path.iterdir()) == []


def test_cpu_is_told_of_a_process_whose_name_holds_a_bracket(tmp_path):
    odd = tmp_path / "a) b (c"
    odd.symlink_to("/bin/sleep")
    process = subprocess.Popen([str(odd), "60"])
    try:
        assert machine.cpu_s(process.pid) >= 0
    finally:
        process.kill()
        process.wait()


def test_percentiles_of_few_and_of_none():
    assert machine.percentile([], 0.99) == 0
    assert machine.percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert machine.percentile([3.0, 1.0, 2.0], 0.99) == 3.0


def test_a_builtin_is_paid_by_the_package_that_called_it(tmp_path):
    import marshal

    ours, builtin = (str(ROOT / "middleware/engine/runner.py"), 1, "apply"), ("~", 0, "<built-in method len>")
    before = {ours: (1, 1, 1.0, 1.5, {}), builtin: (1, 1, 0.5, 0.5, {ours: (1, 1, 0.5, 0.5)})}
    after = {ours: (3, 3, 2.0, 5.0, {}), builtin: (3, 3, 2.5, 2.5, {ours: (3, 3, 2.5, 2.5)})}
    files = []
    for number, table in enumerate((before, after)):
        files.append(tmp_path / str(number))
        files[-1].write_bytes(marshal.dumps([("reactor", 17, table)]))

    found = read(*files)

    assert found.seconds == 3.0
    assert found.by_package == {"ours: middleware.engine": 1.0}
    assert thread_names(files[1]) == {17: "reactor"}
    assert found.ours[0][:2] == ("middleware/engine/runner.py:apply", 2)
