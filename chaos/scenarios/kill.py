"""(a) kill -9 at random moments, under load: what was acknowledged is there afterwards, and every doubt gets its end."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import deferLater

from chaos.plan import Plan
from chaos.report import Line, Progress
from chaos.scene import Scene
from chaos.waiting import in_thread

LONGEST_LIFE_S = 2.5
SERVER_TOO = 3  # one time in so many the database's server goes first, and the daemon is alone for a moment
ALONE_S = 0.5
LOST_REPLY_EVERY = 7  # so that reversals, too, are under way when the daemon is killed


async def run(reactor: Any, plan: Plan, line: Line, progress: Progress) -> None:
    """So many lives, each ended at a random moment after it was ready."""
    folder = plan.folder(f"kill-{line.database}")
    scene = Scene(reactor, folder, line, store=plan.store(line.database, folder, folder))
    try:
        await scene.start()
        for number in range(plan.kills):
            if number % LOST_REPLY_EVERY == 0:
                scene.stage.centre.faults.next(plan.rng.choice(["2207", "2208", "2601"]), "lose-reply")
            await deferLater(reactor, plan.rng.uniform(0.05, LONGEST_LIFE_S))
            if number % SERVER_TOO == 1:
                await in_thread(reactor, scene.store.crash)
                await deferLater(reactor, plan.rng.uniform(0, ALONE_S))
            await scene.kill()
            await scene.restart()
            line.runs += 1
            await scene.until_settled(1)
            await scene.check()
            progress.say(line, plan.kills)
        scene.stage.centre.faults.clear()
        await scene.end()
    finally:
        await scene.close()
