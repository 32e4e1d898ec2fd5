"""One hospital under load: the stage, its counter windows, a bureau that reads along, and a look into all the books."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool
from twisted.internet.defer import Deferred

from chaos.books import IN_DOUBT, Books, Findings, look
from chaos.disk import Disk
from chaos.report import Line
from chaos.stores import Store
from chaos.waiting import OverdueError, in_thread, until
from chaos.windows import Bill, Heard, Windows
from clients.python.yikatong_client import connect
from simulators.card.virtual import VirtualCard
from simulators.people import PEOPLE
from simulators.stage import ROOT, Stage

INSIDE = Path(__file__).resolve().parent / "inside"
READERS = 2
WINDOWS = 6
HOLDERS = ("employee", "resident")
PATIENCE_S = 60.0
QUIET_S = 150.0
VERIFY_S = 120.0
FEED_S = 5.0  # a sealer of its own numbers the rows a moment after their commit
FEED_POLL_S = 0.05
PAGE = 500
REREAD = 100  # rows of the feed that are read again after each life: the same bytes
# A pursuit that is quick and long: a centre that is gone for minutes must not hand everything to a person.
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "engine": {"max_attempts": 100, "repeat_max_s": 5.0},
    "his": {"ack_timeout_s": 3.0},
}


class Scene:
    """``await start()``; scenarios do their worst and call ``check``; ``await end()`` gives what was found."""

    def __init__(
        self,
        reactor: Any,
        directory: Path,
        line: Line,
        *,
        store: Store,
        disk: Disk | None = None,
        windows: int = WINDOWS,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.reactor = reactor
        self.line = line
        more = {name: dict(values) for name, values in SETTINGS.items()}
        for name, values in (settings or {}).items():
            more[name] = more.get(name, {}) | dict(values)
        more["store"] = more.get("store", {}) | {"url": store.url}
        self.stage = Stage(reactor, directory, readers=READERS, settings=more)
        self._disk = disk
        self.store = store
        self._count = windows
        self.heard = Heard()
        self.windows: Windows | None = None
        self.findings = Findings()
        self.plant({})
        self._feed: list[dict[str, Any]] = []
        self._checked = 0
        self._began = time.monotonic()

    # -- its life

    def plant(self, inside: Mapping[str, str]) -> None:
        """What the daemon's next life finds inside it: see ``inside/sitecustomize.py``."""
        path = os.pathsep.join((str(INSIDE), *filter(None, [os.environ.get("PYTHONPATH", "")])))
        self.stage.environment = {"PYTHONPATH": path, "CHAOS_PARENT": str(os.getpid()), **inside}

    async def start(self) -> None:
        """Everything runs, two cards are in their readers, the windows are open."""
        self.stage.start_around()
        if self._disk is not None:
            # Only now: pcscd has a mount namespace of its own, and must have no copy of this mount in it.
            await in_thread(self.reactor, self._disk.mount)
        await in_thread(self.reactor, self.store.prepare)
        self.stage.write_config()
        await self.stage.start_daemon()
        for slot, who in zip(self.stage.slots, HOLDERS, strict=True):
            await in_thread(self.reactor, slot.insert, VirtualCard(PEOPLE[who]))
        readers = [self.stage.reader_name(n) for n in range(READERS)]
        self.windows = Windows(self.stage.api_port, self.stage.tokens["his"], readers, self.heard, count=self._count)
        self.windows.start()
        await self.until_settled(1)

    def pids(self) -> list[int]:
        """The daemon's process, while it runs."""
        daemon = self.stage.daemon
        if daemon is None or not daemon.is_running or daemon.transport is None:
            return []
        return [int(daemon.transport.pid)]

    async def kill(self, number: int = signal.SIGKILL) -> None:
        """End the daemon's life."""
        await self.stage.kill(number)

    async def died(self, limit_s: float = PATIENCE_S) -> None:
        """The daemon kills itself at its point."""
        daemon = self.stage.daemon
        if daemon is None:
            raise OverdueError("there is no daemon")
        await until(self.reactor, lambda: not daemon.is_running, "the daemon does not come to its point", limit_s)

    async def restart(self, inside: Mapping[str, str] | None = None) -> None:
        """The next life, on the same files; the database's server first, if it is gone."""
        await in_thread(self.reactor, self.store.start)
        self.plant(inside or {})
        await self.stage.start_daemon()

    async def until_settled(self, more: int, limit_s: float = PATIENCE_S) -> None:
        """So many more settlements were acknowledged."""
        wanted = len(self.heard.acknowledged) + more
        what = f"{more} more settlements"
        await until(self.reactor, lambda: len(self.heard.acknowledged) >= wanted, what, limit_s)

    async def stop_windows(self) -> None:
        """No new business; what is under way ends or stays open."""
        if self.windows is not None:
            await in_thread(self.reactor, self.windows.stop)

    async def close(self) -> None:
        """Leave nothing running, whatever happened."""
        try:
            if self.windows is not None:
                await in_thread(self.reactor, self.windows.stop, 5.0)
        finally:
            try:
                await self.stage.stop()
            finally:
                await in_thread(self.reactor, self.store.remove)
            self.line.seconds = time.monotonic() - self._began

    # -- looking

    async def check(self) -> Findings:
        """After one blow, the load still on: what was acknowledged gets the same answer again, all books hold."""
        recent = self.heard.acknowledged[self._checked :]
        self._checked += len(recent)
        return await self._look(recent, quiet=False)

    async def end(self) -> Findings:
        """Faults off, load off: everything ends, every caller hears it, all books agree, the chains verify."""
        await self.stop_windows()
        if self.windows is None:
            raise OverdueError("the scene was never started")
        limit = time.monotonic() + QUIET_S
        await in_thread(self.reactor, self.windows.ask_again, self.heard.open, QUIET_S)
        try:
            await until(self.reactor, self._quiet, "in doubt or untold", max(1.0, limit - time.monotonic()))
        except OverdueError as late:
            self.findings.wrong.append(str(late))
        return await self._look(self.heard.acknowledged, quiet=True)

    async def _look(self, bills: list[Bill], *, quiet: bool) -> Findings:
        if self.windows is None:
            raise OverdueError("the scene was never started")
        known = self.heard.acknowledged if not quiet else list(self.heard.bills)
        different = await in_thread(self.reactor, self.windows.repeated, bills)
        found = Findings(wrong=[f"{bill.settlement_id} got another answer to the same request" for bill in different])
        found.wrong += await in_thread(self.reactor, self._read_feed, known)
        # Nothing is awaited in here: centre and HIS stand still while the daemon's tables are read.
        found.add(look(self._books(known), quiet=quiet))
        found.wrong += await in_thread(self.reactor, self._verify)
        self.findings.add(found)
        self._tell()
        return self.findings

    def _tell(self) -> None:
        line, found = self.line, self.findings
        line.acknowledged = len(self.heard.acknowledged)
        line.lost, line.doubled, line.wrong = len(found.lost), len(found.doubled), found.wrong
        line.unknown, line.manual = found.unknown, found.manual
        line.seconds = time.monotonic() - self._began

    def _books(self, bills: list[Bill]) -> Books:
        rows = self.rows("settlement", "message", "outbox")
        return Books(
            bills=bills,
            settlements={row["settlement_id"]: row for row in rows["settlement"]},
            messages={row["message_id"]: row for row in rows["message"]},
            letters=rows["outbox"],
            feed=self._feed,
            held=tuple(self.stage.centre.ledger.settlements),
            receipts=tuple(self.stage.centre.ledger.receipts),
            postings=tuple(self.stage.his.book.postings),
        )

    def operator(self, method: str, params: Mapping[str, Any]) -> Deferred[dict[str, Any]]:
        """One call of the operator's, on a session of its own."""

        def work() -> dict[str, Any]:
            with connect(port=self.stage.api_port) as client:
                client.hello(self.stage.tokens["operator"])
                return client.call(method, params)

        return in_thread(self.reactor, work)

    def rows(self, *tables: str) -> dict[str, list[dict[str, Any]]]:
        """All rows of these tables at one moment, read past the daemon."""
        engine = sa.create_engine(self.store.read_url, poolclass=NullPool)
        try:
            with engine.connect() as connection:
                return {t: [dict(r) for r in connection.execute(sa.text(f"SELECT * FROM {t}")).mappings()] for t in tables}
        finally:
            engine.dispose()

    def _quiet(self) -> bool:
        rows = self.rows("settlement", "outbox")
        moving = any(row["state"] in IN_DOUBT for row in rows["settlement"])
        return not moving and all(row["outcome"] for row in rows["outbox"])

    def _read_feed(self, known: list[Bill]) -> list[str]:
        """Read on; what is wrong with what comes. What ``known`` acknowledges must come, if need be in a moment."""
        wrong = []
        after = max(0, len(self._feed) - REREAD)
        again = self._page(after, min(REREAD, max(1, len(self._feed))))
        if again[: len(self._feed) - after] != self._feed[after:]:
            wrong.append("the bureau was given other rows than before")
        wanted = {bill.settlement_id for bill in known if bill.acknowledged}
        limit = time.monotonic() + FEED_S
        while True:
            page = self._page(len(self._feed), PAGE)
            self._feed += page
            if len(page) == PAGE:
                continue
            fed = {json.loads(row["line"])["settlement"] for row in self._feed}
            if wanted <= fed or time.monotonic() > limit:
                return wrong  # what is not in it is found as lost
            time.sleep(FEED_POLL_S)

    def _page(self, after: int, limit: int) -> list[dict[str, Any]]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.stage.http_port}/feed/v1/settlements?after={after}&limit={limit}",
            headers={"Authorization": f"Bearer {self.stage.tokens['bureau']}"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            rows: list[dict[str, Any]] = json.loads(answer.read())["rows"]
            return rows

    def _verify(self) -> list[str]:
        """``run.py verify``, as an operator would."""
        command = [sys.executable, str(ROOT / "run.py"), "verify", "--config", str(self.stage.config)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=VERIFY_S, check=False, cwd=ROOT)
        return [] if done.returncode == 0 else [f"verify: {(done.stdout + done.stderr).strip()[-300:]}"]
