"""A private PostgreSQL cluster in a scratch folder: on a Unix socket without a password, on TCP with one.

The tests and the benchmarks stand on it; fsync stays on. Nothing of a cluster that the machine may have is touched.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from simulators.ports import free_port

USER = "yikatong"
PASSWORD = "Geheim-0815"  # noqa: S105 - of a cluster that lives as long as its maker, on loopback
_PATIENCE_S = 30.0
_SETTINGS = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "listen_addresses": "127.0.0.1",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "checkpoint_timeout": "1h",
    "max_wal_size": "2GB",
    "log_min_messages": "fatal",
}


class NoClusterError(Exception):
    """PostgreSQL's server cannot be started here; the text says what is missing."""


def binaries() -> Path:
    """Where Debian puts the server's programs. Raises ``NoClusterError`` naming the package."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    named = shutil.which("initdb")
    if found:
        return found[-1].parent
    if named is None:
        raise NoClusterError("PostgreSQL's server programs are missing: apt-get install postgresql-15 (make setup does it)")
    return Path(named).resolve().parent


def _die_with_us() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)  # PR_SET_PDEATHSIG: no orphan, however the tests end


class Cluster:
    """One server: ``make`` once, then it runs until ``stop`` or ``remove``. ``url`` and ``tcp`` are the two ways to it."""

    def __init__(self, root: Path | None = None) -> None:
        """``root``: where its folder is made, instead of the system's place for scratch."""
        self.bin = binaries()
        self.folder = Path(tempfile.mkdtemp(prefix="yikatong-pg-", dir=root))
        self.port = free_port()
        self.user = USER
        self._names = itertools.count(1)
        self._as: dict[str, Any] = {"cwd": self.folder, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C"}}
        if os.getuid() == 0:  # initdb refuses root
            names = {entry.pw_name for entry in pwd.getpwall()}
            account = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            self._as |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        self._process: subprocess.Popen[bytes] | None = None

    # -- its life

    def make(self) -> None:
        """Its files, and the first start."""
        secret = self.folder / "secret"
        secret.write_text(PASSWORD + "\n", encoding="ascii")
        secret.chmod(0o644)
        subprocess.run(  # noqa: S603 - PostgreSQL's own program with arguments of ours
            [self.bin / "initdb", "-D", self.folder / "data", "-U", USER, "--auth-local=trust", "--auth-host=scram-sha-256",
             "--encoding=UTF8", "--locale=C.UTF-8", f"--pwfile={secret}", "--no-sync"],
            **self._as, check=True, capture_output=True,
        )  # fmt: skip
        secret.unlink()
        self.start()

    def start(self, **settings: str) -> None:
        """With these settings instead of the usual ones; waits until it answers."""
        options = [f"-c{name}={value}" for name, value in (_SETTINGS | settings).items()]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - PostgreSQL's own program with arguments of ours
                [self.bin / "postgres", "-D", self.folder / "data", "-k", self.folder, "-p", str(self.port), *options],
                **self._as, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                preexec_fn=_die_with_us,  # noqa: PLW1509 - one call of prctl between fork and exec takes no lock
            )  # fmt: skip
        limit = time.monotonic() + _PATIENCE_S
        while not self._answers():
            if time.monotonic() > limit or self._process.poll() is not None:
                said = (self.folder / "log").read_text(encoding="utf-8", errors="replace")
                raise NoClusterError(f"PostgreSQL does not start: {said[-2000:]}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            self.sql("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: every session is ended, in order; SIGQUIT: as if the machine had lost power, but for its disk cache."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_PATIENCE_S)
            self._process = None

    def remove(self) -> None:
        """Nothing is left."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- its databases

    def url(self, database: str) -> str:
        """By the Unix socket."""
        return f"postgresql+psycopg://{USER}@/{database}?host={self.folder}&port={self.port}"

    def tcp(self, database: str, port: int | None = None, password: str = PASSWORD) -> str:
        """By loopback, as over a network; ``port`` may be a proxy's."""
        return f"postgresql+psycopg://{USER}:{password}@127.0.0.1:{port or self.port}/{database}"

    def sql(self, statement: str, values: tuple[object, ...] = (), database: str = "postgres") -> list[tuple[Any, ...]]:
        """Outside a transaction, as the cluster's owner."""
        made = f"host={self.folder} port={self.port} user={USER} dbname={database} connect_timeout=5"
        with psycopg.connect(made, autocommit=True) as connection:
            done = connection.execute(statement, values)
            return done.fetchall() if done.description else []

    def create(self, template: str = "template0", strategy: str = "WAL_LOG") -> str:
        """A new database's name: a copy of that one. ``strategy`` is PostgreSQL's: to copy files is faster in memory."""
        name = f"t{next(self._names)}"
        locale = " LOCALE 'C'" if template == "template0" else ""
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template}{locale} STRATEGY {strategy}")
        return name

    def drop(self, name: str) -> None:
        """Whoever is connected is cut off."""
        self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def backends(self, name: str) -> list[int]:
        """Process ids of the sessions on a database."""
        return [pid for (pid,) in self.sql("SELECT pid FROM pg_stat_activity WHERE datname = %s", (name,))]
