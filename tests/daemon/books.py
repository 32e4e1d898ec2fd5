"""A database with whole visits in it, made by the real engine, and the commands on it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time

import msgspec
import psycopg
import sqlalchemy as sa
from click.testing import CliRunner

from daemon.cli import main
from middleware.store import dump
from middleware.store.chain import GENESIS, link
from middleware.store.lock import hold_database
from tests.support.vaults import write_master

INSTITUTION = "H99990000001"


class Books:
    """``run`` gives the exit status and all that was said."""

    def __init__(self, folder):
        self.folder = folder
        self.path = folder / "y.db"
        self.url = f"sqlite:///{self.path}"
        self.config = folder / "yikatong.toml"
        self.master_key = folder / "master.key"
        write_master(self.master_key)
        self.write_config()

    def write_config(self, *, institution=INSTITUTION, also=""):
        self.config.write_text(
            f'[store]\nurl = "{self.url}"\n[keys]\nfile = "{self.master_key}"\n'
            f'[centre]\nurl = "http://127.0.0.1:9/"\ninstitution_code = "{institution}"\ninstitution_name = "示例医院"\n'
            f'profile = "999900-test"\noperator = "yikatong"\noperator_name = "一卡通"\n'
            f'[accounts.his]\nrole = "his"\ntoken_sha256 = "{"0" * 64}"\n{also}',
            encoding="utf-8",
        )

    def run(self, command, *arguments, config=True):
        named = ("--config", self.config) if config else ()
        done = CliRunner().invoke(main, [command, *map(str, (*named, *arguments))])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.output

    def sql(self, statement, *values, path=None):
        connection = sqlite3.connect(path or self.path)
        with connection:
            found = connection.execute(statement, values).fetchall()
        connection.close()
        return found

    def heads(self, path=None):
        return [
            self.sql(f"SELECT sequence, hash FROM {t} ORDER BY sequence DESC LIMIT 1", path=path)
            for t in ("journal", "feed")
        ]

    def forge(self, sequence, path=None):
        """Change a row of the journal and write every hash behind it anew: a chain that is whole and a lie."""
        previous = GENESIS
        rows = self.sql("SELECT sequence, line FROM journal ORDER BY sequence", path=path)
        for number, text in rows:
            line = text
            if number == sequence:
                line = msgspec.json.encode(json.loads(text) | {"at": "2020-01-01T00:00:00+08:00"}).decode()
            digest = link(previous, line)
            self.sql(
                "UPDATE journal SET previous = ?, line = ?, hash = ? WHERE sequence = ?",
                previous, line, digest, number, path=path,
            )  # fmt: skip
            previous = digest

    @contextlib.contextmanager
    def altering(self, backup):
        """What to name as ``path`` so that a statement changes this backup."""
        yield backup

    def lose(self):
        """The database is gone, as on an empty machine."""
        for path in self.folder.glob("y.db*"):
            path.unlink()

    def exists(self):
        return self.path.exists()

    def hold(self):
        """As a daemon holds it."""
        return hold_database(self.url)

    def flip(self, table, sequence, path=None):
        ((line,),) = self.sql(f"SELECT line FROM {table} WHERE sequence = ?", sequence, path=path)
        raw = bytearray(line.encode())
        raw[len(raw) // 2] ^= 1
        self.sql(f"UPDATE {table} SET line = CAST(? AS TEXT) WHERE sequence = ?", bytes(raw), sequence, path=path)


class ServerBooks(Books):
    """The same on PostgreSQL. ``path`` is another database's name there."""

    def __init__(self, folder, cluster, name):
        super().__init__(folder)
        self.cluster, self.name = cluster, name
        self.url = cluster.url(name)
        self.write_config()

    def sql(self, statement, *values, path=None):
        where = sa.make_url(self.url)
        with psycopg.connect(
            host=where.query["host"],
            port=where.query["port"],
            user=where.username,
            dbname=path or self.name,
            autocommit=True,
        ) as connection:
            session = connection.info.backend_pid
            done = connection.execute(statement.replace("?", "%s"), values)
            rows = done.fetchall() if done.description else []
        while session in self.cluster.backends(path or self.name):  # the server notices a session's end in its own time
            time.sleep(0.002)
        return rows

    @contextlib.contextmanager
    def altering(self, backup):
        name = self.cluster.create("template0")
        where = self.cluster.url(name)
        dump._run("pg_restore", "--no-owner", "--single-transaction", str(backup), url=where)
        yield name
        dump._run("pg_dump", "--format=custom", f"--file={backup}", url=where)
        self.cluster.drop(name)

    def lose(self):
        self.cluster.drop(self.name)

    def exists(self):
        return bool(self.cluster.sql("SELECT 1 FROM pg_database WHERE datname = %s", (self.name,)))

    def flip(self, table, sequence, path=None):
        """One bit of a character: a server takes no bytes that are no text."""
        ((line,),) = self.sql(f"SELECT line FROM {table} WHERE sequence = ?", sequence, path=path)
        at = len(line) // 2
        changed = line[:at] + chr(ord(line[at]) ^ 1) + line[at + 1 :]
        self.sql(f"UPDATE {table} SET line = ? WHERE sequence = ?", changed, sequence, path=path)
