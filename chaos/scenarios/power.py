"""(b) The power is cut while the daemon writes: what it acknowledged was on the disk, or it was a lie (invariant 30).

``kill -9`` cannot see a wrong durability setting, for the kernel keeps what a dead process wrote. The control plants such a
setting from outside and must lose something: a test that cannot see it would prove nothing.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.internet.task import deferLater

from chaos.disk import Disk
from chaos.plan import Plan
from chaos.report import Line, Progress
from chaos.scene import Scene
from chaos.stores import POSTGRESQL, SQLITE
from chaos.waiting import in_thread, until

MEGABYTES = 256
WRONG = {SQLITE: "NORMAL", POSTGRESQL: "off"}
LONGEST_LIFE_S = 2.0
LINGER_S = 0.3  # a daemon that goes on without its disk for a moment must not acknowledge anything any more
FREEZE_S = 10.0


async def run(reactor: Any, plan: Plan, line: Line, progress: Progress) -> None:
    """So many power cuts on one database."""
    folder = plan.folder(f"power-{line.database}")
    with Disk(folder, megabytes=MEGABYTES) as disk:
        scene = Scene(reactor, folder, line, store=plan.store(line.database, folder, disk.root), disk=disk)
        try:
            await scene.start()
            for _ in range(plan.cuts):
                await deferLater(reactor, plan.rng.uniform(0.1, LONGEST_LIFE_S))
                await cut(scene, disk, plan)
                await scene.restart()
                line.runs += 1
                await scene.until_settled(1)
                await scene.check()
                progress.say(line, plan.cuts)
            await scene.end()
        finally:
            await scene.close()


async def control(reactor: Any, plan: Plan, line: Line, progress: Progress) -> None:
    """The same with a setting that is not durable, until an acknowledged settlement is gone, at most so many times."""
    line.control = True
    for number in range(plan.control_tries):
        folder = plan.folder(f"power-control-{line.database}-{number}")
        with Disk(folder, megabytes=MEGABYTES) as disk:
            scene = Scene(reactor, folder, line, store=plan.store(line.database, folder, disk.root), disk=disk)
            scene.plant({"CHAOS_SYNCHRONOUS": WRONG[line.database]})
            try:
                await scene.start()
                await scene.until_settled(10)
                await cut(scene, disk, plan)
                await scene.stop_windows()  # what was lost stays lost: nobody asks again under the lost keys
                await scene.restart()
                line.runs += 1
                await scene.check()
                progress.say(line, plan.control_tries)
            finally:
                await scene.close()
        if line.lost:
            return


async def cut(scene: Scene, disk: Disk, plan: Plan) -> None:
    """The power is gone, in one of two ways; then the processes are; then the power comes back.

    Whoever writes is stopped first: a flush that is under way while the kernel shuts the file system down may end
    without an error (1 of 80 plain SQLite writers met that), and with real power nobody would hear of it. In the middle:
    they are stopped wherever they are and never go on. At rest: they left the kernel before, and go on without a disk.
    """
    frozen = [*scene.pids(), *scene.store.pids()]
    _signal(frozen, signal.SIGSTOP)
    if plan.rng.random() < 1 / 2:
        disk.cut_power()
    else:
        await until(scene.reactor, lambda: all(map(_stopped, frozen)), "somebody does not stop", FREEZE_S)
        disk.cut_power()
        _signal(frozen, signal.SIGCONT)
        await deferLater(scene.reactor, plan.rng.uniform(0, LINGER_S))
    await scene.kill()
    await in_thread(scene.reactor, scene.store.crash)
    await in_thread(scene.reactor, disk.restore_power)


def _signal(pids: Sequence[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _stopped(pid: int) -> bool:
    """Whether every thread of it stands still, outside the kernel; also when it is gone."""
    try:
        tasks = [(task / "stat").read_text("utf-8") for task in Path(f"/proc/{pid}/task").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return all(stat.rpartition(")")[2].split()[0] in "TtZX" for stat in tasks)
