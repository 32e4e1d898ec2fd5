"""A stage with people at its counter: each call is a session of its own, on a thread of its own, as a HIS has many."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import psycopg
import sqlalchemy as sa
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from clients.python.yikatong_client import ApiError, ConnectionClosedError, connect
from daemon.demo.counter import COLD, charge_line, now
from simulators.card.virtual import VirtualCard
from simulators.people import PEOPLE
from simulators.stage import ROOT

PATIENCE_S = 30.0
MOVING = ("SettleIntended", "SettleSent", "Unknown", "ReversalIntended", "ReversalSent", "CancelIntended", "CancelSent")


def in_thread(function, *args):
    """A Deferred of what ``function`` gives or raises; each call has its own thread, for a held one may block long."""
    done = Deferred()

    def work():
        try:
            value = function(*args)
        except Exception as exc:  # noqa: BLE001 - whatever it was is the caller's to see
            reactor.callFromThread(done.errback, exc)
        else:
            reactor.callFromThread(done.callback, value)

    threading.Thread(target=work, daemon=True).start()
    return done


def bounded(deferred):
    """The same, but it fails when what is waited for does not come."""
    return deferred.addTimeout(PATIENCE_S, reactor)


async def until(true, what, *args):
    """Wait until ``true(*args)`` is so; the clock is only a limit. ``what`` is for the failure."""

    def look():
        limit = time.monotonic() + PATIENCE_S
        while not (found := true(*args)):
            if time.monotonic() > limit:
                raise TimeoutError(what)
            time.sleep(0.02)
        return found

    return await in_thread(look)


async def program(*command):
    """A program of its own to its end: (exit status, all that it said)."""

    def work():
        words = list(map(str, command))
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
        return done.returncode, done.stdout + done.stderr

    return await in_thread(work)


async def run(*arguments):
    """``run.py`` with these arguments."""
    return await program(sys.executable, ROOT / "run.py", *arguments)


class HeldCard(VirtualCard):
    """A card that stops at one exchange until told to go on; ``reached`` says that it is there."""

    def __init__(self, person, at):
        super().__init__(person)
        self._at = at
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def answer(self, apdu):
        if self.exchanges + 1 == self._at:
            self.reached.set()
            self.go_on.wait(PATIENCE_S)
        return super().answer(apdu)


class Hospital:
    def __init__(self, stage, store_url=""):
        """``store_url`` when the books are elsewhere than in the stage's own file."""
        self.stage = stage
        self._store = sa.make_url(store_url or f"sqlite:///{stage.database}")
        self._keys = 0

    # -- the door

    def call(self, method, params=None, *, role="his", unix=False):
        """Fires with the answer; fails with ``ApiError``, or ``ConnectionClosedError`` when the daemon ends first."""

        def work():
            where = {"unix": self.stage.unix_path} if unix else {"port": self.stage.api_port}
            with connect(**where) as client:
                client.hello(self.stage.tokens[role])
                return client.call(method, params or {})

        return in_thread(work)

    async def fault(self, method, params=None, *, role="his"):
        """The refusal that this call must get."""
        try:
            answer = await self.call(method, params, role=role)
        except ApiError as error:
            return error
        raise AssertionError(f"{method} was answered: {sorted(answer)}")

    async def end(self, method, params=None, *, role="his"):
        """How a call ends, comparable: the answer, or the refusal's code and texts."""
        try:
            return await self.call(method, params, role=role)
        except ApiError as error:
            return error.code, error.data

    def get(self, path, *, role=""):
        """(status, bytes) of a page of the HTTP site."""

        def work():
            headers = {"Authorization": f"Bearer {self.stage.tokens[role]}"} if role else {}
            request = urllib.request.Request(f"http://127.0.0.1:{self.stage.http_port}{path}", headers=headers)
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    return answer.status, answer.read()
            except urllib.error.HTTPError as error:
                return error.code, error.read()

        return in_thread(work)

    def key(self):
        self._keys += 1
        return f"key-{self._keys:04d}"

    # -- the card

    async def insert(self, who, card=None):
        """Somebody's card is in the reader and the daemon has seen it."""
        slot = self.stage.slots[0]
        await in_thread(slot.withdraw)
        await self.until_reader("empty")
        await in_thread(slot.insert, card or VirtualCard(PEOPLE[who]))
        await self.until_reader("card-present")

    async def until_reader(self, *states):
        name = self.stage.reader_name()

        def look():
            with connect(port=self.stage.api_port) as client:
                client.hello(self.stage.tokens["his"])
                readers = client.call("reader.list")["readers"]
            return next((r["state"] for r in readers if r["name"] == name), "absent") in states

        await until(look, f"the reader is not {states}")

    def read(self, role="his"):
        return self.call("card.read", {"reader": self.stage.reader_name()}, role=role)

    # -- a visit

    async def registration(self, role="his"):
        """The parameters of a registration, its card just read."""
        return {
            "request_id": self.key(),
            "card_read_id": (await self.read(role))["card_read_id"],
            "department_code": "0301",
            "department_name": "呼吸内科",
            "specialty": "A03",
            "doctor_code": "D3301001",
            "doctor_name": "李医生",
            "begun_at": now(),
        }

    async def visit(self, role="his"):
        return await self.call("patient.register", await self.registration(role), role=role)

    def bill(self, visit, items=COLD):
        """The parameters of a quote."""
        return {
            "request_id": self.key(),
            "visit_id": visit["visit_id"],
            "diagnoses": [{"code": "J06.900", "name": "急性上呼吸道感染"}],
            "lines": [charge_line(n, *item) for n, item in enumerate(items, 1)],
        }

    async def quote(self, role="his"):
        """A new visit, quoted."""
        return await self.call("settlement.quote", self.bill(await self.visit(role)), role=role)

    def confirmation(self, quote):
        """The parameters of a settle."""
        split = quote["split"]
        return {
            "request_id": self.key(),
            "settlement_id": quote["settlement_id"],
            "total": split["total"],
            "cash": split["cash"],
        }

    def undoing(self, quote):
        """The parameters of a cancel."""
        return {"request_id": self.key(), "settlement_id": quote["settlement_id"], "reason": "退费"}

    async def settled(self, role="his"):
        """A new visit, settled and known to the HIS: its quote."""
        quote = await self.quote(role)
        await self.call("settlement.settle", self.confirmation(quote), role=role)
        await self.until(quote["settlement_id"], "Delivered")
        return quote

    async def until(self, settlement_id, *states):
        """The whole view of a settlement once it is in one of the states."""

        def look():
            with connect(port=self.stage.api_port) as client:
                client.hello(self.stage.tokens["his"])
                view = client.call("settlement.get", {"settlement_id": settlement_id})
            last.append(view["state"])
            return view if view["state"] in states else None

        last = []
        try:
            return await until(look, settlement_id)
        except TimeoutError:
            raise AssertionError(f"{settlement_id} stays {last[-1]}, wanted {states}") from None

    async def until_quiet(self):
        """Nothing moves and the HIS has been told of everything."""

        def look():
            moving = [row for row in self.rows("settlement") if row["state"] in MOVING]
            return not moving and not [row for row in self.rows("outbox") if not row["outcome"]]

        await until(look, "something stays in doubt or untold")

    async def until_his_told(self, control_id):
        """The letter has its answer."""
        await until(lambda: self.row("outbox", control_id=control_id)["outcome"], "the HIS was not told")

    async def until_ended(self, outcome, settlement_id):
        """The settlement's 2207 has this end in our books."""
        message_id = self.row("settlement", settlement_id=settlement_id)["message_id"]
        await until(lambda: self.row("message", message_id=message_id)["outcome"] == outcome, f"no end {outcome!r}")

    async def until_in_flight(self, count):
        """So many requests are with the daemon."""

        def look():
            with urllib.request.urlopen(f"http://127.0.0.1:{self.stage.http_port}/metrics", timeout=10) as answer:
                text = answer.read().decode()
            return any(line.split() == ["yikatong_api_in_flight", f"{count}.0"] for line in text.splitlines())

        await until(look, f"never {count} in flight")

    # -- its life

    async def kill(self):
        await self.stage.kill(signal.SIGKILL)

    async def freeze(self):
        """Stop the daemon's every thread where it stands; what is sent to it stays in the kernel."""
        daemon = self.stage.daemon
        daemon.signal(signal.SIGSTOP)
        stat = Path(f"/proc/{daemon.transport.pid}/stat")
        await until(lambda: stat.read_text().rpartition(")")[2].split()[0] in "Tt", "the daemon does not stop")

    async def restart(self):
        """Start on the same files; when there are readers, wait until the card is seen again."""
        await self.stage.start_daemon()
        if self.stage.slots and self.stage.slots[0].occupied:
            await self.until_reader("card-present")

    # -- what it wrote

    def tables(self, *names):
        """All rows of these tables at one moment, read past the daemon."""
        if self._store.get_backend_name() == "postgresql":
            return self._tables_of_server(names)
        connection = sqlite3.connect(f"file:{self._store.database}?mode=ro", uri=True, timeout=10)
        connection.row_factory = sqlite3.Row
        try:
            connection.execute("BEGIN")
            return {name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")] for name in names}
        finally:
            connection.close()

    def _tables_of_server(self, names):
        url = self._store
        where = {"host": url.query["host"], "port": url.query["port"], "user": url.username, "dbname": url.database}
        with psycopg.connect(**where, row_factory=psycopg.rows.dict_row) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}

    def rows(self, table):
        return self.tables(table)[table]

    def row(self, table, **where):
        """The one row where these columns have these values."""
        found = [r for r in self.rows(table) if all(r[name] == value for name, value in where.items())]
        assert len(found) == 1, (table, where, len(found))
        return found[0]

    async def feed(self, limit=3):
        """All rows of the bureau's feed by pages, and the bytes of the pages that are closed."""
        after, rows, pages = 0, [], []
        while True:
            status, body = await self.get(f"/feed/v1/settlements?after={after}&limit={limit}", role="bureau")
            assert status == 200, body
            page = json.loads(body)
            rows += page["rows"]
            if len(page["rows"]) < limit:
                return rows, pages
            pages.append(body)
            after = page["rows"][-1]["sequence"]


def gone(deferred):
    """Fires when a call was cut off by the daemon's end; any other end is a failure."""

    def cut(failure):
        failure.trap(ConnectionClosedError, ConnectionError)

    def answered(answer):
        raise AssertionError(f"answered although killed: {answer}")

    return deferred.addCallbacks(answered, cut)
