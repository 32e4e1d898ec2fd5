"""The shortest run that says something: one kill and one power cut of one hospital. A test runs it."""

from __future__ import annotations

from typing import Any

from chaos.disk import Disk
from chaos.plan import Plan
from chaos.report import Line, Progress
from chaos.scenarios.power import MEGABYTES, cut
from chaos.scene import Scene

WINDOWS = 3


async def run(reactor: Any, plan: Plan, line: Line, progress: Progress) -> None:
    """Each blow with something acknowledged before it; one look at the end, at everything."""
    folder = plan.folder(f"quick-{line.database}")
    with Disk(folder, megabytes=MEGABYTES) as disk:
        store = plan.store(line.database, folder, disk.root)
        scene = Scene(reactor, folder, line, store=store, disk=disk, windows=WINDOWS)
        try:
            await scene.start()
            await scene.kill()
            await scene.restart()
            line.runs += 1
            await scene.until_settled(3)
            await cut(scene, disk, plan)
            await scene.restart()
            line.runs += 1
            progress.say(line, 2)
            await scene.until_settled(1)
            await scene.end()
        finally:
            await scene.close()
