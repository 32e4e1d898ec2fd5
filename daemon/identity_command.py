"""``run.py identity``: whose numbers contradict each other, and what the HIS made one; through the running daemon."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daemon.desk import ask, print_list, reached, with_daemon
from middleware.domain.told import NumberKind

if TYPE_CHECKING:
    from clients.python.yikatong_client import Client

_KINDS = {
    "two-persons": "一号两人/one number, two people", "two-media": "一人两号/one person, two numbers",
    "name-differs": "姓名不同/another name", "merge": "HIS 合并/merge by the HIS",
}  # fmt: skip
_SPEAKS = {
    "document": "证件/document", "name": "姓名/name", "birth_date": "出生日期/birth date", "sex": "性别/sex",
    "number": "号码/number",
}  # fmt: skip
_REASON = click.option("--reason", default="", help="with a reason nothing is masked; it is journalled, sealed")


@click.group()
def identity() -> None:
    """One person, whatever was shown: conflicts and merges for two persons, and what is known by a number."""


@identity.command("list")
@click.option("--all", "every", is_flag=True, help="also merges that were followed or undone")
@_REASON
@reached()
def list_(*, every: bool, reason: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """What waits for two persons, with what speaks for and against."""

    def work(client: Client) -> None:
        asked = {"all": every, "reason": reason}
        print_list(client, "identity.list", asked, lambda row: "\n".join(lines_of(row)), "件 / matters")

    with_daemon(config, path, token_file, work)


@identity.command()
@click.argument("kind", type=click.Choice([str(one) for one in NumberKind]))
@click.argument("number")
@_REASON
@reached()
def show(kind: str, number: str, reason: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """What is known by NUMBER of that KIND, as JSON; the look is journalled under your name."""
    ask(config, path, token_file, "identity.show", {"kind": kind, "number": number, "reason": reason})


@identity.command()
@click.argument("key")
@click.argument("decision", type=click.Choice(["first", "second", "both", "neither", "follow", "undo"]))
@click.option("--note", default="", help="how you know; sealed")
@reached()
def resolve(key: str, decision: str, note: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Propose what becomes of KEY; another person approves with registry approve."""
    ask(config, path, token_file, "identity.resolve", {"key": key, "decision": decision, "note": note})


@identity.command()
@click.argument("prior")
@click.argument("kept")
@click.option("--note", default="", help="how you know; sealed")
@reached()
def merge(prior: str, kept: str, note: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Propose that the HIS's patient PRIOR is KEPT, whose number goes on; another person approves with registry approve."""
    ask(config, path, token_file, "identity.merge", {"prior": prior, "kept": kept, "note": note})


@identity.command()
@click.argument("patient", default="")
@click.option("--all", "every", is_flag=True, help="also what was withdrawn")
@reached()
def charges(*, patient: str, every: bool, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Lines that the HIS told of PATIENT, as JSON; without one, those that it changed after a settlement had taken them."""
    ask(config, path, token_file, "charge.list", {"patient": patient, "all": every})


def lines_of(row: dict[str, Any]) -> list[str]:
    """One matter as text."""
    lines = [f"{row['key']}  {_KINDS[row['kind']]}  {row['state']}  {row['found_at']}"]
    for side in ("first", "second"):
        one = row[side]
        lines.append(f"    {side:6}  {one['number']}  {one['name']}  {one['id_number']}  {one['birth_date']}".rstrip())
    for member, said in (("speaks_for", "相同/same"), ("speaks_against", "不同/differs")):
        if row[member]:
            lines.append(f"    {said}: {'、'.join(_SPEAKS[name] for name in row[member])}")
    return lines
