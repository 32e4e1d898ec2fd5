"""``python -m benchmarks.remote [SECONDS]``: reads through a reader agent on loopback against the same reads here; JSON.

Card, pcscd, agent and the daemon's end are a process each; TLS with certificates on both sides, as at a hospital.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from twisted.internet import reactor, task
from twisted.internet.defer import ensureDeferred

from benchmarks.machine import percentile
from middleware.ops.logs import LogOptions, configure_logs
from readers.apdu import Exchange
from readers.cards.kinds import DEFAULT_ORDER
from readers.cards.social_security_read import CardContext, Reading, in_order
from readers.pcsc.link import PcscReaders
from readers.pcsc.options import PcscOptions
from readers.remote.certificates import Authority
from readers.remote.link import RemoteReaders
from readers.remote.options import RemoteReaderOptions
from simulators.pcscd import Pcscd
from simulators.ports import free_port
from simulators.stage import ROOT

PATIENCE_S = 30.0


def run(seconds: float) -> dict[str, float]:
    """Figures a second: exchanges with a card here, through the agent guessed and command by command; read times in ms."""
    pcscd = Pcscd.start_own(readers=1)
    os.environ.update(pcscd.environment)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="yikatong-bench-") as folder:
        try:
            port = free_port()
            card = ("-m", "simulators.card", "--port", str(pcscd.slots[0].port), "--person", "employee")
            agent = ("run.py", "reader-agent", "--config", str(_configured(Path(folder), port)))
            with _process(*card), _process(*agent):
                task.react(lambda _: ensureDeferred(_measure(Path(folder), port, pcscd.slots[0].reader, seconds, figures)))
        except SystemExit as exc:  # how ``react`` ends
            if exc.code:
                raise
        finally:
            pcscd.stop()
    return figures


def _configured(folder: Path, port: int) -> Path:
    authority = Authority(folder, dt.datetime.now(dt.UTC))
    authority.for_daemon(("127.0.0.1",))
    certificate, key = authority.for_agent("till")
    config = folder / "agent.toml"
    config.write_text(
        f'[daemon]\nhost = "127.0.0.1"\nport = {port}\ncertificate = "{certificate}"\nprivate_key = "{key}"\n'
        f'daemon_ca = "{authority.file}"\nretry_s = 0.1\nretry_max_s = 0.2\n[log]\nlevel = "error"\n'
    )
    return config


@contextmanager
def _process(*arguments: str) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


async def _measure(folder: Path, port: int, reader: str, seconds: float, figures: dict[str, float]) -> None:
    def now() -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    files = {"certificate": folder / "daemon.pem", "private_key": folder / "daemon.key", "client_ca": folder / "ca.pem"}
    counted = _Counted()
    local = PcscReaders(PcscOptions(), reactor, lambda: dt.date(2026, 3, 2), now, procedure=counted)
    options = RemoteReaderOptions(port=port, **files)
    remote = RemoteReaders(options, reactor, lambda: dt.date(2026, 3, 2), now, counted)
    local.start()
    remote.start()
    try:
        for readers in (local, remote):
            await _present(readers)
        ways: dict[str, Callable[[], Awaitable[object]]] = {
            "local": lambda: local.read_card(reader),
            "guessed": lambda: remote.read_card(f"till/{reader}"),
            "stepwise": lambda: remote.use(f"till/{reader}", counted),
        }
        for name, read in ways.items():
            figures |= await _timed(name, read, counted, seconds / len(ways))
    finally:
        await remote.stop()
        await local.stop()


class _Counted:
    """The daemon's own procedure, its exchanges counted."""

    def __init__(self) -> None:
        self.exchanges = 0
        self._read = in_order(DEFAULT_ORDER)

    def __call__(self, exchange: Exchange, context: CardContext) -> Reading:
        def one(command: bytes) -> bytes:
            self.exchanges += 1
            return exchange(command)

        return self._read(one, context)


async def _timed(name: str, read: Callable[[], Awaitable[object]], counted: _Counted, seconds: float) -> dict[str, float]:
    await read()  # the first one teaches the next ones, opens a context, starts a thread
    counted.exchanges, took = 0, []
    end = time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        await read()
        took.append(time.perf_counter() - started)
    return {
        f"{name}_exchanges_per_s": counted.exchanges / sum(took),
        f"{name}_read_p50_ms": percentile(took, 0.5) * 1e3,
        f"{name}_read_p99_ms": percentile(took, 0.99) * 1e3,
    }


async def _present(readers: Any) -> None:
    end = time.monotonic() + PATIENCE_S
    while not any(status.state == "card-present" for status in readers.statuses()):
        if time.monotonic() > end:
            raise TimeoutError(f"no card is seen: {readers.statuses()} {readers.health()}")
        await task.deferLater(reactor, 0.02, lambda: None)


if __name__ == "__main__":
    configure_logs(LogOptions(level="error"))  # to standard error: the figures have standard output for themselves
    print(json.dumps(run(float(sys.argv[1]) if len(sys.argv) > 1 else 6.0)))
