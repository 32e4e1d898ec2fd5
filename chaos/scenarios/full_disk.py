"""(c) The disk runs full under load: callers hear it, nothing acknowledged is lost, space alone lets it go on."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import deferLater

from chaos.disk import Disk
from chaos.plan import Plan
from chaos.report import Line, Progress
from chaos.scene import PATIENCE_S, Scene
from chaos.stores import POSTGRESQL, SQLITE
from chaos.waiting import OverdueError, in_thread, until

MEGABYTES = {SQLITE: 48, POSTGRESQL: 160}
FULL_S = 2.0


async def run(reactor: Any, plan: Plan, line: Line, progress: Progress) -> None:
    """So many times full and free again; the daemon is not started anew in between."""
    folder = plan.folder(f"disk-{line.database}")
    with Disk(folder, megabytes=MEGABYTES[line.database]) as disk:
        scene = Scene(reactor, folder, line, store=plan.store(line.database, folder, disk.root), disk=disk)
        try:
            await scene.start()
            for _ in range(plan.fills):
                await scene.until_settled(5)
                await until_heard(scene, disk)
                await deferLater(reactor, FULL_S)
                await in_thread(reactor, disk.free)
                await in_thread(reactor, scene.store.start)  # a server that ended for want of space; no daemon is started
                line.runs += 1
                await scene.until_settled(5)
                await scene.check()
                progress.say(line, plan.fills)
            if scene.stage.daemon is None or not scene.stage.daemon.is_running:
                raise OverdueError("the daemon did not outlive a full disk")
            await scene.end()
        finally:
            await scene.close()


async def until_heard(scene: Scene, disk: Disk) -> None:
    """Keep the disk full until a caller has heard ``system.journal``: the log has room of its own for a while."""
    before = scene.heard.faults["system.journal"]

    def full() -> bool:
        disk.fill()
        return scene.heard.faults["system.journal"] > before

    await until(scene.reactor, full, "nobody heard system.journal", PATIENCE_S)
