"""``run.py keys``: the master key, sealing an old database, rotation, and the end of a period's personal data."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daemon.desk import ask, reached
from daemon.tools import Say, guarded, settings_of

if TYPE_CHECKING:
    from daemon.settings import Settings

_PATH = click.Path(path_type=Path)
_CONFIG = click.option("--config", type=_PATH, required=True, help="the configuration file (TOML)")


@click.group()
def keys() -> None:
    """Keys of the personal data: without the master key nobody reads it, not even we.

    init, encrypt and list work on the configuration's own files; rotate, destroy, approve and reject ask the running daemon
    and take an operator's token. docs/operations.md says when to do what.
    """


@keys.command()
@_CONFIG
@click.option("--new", is_flag=True, help="a key in the place of the current one, which stays to open what it wrapped")
def init(config: Path, *, new: bool) -> None:
    """Make the master key that [keys] names: a file (0400), or a key inside the PKCS#11 token."""
    sys.exit(make_master_key(settings_of(config), click.echo, new=new))


@keys.command()
@_CONFIG
def encrypt(config: Path) -> None:
    """Seal the personal data of a database that was written in clear. Stop the daemon first; may be run again."""
    sys.exit(encrypt_database(settings_of(config), click.echo))


@keys.command("list")
@_CONFIG
def list_(config: Path) -> None:
    """The data keys by period, and how far a rewriting is. Reads only, beside a running daemon too."""
    sys.exit(show_keys(settings_of(config), click.echo))


@keys.command()
@click.option("--rewrap", is_flag=True, help="read the master key file anew; its first key wraps all data keys from now on")
@click.option("--reseal", is_flag=True, help="old values too get the new keys, beside the work; keys list shows how far")
@reached()
def rotate(*, rewrap: bool, reseal: bool, config: Path | None, path: Path | None, token_file: Path) -> None:
    """New data keys for what is sealed from now on."""
    ask(config, path, token_file, "keys.rotate", {"rewrap": rewrap, "reseal": reseal})


@keys.command()
@click.option("--period", required=True, help="YYYY-MM, YYYY-Qn or YYYY, as keys list shows it")
@reached()
def destroy(*, period: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Propose to destroy a period's keys; another person approves. Its personal data is then unreadable for ever."""
    ask(config, path, token_file, "keys.destroy", {"period": period})


@keys.command()
@click.argument("proposal")
@click.option("--period", required=True)
@reached()
def approve(*, proposal: str, period: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Approve PROPOSAL: the keys are overwritten at once, and nobody can undo it."""
    ask(config, path, token_file, "keys.approve", {"period": period, "proposal": proposal})


@keys.command()
@click.argument("proposal")
@click.option("--period", required=True)
@reached()
def reject(*, proposal: str, period: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Reject PROPOSAL, or take it back."""
    ask(config, path, token_file, "keys.reject", {"period": period, "proposal": proposal})


def make_master_key(settings: Settings, say: Say, *, new: bool) -> int:
    """Make it; 0 done."""
    from middleware.store.providers import make_master

    def work() -> int:
        made = make_master(settings.keys, more=new)
        say(f"主密钥 / master key: {made}")
        if settings.keys.provider == "file":
            say(f"文件 / file: {settings.keys.file}")
        say("请另行保管一份：没有它，数据库和所有备份中的个人信息永远无法读出。")
        say("Keep a copy elsewhere: without it the personal data in the database and in every backup is lost for ever.")
        if new:
            say("下一步 / next: run.py keys rotate --rewrap")
        return 0

    return guarded(work, say)


def encrypt_database(settings: Settings, say: Say) -> int:
    """Seal it; 0 done."""
    from middleware.store.database import open_database, ready
    from middleware.store.encrypting import encrypt as seal_all
    from middleware.store.lock import hold_database
    from middleware.store.providers import open_vault

    def work() -> int:
        now = dt.datetime.now(dt.timezone(dt.timedelta(minutes=settings.engine.utc_offset_minutes)))
        with hold_database(settings.store.url):
            database = open_database(settings.store.url)
            ready(database)
            vault = open_vault(database, settings.keys)
            done = seal_all(database, vault, now, lambda table, rows: say(f"{table}: {rows}"))
            vault.dispose()
            database.dispose()
        say(f"已加密 / sealed: {done.rows} rows")
        if done.words_in_chain:
            say(f"账本中有 {done.words_in_chain} 行含对方原文（明文），哈希链不能改动；新的记录不再如此。")
            say(f"{done.words_in_chain} journal rows hold another side's words in clear: a chain cannot be changed.")
        return 0

    return guarded(work, say)


def show_keys(settings: Settings, say: Say) -> int:
    """One line a key; 0 done."""
    from middleware.store import rotation
    from middleware.store.database import scratch_engine

    def work() -> int:
        database = scratch_engine(settings.store.url)
        for row in rotation.list_keys(database):
            ended = row.destroyed_at or row.retired_at
            what = f"{row.period}  {row.id}  {row.purpose:6}  {row.algorithm:12}  {row.state:9}"
            say(f"{what}  {row.master_id}  {ended}".rstrip())
        with database.connect() as connection:
            progress = rotation.progress_of(connection)
        database.dispose()
        if progress is not None:
            say(f"正在重写 / rewriting: {progress.name}, {progress.done} values so far")
        return 0

    return guarded(work, say)
