"""The parts of the benchmark that judge what was measured."""

from __future__ import annotations

import subprocess

from benchmarks import disk, machine
from benchmarks.hotspots import read, thread_names
from simulators.stage import ROOT


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
