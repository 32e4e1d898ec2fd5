"""``run.py conformance``: a profile's whole repertoire at the simulated centre, or with ``--against`` at a real test desk.

A real centre is asked about only after a person has said yes, for a test person only, with every message id on the disk
before it leaves; what was settled is taken back, and what could not be is named at the end.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NoReturn

import attrs
import click
import structlog
from twisted.internet.defer import Deferred

from adapters.insurance.exchange.options import CentreOptions
from adapters.insurance.mobile.options import MobileOptions
from adapters.insurance.opening import beside, centre_of
from adapters.insurance.profile import Profile, profile_of
from config.load import ConfigError, document_of
from daemon.conformance.advice import note_of
from daemon.conformance.data import TestData, data_of
from daemon.conformance.pages import page
from daemon.conformance.run import repertoire, simulated_run
from daemon.conformance.table import Report, as_json, as_text
from daemon.conformance.talk import Notebook
from daemon.settings import Settings
from daemon.tools import settings_of
from middleware.domain.fault import Fault
from simulators.centre.server import china_now

_PATH = click.Path(path_type=Path)
_ERROR = 40  # structlog's number: the adapter's own lines would stand between the table's


@click.command()
@click.option("--profile", "profile", type=_PATH, help="the region's profile")
@click.option("--against", "url", help="the address of a real centre's test desk; without it the simulator")
@click.option("--config", "config", type=_PATH, help="of a real centre: the configuration whose [centre] is used")
@click.option(
    "--mobile", "mobile", help="of a real centre: its test channel of mobile payment; keys are [mobile] of --config"
)
@click.option("--data", "data", type=_PATH, help="of a real centre: the test person and item (docs/new-region.md)")
@click.option("--notes", "notes", type=_PATH, help="of a real centre: where message ids are noted before they leave")
@click.option("--yes", is_flag=True, help="of a real centre: do not ask")
@click.option("--json", "as_data", is_flag=True, help="print it for programs")
@click.option("--pages", type=_PATH, help="write the tables of all shipped profiles to this file, and nothing else")
def conformance(
    profile: Path | None,
    url: str | None,
    config: Path | None,
    mobile: str | None,
    data: Path | None,
    notes: Path | None,
    pages: Path | None,
    *,
    yes: bool,
    as_data: bool,
) -> None:
    """Do everything that a region's profile can do, once, and print a table; exit 1 when a line is not as expected.

    按地区文件把柜台全部交易做一遍并列表；默认对模拟中心（含各种故障），--against 对真实测试环境。
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(_ERROR))
    if pages is not None:
        pages.write_text(_within_reactor(page), encoding="utf-8")
        return
    if profile is None:
        raise click.UsageError("请给 --profile FILE / give --profile FILE")
    used = _profile(profile)
    if url is None:
        report = _within_reactor(lambda reactor: simulated_run(reactor, used))
    else:
        report = _at_real(used, _Real(url, config, mobile, data, notes), yes=yes)
    click.echo(as_json(report) if as_data else as_text(report))
    sys.exit(0 if report.good else 1)


def _profile(path: Path) -> Profile:
    try:
        return profile_of(document_of(path))
    except ConfigError as exc:
        _misuse(exc)


def _misuse(exc: ConfigError) -> NoReturn:
    for problem in exc.problems:
        click.echo(f"  {problem}", err=True)
    sys.exit(2)


@attrs.frozen(slots=True)
class _Real:
    """What a real centre is asked with."""

    url: str
    config: Path | None
    mobile: str | None
    data: Path | None
    notes: Path | None


def _at_real(profile: Profile, given: _Real, *, yes: bool) -> Report:
    if given.config is None or given.data is None:
        raise click.UsageError(
            "--against 须有 --config（本院在中心的身份）和 --data（测试人员）"
            " / --against needs --config (who we are there) and --data (a test person)"
        )
    settings = settings_of(given.config)
    try:
        person = data_of(given.data)
        channel = _channel(settings.mobile, given.mobile)
        settings = attrs.evolve(settings, centre=_centre(settings.centre, given.url), mobile=channel)
    except ConfigError as exc:
        _misuse(exc)
    notes = given.notes or Path(f"conformance-{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}.jsonl")
    click.echo(f"真实中心 / a real centre: {given.url}\n{profile.name}，{settings.centre.institution_code}", err=True)
    if channel.enabled:
        click.echo(f"移动支付渠道 / the channel of mobile payment: {channel.url}", err=True)
    click.echo("将以测试人员结算若干笔并逐笔撤销；留不住撤不掉的会列出。", err=True)
    click.echo("A test person's bills are settled there and taken back; what could not be taken back is named.", err=True)
    click.echo(f"报文编号先记入 / message ids are noted first in: {notes}", err=True)
    if not yes:
        click.confirm("继续 / go on?", abort=True, err=True)
    try:
        report: Report = _within_reactor(lambda reactor: _real_run(reactor, profile, settings, person, notes))
    except ConfigError as exc:
        _misuse(exc)
    except Fault as fault:
        raise click.ClickException(f"{fault.code}: {note_of(fault)}") from None
    return report


def _centre(options: CentreOptions, url: str) -> CentreOptions:
    try:
        return attrs.evolve(options, url=url)
    except ValueError as exc:
        raise click.UsageError(f"--against：{exc}") from None


def _channel(options: MobileOptions, url: str | None) -> MobileOptions:
    """The site's keys at the test channel, never at the address of the configuration: that may be the real one."""
    if url is None:
        return MobileOptions()
    try:
        return attrs.evolve(options, enabled=True, url=url)
    except ValueError as exc:
        raise click.UsageError(
            f"--mobile 用 --config 的 [mobile] 密钥 / --mobile uses [mobile] of --config: {exc}"
        ) from None


async def _real_run(reactor: Any, profile: Profile, settings: Settings, person: TestData, notes: Path) -> Report:
    offered = settings.mobile if profile.mobile.offered and profile.mobile.fee_type else MobileOptions()
    counter = centre_of(settings.centre, reactor, china_now, profile)
    centre = beside(counter, offered, reactor, china_now, profile)
    with Notebook(notes) as notebook:
        centre.start()
        try:
            return await repertoire(
                centre, profile, person, settings.centre.institution_code, china_now, notebook, settings.centre.url
            )
        finally:
            await centre.stop()


def _within_reactor(work: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
    """Run it to its end in the reactor; what it returns, or raises."""
    from twisted.internet import reactor as installed

    reactor: Any = installed
    ends: list[Any] = []

    def begin() -> None:
        done: Deferred[Any] = Deferred.fromCoroutine(work(reactor))
        done.addBoth(ends.append)
        done.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()
    if not ends:
        raise click.ClickException("中断：请按记录的报文编号核对 / interrupted: look into the notes for what was sent")
    if hasattr(ends[0], "raiseException"):
        ends[0].raiseException()
    return ends[0]
