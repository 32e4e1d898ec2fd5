"""A failing seed is made small, and the small one is played again by its command; two processes say what one says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import evolve
from click.testing import CliRunner

from daemon.cli import main
from daemon.simulate.run import off_of, possible_cells, possible_moves
from daemon.simulate.shrink import LEAST_HOURS, MAX_TRIES, shrunk, turned_on
from daemon.simulate.story import BrokenRuleError
from tests.simulation import planted

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def sound(play):
    return evolve(play(1, "calm", 0.1), seed=3, profile="hostile")


def _result(sound, number):
    return evolve(sound, broken=BrokenRuleError(number, "planted") if number else None)


def test_what_a_failure_does_not_need_is_left_out_and_another_rule_is_another_failure(sound):
    """A seed that fails by rule 1 as long as two dials are on, and by another rule without the first."""
    needed = turned_on(3, "hostile")[:2]

    def again(hours, off):
        number = "1" if hours >= 0.5 and not off & set(needed) else "7" if needed[1] in off else ""
        return _result(sound, number)

    small = shrunk(again(2.0, frozenset()), 2.0, frozenset(), again)

    assert (small.hours, small.result.broken.number) == (0.5, "1")
    assert set(turned_on(3, "hostile")) - small.off == set(needed)
    assert small.tries <= MAX_TRIES
    assert small.hours > LEAST_HOURS


def test_the_tries_are_bounded_and_a_failure_that_needs_everything_stays_as_it_is(sound):
    whole = _result(sound, "1")

    small = shrunk(whole, 2.0, frozenset(), lambda _hours, _off: _result(sound, ""), most=5)

    assert (small.result, small.hours, small.off, small.tries) == (whole, 2.0, frozenset(), 5)


def test_the_command_of_the_small_one_breaks_the_same_rule_again(monkeypatch):
    planted.send_before_commit(monkeypatch)
    told = _simulate("--seeds", "1")
    small = re.findall(r"run\.py simulate (.*)", told.stdout)[-1]

    again = _simulate(*small.split())

    rule = re.search(r"made small in \d+ tries: (invariant \w+)", told.stdout)[1]
    assert again.exit_code == told.exit_code == 1
    assert rule in again.stdout


def test_two_processes_give_the_bytes_of_one_and_verbose_lists_what_nobody_went_through():
    seeds = ("--seeds", "1..3", "--hours", "0.1")
    alone = _simulate(*seeds, "--jobs", "1", "--verbose")
    two = subprocess.run(  # a process of its own: this one has threads, and may not be forked
        [sys.executable, "run.py", "simulate", *seeds, "--jobs", "2"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip

    assert re.findall(r"fingerprint: (\w+)", alone.stdout) == re.findall(r"fingerprint: (\w+)", two.stdout) != []
    assert "transitions covered" in alone.stdout
    assert "ManualRejected" in alone.stdout
    assert possible_moves() < possible_cells()


def test_a_dial_that_is_none_is_misuse():
    assert off_of("crashes,bank-slow") == {"crashes", "bank-slow"}
    assert _simulate("--seeds", "1", "--without", "gravity").exit_code == 2


def _simulate(*args):
    return CliRunner().invoke(main, ["simulate", *args])
