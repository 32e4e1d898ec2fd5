"""A whole hospital for a load: each part a process of its own, so that each one's CPU can be told from the others'.

daemon, centre, HIS, cards (and the real pcscd that carries them), load generator. The centre is instant: what it needs is
the simulator's own computing. The daemon runs as a site would run it, its log at the default level into a file.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from clients.python.yikatong_client import Client, connect
from simulators.pcscd import Pcscd
from simulators.ports import free_port
from simulators.stage import INSTITUTION, ROOT, make_master_key

START_S = 60.0
STOP_S = 30.0
READERS = 8
SLOTS_PER_READER = 2

CONFIG = """
[store]
url = "sqlite:///{database}"
[keys]
file = "{master_key}"
[centre]
url = "{centre}"
institution_code = "{institution}"
institution_name = "示例医院"
profile = "999900-test"
operator = "yikatong"
operator_name = "一卡通"
[his]
port = {his_port}
[local_api]
tcp_port = {api_port}
{local_api}
[http]
port = {http_port}
[accounts.his]
role = "his"
token_sha256 = "{digest}"
"""


class BrokenError(Exception):
    """A part of the benchmark did not start, or ended before its time; the text is the end of what it said."""


class Part:
    """One process. What it says is kept in a file; with ``talks`` its standard output is for ``ask`` instead."""

    def __init__(self, name: str, command: list[str], folder: Path, *, talks: bool, environment: dict[str, str]) -> None:
        self.name = name
        self._log = folder / f"{name}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if talks else log,  # a pipe that nobody reads would stop whoever fills it
                stderr=log,
                env=dict(os.environ) | environment,
            )

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """An order, a line of JSON each way; its report. Raises ``BrokenError`` when it ended instead."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            self._process.wait(STOP_S)
            raise BrokenError(f"{self.name}: {self.said()}")
        report: dict[str, Any] = json.loads(line)
        return report

    def until_said(self, word: bytes) -> None:
        """Wait until it has said that word. Raises ``BrokenError`` when it ends or takes too long."""
        limit = time.monotonic() + START_S
        while word not in self._log.read_bytes():
            if self._process.poll() is not None or time.monotonic() > limit:
                raise BrokenError(f"{self.name}: {self.said()}")
            time.sleep(0.02)

    def said(self) -> str:
        """The end of its log."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-2000:]

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL when that is not enough."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class Hospital:
    """``with Hospital(folder) as hospital``: all parts run; at the end none does. ``daemon`` may be a wrapped one.

    ``fill`` is what ``benchmarks.fill`` puts into the database first, ``local_api`` more of that section. ``ready_s``: from
    start to open doors.
    """

    def __init__(
        self,
        folder: Path,
        *,
        readers: int = READERS,
        wrapper: tuple[str, ...] = ("run.py",),
        fill: tuple[str, ...] = (),
        local_api: str = "",
    ) -> None:
        self._folder = folder.resolve()
        self._wrapper = wrapper
        self._fill = fill
        self._local_api = local_api
        self.ready_s = 0.0
        self._readers = readers
        self._ending = ExitStack()
        self._token = secrets.token_hex(24)
        self._api_port = free_port()
        self._http_port = free_port()
        self._centre_port = 0
        self._sessions = 0
        self.readers: tuple[str, ...] = ()
        self.pids: dict[str, int] = {}

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._ending.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ending.close()

    def _start(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        pcscd = Pcscd.start_own(readers=(self._readers + 1) // SLOTS_PER_READER)
        self._ending.callback(pcscd.stop)
        slots = pcscd.slots[: self._readers]
        self.readers = tuple(slot.reader for slot in slots)
        centre_port, his_port = free_port(), free_port()
        self._centre_port = centre_port
        centre = self._part("centre", ["-m", "simulators.centre", "--port", str(centre_port)])
        his = self._part("his", ["-m", "simulators.his", "--port", str(his_port)])
        cards = self._part("cards", ["-m", "benchmarks.cards", *(str(slot.port) for slot in slots)])
        for part, word in ((centre, b"faults"), (his, b"HIS simulator"), (cards, b"inserted")):
            part.until_said(word)
        config = self._folder / "yikatong.toml"
        make_master_key(self._folder / "master.key")
        text = CONFIG.format(
            master_key=self._folder / "master.key",
            database=self._folder / "yikatong.db",
            centre=f"http://127.0.0.1:{centre_port}/centre",
            institution=INSTITUTION,
            his_port=his_port,
            api_port=self._api_port,
            http_port=self._http_port,
            local_api=self._local_api,
            digest=hashlib.sha256(self._token.encode()).hexdigest(),
        )
        config.write_text(text, encoding="utf-8")
        if self._fill:
            command = [sys.executable, "-m", "benchmarks.fill", str(config), *self._fill]
            subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        serve = [*self._wrapper, "serve", "--config", str(config)]
        began = time.monotonic()
        self.daemon = self._part("daemon", serve, environment=pcscd.environment)
        self.daemon.until_said(b"daemon.ready")
        self.ready_s = time.monotonic() - began
        self._until_seen()
        self.generator = self._part("generator", ["-m", "benchmarks.load"], talks=True)
        self.pids = {part.name: part.pid for part in (self.daemon, centre, his, cards, self.generator)}
        self.pids["pcscd"] = pcscd.pid

    def _until_seen(self) -> None:
        """A busy machine's card service may show the last readers after the doors are open."""
        limit = time.monotonic() + START_S
        client = self.client()
        while not {one["name"] for one in client.call("reader.list")["readers"]}.issuperset(self.readers):
            if time.monotonic() > limit:
                raise BrokenError("not every reader was seen")
            time.sleep(0.02)
        client.close()

    def _part(
        self, name: str, command: list[str], *, talks: bool = False, environment: dict[str, str] | None = None
    ) -> Part:
        part = Part(name, command, self._folder, talks=talks, environment=environment or {})
        self._ending.callback(part.stop)
        return part

    def open(self, clients: int) -> None:
        """So many clients connect."""
        self._sessions += 1
        self.generator.ask(
            {
                "do": "open", "port": self._api_port, "token": self._token, "clients": clients,
                "readers": self.readers, "prefix": f"b{self._sessions}",
            }
        )  # fmt: skip

    def do(self, what: str, **more: float) -> dict[str, Any]:
        """One phase of the load; its report."""
        return self.generator.ask({"do": what, **more})

    def client(self) -> Client:
        """One more session, in this process."""
        client = connect(port=self._api_port)
        client.hello(self._token)
        return client

    def centre_does(self, **fault: Any) -> None:
        """A fault knob of the simulated centre."""
        body = json.dumps(fault).encode()
        urllib.request.urlopen(f"http://127.0.0.1:{self._centre_port}/admin/faults", body, timeout=STOP_S).close()

    def gauge(self, name: str) -> float:
        """What the daemon's metrics say now."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._http_port}/metrics", timeout=STOP_S) as answer:
            lines = answer.read().decode().splitlines()
        return next(float(line.split()[1]) for line in lines if line.split(" ")[0].endswith(name))

    def tell_daemon(self, number: int = signal.SIGUSR2) -> None:
        """A signal for the wrapper of the daemon."""
        self.daemon.signal(number)
