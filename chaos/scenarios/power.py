"""(b) The power is cut while the daemon writes: what it acknowledged was on the disk, or it was a lie (invariant 30).

``kill -9`` cannot see a wrong durability setting, for the kernel keeps what a dead process wrote. The control plants such a
setting from outside and must lose something: a test that cannot see it would prove nothing.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import deferLater

from chaos.disk import Disk
from chaos.plan import Plan
from chaos.report import Line, Progress
from chaos.scene import Scene
from chaos.stores import POSTGRESQL, SQLITE
from chaos.waiting import in_thread

MEGABYTES = 256
WRONG = {SQLITE: "NORMAL", POSTGRESQL: "off"}
LONGEST_LIFE_S = 2.0
LINGER_S = 0.3  # the daemon goes on without power for a moment: it must not acknowledge anything any more


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
    """The power is gone; a moment later the process is; then the power comes back."""
    disk.cut_power()
    await deferLater(scene.reactor, plan.rng.uniform(0, LINGER_S))
    await scene.kill()
    await in_thread(scene.reactor, scene.store.crash)
    await in_thread(scene.reactor, disk.restore_power)
