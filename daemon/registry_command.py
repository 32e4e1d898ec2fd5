"""``run.py registry``: registers, lists of lost cards, conflicts and flags from the command line, by the public socket."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daemon.desk import ask, pages, reached, with_daemon
from middleware.domain.registry import REGISTERS, Keep

if TYPE_CHECKING:
    from clients.python.yikatong_client import Client

_PATH = click.Path(path_type=Path)
_PART = 1000
_MAX_BYTES = 1 << 32
_KINDS = tuple(str(one) for one in REGISTERS)
_STATES = {"loading": "导入中/loading", "waiting": "待复核/waits", "current": "有效/counts", "ended": "已结束/ended"}
_CONFLICTS = {
    "two-persons": "一卡两人/one medium, two people",
    "two-media": "一人两卡/one person, two media",
    "name-differs": "姓名不符/another name",
}


@click.group()
def registry() -> None:
    """PSAMs, terminals, issuers; lists of lost and blacklisted cards; old media in dispute; flags of the card audit.

    Nothing in a register changes by one person: one proposes, another approves. All take an operator's token, which is one
    person's. docs/operations.md says what a list looks like and what to do about a flag.
    """


@registry.command("list")
@click.argument("register", type=click.Choice(_KINDS))
@reached()
def list_(register: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """The entries of REGISTER; one line an entry."""

    def work(client: Client) -> None:
        for entry in _rows(client, "registry.list", "entries", {"register": register}, ""):
            used = f"  最近成功/last good {entry['used_at']}" if entry.get("used_at") else ""
            failed = f"  失败/failures {entry['failures']}" if entry.get("failures") else ""
            click.echo(f"{entry['key']}  {json.dumps(entry['entry'], ensure_ascii=False)}{used}{failed}")

    with_daemon(config, path, token_file, work)


@registry.command()
@reached()
def proposals(config: Path | None, path: Path | None, token_file: Path) -> None:
    """What waits for a second person."""

    def work(client: Client) -> None:
        found = client.call("registry.proposals", {})["proposals"]
        for one in found:
            click.echo(f"{one['proposal']}  {one['matter']} {one['key']}: {one['decision']}  {one['proposed_by']}")
            click.echo(f"    {json.dumps(one.get('entry', {}), ensure_ascii=False)}  {one['note']}".rstrip())
        click.echo(f"{len(found)} 项待复核 / wait for a second person")

    with_daemon(config, path, token_file, work)


@registry.command()
@click.argument("register", type=click.Choice(_KINDS))
@click.argument("key")
@click.option("--set", "members", multiple=True, metavar="NAME=VALUE", help="a member of the entry; as often as needed")
@click.option("--remove", is_flag=True, help="take the entry away")
@click.option("--note", default="", help="why; sealed")
@reached()
def propose(
    register: str,
    key: str,
    *,
    members: tuple[str, ...],
    remove: bool,
    note: str,
    config: Path | None,
    path: Path | None,
    token_file: Path,
) -> None:
    """Propose an entry of REGISTER under KEY; another person approves.

    psam: issuer valid_to place terminal key_version status; terminal: desk reader_serial certificate latitude longitude;
    issuer: name since specs (with commas).
    """
    params: dict[str, Any] = {"matter": register, "key": key, "note": note}
    params |= {"remove": True} if remove else {register: dict(map(_member, members))}
    ask(config, path, token_file, "registry.propose", params)


@registry.command()
@click.argument("proposal")
@reached()
def approve(proposal: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Approve PROPOSAL (the digest that proposals prints); it takes effect at once."""
    ask(config, path, token_file, "registry.approve", {"proposal": proposal})


