"""The command line: ``python run.py COMMAND``; ``--help`` at each level.

Exit codes: 0 done, 1 something is wrong, 2 misuse.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daemon import VERSION
from daemon.agent_command import reader_agent, reader_certificates
from daemon.card_command import card
from daemon.catalogue_command import catalogue
from daemon.debit_command import debit
from daemon.desk import desk
from daemon.filing_command import filing
from daemon.his_command import his
from daemon.identity_command import identity
from daemon.inbox_command import inbox
from daemon.outbox_command import outbox
from daemon.reconcile_command import reconcile
from daemon.registry_command import registry
from daemon.simulate.command import simulate

if TYPE_CHECKING:
    from daemon.settings import Settings
    from middleware.store.places import Place

_CONFIG = click.option(
    "--config", "config", type=click.Path(path_type=Path), required=True, help="the configuration file (TOML)"
)


_PATH = click.Path(path_type=Path)
_ANCHORS = click.option("--anchors", help="an anchor file or its https URL; without it that of [anchor]")
_PUBLIC_KEY = click.option("--public-key", type=_PATH, help="the public key of its signatures")


def _place(settings: Settings, text: str) -> Place:
    """A file or a URL; the token and authority of [anchor] serve a URL given by hand too."""
    from daemon.anchor_url import place_of

    try:
        return place_of(text, settings.anchor.token_file, settings.anchor.ca_file)
    except ValueError as exc:
        raise click.UsageError(str(exc)) from exc


def _pair(settings: Settings, anchors: str | None, public_key: Path | None) -> tuple[Place, Path] | None:
    if anchors is None and public_key is None:
        return None
    if anchors is None or public_key is None:
        raise click.UsageError("--anchors and --public-key belong together")
    return _place(settings, anchors), public_key


# Commands that need the database's or the centre's libraries: whoever asks a running daemon need not wait for those.
_LATER = {"conformance": "daemon.conformance.command", "keys": "daemon.keys"}


class _Commands(click.Group):
    """The commands; some are read when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_LATER})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _LATER and cmd_name not in self.commands:
            self.add_command(getattr(import_module(_LATER[cmd_name]), cmd_name))
        return super().get_command(ctx, cmd_name)


def _settings(path: Path) -> Settings:
    from daemon.tools import settings_of

    return settings_of(path)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(VERSION, prog_name="yikatong")
def main() -> None:
    """Yikatong (一卡通): one card in, one settled bill out.

    The daemon between card readers, the hospital information system and the medical-insurance centre.
    """


@main.command()
@_CONFIG
def serve(config: Path) -> None:
    """Run the daemon until SIGTERM or SIGINT."""
    settings = _settings(config)
    from daemon.paced import install

    install()
    from daemon.service import serve as run

    sys.exit(run(settings))


@main.command("check-config")
@click.argument("file", type=click.Path(path_type=Path))
def check_config(file: Path) -> None:
    """Check a configuration FILE: every problem at once, each with its path and a hint; exit 2 when there is one."""
    settings = _settings(file)
    from daemon.doctor import unusable

    problems = unusable(settings)
    for problem in problems:
        click.echo(f"  {problem}", err=True)
    if problems:
        raise SystemExit(2)
    click.echo(f"配置正确 / the configuration is good: {file}")


@main.command("check-profile")
@click.argument("file", type=_PATH)
@click.option("--production", is_flag=True, help="exit 1 while the centre has not confirmed everything")
def profile(file: Path, production: bool) -> None:
    """Check a region's profile FILE: every mistake at once (exit 2), and what is not confirmed yet."""
    from daemon.profile_check import check_profile

    sys.exit(check_profile(file, click.echo, production=production))


@main.command()
@click.option("--config", "config", type=click.Path(path_type=Path), help="also check what this file names")
def doctor(config: Path | None) -> None:
    """Look at every part and say what is wrong and what to do, in Chinese and English; exit 1 when something is."""
    from daemon.doctor import examine, table

    checks = examine(_settings(config) if config else None)
    click.echo(table(checks))
    sys.exit(1 if any(check.bad for check in checks) else 0)


@main.command()
@_CONFIG
@_ANCHORS
@_PUBLIC_KEY
def verify(config: Path, anchors: str | None, public_key: Path | None) -> None:
    """Walk the hash chains of the journal and of the feed; exit 1 and name the row at the first broken link.

    Also whether both chains extend every anchored head: of --anchors, else of [anchor].
    """
    from daemon.keeping import verify_chains

    settings = _settings(config)
    sys.exit(verify_chains(settings, _pair(settings, anchors, public_key), click.echo))


