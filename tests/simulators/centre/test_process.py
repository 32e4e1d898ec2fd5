"""The centre as a process of its own, as the demo starts it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request


def test_the_simulator_runs_from_the_command_line_and_says_where_it_is() -> None:
    command = [sys.executable, "-m", "simulators.centre", "--port", "0", "--no-sign-in", "--refuse-duplicates"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = dict(process.stdout.readline().split()[:2] for _ in range(3))
            with urllib.request.urlopen(said["ledger"], timeout=10) as answer:
                ledger = json.load(answer)
            with urllib.request.urlopen(said["centre"] + "?wsdl", timeout=10) as answer:
                contract = answer.read()
        finally:
            process.terminate()

    assert ledger == {"settlements": [], "messages": [], "accounts": []}
    assert b"call2207" in contract
    assert process.returncode == 0
