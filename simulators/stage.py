"""A whole hospital on loopback: HIS, centre, cards in a real pcscd, and the daemon as a process of its own.

The demo, the scenario tests and the benchmarks stand on this one stage. The simulators live in the caller's reactor, so
their knobs and ledgers are plain attributes; the daemon is ``run.py serve`` and can be killed and started again.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from simulators.card.vpcd import VpcdSlot
from simulators.centre.insured import everybody
from simulators.centre.server import CentreSimulator
from simulators.his import HisSimulator
from simulators.pcscd import Pcscd
from simulators.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
INSTITUTION = "H99990000001"
STOP_S = 30.0
ROLES = {"his": "", "pos": "till-1", "bureau": "", "operator": ""}


class DaemonDiedError(Exception):
    """The daemon ended before it was ready; the text is the end of its log."""


class Daemon(ProcessProtocol):
    """One life of the daemon. ``ready`` and ``exited`` fire once; what it says is kept in a file."""

    def __init__(self, log: Path) -> None:
        self.ready: Deferred[None] = Deferred()
        self.exited: Deferred[int] = Deferred()
        self.is_running = False
        self._log = log.open("ab")
        self._tail = b""

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """It was started."""
        self.is_running = True

    def outReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Something on its standard output."""
        self.errReceived(data)

    def errReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """A piece of its log."""
        self._log.write(data)
        self._log.flush()
        self._tail = (self._tail + data)[-4000:]
        if not self.ready.called and b"daemon.ready" in self._tail:
            self.ready.callback(None)

    def processEnded(self, reason: Failure) -> None:  # noqa: N802 - Twisted's name
        """It ended."""
        self.is_running = False
        self._log.close()
        status = 0 if isinstance(reason.value, ProcessDone) else (getattr(reason.value, "exitCode", None) or -1)
        if not self.ready.called:
            self.ready.errback(DaemonDiedError(self._tail.decode(errors="replace")))
        self.exited.callback(status)

    def signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.is_running:
            self.transport.signalProcess(number)  # type: ignore[union-attr]


