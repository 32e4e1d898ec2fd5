"""(a) kill -9 at random moments, under load: what was acknowledged is there afterwards, and every doubt gets its end."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import deferLater

from chaos.plan import Plan
from chaos.report import Line, Progress
from chaos.scene import Scene

LONGEST_LIFE_S = 2.5
LOST_REPLY_EVERY = 7  # so that reversals, too, are under way when the daemon is killed


async def run(reactor: Any, plan: Plan, line: Line, progress: Progress) -> None:
    """So many lives, each ended at a random moment after it was ready."""
    scene = Scene(reactor, plan.folder("kill"), line)
    try:
        await scene.start()
        for number in range(plan.kills):
            if number % LOST_REPLY_EVERY == 0:
                scene.stage.centre.faults.next(plan.rng.choice(["2207", "2208", "2601"]), "lose-reply")
            await deferLater(reactor, plan.rng.uniform(0.05, LONGEST_LIFE_S))
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
