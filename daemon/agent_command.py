"""``run.py reader-agent`` at a cashier's computer, and ``run.py reader-certificates`` for who sets agents up."""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path

import click

_PATH = click.Path(path_type=Path)


@click.command("reader-agent")
@click.option("--config", "config", type=_PATH, help="its configuration (TOML); without it the machine's own place for it")
@click.option("--check", is_flag=True, help="only say whether the configuration and the TLS files are good")
def reader_agent(config: Path | None, check: bool) -> None:
    """Lend this computer's card readers to the daemon, until SIGTERM or Ctrl-C (Windows too).

    把本机读卡器借给服务端使用。
    """
    from config.load import ConfigError
    from daemon.agent import agent_of, default_config, run, settings_of

    path = config or default_config(sys.platform, os.environ)
    try:
        settings = settings_of(path)
    except ConfigError as exc:
        click.echo(f"配置有误 / the configuration has {len(exc.problems)} problem(s): {path}", err=True)
        for problem in exc.problems:
            click.echo(f"  {problem}", err=True)
        raise SystemExit(2) from None
    if not check:
        sys.exit(run(settings))
    from twisted.internet import reactor

    try:
        agent_of(settings, reactor)
    except ValueError as exc:
        click.echo(f"证书或密钥不可用 / {exc}", err=True)
        raise SystemExit(1) from None
    click.echo(f"配置正确 / the configuration is good: {path}")


@click.command("reader-certificates")
@click.option(
    "--folder", type=_PATH, required=True, help="where the authority is, or is made; keep it off cashiers' computers"
)
@click.option(
    "--daemon", "hosts", multiple=True, help="a name or address under which agents reach the daemon; again for more"
)
@click.option(
    "--agent", "agents", multiple=True, help="an agent's name, as the names of its readers will begin; again for more"
)
def reader_certificates(folder: Path, hosts: tuple[str, ...], agents: tuple[str, ...]) -> None:
    """Make certificates for the daemon (daemon.pem) and for agents (NAME.pem), with keys only their owner can read.

    为服务端和读卡代理签发证书；ca.key 请妥善保管，不要放到收费电脑上。
    """
    from readers.remote.certificates import Authority, fingerprint_of

    if not hosts and not agents:
        raise click.UsageError("give --daemon HOST or --agent NAME")
    try:
        authority = Authority(folder, dt.datetime.now(dt.UTC))
        made = [authority.for_daemon(hosts)] if hosts else []
        made += [authority.for_agent(name) for name in agents]
    except (ValueError, OSError) as exc:
        click.echo(f"不能签发 / cannot make certificates: {exc}", err=True)
        raise SystemExit(1) from None
    for certificate, key in made:
        click.echo(f"{certificate}  {key}  SHA-256 {fingerprint_of(certificate)}")
