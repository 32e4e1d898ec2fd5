"""``python -m benchmarks.mllp WHERE SECONDS [CONNECTIONS...]``: our HL7 door beside other servers; one line of JSON.

The same generator and the same ADT^A04 of 1 KB for all, one message in flight a connection, in turns, so that a burst of a
neighbour hits all of them; what is told is each one's best turn. Only our door is durable before it answers.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from attrs import frozen

from benchmarks.machine import cpu_s
from simulators.ports import free_port
from simulators.stage import ROOT

CONNECTIONS = (1, 8, 64)
TURNS = 3
_NODE = ("@medplum/hl7@4.5.2", "@medplum/core@4.5.2")  # other ways to have it: fetched once, by npm
_READY_S, _FETCH_S = 30.0, 120.0


@frozen(slots=True)
class Server:
    """One of those measured, and the command that serves it on a port."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str]


def servers(where: Path, *, fetch: bool) -> list[Server]:
    """All that can be had here; Node's only with node, npm and a way to its packages, and where it may be fetched."""
    python = (sys.executable, "-m", "benchmarks.mllp_servers")
    found = [
        Server("our door, durable", (*python, "door", "{port}", "{folder}"), {}),
        Server("bare Twisted echo", (*python, "echo", "{port}"), {}),
        Server("python-hl7 server", (*python, "python-hl7", "{port}"), {}),
    ]
    if fetch and (modules := _node_modules(where / "node")) is not None:
        command = ("node", str(ROOT / "benchmarks" / "mllp_node.cjs"), "{port}")
        found.append(Server("Node, @medplum/hl7", command, {"NODE_PATH": str(modules)}))
    return found


def _node_modules(folder: Path) -> Path | None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None
    folder = folder.resolve()  # npm and node run elsewhere
    folder.mkdir(parents=True)
    fetch = ("npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts", *_NODE)
    try:
        subprocess.run(fetch, cwd=folder, check=True, timeout=_FETCH_S, capture_output=True)
    except (subprocess.SubprocessError, OSError):
        return None
    return folder / "node_modules"


def turn(server: Server, folder: Path, connections: int, seconds: float) -> dict[str, float]:
    """One server, started anew; messages_per_s, p50_ms, p99_ms, and cpu_us of its process a message."""
    folder.mkdir(parents=True)
    port = free_port()
    command = [part.format(port=port, folder=folder) for part in server.command]
    environment = dict(os.environ) | server.environment
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        while b"ready" not in (line := process.stdout.readline()):
            if not line:
                raise RuntimeError(f"{server.name} did not start")
        spent = cpu_s(process.pid)
        load = (sys.executable, "-m", "benchmarks.mllp_load", str(port), str(connections), str(seconds))
        done = subprocess.run(load, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=seconds + _READY_S)
        found: dict[str, float] = json.loads(done.stdout)
        return found | {"cpu_us": (cpu_s(process.pid) - spent) / max(1.0, found.pop("messages")) * 1e6}
    finally:
        process.kill()
        process.wait()


def run(where: Path, seconds: float, connections: tuple[int, ...], turns: int) -> list[dict[str, Any]]:
    """A row for each server and number of connections: its best turn."""
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    each = servers(where, fetch=turns > 1)
    for number in range(turns):
        for level in connections:
            for place, server in enumerate(each):
                folder = where / f"{number}-{level}-{place}"
                found = {"server": server.name, "connections": level} | turn(server, folder, level, seconds)
                shutil.rmtree(folder)
                best = rows.setdefault((server.name, level), found)
                if found["messages_per_s"] > best["messages_per_s"]:
                    rows[server.name, level] = found
    return list(rows.values())


if __name__ == "__main__":
    levels = tuple(map(int, sys.argv[3:])) or CONNECTIONS
    limit = float(sys.argv[2])
    print(json.dumps(run(Path(sys.argv[1]), limit, levels, TURNS if limit >= 1 else 1)))
