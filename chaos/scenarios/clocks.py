"""(d) The daemon's wall clock jumps an hour, forwards and back, under load: no decision changes (invariant 22)."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

from twisted.internet.task import deferLater

from chaos.plan import Plan
from chaos.report import Line, Progress
from chaos.scene import INSIDE, PATIENCE_S, Scene
from chaos.waiting import in_thread

HOUR_S = 3600
STAY_S = 4.0
COMPILE_S = 60.0


def cannot() -> str:
    """Why this machine has no clock to step, or ""."""
    return "" if shutil.which("cc") else "there is no C compiler (cc) / 缺少 C 编译器"


class SteppedClock:
    """A wall clock of the daemon's own, ``step`` seconds beside the machine's; the monotonic clock is the machine's."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self._library = folder / "clock.so"

    def prepare(self) -> dict[str, str]:
        """Compile it; the environment of a daemon that lives by it."""
        self.step(0)
        command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(self._library), str(INSIDE / "clock.c"), "-ldl"]
        subprocess.run(command, check=True, timeout=COMPILE_S)
        return {"LD_PRELOAD": str(self._library), "CHAOS_CLOCK": str(self._file)}

    def step(self, seconds: int) -> None:
        """At once, in a running daemon: the file is mapped, so it is written in place."""
        mode = "r+b" if self._file.exists() else "wb"
        with self._file.open(mode) as file:
            file.write(struct.pack("=q", seconds))


async def run(reactor: Any, plan: Plan, line: Line, progress: Progress) -> None:
    """Forwards and back to the true hour, back and forwards again; some lives end while the clock is wrong."""
    folder = plan.folder(f"clock-{line.database}")
    clock = SteppedClock(folder)
    inside = await in_thread(reactor, clock.prepare)
    scene = Scene(reactor, folder, line, store=plan.store(line.database, folder, folder))
    scene.plant(inside)
    try:
        await scene.start()
        for number in range(plan.steps):
            for hours in (1, -1):
                scene.stage.centre.faults.next("2207", "lose-reply", times=3)
                await deferLater(reactor, plan.rng.uniform(0.2, 1.5))
                clock.step(hours * HOUR_S)
                await deferLater(reactor, STAY_S)
                if number % 2:
                    await scene.kill()
                    await scene.restart(inside)
                    await deferLater(reactor, STAY_S / 2)
                clock.step(0)
                line.runs += 1
                await scene.until_settled(3, PATIENCE_S)
                await scene.check()
                progress.say(line, plan.steps * 2)
        scene.stage.centre.faults.clear()
        await scene.end()
    finally:
        await scene.close()
