"""``run.py debit``: debits on cards whose outcome is unknown, through the running daemon."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daemon.desk import ask, print_list, reached, with_daemon

if TYPE_CHECKING:
    from clients.python.yikatong_client import Client


@click.group()
def debit() -> None:
    """Debits of accounts on cards: what is unknown, and what two persons decide where the card cannot be asked."""


@debit.command("list")
@click.option("--all", "every", is_flag=True, help="also those that are certain")
@reached()
def list_(*, every: bool, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Debits that nobody knows the end of, the oldest first."""

    def work(client: Client) -> None:
        print_list(client, "debit.list", {"all": every}, line_of, "笔 / debits")

    with_daemon(config, path, token_file, work)


@debit.command()
@click.argument("debit_id")
@click.option("--decision", type=click.Choice(("done", "not-done")), required=True, help="what is true of the card")
@click.option("--reference", required=True, help="where the evidence is found; no names, no id numbers")
@reached()
def propose(debit_id: str, decision: str, reference: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Propose what is true of DEBIT_ID; another person approves."""
    params = {"debit_id": debit_id, "decision": decision, "reference": reference}
    ask(config, path, token_file, "debit.propose", params)


@debit.command()
@click.argument("debit_id")
@click.argument("proposal")
@reached()
def approve(debit_id: str, proposal: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Approve PROPOSAL (the digest that list prints) of DEBIT_ID; it takes effect at once."""
    ask(config, path, token_file, "debit.approve", {"debit_id": debit_id, "proposal": proposal})


@debit.command()
@click.argument("debit_id")
@click.argument("proposal")
@reached()
def reject(debit_id: str, proposal: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Reject PROPOSAL of DEBIT_ID, or take it back."""
    ask(config, path, token_file, "debit.reject", {"debit_id": debit_id, "proposal": proposal})


def line_of(row: dict[str, Any]) -> str:
    """One debit in a few lines."""
    amounts = f"个人/individual {row['individual']}  统筹/pooled {row['pooled']}"
    where = f"终端/terminal {row['terminal']}  {row['terminal_number']} {row['transaction_number']}  {row['way']}"
    text = (
        f"{row['debit_id']}  {row['state']}  {row['card']}  {amounts}\n    自/since {row['made_at']}  {where}  {row['why']}"
    )
    if (waiting := row.get("proposal")) is not None:
        text += f"\n    待复核/to approve {waiting['proposal']}: {waiting['decision']}, {waiting['proposed_by']}"
    return text
