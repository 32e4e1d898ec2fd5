"""The two databases as chaos sees them: where they lie, how their server dies, and how it comes back."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Protocol

from simulators.ports import free_port

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
USER = DATABASE = "yikatong"
START_S = 60.0
STOP_S = 30.0
# Small, so that little is written before it is full, and with nothing that a power cut could hide behind.
_SETTINGS = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "32MB",
    "max_connections": "40",
    "listen_addresses": "",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "min_wal_size": "8MB",
    "max_wal_size": "32MB",
    "log_min_messages": "fatal",
}


class StoreError(Exception):
    """The database's own programs failed; the text is what they said."""


class Store(Protocol):
    """A database for one scene. All methods block; none is called in the reactor's thread."""

    name: str

    @property
    def url(self) -> str:
        """For the daemon's configuration."""

    @property
    def read_url(self) -> str:
        """For a look past the daemon."""

    def prepare(self) -> None:
        """Ready for a daemon's first life."""

    def pids(self) -> list[int]:
        """The server's processes; none where there is no server."""

    def crash(self) -> None:
        """The server's processes are gone, at once."""

    def start(self) -> None:
        """The server is there again, if it was not."""

    def remove(self) -> None:
        """Nothing of it runs any more."""


class SqliteStore:
    """A file; its writer is the daemon itself."""

    name = SQLITE

    def __init__(self, folder: Path) -> None:
        self._path = folder.resolve() / "yikatong.db"

    @property
    def url(self) -> str:
        """See ``Store``."""
        return f"sqlite:///{self._path}"

    @property
    def read_url(self) -> str:
        """Read only, so that a look changes nothing."""
        return f"sqlite:///file:{self._path}?mode=ro&uri=true"

    def prepare(self) -> None:
        """The daemon makes it."""

    def pids(self) -> list[int]:
        """There is no server."""
        return []

    def crash(self) -> None:
        """There is no server."""

    def start(self) -> None:
        """There is no server."""

    def remove(self) -> None:
        """There is no server."""


class PostgresStore:
    """A cluster of our own, reached by a socket in ``sockets``, its data in ``folder``. Debian's server programs."""

    name = POSTGRESQL

    def __init__(self, folder: Path, sockets: Path) -> None:
        self._data = folder.resolve() / "cluster"
        # A socket's path has at most 107 characters, and the server's own user must reach it.
        self._sockets = Path("/tmp") / f"yikatong-chaos-{os.getpid()}-{free_port()}"  # noqa: S108 - made with mkdir
        self._log = sockets.resolve() / "postgres.log"
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._account = _account()

    @property
    def url(self) -> str:
        """See ``Store``."""
        return f"postgresql+psycopg://{USER}@/{DATABASE}?host={self._sockets}&port={self._port}"

    @property
    def read_url(self) -> str:
        """See ``Store``."""
        return self.url

    def prepare(self) -> None:
        """Make the cluster, start it, make the database; then all of it is on the disk."""
        for folder in (self._data, self._sockets):
            folder.mkdir(mode=0o700, parents=True)
            os.chown(folder, *self._account)
        self._run("initdb", "-D", str(self._data), "-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C",
                  "--wal-segsize=1")  # fmt: skip
        self.start()
        self._run("createdb", "-h", str(self._sockets), "-p", str(self._port), "-U", USER, "-T", "template0", DATABASE)
        os.sync()

    def start(self) -> None:
        """Start it if it does not run, and wait until it takes sessions. ``StoreError``."""
        if self._process is not None and self._process.poll() is None:
            return
        options = [f"-c{name}={value}" for name, value in _SETTINGS.items()]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [_program("postgres"), "-D", self._data, "-k", self._sockets, "-p", str(self._port), *options],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/", user=self._account[0], group=self._account[1],
                extra_groups=[], start_new_session=True,
            )  # fmt: skip
        limit = time.monotonic() + START_S
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > limit:
                raise StoreError("PostgreSQL does not start: " + self._log.read_text("utf-8", "replace")[-500:])
            time.sleep(0.05)

    def pids(self) -> list[int]:
        """The postmaster and its children."""
        if self._process is None or self._process.poll() is not None:
            return []
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()
        return [pid, *map(int, children)]

    def crash(self) -> None:
        """As ``pg_ctl stop -m immediate``; what does not end by that is killed."""
        if self._process is None:
            return
        for number in (signal.SIGQUIT, signal.SIGCONT):  # it may stand still
            for pid in self.pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            for pid in reversed(self.pids()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait(STOP_S)
        self._process = None

    def remove(self) -> None:
        """Its processes and its socket's folder are gone; the data go with the scenario's folder."""
        self.crash()
        shutil.rmtree(self._sockets, ignore_errors=True)

    def _ready(self) -> bool:
        asked = [_program("pg_isready"), "-q", "-h", str(self._sockets), "-p", str(self._port)]
        return subprocess.run(asked, check=False, timeout=STOP_S).returncode == 0

    def _run(self, name: str, *words: str) -> None:
        done = subprocess.run(
            [_program(name), *words], capture_output=True, text=True, timeout=START_S, check=False, cwd="/",
            user=self._account[0], group=self._account[1], extra_groups=[],
        )  # fmt: skip
        if done.returncode:
            raise StoreError(f"{name}: {done.stderr.strip()[-300:]}")


def cannot_postgres() -> str:
    """Why this machine has no PostgreSQL for us, or ""."""
    if os.geteuid() != 0:
        return "a cluster on a disk of its own needs root / 需要 root"  # initdb refuses root: it runs as another user
    try:
        _program("initdb")
    except StoreError as exc:
        return str(exc)
    return ""


def _program(name: str) -> str:
    """Debian keeps the server's programs out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    named = str(found[-1]) if found else shutil.which(name)
    if named is None:
        raise StoreError(f"there is no {name}: apt-get install postgresql-15 / 缺少 PostgreSQL 15")
    return named


def _account() -> tuple[int, int]:
    """Whose the cluster is: PostgreSQL's server refuses root."""
    names = {entry.pw_name for entry in pwd.getpwall()}
    account = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return account.pw_uid, account.pw_gid
