"""``run.py outbox``: what the HIS refused, through the running daemon."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daemon.desk import ask, print_list, reached, with_daemon
from middleware.domain.numbering import ACTS

if TYPE_CHECKING:
    from clients.python.yikatong_client import Client

_DECISIONS = ("approve", "reject")
_ACTS = (*ACTS, *_DECISIONS)
_WHYS = ("entered-by-hand", "already-there", "not-wanted")


@click.group()
def outbox() -> None:
    """Messages to the HIS that it refused: look, send again once the cause is mended, or give up by two persons."""


@outbox.command("list")
@click.option("--waiting", is_flag=True, help="those that wait for the HIS's answer instead")
@reached()
def list_(*, waiting: bool, config: Path | None, path: Path | None, token_file: Path) -> None:
    """What the HIS refused; the oldest first."""

    def work(client: Client) -> None:
        print_list(client, "letters.list", {"waiting": waiting}, line_of, "条 / messages", 0)

    with_daemon(config, path, token_file, work)


@outbox.command()
@reached()
def destinations(config: Path | None, path: Path | None, token_file: Path) -> None:
    """Who is told: what waits, what was refused, sequence numbers, a proposal that waits; as JSON."""
    ask(config, path, token_file, "destinations.list", {})


@outbox.command("destination")
@click.argument("name")
@click.argument("act", type=click.Choice(_ACTS))
@click.option("--to", default="", help="hand-over: to which destination")
@click.option("--reference", default="", help="ticket number; needed for all but approve and reject")
@click.option("--proposal", default="", help="approve and reject: the proposal that destinations shows")
@reached()
def destination_(
    name: str, act: str, to: str, reference: str, proposal: str, config: Path | None, path: Path | None, token_file: Path
) -> None:
    """Propose ACT for the destination NAME, or approve or reject what another person proposed."""
    if act in _DECISIONS:
        ask(config, path, token_file, f"destinations.{act}", {"destination": name, "proposal": proposal})
        return
    params = {"destination": name, "act": act, "to": to, "reference": reference}
    ask(config, path, token_file, "destinations.propose", params)


@outbox.command()
@click.argument("control_id")
@reached()
def show(control_id: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Why the HIS refused CONTROL_ID, how its settlement stands, and the proposal that waits; as JSON."""
    ask(config, path, token_file, "letters.show", {"control_id": control_id})


@outbox.command()
@click.argument("control_id")
@click.option("--reason", required=True, help="what was mended at the HIS or in the configuration; no names, no id numbers")
@reached()
def resend(control_id: str, reason: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Let CONTROL_ID leave again, under the same MSH-10."""
    ask(config, path, token_file, "letters.resend", {"control_id": control_id, "reason": reason})


@outbox.command()
@click.argument("control_id")
@click.option(
    "--set", "fields", multiple=True, required=True, help="FIELD=VALUE, a field that show lists; may be given again"
)
@click.option("--reason", required=True, help="why; no names, no id numbers")
@reached()
def fix(
    control_id: str, fields: tuple[str, ...], reason: str, config: Path | None, path: Path | None, token_file: Path
) -> None:
    """Correct fields of CONTROL_ID and send it again, under a new MSH-10. Who the patient is takes a second person."""
    pairs = [one.partition("=") for one in fields]
    if any(not equals for _, equals, _ in pairs):
        raise click.BadParameter("FIELD=VALUE", param_hint="--set")
    params = {
        "control_id": control_id,
        "fields": [{"field": name, "value": value} for name, _, value in pairs],
        "reason": reason,
    }
    ask(config, path, token_file, "letters.fix", params)


@outbox.command()
@click.argument("control_id")
@click.option("--why", type=click.Choice(_WHYS), required=True, help="why the HIS need not hear it from us")
@click.option("--reference", required=True, help="ticket or voucher number")
@reached()
def discard(control_id: str, why: str, reference: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Propose to give CONTROL_ID up; another person approves."""
    params = {"control_id": control_id, "why": why, "reference": reference}
    ask(config, path, token_file, "letters.discard", params)


@outbox.command()
@click.argument("control_id")
@click.argument("proposal")
@reached()
def approve(control_id: str, proposal: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Approve PROPOSAL (shown by show): the HIS will never hear CONTROL_ID from us, or hears it corrected."""
    ask(config, path, token_file, "letters.approve", {"control_id": control_id, "proposal": proposal})


@outbox.command()
@click.argument("control_id")
@click.argument("proposal")
@reached()
def reject(control_id: str, proposal: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Reject PROPOSAL, or take it back; CONTROL_ID stays where it is."""
    ask(config, path, token_file, "letters.reject", {"control_id": control_id, "proposal": proposal})


def line_of(row: dict[str, Any]) -> str:
    """One message in one line."""
    what = f"{row['matter']}  {row['settlement_id'] or row['visit_id']}"
    return f"{row['control_id']}  {row['destination']}  {row['created_at']}  {what}  {row['outcome']}"
