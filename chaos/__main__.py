"""``python -m chaos [--quick | --full] [--only NAME ...]``: blows at a real daemon under load, and what it lost.

Exit codes: 0 nothing lost, doubled or broken; 1 something was, or a scenario did not come to its end; 2 misuse.
What a machine does not permit is named in the table.
"""

from __future__ import annotations

import argparse
import fcntl
import itertools
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from chaos import disk, stores
from chaos.alone import run_alone
from chaos.plan import SCENARIOS, Plan
from chaos.report import Line, Progress, machine, table
from chaos.scenarios import clocks, full_disk, gone, kill, points, power, quick
from chaos.stores import POSTGRESQL, SQLITE

DATABASES = {"sqlite": SQLITE, "postgresql": POSTGRESQL}
Run = Callable[[Any, Plan, Line, Progress], Awaitable[None]]


def arguments(words: list[str]) -> Plan:
    """The command line as a plan."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SCENARIOS, default=SCENARIOS, help="some of the scenarios")
    parser.add_argument("--database", nargs="+", choices=DATABASES, default=DATABASES, help="one of the two")
    parser.add_argument("--quick", action="store_true", help="one kill and one power cut, some seconds")
    parser.add_argument("--full", action="store_true", help="the centre is gone for ten minutes")
    parser.add_argument("--runs", type=int, default=30, help="kills at random moments")
    parser.add_argument("--cuts", type=int, default=10, help="power cuts")
    parser.add_argument("--gone-s", type=float, default=60.0, help="how long the centre is gone")
    parser.add_argument(
        "--directory", type=Path, default=Path(".run/chaos"), help="where files go; emptied of mounts first"
    )
    given = parser.parse_args(words)
    if given.quick:
        return Plan(given.directory, ("quick",), (SQLITE,), kills=1)
    gone_s = 600.0 if given.full else given.gone_s
    databases = tuple(DATABASES[name] for name in given.database)
    return Plan(given.directory, tuple(given.only), databases, kills=given.runs, cuts=given.cuts, gone_s=gone_s)


def _jobs(plan: Plan) -> list[tuple[str, Run, Callable[[], str]]]:
    """(name, what runs, why it cannot run here) in the order of the table."""
    no_disk = ""
    if {"power", "disk", "quick"} & set(plan.only):
        no_disk = disk.cannot(plan.directory)
    jobs: dict[str, list[tuple[str, Run, Callable[[], str]]]] = {
        "kill": [("kill -9", kill.run, lambda: "")],
        "points": [("crash points", points.run, lambda: "")],
        "power": [
            ("power cut", power.run, lambda: no_disk),
            ("power cut, not durable", power.control, lambda: no_disk),
        ],
        "disk": [("full disk", full_disk.run, lambda: no_disk)],
        "clock": [("clock steps", clocks.run, clocks.cannot)],
        "gone": [("centre gone", gone.run, lambda: "")],
    }
    jobs["quick"] = [("kill -9 and power cut", quick.run, lambda: no_disk), *(jobs["kill"] if no_disk else ())]
    return [job for name in plan.only for job in jobs[name]]


async def _all(reactor: Any, plan: Plan, lines: list[Line]) -> None:
    progress = Progress()
    no_server = stores.cannot_postgres()
    for database, (name, run, cannot) in itertools.product(plan.databases, _jobs(plan)):
        line = Line(name, database, impossible=cannot() or (no_server if database == stores.POSTGRESQL else ""))
        lines.append(line)
        if line.impossible:
            continue
        try:
            await run(reactor, plan, line, progress)
        except CancelledError:
            line.wrong.append("interrupted")
            raise
        except Exception as exc:  # noqa: BLE001 - the other scenarios are still worth their time
            line.wrong.append(f"{type(exc).__name__}: {exc}")
        progress.done(line)


def main(plan: Plan) -> int:
    """Run it; the exit code."""
    plan.directory.mkdir(parents=True, exist_ok=True)
    with (plan.directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print(f"另一个 chaos 正在用这个目录 / another run uses {plan.directory}", file=sys.stderr)
            return 2
        for place in disk.clear_leftovers(plan.directory):
            print(f"清理上次遗留 / left by an earlier run, unmounted: {place}")
        return _run(plan)


def _run(plan: Plan) -> int:
    from twisted.internet import reactor as installed

    reactor: Any = installed
    lines: list[Line] = []
    broken: list[BaseException | None] = []

    def note(failure: Failure) -> None:
        broken.append(failure.value)

    work: Deferred[None] = Deferred.fromCoroutine(_all(reactor, plan, lines))
    work.addErrback(note)
    work.addBoth(lambda _: reactor.callLater(0, reactor.stop))

    def listen_to_signals() -> None:
        """After the reactor's own handlers, of which the one for ended children is needed."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: reactor.callFromThread(work.cancel))

    reactor.callWhenRunning(listen_to_signals)
    reactor.run()
    print(f"{machine()}\n{table(lines)}", flush=True)
    return 1 if broken or any(line.bad for line in lines) else 0


if __name__ == "__main__":
    chosen = arguments(sys.argv[1:])
    sys.exit(run_alone(lambda: main(chosen)))
