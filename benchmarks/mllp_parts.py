"""``python -m benchmarks.mllp_parts [TURNS]``: where the HL7 door's CPU goes, by the clock of the thread that works.

No network and no second thread: what a neighbour on the machine stretches is a turn, and the least of the turns is told, in
microseconds a message, for messages that come 64, 8 and 1 at a time. One line of JSON.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from benchmarks.mllp_load import message
from middleware.doors.mllp.link import Hl7Link
from middleware.doors.mllp.options import MllpOptions
from middleware.store.chain import START, sm3
from middleware.store.ciphers import AES
from middleware.store.database import open_database, ready
from middleware.store.inbox import Taken
from middleware.store.masters import KeptMaster, KeptMasters
from middleware.store.received import received
from middleware.store.units import Incoming
from middleware.store.vault import Vault
from middleware.store.writer import Writer

SIZES = (64, 8, 1)
MESSAGES = 640
_ZONE = dt.timezone(dt.timedelta(hours=8))
_numbers = count(1)


class Kept:
    """An inbox that takes everything at once and keeps it in memory: what the door hands over is what the writer gets."""

    epoch = 1

    def __init__(self) -> None:
        self.came: list[Incoming] = []

    def keep(self, incoming: Incoming) -> Deferred[bool]:
        """Not for messages that are taken."""
        raise NotImplementedError

    def take(self, incoming: Incoming, told: Callable[[bool | Exception], None]) -> None:
        """It is durable, as far as the door is told."""
        self.came.append(incoming)
        told(True)

    async def taken(self, link: str, control_id: str) -> Taken | None:
        """Nothing was."""


class Nowhere:
    """A transport that drops what it is given."""

    def write(self, data: bytes) -> None:
        """Answers."""

    def registerProducer(self, producer: object, streaming: bool) -> None:  # noqa: N802 - Twisted's name and signature
        """Nothing is ever full."""


def _now() -> dt.datetime:
    return dt.datetime.now(_ZONE)


def least(work: Callable[[Any], object], given: Callable[[], Any], size: int, turns: int) -> float:
    """Microseconds of this thread's CPU a message: the least of the turns."""
    took = []
    for _ in range(turns):
        each = [given() for _ in range(MESSAGES // size)]
        began = time.thread_time()
        for one in each:
            work(one)
        took.append((time.thread_time() - began) / len(each) / size * 1e6)
    return min(took)


def measure(where: Path, size: int, turns: int) -> dict[str, float]:
    """The parts for messages that come ``size`` at a time."""
    inbox = Kept()
    link = Hl7Link("bench", MllpOptions(), inbox, Clock(), _now)
    connection = link.buildProtocol(None)
    connection.makeConnection(Nowhere())
    database = open_database(f"sqlite:///{where}/{size}.db")
    ready(database)
    vault = Vault(database, KeptMasters([KeptMaster(AES, random.randbytes(32))]))
    writer = Writer(database, vault=vault)

    def blocks() -> list[bytes]:
        return [message(b"P%d" % next(_numbers)) for _ in range(size)]

    def through(these: list[bytes]) -> None:
        for one in these:
            connection.dataReceived(one)

    def messages() -> list[Incoming]:
        inbox.came.clear()
        through(blocks())
        return list(inbox.came)

    raw = message(b"P0")
    found = {
        "door": least(through, blocks, size, turns),
        "rows": least(lambda these: received(vault, 1, START, these), messages, size, turns),
        "of_rows_sm3": least(lambda _: [(sm3(raw), sm3(raw[:330])) for _ in range(size)], lambda: None, size, turns),
        "writer": least(writer.write, messages, size, turns),
    }
    writer.close()
    database.dispose()
    return {"at_a_time": float(size), **found, "transaction": found["writer"] - found["rows"]}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps([measure(Path(folder), size, int([*sys.argv, "9"][1])) for size in SIZES]))