class Stage:
    """Start with ``await start()``; ``stop()`` leaves nothing behind but the files in ``directory``.

    ``settings`` are values of the configuration, by section and key, in place of the stage's own or beside them;
    ``overrides`` is more TOML behind them all. ``own_pcscd``: never the machine's, so that it can be killed. ``beside``:
    another stage that has started, whose HIS, centre, readers, people and keys this one's daemon works with too.
    """

    def __init__(
        self,
        reactor: Any,
        directory: Path,
        *,
        readers: int = 1,
        overrides: str = "",
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        own_pcscd: bool = False,
        beside: Stage | None = None,
    ) -> None:
        self._reactor = reactor
        self._beside = beside
        self.directory = directory.resolve()
        self._readers = readers
        self._overrides = overrides
        self._settings = settings or {}
        self._own_pcscd = own_pcscd
        self.his: HisSimulator = HisSimulator(reactor, port=free_port()) if beside is None else beside.his
        # Who loses replies, and when, is the scene's to say by a knob: the built-in habit would lose every one.
        people = (evolve(p, behaviour="") if p.behaviour == "lose-reply" else p for p in everybody())
        made = CentreSimulator(reactor, port=free_port(), people=tuple(people)) if beside is None else beside.centre
        self.centre: CentreSimulator = made
        self.pcscd: Pcscd | None = None
        self.slots: tuple[VpcdSlot, ...] = ()
        made_tokens = {role: secrets.token_hex(24) for role in ROLES}
        self.tokens: dict[str, str] = made_tokens if beside is None else beside.tokens
        self.his_port = 0
        self.api_port = free_port()
        self.http_port = free_port()
        self.unix_path = self.directory / "api.sock"
        self.config = self.directory / "yikatong.toml"
        self.database = self.directory / "yikatong.db"
        self.master_key = (beside or self).directory / "master.key"
        self.log = self.directory / "daemon.log"
        self.daemon: Daemon | None = None
        self.environment: dict[str, str] = {}  # for the daemon's next life, beside this process's own

    def reader_name(self, slot: int = 0) -> str:
        """The name under which PC/SC knows a slot."""
        if self.pcscd is None:
            raise LookupError("the stage has no readers")
        return self.pcscd.slots[slot].reader

    async def start(self) -> None:
        """Start the simulators, write the configuration, start the daemon and wait until it is ready."""
        self.start_around()
        self.write_config()
        await self.start_daemon()

    def start_around(self) -> None:
        """Everything but the daemon: the simulators and the readers."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if self._beside is not None:
            self.his_port, self.pcscd, self.slots = self._beside.his_port, self._beside.pcscd, self._beside.slots
            return
        self.his_port = self.his.start()
        self.centre.start()
        if self._readers:
            self.pcscd = (Pcscd.start_own if self._own_pcscd else Pcscd.ensure)(readers=self._readers)
            self.slots = tuple(VpcdSlot("127.0.0.1", slot.port) for slot in self.pcscd.slots[: self._readers])

    def write_config(self) -> None:
        """The daemon's configuration: what an integrator would write, for this stage."""
        sections: dict[str, dict[str, Any]] = {
            "store": {"url": f"sqlite:///{self.database}"},
            "keys": {"file": str(self.master_key)},
            "centre": {
                "url": self.centre.url,
                "institution_code": INSTITUTION,
                "institution_name": "示例医院",
                "profile": "999900-test",
                "operator": "yikatong",
                "operator_name": "一卡通",
                "total_deadline_s": 5.0,
                "late_reply_s": 5.0,
            },
            "his": {"port": self.his_port, "ack_timeout_s": 2.0, "retry_first_s": 0.2},
            "engine": {"first_check_s": 0.5, "repeat_s": 0.5, "drain_s": 2.0},
            "pcsc": {"enabled": bool(self._readers), "exchange_timeout_s": 3.0},
            "local_api": {
                "unix_path": str(self.unix_path),
                "tcp_port": self.api_port,
                "in_flight": 256,
                "in_flight_total": 1024,
            },
            "http": {"port": self.http_port},
            "catalogue": {"enabled": False},  # nothing comes by the clock that a test did not ask for
        }
        for role, terminal in ROLES.items():
            digest = hashlib.sha256(self.tokens[role].encode()).hexdigest()
            sections[f"accounts.{role}"] = {"role": role, "terminal": terminal, "token_sha256": digest}
        for name, values in self._settings.items():
            sections[name] = sections.get(name, {}) | dict(values)
        make_master_key(self.master_key)
        written = "\n".join(_section(name, values) for name, values in sections.items())
        self.config.write_text(f"# Written by simulators/stage.py\n{written}\n{self._overrides}\n", encoding="utf-8")

    async def start_daemon(self) -> None:
        """Start the daemon (again) on the same files; raises ``DaemonDiedError`` with what it said."""
        self.daemon = Daemon(self.log)
        environment = dict(os.environ) | (self.pcscd.environment if self.pcscd else {}) | self.environment
        arguments = [sys.executable, str(ROOT / "run.py"), "serve", "--config", str(self.config)]
        self._reactor.spawnProcess(self.daemon, sys.executable, arguments, env=environment, path=str(ROOT))
        await self.daemon.ready

    async def kill(self, number: int = signal.SIGKILL) -> int:
        """End the daemon by a signal and wait until it is gone; its exit status."""
        if self.daemon is None or not self.daemon.is_running:
            return 0
        daemon = self.daemon
        daemon.signal(number)
        return await daemon.exited

    async def stop(self) -> None:
        """Stop the daemon in order, then the simulators. ``DaemonDiedError`` when it had to be killed."""
        overdue = self._reactor.callLater(STOP_S, self._overdue)
        await self.kill(signal.SIGTERM)
        if overdue.active():
            overdue.cancel()
        if self._beside is None:
            await self._stop_around()
        if overdue.called:
            raise DaemonDiedError(f"the daemon did not stop within {STOP_S} s of SIGTERM and was killed: {self.log}")

    async def _stop_around(self) -> None:
        for slot in self.slots:
            slot.close()
        await self.his.stop()
        await self.centre.stop()
        if self.pcscd is not None:
            self.pcscd.stop()

    def _overdue(self) -> None:
        if self.daemon is not None:
            self.daemon.signal(signal.SIGKILL)


def _section(name: str, values: Mapping[str, Any]) -> str:
    """One TOML table; JSON writes texts, numbers, booleans and lists of them as TOML does."""
    return f"[{name}]\n" + "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items())


def make_master_key(path: Path) -> None:
    """A key file as ``run.py keys init`` makes it, unless there is one; 32 random bytes in base64 after the name."""
    if not path.exists():
        path.touch(0o600)
        path.write_text(f"aes-256-gcm {base64.b64encode(secrets.token_bytes(32)).decode()}\n", encoding="ascii")
