"""``python -m benchmarks.irreducible DIRECTORY SECONDS``: what one quote and settle costs at least, in CPU, as JSON.

Its parts, each bare, by the libraries that the daemon stands on: the four calls to the centre as they are (zeep writes and
reads each, Twisted posts it), eight durable units with the rows of each (state and record as JSON, sealed by AES-GCM,
chained by SM3, ``sqlite3`` with the product's tables and indexes, three units a commit), what a settlement must ask before
money moves, the ways to another thread and back that blocking work needs, a message to the HIS and two requests at the
socket. No check, no state machine, no retry, no log: nobody could go below and do the same.
"""

# Twisted annotates parts of itself only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from benchmarks import centre_calls
from benchmarks.centre_calls import Bare, a_bill, cpu_of, peer_of, profile_of, said_by
from benchmarks.machine import median
from middleware.store import tables as t
from middleware.store.chain import sm3

TURNS = 3
TOGETHER = 3  # settlements whose units share a commit, at eight clients
READS, LETTERS, REQUESTS = 3, 1, 2  # the list of lost cards, the HIS's charges, the catalogue; one DFT
LETTER = b"MSH|" + b"x" * 1400 + b"\x1c\r"
REQUEST = {
    "method": "settlement.quote",
    "params": {"request_id": "x" * 32, "visit_id": "V" * 24, "lines": [{f"field_{n}": "x" * 12 for n in range(13)}] * 5},
}
ANSWER = {"result": {f"amount_{n}": "18785.39" for n in range(40)}}
STATE = {f"field_{n}": "x" * 28 for n in range(50)}  # 2 KB
PERSONAL, BILL, RECORD = "x" * 200, "x" * 1600, {f"field_{n}": "x" * 40 for n in range(14)}
MANY = ("journal", "visit", "settlement")  # of every unit
# What each of the eight units writes besides: begun, and the answer to each call with the next call's intent; the settle
# that was asked for, its first byte, its end, and the HIS's yes.
BESIDES: tuple[tuple[str, ...], ...] = (
    ("request", "bill", "message"),
    ("ended", "message"),
    ("ended", "message"),
    ("ended", "answered"),
    ("request", "message"),
    (),
    ("ended", "answered", "outbox", "feed", "shift_row"),
    ("closed",),
)
UNITS = len(BESIDES)
OVER = {"visit": "visit_id", "settlement": "settlement_id"}  # written over what is there
UPDATES = {
    "ended": "UPDATE message SET outcome = 'answered', ended_at = 'x' WHERE message_id = ?",
    "answered": "UPDATE request SET answer = 'x', sealed = '' WHERE account = 'x' AND key = ? AND answer = ''",
    "closed": "UPDATE outbox SET outcome = 'accepted' WHERE control_id = ?",
}
ASKED = "SELECT visit_id, version FROM visit WHERE visit_id = ?"


class Books:
    """The product's tables on ``sqlite3``, and settlements' rows in them."""

    def __init__(self, folder: Path) -> None:
        file = folder / f"bare-{time.monotonic_ns()}.db"
        engine = sa.create_engine(f"sqlite:///{file}")
        t.metadata.create_all(engine)
        engine.dispose()
        self.connection = sqlite3.connect(file, isolation_level=None)
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL"):
            self.connection.execute(statement)
        self._cipher = AESGCM(os.urandom(32))
        self._inserts = {table.name: _insert(table) for table in t.metadata.sorted_tables}
        self._sequence = 0
        self._hash = "0" * 64
        self._begun = 0

    def settle(self, _count: int) -> None:
        """The eight units of each of ``TOGETHER`` settlements, a commit for each step of all."""
        names = [f"{self._begun + place:024d}" for place in range(TOGETHER)]
        self._begun += TOGETHER
        for step, besides in enumerate(BESIDES):
            rows: dict[str, list[tuple[Any, ...]]] = {}
            for name in names:
                for table in (*MANY, *besides):
                    rows.setdefault(table, []).append(self._row(table, name, step))
            self.connection.execute("BEGIN IMMEDIATE")
            for table, values in rows.items():
                self.connection.executemany(UPDATES.get(table) or self._inserts[table][0], values)
            self.connection.execute("COMMIT")

    def _row(self, table: str, name: str, step: int) -> tuple[Any, ...]:
        if table in UPDATES:
            return (f"{name}{step - 1}" if table == "ended" else f"{name}{step // 4}" if table == "answered" else name,)
        row: dict[str, Any] = {f"{OVER.get(table, '')}": name}
        if table in {"journal", "feed", "outbox", "shift_row"}:
            self._sequence += 1
            row = {"sequence": self._sequence, "control_id": name}
        if table in {"journal", "feed"}:
            line = msgspec.json.encode(RECORD)
            self._hash = sm3(self._hash.encode() + line)
            row |= {"hash": self._hash, "line": line.decode()}
        if table == "visit":
            row |= {"body": msgspec.json.encode(STATE).decode(), "sealed": self._sealed(PERSONAL)}
        if table == "bill":
            row = {"settlement_id": name, "body": self._sealed(BILL)}
        if table == "message":
            row = {"message_id": f"{name}{step}", "digest": hashlib.sha256(LETTER).hexdigest()}
        if table == "request":
            row = {"account": "x", "key": f"{name}{step // 4}", "digest": hashlib.sha256(LETTER).hexdigest()}
        return tuple({**self._inserts[table][1], **row}[column] for column in self._inserts[table][1])

    def _sealed(self, text: str) -> str:
        nonce = os.urandom(12)
        return base64.urlsafe_b64encode(nonce + self._cipher.encrypt(nonce, text.encode(), b"x" * 60)).decode()


