"""``run.py his``: departments, staff and charge items as the HIS told them, through the running daemon."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daemon.desk import ask, pages, reached, with_daemon

if TYPE_CHECKING:
    from clients.python.yikatong_client import Client

_STATES = {"active": "在用/active", "inactive": "停用/inactive", "deleted": "已删/deleted"}
_CODE = click.option("--code", default="", help="that code only")
_ALL = click.option("--all", "every", is_flag=True, help="also what is inactive or deleted")


@click.group()
def his() -> None:
    """What the HIS calls its departments, staff and charge items, as it told them by master files (MFN)."""


@his.command()
@_CODE
@_ALL
@reached()
def departments(*, code: str, every: bool, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Departments: code, name, the centre's code of the specialty."""
    _list("department", code, every, config, path, token_file)


@his.command()
@_CODE
@_ALL
@reached()
def staff(*, code: str, every: bool, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Staff: code, name, department, the centre's code."""
    _list("staff", code, every, config, path, token_file)


@his.command()
@_CODE
@_ALL
@reached()
def items(*, code: str, every: bool, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Charge items: code, name, code in the insurance catalogue, price."""
    _list("item", code, every, config, path, token_file)


@his.command()
@click.argument("kind", type=click.Choice(["department", "staff", "item"]))
@click.argument("code")
@click.option("--reason", required=True, help="why you look; journalled, sealed; no names, no id numbers")
@reached()
def show(kind: str, code: str, reason: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """All that the HIS said of one record, also what nothing here reads; as JSON."""
    ask(config, path, token_file, "his.master", {"kind": kind, "code": code, "reason": reason})


def _list(kind: str, code: str, every: bool, config: Path | None, path: Path | None, token_file: Path) -> None:
    def work(client: Client) -> None:
        found = pages(client, "his.masters", {"kind": kind, "code": code})
        rows = [row for page in found for row in page["rows"] if every or row["state"] == "active"]
        for row in sorted(rows, key=lambda row: (row["link"], row["code"])):
            click.echo(line_of(row))
        click.echo(f"{len(rows)} 条 / records")

    with_daemon(config, path, token_file, work)


def line_of(row: dict[str, Any]) -> str:
    """One record as text; "-" for what the HIS did not say."""
    own = {
        "department": ("specialty",), "staff": ("department", "national"), "item": ("catalogue", "price"),
    }[row["kind"]]  # fmt: skip
    said = (row["link"], row["code"], row["name"], *(row[name] for name in own), _STATES[row["state"]])
    return "  ".join(one or "-" for one in said) + f"  v{row['version']}  {row['effective_at']}"
