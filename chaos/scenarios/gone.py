"""(e) The centre is gone in the busy hour: half of the time it refuses connections, half of the time it is a black hole."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.task import deferLater

from chaos.plan import Plan
from chaos.report import Line, Progress
from chaos.scene import Scene

STEP_S = 5.0
BACK_S = 120.0  # the first settlement after the centre is back: waits of the pursuit and of connections are behind it


async def run(reactor: Any, plan: Plan, line: Line, progress: Progress) -> None:
    """Away for ``gone_s``, then back; what was in doubt meanwhile is found out."""
    folder = plan.folder(f"gone-{line.database}")
    scene = Scene(reactor, folder, line, store=plan.store(line.database, folder, folder))
    try:
        await scene.start()
        await scene.until_settled(20)
        centre = scene.stage.centre
        await centre.stop()
        await _for(reactor, plan.gone_s / 2, lambda left: progress.say(line, 2, f"refused, {left:.0f} s"))
        line.runs += 1
        with socket.socket() as hole:
            hole.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            hole.bind(("127.0.0.1", centre.port))
            hole.listen(1024)  # the kernel takes connections and bytes; nobody ever reads or answers
            await _for(reactor, plan.gone_s / 2, lambda left: progress.say(line, 2, f"black hole, {left:.0f} s"))
            line.runs += 1
        centre.start()
        await scene.until_settled(20, BACK_S)
        await scene.check()
        await scene.end()
    finally:
        await scene.close()


async def _for(reactor: Any, seconds: float, tell: Any) -> None:
    """Wait, a step at a time."""
    while seconds > 0:
        tell(seconds)
        await deferLater(reactor, min(STEP_S, seconds))
        seconds -= STEP_S
