"""What is wrong and what to do, on one page, in Chinese first."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
import socket
import sys
import unicodedata
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import sqlalchemy as sa
from attrs import frozen

from adapters.bank.iso8583.adapter import read_key
from adapters.insurance.opening import must_have_contract, random_word
from adapters.insurance.profile import load_profile
from adapters.insurance.signing.opening import signers_of
from config.load import ConfigError
from daemon.code_channels import channels_of
from daemon.settings import Settings
from daemon.tools import said_of
from middleware.domain.fault import FAULTS, Fault
from middleware.doors.tokens import TokenTable
from middleware.store.database import open_database, revisions, scratch_engine
from middleware.store.lock import sqlite_file
from middleware.store.providers import open_masters
from readers.media.options import ReaderOptions
from readers.qr.service import token_of
from readers.qr.way import trust_of

CONNECT_S = 3.0
LOW_DISK_BYTES = 1 << 30
_CARD_SERVICE, _CARD_READER, _RUNNING = "读卡 card service", "读卡器 reader", "运行中 "


@frozen(slots=True)
class Check:
    """One line: what was looked at, how it is, and what to do. ``level`` is good, note or bad."""

    part: str
    level: str
    found: str
    do: str = ""

    @property
    def bad(self) -> bool:
        """Somebody must do something."""
        return self.level == "bad"


def unusable(settings: Settings) -> list[str]:
    """What a well-formed configuration may still have wrong: files that it names."""
    problems = []
    try:
        TokenTable.load(settings.accounts)
    except (ValueError, OSError) as exc:
        problems.append(f"accounts: {exc}")
    try:
        profile = load_profile(settings.centre.profile)
        must_have_contract(profile)
        signers_of(profile, settings.centre, random_word)
    except (ConfigError, ValueError, OSError) as exc:
        problems.append(f"centre.profile: {exc}")
    except Fault as fault:
        problems.append(f"centre: {fault.detail}  -> {fault.spec.do_zh} / {fault.spec.do_en}")
    try:
        open_masters(settings.keys).close()
    except Fault as fault:
        problems.append(f"keys: {fault.detail}  -> {fault.spec.do_zh} / {fault.spec.do_en}")
    try:
        if settings.bank.enabled:
            read_key(settings.bank)
    except Fault as fault:
        problems.append(f"bank: {fault.detail}  -> {fault.spec.do_zh} / {fault.spec.do_en}")
    try:
        if settings.remote_readers.port:
            settings.remote_readers.context()
    except ValueError as exc:
        problems.append(f"remote_readers: {exc}")
    return problems + _unusable_links(settings) + _unusable_media(settings)


def _unusable_media(settings: Settings) -> list[str]:
    """Files of code services and of old cards."""
    problems = []
    channel_of = channels_of(lambda: dt.datetime.now(dt.UTC))
    for service in settings.codes:
        try:
            token_of(service)
            trust_of(service)
            channel_of(service)
        except ValueError as exc:
            problems.append(f"codes ({service.kind}): {exc}")
        except Fault as fault:
            problems.append(f"codes ({service.kind}): {fault.detail}")
    for card in settings.stored_cards:
        try:
            card.check()
        except Fault as fault:
            problems.append(f"stored_cards ({card.chip}): {fault.detail}  -> {fault.spec.do_zh} / {fault.spec.do_en}")
    return problems


def _unusable_links(settings: Settings) -> list[str]:
    problems = []
    for name, link in settings.mllp.items():
        try:
            link.context()
        except ValueError as exc:
            problems.append(f"mllp.{name}: {exc}")
    return problems


def examine(settings: Settings | None) -> list[Check]:
    """Look at the machine, and with a configuration at all that it names. Never raises, ends in bounded time."""
    checks = [_python(), _sm3(), _clock(), *_readers()]
    if settings is None:
        return [*checks, Check("配置 configuration", "note", "未给 --config / none given", "run.py doctor --config FILE")]
    checks += [Check("配置 configuration", "bad", problem, "按提示修改 / mend it") for problem in unusable(settings)]
    checks.append(_database(settings.store.url))
    for name, his in settings.his.all.items():
        checks.append(_reachable(f"医院信息系统 HIS ({name})", his.host, his.port, "his.unreachable"))
    url = urlsplit(settings.centre.url)
    port = url.port or (443 if url.scheme == "https" else 80)
    checks.append(_reachable("医保中心 centre", url.hostname or "", port, "centre.unreachable"))
    if settings.bank.enabled:
        checks.append(_reachable("银行 bank", settings.bank.host, settings.bank.port, "payment.unreachable"))
    checks += [_port(options) for options in settings.readers if options.device is not None]
    told = _daemon(settings)
    if any(check.part == _RUNNING + "readers" for check in told):
        # The daemon may use a card service that this shell does not see: what it says of its readers counts.
        checks = [check for check in checks if check.part not in {_CARD_SERVICE, _CARD_READER}]
    return [*checks, *told]


def _port(options: ReaderOptions) -> Check:
    """A device that is not there now may be plugged in later: no more than a note."""
    name = f"{options.name} {options.device}"
    if options.device is not None and options.device.exists():
        return Check("串口 serial port", "good", name)
    spec = FAULTS["reader.gone"]
    return Check("串口 serial port", "note", f"{name}: {spec.zh} / {spec.en}", f"{spec.do_zh} / {spec.do_en}")


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    return Check("Python", "good" if good else "bad", version, "" if good else "需要 3.11 以上 / 3.11 or newer is needed")


def _sm3() -> Check:
    if "sm3" in hashlib.algorithms_available:
        return Check("国密 SM3", "good", "可用 / available")
    return Check("国密 SM3", "bad", "缺失 / missing", "请安装带 SM3 的 OpenSSL / install an OpenSSL with SM3")


def _clock() -> Check:
    now = dt.datetime.now().astimezone()
    if now.year < 2026:  # noqa: PLR2004 - the year of this program: an earlier clock is wrong for certain
        return Check("时钟 clock", "bad", now.isoformat(timespec="seconds"), "请校准本机时间 / set this machine's time")
    return Check("时钟 clock", "good", now.isoformat(timespec="seconds"))


def _readers() -> list[Check]:
    try:
        names = list_reader_names()
    except Fault as fault:
        return [Check(_CARD_SERVICE, "bad", fault.spec.zh + " / " + str(fault), f"{fault.spec.do_zh} / {fault.spec.do_en}")]
    if not names:
        return [Check(_CARD_SERVICE, "note", "没有读卡器 / no reader", "请接上读卡器 / connect one")]
    return [Check(_CARD_READER, "good", name) for name in names]


def list_reader_names() -> list[str]:
    """The readers that PC/SC knows now; raises ``Fault`` when there is no service."""
    from readers.pcsc.api import PcscContext, load_scard

    context = PcscContext(load_scard)
    try:
        return list(context.readers())
    finally:
        context.release()


def _database(url: str) -> Check:
    part = "数据库 database"
    path = sqlite_file(url)
    if path is None:
        return _server(part, url)
    if not path.exists():
        return Check(part, "note", "尚未建立 / not there yet", "首次启动时建立 / made at the first start")
    free = shutil.disk_usage(path.parent).free
    try:
        database = open_database(url)
        at, needed = revisions(database)
        database.dispose()
    except (Fault, sa.exc.SQLAlchemyError) as exc:
        return Check(part, "bad", type(exc).__name__, FAULTS["system.journal"].do_zh)
    if at and at != needed:
        return Check(part, "bad", f"schema {at}, needs {needed}", "run.py migrate")
    if free < LOW_DISK_BYTES:
        return Check(part, "bad", f"磁盘剩余 / free {free >> 20} MiB", "请清理磁盘 / make room")
    if not os.access(path, os.W_OK):
        return Check(part, "bad", "不可写 / not writable", "请检查文件权限 / check its rights")
    return Check(part, "good", f"schema {at}, free {free >> 30} GiB")


def _server(part: str, url: str) -> Check:
    """PostgreSQL: reachable, durable, at this schema, and able to be backed up."""
    database = scratch_engine(url)
    try:
        at, needed = revisions(database)
        with database.connect() as connection:
            version = connection.scalar(sa.text("SHOW server_version"))
            size = connection.scalar(sa.text("SELECT pg_database_size(current_database())")) or 0
    except Fault as fault:
        return Check(part, "bad", str(fault), f"{fault.spec.do_zh} / {fault.spec.do_en}")
    except sa.exc.DBAPIError as exc:
        return Check(
            part, "bad", said_of(exc), "请检查数据库服务、地址与账号 / check the server, the address and the account"
        )
    finally:
        database.dispose()
    found = f"PostgreSQL {version}, schema {at or 'none'}, {size >> 20} MiB"
    if at and at != needed:
        return Check(part, "bad", f"{found}, needs {needed}", "run.py migrate")
    missing = [tool for tool in ("pg_dump", "pg_restore") if shutil.which(tool) is None]
    if missing:
        lacks = f"{found}, 缺少 / lacks {' '.join(missing)}"
        return Check(part, "bad", lacks, "备份要用 / backups need it: apt-get install postgresql-client-15")
    return Check(part, "good", found if at else f"{found}: 首次启动时建立 / made at the first start")


def _reachable(part: str, host: str, port: int, code: str) -> Check:
    where = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), CONNECT_S):
            return Check(part, "good", where)
    except OSError as exc:
        spec = FAULTS[code]
        return Check(part, "bad", f"{where} {type(exc).__name__}: {spec.zh}", f"{spec.do_zh} / {spec.do_en}")


def _daemon(settings: Settings) -> list[Check]:
    """What the running daemon says of its own parts, word for word what /health/full says."""
    part = "本服务 daemon"
    http = settings.http
    if not http.port or http.certificate is not None:
        return [Check(part, "note", "未开明文 HTTP，不能询问 / no plain HTTP port to ask at")]
    try:
        with urllib.request.urlopen(f"http://{http.host}:{http.port}/health/full", timeout=CONNECT_S) as answer:
            parts = json.loads(answer.read(1 << 20))["parts"]
    except urllib.error.HTTPError as exc:  # 503 carries the same page
        try:
            parts = json.loads(exc.read(1 << 20))["parts"]
        except (ValueError, KeyError, TypeError):
            return [Check(part, "bad", f"HTTP {exc.code}", "请看日志 / see its log")]
    except (OSError, ValueError, KeyError, TypeError):
        return [Check(part, "note", "未运行 / not running", "run.py serve --config FILE")]
    return [_told(one) for one in parts]


def _told(one: dict[str, str]) -> Check:
    level = {"good": "good", "degraded": "note"}.get(one["condition"], "bad")
    found = " ".join(filter(None, (one["zh"], one["fault"], one["detail"]))) or "正常 / good"
    do = " / ".join(filter(None, (one["do_zh"], one["do_en"])))
    return Check(_RUNNING + one["part"], level, found, do)


_MARK = {"good": "好 ok  ", "note": "注 note", "bad": "坏 BAD "}


def _wide(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def table(checks: list[Check]) -> str:
    """The page as text."""
    width = max(_wide(check.part) for check in checks)
    lines = []
    for check in checks:
        line = f"{_MARK[check.level]}  {check.part}{' ' * (width - _wide(check.part))}  {check.found}"
        lines.append(line + (f"\n{' ' * (width + 10)}-> {check.do}" if check.do else ""))
    bad = sum(check.bad for check in checks)
    lines.append(f"{bad} 处需要处理 / {bad} to be mended" if bad else "一切正常 / all is well")
    return "\n".join(lines)