def _insert(table: sa.Table) -> tuple[str, dict[str, Any]]:
    """The statement, and a row to fill in."""
    columns = [column.name for column in table.c]
    filler = {column.name: "" if isinstance(column.type, sa.String | sa.Text) else 0 for column in table.c}
    text = f'INSERT INTO "{table.name}" VALUES ({", ".join("?" * len(columns))})'
    if table.name in OVER:
        sets = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name != OVER[table.name])
        text += f' ON CONFLICT ("{OVER[table.name]}") DO UPDATE SET {sets}'
    return text, filler


def _cpu_ms(seconds: float, once: Callable[[int], object]) -> float:
    """Of this thread, for one."""
    end, count, began = time.monotonic() + seconds, 0, time.thread_time()
    while time.monotonic() < end:
        once(count)
        count += 1
    return (time.thread_time() - began) / count * 1e3


def _exchange(data: bytes, seconds: float) -> float:
    """These bytes to the other end of a socket and as many back; this end's CPU."""
    ours, theirs = socket.socketpair()

    def echo() -> None:
        while given := theirs.recv(1 << 16):
            theirs.sendall(given)

    thread = threading.Thread(target=echo, daemon=True)
    thread.start()

    def once(_count: int) -> None:
        ours.sendall(data)
        left = len(data)
        while left:
            left -= len(ours.recv(1 << 16))

    taken = _cpu_ms(seconds, once)
    ours.close()
    thread.join()
    theirs.close()
    return taken


def _request(seconds: float) -> float:
    line = json.dumps(REQUEST).encode() + b"\n"

    def reading(_count: int) -> None:
        msgspec.json.decode(line)
        msgspec.json.encode(ANSWER)

    return _cpu_ms(seconds / 2, reading) + _exchange(line, seconds / 2)


async def _calls(folder: Path, seconds: float) -> dict[str, float]:
    """All four: what zeep and what posting them takes."""
    profile, found = profile_of("soap"), {"xml": 0.0, "http": 0.0}
    for request, output in a_bill():
        kind, body, reply = await said_by(profile, folder, request, output)
        with peer_of(kind, reply) as port:
            bare = Bare("soap", f"http://127.0.0.1:{port}/", kind, body, reply)
            await bare.post()  # the connection is made once a day
            share = seconds / 8
            found["xml"] += _cpu_ms(share, partial(_once, bare.library))
            found["http"] += await cpu_of(bare.post, share)
    return found


def _asked(connection: sqlite3.Connection, count: int) -> None:
    connection.execute(ASKED, (str(count),)).fetchall()


async def _hop(seconds: float) -> float:
    """To a thread of a pool and back to the reactor, where nothing is done."""
    pool = ThreadPool(1, 1, "bare")
    pool.start()
    try:
        return await cpu_of(partial(deferToThreadPool, centre_calls.reactor, pool, _nothing), seconds)
    finally:
        pool.stop()


def _once(what: Callable[[], object], _count: int) -> None:
    what()


def _nothing() -> None:
    """Blocking work."""


async def _measured(folder: Path, seconds: float) -> dict[str, float]:
    """Milliseconds of CPU of each part of one quote and settle, and "whole"."""
    share, found = seconds / TURNS / 6, []
    for _ in range(TURNS):
        row = await _calls(folder, 2 * share)
        books = Books(folder)
        with closing(books.connection) as connection:
            row["units"] = _cpu_ms(share, books.settle) / TOGETHER
            row["reads"] = READS * _cpu_ms(share / 2, partial(_asked, connection))
        row["hops"] = (UNITS + READS) * await _hop(share)
        row["letter"] = LETTERS * _exchange(LETTER, share / 2)
        row["requests"] = REQUESTS * _request(share)
        found.append(row)
    parts = {name: median([row[name] for row in found]) for name in found[0]}
    return parts | {"whole": sum(parts.values())}


def main(folder: Path, seconds: float) -> int:
    """Measure; 1 when it could not be."""
    reactor = centre_calls.reactor
    status = 1

    def end(parts: dict[str, float]) -> None:
        nonlocal status
        status = 0
        print(json.dumps(parts), flush=True)

    centre_calls.make_quiet()
    done: Deferred[dict[str, float]] = ensureDeferred(_measured(folder, seconds))
    done.addCallback(end).addErrback(lambda failure: failure.printTraceback(sys.stderr))
    done.addBoth(lambda _: reactor.stop())
    reactor.run()
    return status


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1]) as scratch:
        made = Path(scratch)
        centre_calls.make_secrets(made)
        code = main(made, float(sys.argv[2]))
    sys.exit(code)
