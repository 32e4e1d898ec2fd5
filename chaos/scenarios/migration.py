"""A migration killed anywhere leaves the old schema or the new one, and all rows; run again, it comes to its end."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.pool import NullPool

from chaos.plan import Plan
from chaos.scene import INSIDE
from simulators.stage import ROOT

KILLS = 6
OLDEST = "0001"
MOST_STATEMENTS = 80
PROGRAM_S = 120.0
MIGRATIONS = ROOT / "middleware" / "store" / "migrations"

Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def run(plan: Plan, config: Path, rows: Rows) -> list[str]:
    """What was wrong. ``rows`` are a real journal and feed, which must come through with their chains."""
    folder = plan.folder("migration")
    old, database = folder / "old.db", folder / "yikatong.db"
    written = _write_old(old, rows)
    settings = folder / "yikatong.toml"
    settings.write_text(re.sub(r'"sqlite:///[^"]*"', f'"sqlite:///{database}"', config.read_text("utf-8")), "utf-8")
    shutil.copy(old, database)
    wrong = _whole("uninterrupted", settings, database, None, written)
    wanted = _schema(database)
    most = MOST_STATEMENTS
    for _ in range(KILLS):
        _clear(database)
        shutil.copy(old, database)
        at = plan.rng.randint(1, most)
        status, said = _program(settings, "migrate", {"CHAOS_POINT": f"statement:{at}"})
        if status == 0:
            most = max(2, at)
        elif status != -signal.SIGKILL:
            wrong.append(f"migration killed at statement {at}: {said}")
        wrong += _whole(f"migration killed at statement {at}", settings, database, wanted, written)
    return wrong


def _write_old(path: Path, rows: Rows) -> Mapping[str, int]:
    """A database as the first version left it, with these rows; how many of each."""
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=NullPool)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["engine"] = engine
    command.upgrade(config, OLDEST)
    written = {}
    with engine.begin() as connection:
        for name, all_ in rows.items():
            table = sa.Table(name, sa.MetaData(), autoload_with=connection)
            columns = [column.name for column in table.columns]
            if all_:
                connection.execute(sa.insert(table), [{c: row[c] for c in columns} for row in all_])
            written[name] = len(all_)
    engine.dispose()
    return written


def _whole(when: str, settings: Path, database: Path, schema: object, written: Mapping[str, int]) -> list[str]:
    """Migrate to the end, and see that schema, rows and chains are there."""
    for words in ("migrate", "verify"):
        status, said = _program(settings, words, {})
        if status:
            return [f"{when}: {words}: {said}"]
    if schema is not None and _schema(database) != schema:
        return [f"{when}: another schema than without a kill"]
    with sqlite3.connect(database) as connection:
        counted = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in written}
    connection.close()
    return [] if counted == written else [f"{when}: rows {counted}, there were {dict(written)}"]


def _schema(database: Path) -> list[Any]:
    with sqlite3.connect(database) as connection:
        found = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name").fetchall()
    connection.close()
    return found


def _clear(database: Path) -> None:
    for path in database.parent.glob(f"{database.name}*"):
        path.unlink()


def _program(settings: Path, word: str, inside: Mapping[str, str]) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), word, "--config", str(settings)],
        capture_output=True,
        text=True,
        timeout=PROGRAM_S,
        check=False,
        cwd=ROOT,
        env=dict(os.environ) | {"PYTHONPATH": str(INSIDE), **inside},
    )
    return done.returncode, (done.stdout + done.stderr).strip()[-300:]
