"""A database with whole visits in it, made by the real engine, and the commands on it."""

from __future__ import annotations

import json
import sqlite3

import msgspec
from click.testing import CliRunner

from daemon.cli import main
from middleware.store.chain import GENESIS, link

INSTITUTION = "H99990000001"


class Books:
    """``run`` gives the exit status and all that was said."""

    def __init__(self, folder):
        self.folder = folder
        self.path = folder / "y.db"
        self.config = folder / "yikatong.toml"
        self.write_config()

    def write_config(self, *, institution=INSTITUTION, also=""):
        self.config.write_text(
            f'[store]\nurl = "sqlite:///{self.path}"\n'
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

    def flip(self, table, sequence, path=None):
        ((line,),) = self.sql(f"SELECT line FROM {table} WHERE sequence = ?", sequence, path=path)
        raw = bytearray(line.encode())
        raw[len(raw) // 2] ^= 1
        self.sql(f"UPDATE {table} SET line = CAST(? AS TEXT) WHERE sequence = ?", bytes(raw), sequence, path=path)
