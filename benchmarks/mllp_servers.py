"""``python -m benchmarks.mllp_servers KIND PORT [WHERE]``: one MLLP server, until it is killed; says "ready" first.

KIND: ``door`` is the product's own, durable before it answers (WHERE is the folder of its database); ``echo`` frames, takes
MSH-10 and sends a canned answer, in Twisted; ``python-hl7`` is that library's server with its own parser and ACK.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import sys
from typing import Any

import hl7
from hl7.mllp import start_hl7_server
from twisted.internet.protocol import Factory, Protocol

from middleware.doors.mllp.door import MllpDoor
from middleware.doors.mllp.options import MllpOptions
from middleware.engine.inbox import Inbox
from middleware.engine.journal import Journal
from middleware.engine.pools import Pool
from middleware.store.ciphers import AES
from middleware.store.database import open_database, ready
from middleware.store.inbox import InboxReader
from middleware.store.masters import KeptMaster, KeptMasters
from middleware.store.vault import Vault
from middleware.store.writer import Writer

_ZONE = dt.timezone(dt.timedelta(hours=8))


def door(reactor: Any, port: int, where: str) -> None:
    """The door, its inbox, the journal with its chain and vault: what the daemon runs, without the daemon's other parts."""
    database = open_database(f"sqlite:///{where}/inbox.db")
    ready(database)
    vault = Vault(database, KeptMasters([KeptMaster(AES, random.randbytes(32))]))
    journal = Journal(reactor, Writer(database, vault=vault))
    pool = Pool(reactor, "readers", 2, 1000)

    def now() -> dt.datetime:
        return dt.datetime.now(_ZONE)

    inbox = Inbox(journal, pool, InboxReader(database, vault), now, reactor)
    journal.start()
    pool.start()
    MllpDoor({"bench": MllpOptions(port=port)}, inbox, reactor, now).start()


class Echo(Protocol):
    """Frames, takes MSH-10, answers: the least that Twisted can do."""

    def __init__(self) -> None:
        self._buffer = b""

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Bytes came."""
        self._buffer += data
        while (end := self._buffer.find(b"\x1c\r")) >= 0:
            control_id = self._buffer[1:end].split(b"|", 10)[9]
            self._buffer = self._buffer[end + 2 :]
            self.transport.write(b"\x0bMSH|^~\\&|A|B|C|D|20261121||ACK|1|P|2.4\rMSA|AA|" + control_id + b"\r\x1c\r")


async def python_hl7(port: int) -> None:
    """As its documentation shows it."""

    async def serve(reader: Any, writer: Any) -> None:
        try:
            while not writer.is_closing():
                message = await reader.readmessage()
                writer.writemessage(message.create_ack())
                await writer.drain()
        except asyncio.IncompleteReadError:
            writer.close()

    server = await start_hl7_server(serve, port=port, host="127.0.0.1", encoding="utf-8")
    print("ready", flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve until killed."""
    kind, port = sys.argv[1], int(sys.argv[2])
    if kind == "python-hl7":
        assert hl7.__version__
        asyncio.run(python_hl7(port))
        return
    from twisted.internet import reactor as installed

    reactor: Any = installed
    if kind == "door":
        door(reactor, port, sys.argv[3])
    else:
        reactor.listenTCP(port, Factory.forProtocol(Echo), interface="127.0.0.1")
    reactor.callWhenRunning(print, "ready", flush=True)
    reactor.run()


if __name__ == "__main__":
    main()
