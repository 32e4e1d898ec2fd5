"""A program of the simulators ends by a signal, whenever that comes."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

BEFORE_ANYBODY_WAITS = """
import os, signal, threading
from simulators.ending import hold_back, wait_for_end
hold_back()
for _ in range(3):
    threading.Thread(target=lambda: os.kill(os.getpid(), signal.{number})).start()
wait_for_end()
print("in order")
"""


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_a_signal_that_came_before_anybody_waited_for_it_is_not_lost(number):
    done = subprocess.run(
        [sys.executable, "-c", BEFORE_ANYBODY_WAITS.format(number=number)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "in order\n")


def ending(tmp_path, *more):
    command = [sys.executable, "-m", "simulators.serial", "--device", str(tmp_path / "reader"), *more]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == f"{tmp_path / 'reader'} is there\n"
    return process


@pytest.mark.parametrize("more", [("--person", "resident"), ("--scan", "code")], ids=["id-card", "scanner"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_reader_of_the_command_line_is_unplugged_by_a_signal(tmp_path, more, number):
    with ending(tmp_path, *more) as process:
        process.send_signal(number)

        assert process.wait(60) == 0
        assert not (tmp_path / "reader").exists()


def test_the_scanner_of_the_command_line_ends_with_its_input(tmp_path):
    with ending(tmp_path, "--scan", "code") as process:
        process.stdin.close()

        assert process.wait(60) == 0
