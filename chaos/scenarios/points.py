"""(a) kill -9 at each named moment of a message's way: held outside by the simulators, planted inside from outside.

The names are those of the settlement design's crash points. A point inside may also be met while the next life recovers;
that is a crash as good as any.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from chaos.plan import Plan
from chaos.report import Line, Progress
from chaos.scenarios import migration
from chaos.scene import HOLDERS, PATIENCE_S, Scene
from chaos.stores import SQLITE
from chaos.waiting import in_thread, until, within
from simulators.card.virtual import VirtualCard
from simulators.his.knobs import Fault
from simulators.people import PEOPLE
from simulators.stage import DaemonDiedError

LATEST = 4  # a point inside is taken at its first to so-manieth occurrence
STATEMENTS = 300
CARD_EXCHANGE = 5
KERNEL_S = 0.05

# The points inside the daemon, and what must be made to happen that they are met.
INSIDE = (
    ("request-read", ""),
    ("key-stored", ""),
    ("quote-stored", ""),
    ("intent-stored", ""),
    ("first-byte", ""),
    ("reply-parsed", ""),
    ("chain-seal", ""),
    ("feed-seal", ""),
    ("settled-stored", ""),
    ("his-ack-unstored", ""),
    ("reversal-parsed", "2207"),
    ("cancel-parsed", ""),
    ("statement", ""),
)


async def run(reactor: Any, plan: Plan, line: Line, progress: Progress) -> None:
    """Every point, ``plan.point_runs`` times; then the migration, killed at every kind of place."""
    folder = plan.folder(f"points-{line.database}")
    scene = Scene(reactor, folder, line, store=plan.store(line.database, folder, folder))
    migrations = migration.KILLS if line.database == SQLITE else 0  # SQLite's DDL is the harder of the two
    total = (len(INSIDE) + len(OUTSIDE)) * plan.point_runs + migrations
    try:
        await scene.start()
        for _ in range(plan.point_runs):
            for name, lost in INSIDE:
                progress.say(line, total, name)
                await _inside(scene, plan, name, lost)
                await _check(scene, name)
            for name, blow in OUTSIDE:
                progress.say(line, total, name)
                await blow(scene)
                await _check(scene, name)
        if migrations:
            progress.say(line, total, "migration")
            rows = scene.rows("journal", "feed")
            scene.findings.wrong += await in_thread(reactor, migration.run, plan, scene.stage.config, rows)
            line.runs += migrations
        await scene.end()
    finally:
        await scene.close()


async def _check(scene: Scene, name: str) -> None:
    """Look, and say at which point it went wrong."""
    before = len(scene.findings.wrong)
    await scene.until_settled(1)
    await scene.check()
    scene.line.runs += 1
    scene.findings.wrong[before:] = [f"{name}: {sentence}" for sentence in scene.findings.wrong[before:]]


async def _inside(scene: Scene, plan: Plan, name: str, lost: str) -> None:
    latest = STATEMENTS if name == "statement" else LATEST
    await scene.kill()
    if lost:
        scene.stage.centre.faults.next(lost, "lose-reply", times=LATEST)
    try:
        await scene.restart({"CHAOS_POINT": f"{name}:{plan.rng.randint(1, latest)}"})
        await scene.died()
    except DaemonDiedError as died:
        if "chaos:" in str(died):
            raise  # the point is not in place: the program has changed under it
    await scene.restart()


# -- outside: a message is held at the centre, the HIS or the card


def _held(call: str, moment: str, *, lost: str = "", late: bool = False) -> Callable[[Scene], Awaitable[None]]:
    """Killed while the centre has that message; it is lost there, or with ``late`` carried out in the next life."""

    async def blow(scene: Scene) -> None:
        centre = scene.stage.centre
        if lost:
            centre.faults.next(lost, "lose-reply")
        hold = centre.holds.next(call, moment)
        await within(scene.reactor, hold.reached, f"no {call} came", PATIENCE_S)
        await scene.kill()
        if not late:
            hold.lose()
        await scene.restart()
        if late:
            await scene.until_settled(2)
            hold.release()

    return blow


def _rotating(point: str) -> Callable[[Scene], Awaitable[None]]:
    """While the data keys are changed and what they sealed is sealed anew."""

    async def blow(scene: Scene) -> None:
        await scene.kill()
        await scene.restart({"CHAOS_POINT": point})
        asked = Deferred.fromCoroutine(_rotate(scene))
        await scene.died()
        await asked
        await scene.restart()

    return blow


async def _rotate(scene: Scene) -> None:
    with contextlib.suppress(OSError):  # it may end before it can answer
        await scene.operator("keys.rotate", {"reseal": True})


async def _in_the_kernel(scene: Scene) -> None:
    """The answer is in our kernel's buffer; the daemon never reads it."""
    hold = scene.stage.centre.holds.next("2207", "processed")
    await within(scene.reactor, hold.reached, "no 2207 came", PATIENCE_S)
    daemon = scene.stage.daemon
    if daemon is not None and daemon.is_running:
        daemon.signal(signal.SIGSTOP)
        stat = Path(f"/proc/{daemon.transport.pid}/stat")  # type: ignore[union-attr]
        await until(scene.reactor, lambda: stat.read_text().rpartition(")")[2].split()[0] in "Tt", "no stop", PATIENCE_S)
    hold.release()
    await deferLater(scene.reactor, KERNEL_S)  # the bytes leave this process in the next turns of its reactor
    await scene.kill()
    await scene.restart()


