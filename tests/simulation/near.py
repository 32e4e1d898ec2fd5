"""Where each planted defect is known to show, so that the tests' search is short; the search itself decides.

``python -m tests.simulation.near [--jobs N] [--only PREFIX]`` looks for them anew and writes ``near.json``: after a change that makes the
seeds' days other ones, when the tests have become slow.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

from _pytest.monkeypatch import MonkeyPatch

from daemon.simulate.seed import make_template, simulate
from tests.simulation.groups import CASES

FILE = Path(__file__).with_suffix(".json")
HITS = 3  # of so many the cheapest is taken
PATIENCE_S = 20.0  # a hit that took less is not bettered after so long a search


def known() -> dict[str, int]:
    """The seeds, by defect; what is not there begins with the first seed."""
    found: dict[str, int] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def _search(number: int) -> tuple[str, int | None, float]:
    case, hits = CASES[number], list[tuple[float, int]]()
    with tempfile.TemporaryDirectory() as folder, MonkeyPatch.context() as patch:
        directory = Path(folder)
        template = make_template(directory)
        case.plant(patch)
        began = time.process_time()
        for seed in case.seeds:
            before = time.process_time()
            broken = simulate(seed, case.profile, 2.0, template, directory).broken
            if case.is_caught_by(broken):
                hits.append((time.process_time() - before, seed))
            if len(hits) == HITS or (hits and time.process_time() - began > PATIENCE_S):
                break
    took, seed = min(hits, default=(0.0, 0))
    return case.name, seed or None, took


def main(jobs: int, only: str = "") -> int:
    """Search all whose name begins so; 0 when each was found. What was known of the others stays."""
    numbers = [number for number, case in enumerate(CASES) if case.name.startswith(only)]
    searched = {CASES[number].name for number in numbers}
    names = {case.name for case in CASES} - searched
    found, lost = {name: seed for name, seed in known().items() if name in names}, list[str]()
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for name, seed, took in pool.imap_unordered(_search, numbers):
            print(f"{name}: {seed} ({took:.1f} s)", flush=True)
            if seed is None:
                lost.append(name)
            else:
                found[name] = seed
    FILE.write_text(json.dumps(dict(sorted(found.items())), indent=2) + "\n", encoding="utf-8")
    print(f"{len(found)} found, not found: {', '.join(lost) or 'none'}")
    return 1 if lost else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", default="", help="what the names begin with, as planted_keys")
    args = parser.parse_args()
    sys.exit(main(args.jobs, args.only))