@main.command()
@_CONFIG
@click.option("--to", "target", type=_PATH, required=True, help="the file to write; it must not exist")
def backup(config: Path, target: Path) -> None:
    """Write a consistent, checked copy of the database while the daemon runs. It holds personal data: mode 0600."""
    from daemon.keeping import back_up_database

    sys.exit(back_up_database(_settings(config), target, click.echo))


@main.command()
@_CONFIG
@click.option("--from", "source", type=_PATH, help="the backup")
@click.option("--accept-loss", is_flag=True, help="also when it is known that the backup lacks something")
@click.option("--reconciled", is_flag=True, help="no restore: say that all since the backup was compared with the centre")
@_ANCHORS
@_PUBLIC_KEY
def restore(
    config: Path,
    source: Path | None,
    accept_loss: bool,
    reconciled: bool,
    anchors: str | None,
    public_key: Path | None,
) -> None:
    """Put a backup in the database's place, after all checks; the old files are kept. Stop the daemon first."""
    from daemon.keeping import mark_reconciled, restore_database

    if (source is None) != reconciled:
        raise click.UsageError("give --from FILE, or --reconciled")
    settings = _settings(config)
    pair = _pair(settings, anchors, public_key)
    if source is None:
        sys.exit(mark_reconciled(settings, click.echo))
    sys.exit(restore_database(settings, source, pair, click.echo, accept_loss=accept_loss))


@main.command()
@click.option("--config", "config", type=_PATH, help="the configuration file (TOML)")
@click.option("--to", "target", help="the anchor file or its https URL; without it that of [anchor]")
@click.option("--key", type=_PATH, help="the key that signs; without it [anchor] key_file")
@click.option("--new-key", type=_PATH, help="make a key: this file, and FILE.pub for whoever verifies")
def anchor(config: Path | None, target: str | None, key: Path | None, new_key: Path | None) -> None:
    """Sign the heads of both chains and put them into a file, or to a server, outside this machine."""
    from daemon.keeping import anchor_heads, make_key

    if new_key is not None:
        sys.exit(make_key(new_key, click.echo))
    if config is None:
        raise click.UsageError("give --config FILE, or --new-key FILE")
    settings = _settings(config)
    place = settings.anchor.place if target is None else _place(settings, target)
    key = key or settings.anchor.key_file
    if place is None or key is None:
        raise click.UsageError("give --to and --key, or set path (or url) and key_file in [anchor]")
    sys.exit(anchor_heads(settings, place, key, click.echo))


@main.command()
@_CONFIG
def migrate(config: Path) -> None:
    """Bring the database's schema to what this program needs. Stop the daemon first."""
    from daemon.tools import migrate_database

    sys.exit(migrate_database(_settings(config).store.url, click.echo))


@main.command("sample-config")
def sample_config() -> None:
    """Print a configuration with every key, its default and what it means."""
    from daemon.sample import sample

    click.echo(sample(), nl=False)


@main.command()
@click.option("--check", is_flag=True, help="only say whether the committed pages are current; exit 1 when not")
def docs(check: bool) -> None:
    """Write the generated pages of docs/ from the tables in the code."""
    from daemon.pages import write_all

    stale = write_all(check=check)
    for path in stale:
        click.echo(f"{'stale' if check else 'written'}: {path}")
    sys.exit(1 if check and stale else 0)


@main.command()
@click.option("--keep", is_flag=True, help="leave everything running afterwards and say where to connect")
@click.option("--directory", type=click.Path(path_type=Path), default=Path(".run/demo"), help="where its files go")
def demo(keep: bool, directory: Path) -> None:
    """Show whole visits on real wires: virtual cards in a real pcscd, a HIS over MLLP, a centre over SOAP."""
    from daemon.demo.run import main as run

    sys.exit(run(directory, keep=keep))


main.add_command(card)
main.add_command(catalogue)
main.add_command(reader_agent)
main.add_command(reader_certificates)
main.add_command(desk)
main.add_command(reconcile)
main.add_command(registry)

main.add_command(identity)
main.add_command(inbox)
main.add_command(his)
main.add_command(debit)
main.add_command(filing)
main.add_command(outbox)


main.add_command(simulate)
