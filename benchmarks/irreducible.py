"""``python -m benchmarks.irreducible DIRECTORY SECONDS``: what one quote and settle costs at least, in CPU, as JSON.

Its parts, each bare, by the libraries that the daemon stands on: a call to the centre (zeep writes and reads it, Twisted
posts it), a durable unit (four rows through ``sqlite3``, three units a commit, two hashes), a message to the HIS and a
request at the socket (bytes out, bytes in, read). No state, no check, no retry: nobody could go below and do the same.
"""

# Twisted annotates parts of itself only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import json
import socket
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from attrs import frozen
from twisted.internet.defer import Deferred, ensureDeferred

from benchmarks import centre_calls
from benchmarks.machine import median
from middleware.store.chain import sm3

TURNS = 3
# What a quote and a settle need: 2203, 2204, 2206 and 2207, eight steps of the visit, one DFT.
CALLS, UNITS, LETTERS, REQUESTS = 4, 8, 1, 2
UNITS_A_COMMIT = 3  # at eight clients
BODY, LINE, LETTER = "x" * 2048, "x" * 900, b"MSH|" + b"x" * 1400 + b"\x1c\r"
_PARAMS = {"request_id": "x" * 32, "lines": ["x" * 60] * 5}
REQUEST = json.dumps({"method": "settlement.settle", "params": _PARAMS}).encode() + b"\n"
TABLES = (
    "CREATE TABLE visit (id TEXT PRIMARY KEY, state TEXT, busy INTEGER, body TEXT)",
    "CREATE TABLE journal (sequence INTEGER PRIMARY KEY, visit TEXT, previous TEXT, hash TEXT, line TEXT)",
    "CREATE TABLE settlement (id TEXT PRIMARY KEY, visit TEXT, state TEXT, total INTEGER)",
    "CREATE TABLE message (id TEXT PRIMARY KEY, visit TEXT, digest TEXT, outcome TEXT)",
)


@frozen(slots=True)
class Parts:
    """Milliseconds of CPU of one each."""

    call: float
    unit: float
    letter: float
    request: float

    @property
    def whole(self) -> float:
        """Of one quote and settle."""
        return CALLS * self.call + UNITS * self.unit + LETTERS * self.letter + REQUESTS * self.request


def _cpu_ms(seconds: float, once: Callable[[int], None]) -> float:
    """Of this thread, for one."""
    end, count, began = time.monotonic() + seconds, 0, time.thread_time()
    while time.monotonic() < end:
        once(count)
        count += 1
    return (time.thread_time() - began) / count * 1e3


def _unit(folder: Path, seconds: float) -> float:
    with closing(sqlite3.connect(folder / f"bare-{time.monotonic_ns()}.db", isolation_level=None)) as connection:
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", *TABLES):
            connection.execute(statement)

        def commit(count: int) -> None:
            names = [f"{count * UNITS_A_COMMIT + place:020d}" for place in range(UNITS_A_COMMIT)]
            hashes = [(sm3(LINE.encode()), sm3(BODY.encode())) for _ in names]
            connection.execute("BEGIN IMMEDIATE")
            rows = [(name, "Settled", 0, BODY) for name in names]
            connection.executemany("INSERT INTO visit VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", rows)
            lines = [(int(name) + 1, name, *both, LINE) for name, both in zip(names, hashes, strict=True)]
            connection.executemany("INSERT INTO journal VALUES (?, ?, ?, ?, ?)", lines)
            settled = [(name, name, "Settled", 1) for name in names]
            connection.executemany("INSERT INTO settlement VALUES (?, ?, ?, ?)", settled)
            intents = [(name, name, "0" * 64, "") for name in names]
            connection.executemany("INSERT INTO message VALUES (?, ?, ?, ?)", intents)
            connection.execute("COMMIT")

        return _cpu_ms(seconds, commit) / UNITS_A_COMMIT


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
    reading = _cpu_ms(seconds / 2, lambda _count: json.dumps(json.loads(REQUEST)).encode() and None)
    return reading + _exchange(REQUEST, seconds / 2)


async def _measured(folder: Path, seconds: float) -> Parts:
    share = seconds / TURNS / 4
    found: list[tuple[float, float, float, float]] = []
    for _ in range(TURNS):
        call = (await centre_calls.row_of("soap", folder, share / (centre_calls.TURNS + 1) / 2))["bare"]
        found.append((call, _unit(folder, share), _exchange(LETTER, share), _request(share)))
    return Parts(*(median(column) for column in zip(*found, strict=True)))


def main(folder: Path, seconds: float) -> int:
    """Measure; 1 when it could not be."""
    reactor = centre_calls.reactor
    status = 1

    def end(parts: Parts) -> None:
        nonlocal status
        status = 0
        row = {
            "call": parts.call,
            "unit": parts.unit,
            "letter": parts.letter,
            "request": parts.request,
            "whole": parts.whole,
        }
        print(json.dumps(row), flush=True)

    centre_calls.make_quiet()
    done: Deferred[Parts] = ensureDeferred(_measured(folder, seconds))
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
