"""Keeping the books: verify, backup, restore and anchor from the command line; each answers 0 or 1, with no traceback."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from daemon.settings import Settings
from daemon.tools import Say, guarded
from middleware.domain.fault import Fault
from middleware.store import anchors as anchoring
from middleware.store import backup, dump
from middleware.store import tables as t
from middleware.store.chain import Head
from middleware.store.comparing import Restored
from middleware.store.database import scratch_engine
from middleware.store.encrypting import check_opens
from middleware.store.lock import sqlite_file
from middleware.store.places import Place
from middleware.store.providers import open_vault
from middleware.store.walk import CHAINS, Walk

Anchors = tuple[Place, Path]  # where the anchors are, and the public key


def verify_chains(settings: Settings, anchors: Anchors | None, say: Say) -> int:
    """Walk both chains, then hold them against the anchors; 0 whole. Makes no database where there is none."""
    path = sqlite_file(settings.store.url)
    if path is not None and not path.exists():
        say(f"没有这个数据库 / there is no such database: {path}")
        return 1
    return guarded(lambda: _verify(settings, anchors, say), say)


def _verify(settings: Settings, anchors: Anchors | None, say: Say) -> int:
    database = scratch_engine(settings.store.url)
    status = 0
    for table in (*CHAINS, t.flag):
        walk = Walk(database, table)
        if walk.whole():
            _say_head(table.name, walk.head, say)
        elif walk.broken is not None:
            status = 1
            broken = f"BROKEN at row {walk.broken.sequence}: {walk.broken.why}"
            say(f"{table.name}: 断链 / {broken}. 请停止服务并从备份恢复 / stop and restore")
    read, place = _anchors(settings, anchors)
    if place is not None:
        found = anchoring.missing(database, read, settings.centre.institution_code)
        if found is None:
            say(f"锚点: 全部相符 / anchors: both chains extend every one of them: {place}")
        else:
            status = 1
            say(f"锚点: 不符 / anchors: NOT extended: {found.why}. 请保留原文件并追查 / keep the files and find out why")
    database.dispose()
    return status


def _anchors(settings: Settings, given: Anchors | None) -> tuple[Iterable[anchoring.Anchor], Place | None]:
    """What was anchored, and where it stands: the place that was given, else the daemon's own, else nothing."""
    if given is not None:
        return anchoring.read_anchors(given[0], anchoring.load_public(given[1])), given[0]
    own = settings.anchor
    if own.place is None or own.key_file is None:
        return (), None
    return anchoring.read_anchors(own.place, anchoring.load_key(own.key_file).public_key()), own.place


def back_up_database(settings: Settings, target: Path, say: Say) -> int:
    """Write and check a backup; 0 done."""

    def work() -> int:
        url, path = _store(settings)
        institution = settings.centre.institution_code
        findings = backup.back_up(path, target, institution) if path else dump.back_up(url, target, institution)
        say(f"已备份并校验 / written and checked: {target}")
        _say_head("journal", findings.journal, say)
        _say_head("feed", findings.feed, say)
        return 0

    return guarded(work, say)


def restore_database(settings: Settings, source: Path, anchors: Anchors | None, say: Say, *, accept_loss: bool) -> int:
    """Restore; 0 done. Says what is lost and what must be compared."""
    now = _now(settings)

    def older_than_an_anchor(copy: sa.Engine) -> str:
        check_opens(copy, open_vault(copy, settings.keys))  # without its master key a backup is of no use
        own = settings.anchor.place
        if anchors is None and own is not None and own.missing():
            return f"whether it is older than an anchor cannot be told, there is no {own}"
        read, _ = _anchors(settings, anchors)
        found = anchoring.missing(copy, read, settings.centre.institution_code)
        if found is not None and not found.cut:
            raise Fault("system.anchor", found.why)  # no loss but a forgery: nobody can accept that
        return found.why if found is not None else ""

    def work() -> int:
        url, path = _store(settings)
        restore: Callable[..., Restored] = partial(backup.restore, path) if path else partial(dump.restore, url)
        done = restore(source, settings.centre.institution_code, now, also=older_than_an_anchor, accept_loss=accept_loss)
        say(f"已恢复 / restored: {source}")
        _say_head("journal", done.findings.journal, say)
        _say_head("feed", done.findings.feed, say)
        for name in done.kept:
            say(f"原库保留 / kept: {name}")
        rows = "未知 / unknown" if done.lost_rows is None else str(done.lost_rows)
        say(f"丢失的账本行数 / journal rows lost: {rows}")
        say(f"{done.since} 之后的结算本系统一概不知，连同一 request_id 重发也认不出。")
        say(f"请与医保中心逐笔核对 {done.since} 至 {now.isoformat()} 的全部结算，核对完毕再开窗口。")
        say("Nothing after the backup is known, not even by its request_id, nor what was in flight then.")
        say(f"Compare every settlement from {done.since} to {now.isoformat()} with the centre before a counter opens,")
        say("then: run.py restore --config FILE --reconciled. Until then the part 'chain' is degraded.")
        return 0

    return guarded(work, say)


def mark_reconciled(settings: Settings, say: Say) -> int:
    """Take the restore's mark away; 0 done."""

    def work() -> int:
        url, path = _store(settings)
        said = backup.reconciled(path) if path else dump.reconciled(url)
        say(f"已记为核对完毕 / compared: {said}" if said else "没有待核对的恢复 / no restore waits to be compared")
        return 0

    return guarded(work, say)


def make_key(path: Path, say: Say) -> int:
    """Make a key pair; 0 done."""

    def work() -> int:
        public = anchoring.new_key(path)
        say(f"签名密钥 / signs, keep it secret: {path}")
        say(f"公钥 / verifies, keep it elsewhere: {public}")
        return 0

    return guarded(work, say)


def anchor_heads(settings: Settings, target: Place, key: Path, say: Say) -> int:
    """Append one anchor; 0 done."""

    def work() -> int:
        path = sqlite_file(settings.store.url)
        if path is not None and not path.exists():
            raise Fault("system.anchor", f"there is no database {path}")
        now = _now(settings)
        database = scratch_engine(settings.store.url)
        loaded = anchoring.load_key(key)
        made = anchoring.append(database, target, loaded, settings.centre.institution_code, now)
        database.dispose()
        say(f"锚点 {made.number} / anchor {made.number}: {target}")
        _say_head("journal", made.journal, say)
        _say_head("feed", made.feed, say)
        return 0

    return guarded(work, say)


def _now(settings: Settings) -> dt.datetime:
    return dt.datetime.now(dt.timezone(dt.timedelta(minutes=settings.engine.utc_offset_minutes)))


def _store(settings: Settings) -> tuple[str, Path | None]:
    """The url, and the file that it names where it names one."""
    return settings.store.url, sqlite_file(settings.store.url)


def _say_head(name: str, head: Head, say: Say) -> None:
    say(f"{name}: 完整 / whole, {head.sequence} rows, head {head.hash}")