@registry.command()
@click.argument("proposal")
@reached()
def reject(proposal: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Reject PROPOSAL, or take it back."""
    ask(config, path, token_file, "registry.reject", {"proposal": proposal})


@registry.command("import")
@click.argument("file", type=_PATH)
@click.option("--source", required=True, help="whose list it is, as bureau")
@click.option("--replace", is_flag=True, help="in the place of what the source said before; another person approves")
@reached()
def import_(file: Path, *, source: str, replace: bool, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Import FILE, a list of lost and blacklisted cards: kind,number,region,reason,since in each line.

    It is taken whole or refused whole; the line that is not as it should be is named. What is added counts at once.
    """
    rows = sum(1 for _ in _lines(file))

    def work(client: Client) -> None:
        began = {"source": source, "mode": "replace" if replace else "add", "rows": rows}
        list_id = client.call("registry.import_begin", began)["list_id"]
        first, part = 1, list[str]()
        for line in _lines(file):
            part.append(line)
            if len(part) == _PART:
                first = _send(client, list_id, first, part, rows)
        if part:
            _send(client, list_id, first, part, rows)
        done = client.call("registry.import_end", {"list_id": list_id})
        click.echo(f"{list_id}  {done['rows']} 行/lines  {_STATES[done['state']]}  SHA-256 {done['sha256']}")
        if "proposal" in done:
            click.echo(f"待另一人复核 / another person approves: registry approve {done['proposal']['proposal']}")

    with_daemon(config, path, token_file, work)


@registry.command()
@reached()
def lists(config: Path | None, path: Path | None, token_file: Path) -> None:
    """The lists: which count, which wait, how far one is that is being imported."""

    def work(client: Client) -> None:
        for one in client.call("registry.lists", {})["lists"]:
            told = f"{one['list_id']}  {one['source']}  {one['mode']}  {_STATES[one['state']]}"
            click.echo(f"{told}  {one['rows']}/{one['expected']}  {one['by']}  {one['begun_at']}")

    with_daemon(config, path, token_file, work)


@registry.command()
@click.argument("list_id")
@click.option("--note", default="", help="why; sealed")
@reached()
def drop(list_id: str, note: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Propose that LIST_ID counts no more; another person approves."""
    params = {"matter": "list", "key": list_id, "decision": "drop", "note": note}
    ask(config, path, token_file, "registry.propose", params)


@registry.command()
@click.option("--reason", default="", help="with a reason nothing is masked; it is journalled, sealed")
@reached()
def conflicts(reason: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Old media whose owner is disputed."""

    def work(client: Client) -> None:
        for one in _rows(client, "registry.conflicts", "conflicts", {"reason": reason}, ""):
            click.echo(f"{one['conflict_id']}  {_CONFLICTS[one['kind']]}  {one['found_at']}")
            for side in ("first", "second"):
                link = one[side]
                moved = "  已并入/moved" if link["moved"] else ""
                told = f"{link['medium']} {link['number']}  {link['name']} {link['id_number']}"
                click.echo(f"    {side:6}  {told}  {link['made_at']}{moved}")

    with_daemon(config, path, token_file, work)


@registry.command()
@click.argument("conflict")
@click.option("--keep", type=click.Choice([str(one) for one in Keep]), required=True, help="which of the two is true")
@click.option("--note", default="", help="how you know; sealed")
@reached()
def decide(conflict: str, keep: str, note: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Propose what is true of CONFLICT; another person approves."""
    params = {"matter": "conflict", "key": conflict, "decision": keep, "note": note}
    ask(config, path, token_file, "registry.propose", params)


@registry.command()
@click.option("--all", "everything", is_flag=True, help="also those that somebody has looked at")
@reached()
def flags(*, everything: bool, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Flags of the card audit; a flag says that somebody should look, not that somebody did wrong."""

    def work(client: Client) -> None:
        for one in _rows(client, "registry.flags", "flags", {"unseen": not everything}, 0):
            facts = " ".join(f"{name}={value}" for name, value in one["facts"].items())
            click.echo(f"{one['sequence']}  {one['at']}  {one['rule']}  {one['zh']} / {one['en']}")
            click.echo(f"    {one['subject']}  {facts}  {one.get('seen_by', '')}".rstrip())
            for act in one["acts"]:
                place = " ".join(act.get(name, "") for name in ("desk", "terminal", "account"))
                click.echo(f"    {act['at']}  {act['act']} {act.get('code', '')}  {place}".rstrip())

    with_daemon(config, path, token_file, work)


@registry.command()
@click.argument("number", type=int)
@click.option("--reason", required=True, help="why you look; it is journalled, sealed")
@reached()
def whose(number: int, reason: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Whose card flag NUMBER is about."""
    ask(config, path, token_file, "registry.flag", {"sequence": number, "reason": reason})


@registry.command()
@click.argument("number", type=int)
@click.option("--note", required=True, help="what came of it; sealed")
@reached()
def seen(number: int, note: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Say that flag NUMBER was looked at: the health page counts it no more."""
    ask(config, path, token_file, "registry.flag_seen", {"sequence": number, "note": note})


def _rows(client: Client, method: str, member: str, params: dict[str, Any], after: Any) -> Iterator[dict[str, Any]]:
    for page in pages(client, method, params, after):
        yield from page[member]


def _send(client: Client, list_id: str, first: int, part: list[str], rows: int) -> int:
    """Send a part and show how far it is; the number of the next line."""
    done = client.call("registry.import_part", {"list_id": list_id, "first": first, "lines": part})["rows"]
    if sys.stderr.isatty():
        click.echo(f"\r{done}/{rows}", nl=done == rows, err=True)
    part.clear()
    return int(done) + 1


def _lines(file: Path) -> Iterator[str]:
    """The file's lines without their ends; what cannot be read is misuse."""
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise click.UsageError(f"{file}: 超过 4 GB / more than 4 GB")
        with file.open(encoding="utf-8-sig", newline="") as opened:
            yield from (line.rstrip("\r\n") for line in opened)
    except (OSError, UnicodeError) as exc:
        raise click.UsageError(f"{file}: {getattr(exc, 'strerror', None) or '不是 UTF-8 / not UTF-8'}") from None


_READ: dict[str, Callable[[str], Any]] = {"latitude": float, "longitude": float, "specs": lambda text: text.split(",")}


def _member(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    try:
        if equals:
            return name, _READ.get(name, str)(value)
    except ValueError:
        pass
    raise click.UsageError(f"--set {name}: NAME=VALUE")
