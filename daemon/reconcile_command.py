"""``run.py reconcile``: compare a day with the centre through the running daemon, and show how far it is."""

from __future__ import annotations

import datetime as dt
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daemon.desk import pages, reached, with_daemon

if TYPE_CHECKING:
    from clients.python.yikatong_client import Client

_WIDTH = 30
_STEPS = {"totals": "对总账/totals", "detail": "对明细/detail", "resolving": "处理/resolving", "waiting": "等待/waiting"}
_STATES = {"balanced": "已平/balanced", "open": "不平/does not balance", "failed": "未完成/not finished"}


@click.command()
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), required=True, help="the centre's settlement day")
@click.option("--every", default=0.5, show_default=True, help="seconds from one question how far it is to the next")
@reached()
def reconcile(day: dt.datetime, every: float, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Compare a settlement day with the centre; exit 0 only when it balances, 1 otherwise.

    What differs and cannot be resolved by itself is listed: what to do is in docs/operations.md, by class.
    """
    ended: list[dict[str, Any]] = []

    def work(client: Client) -> None:
        status = client.call("reconcile.run", {"date": f"{day:%Y-%m-%d}"})
        while status["state"] == "running":
            _progress(status)
            time.sleep(every)
            status = client.call("reconcile.status", {"run_id": status["run_id"]})
        _progress(status)
        _list(client, status["run_id"])
        click.echo(_summary(status))
        ended.append(status)

    with_daemon(config, path, token_file, work)
    sys.exit(0 if ended and ended[0]["state"] == "balanced" else 1)


def _progress(status: dict[str, Any]) -> None:
    if not sys.stderr.isatty():
        return
    done = _WIDTH * status["done"] // max(1, status["of"])
    words = f"{'█' * done}{'·' * (_WIDTH - done)} {status['done']}/{status['of']}"
    end = "\n" if status["state"] != "running" else ""
    step = _STEPS.get(status["step"], "")
    print(f"\r第{status['round']}轮/round {step} {words}   ", end=end, file=sys.stderr, flush=True)


def _list(client: Client, run_id: str) -> None:
    for number, page in enumerate(pages(client, "reconcile.list", {"run_id": run_id}, after=0)):
        for row in page["totals"] if number == 0 else ():
            click.echo(totals_line(row))
        for row in page["rows"]:
            click.echo(row_line(row))


def totals_line(row: dict[str, Any]) -> str:
    """One 3201 in one line."""
    mark = "=" if row["equal"] else "≠"
    key = f"{row['insurance']}/{row['clearing_type']}/{row['agency']}"
    sums = f"总额/total {row['total']} 基金/fund {row['fund']} 账户/account {row['account']}"
    return f"{mark} {key}  {row['count']} 笔/rows  {sums}"


def row_line(row: dict[str, Any]) -> str:
    """One difference in one line: class, what follows, whose, both amounts, where it is written."""
    what = f"{row['difference']}{' 退费/refund' if row['refund'] else ''} -> {row['resolution']}"
    whose = row["settlement_id"] or "非本系统/not ours"
    amounts = f"本院/ours {row['ours'].get('total', '-')} 中心/centre {row['theirs'].get('total', '-')}"
    return f"  {what}  {whose} {row['message_id']}  {amounts}  {row['file_digest'][:12]}:{row['line']}"


def _summary(status: dict[str, Any]) -> str:
    words = f"{status['date']} {_STATES[status['state']]}"
    words += f"  差异/differences {status['differences']}  已处理/resolved {status['resolved']}  {status['run_id']}"
    if fault := status.get("fault"):
        words += f"\n  {fault['code']}: {fault['zh']} / {fault['en']}  {fault['detail']}"
    return words
