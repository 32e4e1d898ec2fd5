"""``run.py filing``: filings at the centre whose outcome is unknown, through the running daemon."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daemon.desk import ask, print_list, reached, with_daemon

if TYPE_CHECKING:
    from clients.python.yikatong_client import Client


@click.group()
def filing() -> None:
    """Filings at the centre (2501-2507): what nobody knows, and what a person saw there."""


@filing.command("list")
@click.option("--all", "every", is_flag=True, help="also those that are certain")
@reached()
def list_(*, every: bool, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Filings that nobody knows the end of, the oldest first."""

    def work(client: Client) -> None:
        print_list(client, "filing.list", {"all": every}, line_of, "笔 / filings")

    with_daemon(config, path, token_file, work)


@filing.command()
@click.argument("filing_id")
@click.option("--decision", type=click.Choice(("done", "not-done")), required=True, help="what the centre's screen shows")
@click.option("--number", default="", help="the centre's number of the filing, when it shows one")
@click.option("--reference", required=True, help="where that was seen; no names, no id numbers")
@reached()
def resolve(
    filing_id: str, decision: str, number: str, reference: str, config: Path | None, path: Path | None, token_file: Path
) -> None:
    """Say what is true of FILING_ID; it takes effect at once, and is journalled with your account."""
    params = {"filing_id": filing_id, "decision": decision, "number": number, "reference": reference}
    ask(config, path, token_file, "filing.resolve", params)


def line_of(row: dict[str, Any]) -> str:
    """One filing in two lines."""
    what = f"撤销/withdraws {row['withdraws']}" if row["withdraws"] else row["kind"]
    return (
        f"{row['filing_id']}  {row['state']}  {what}  {row['number'] or '-'}\n"
        f"    自/since {row['made_at']}  终端/terminal {row['terminal']}  {row['message_id']}  {row['why']}"
    )
