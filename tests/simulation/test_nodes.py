"""Several nodes in the simulator: a seed gives the same bytes anywhere, and what is to go wrong does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SEED = 2


def test_the_same_seed_of_several_nodes_gives_the_same_bytes_in_another_process(play, tmp_path):
    code = (
        "import sys, tempfile; from pathlib import Path; from daemon.simulate.seed import make_template, simulate\n"
        "d = Path(tempfile.mkdtemp(dir=sys.argv[1]))\n"
        f"print(simulate({SEED}, 'nodes', 2.0, make_template(d), d).fingerprint)"
    )
    there = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip

    assert there.stdout.strip() == play(SEED, "nodes").fingerprint


def test_nodes_stand_still_and_are_kept_from_sending_after_their_lease(play):
    results = [play(seed, "nodes") for seed in range(1, SEED + 3)]

    assert [str(r.broken) for r in results if r.broken] == []
    seen = set().union(*(r.faults for r in results))
    assert {"crash", "pause", "forbidden"} <= seen
    assert {"17", "18", "6", "7", "9"} <= set().union(*(r.checked for r in results))