async def _signing_in(scene: Scene) -> None:
    """The first message of a life: the day's sign-in."""
    await scene.kill()
    hold = scene.stage.centre.holds.next("9001", "arrived")
    await scene.restart()
    await within(scene.reactor, hold.reached, "no 9001 came", PATIENCE_S)
    await scene.kill()
    hold.lose()
    await scene.restart()


def _unacknowledged(message: str) -> Callable[[Scene], Awaitable[None]]:
    """The HIS took it and its acknowledgement never comes."""

    async def blow(scene: Scene) -> None:
        his = scene.stage.his
        his.knobs.turn(message, Fault.NO_ANSWER)
        await within(scene.reactor, his.next_message(message), f"no {message} came", PATIENCE_S)
        await scene.kill()
        await scene.restart()

    return blow


class _HeldCard(VirtualCard):
    """Stops at one exchange until told to go on."""

    def __init__(self, who: str) -> None:
        super().__init__(PEOPLE[who])
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def answer(self, apdu: bytes) -> bytes | None:
        """As the card does, but for the one."""
        if self.exchanges + 1 == CARD_EXCHANGE:
            self.reached.set()
            self.go_on.wait(PATIENCE_S)
        return super().answer(apdu)


async def _during_an_apdu(scene: Scene) -> None:
    slot = scene.stage.slots[0]
    card = _HeldCard(HOLDERS[0])
    await in_thread(scene.reactor, slot.insert, card)
    await in_thread(scene.reactor, card.reached.wait, PATIENCE_S)
    await scene.kill()
    card.go_on.set()
    await in_thread(scene.reactor, slot.insert, VirtualCard(PEOPLE[HOLDERS[0]]))
    await scene.restart()


OUTSIDE: tuple[tuple[str, Callable[[Scene], Awaitable[None]]], ...] = (
    ("during a card APDU", _during_an_apdu),
    ("signing in", _signing_in),
    ("a registration arrived", _held("2201", "arrived")),
    ("charges arrived", _held("2204", "arrived")),
    ("last byte, never carried out", _held("2207", "arrived")),
    ("last byte, carried out late", _held("2207", "arrived", late=True)),
    ("carried out, no answer", _held("2207", "processed")),
    ("answer in the kernel", _in_the_kernel),
    ("reversal sent", _held("2601", "arrived", lost="2207")),
    ("reversal carried out, no answer", _held("2601", "processed", lost="2207")),
    ("cancel sent", _held("2208", "arrived")),
    ("cancel carried out, no answer", _held("2208", "processed")),
    ("key retired", _rotating("key-retired")),
    ("persons sealed anew", _rotating("person-resealed")),
    ("HIS told of a patient, no ack", _unacknowledged("ADT^A04")),
    ("HIS told of money, no ack", _unacknowledged("DFT^P03")),
)
