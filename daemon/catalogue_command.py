"""``run.py catalogue``: the centre's catalogues through the running daemon."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daemon.desk import reached, with_daemon

if TYPE_CHECKING:
    from clients.python.yikatong_client import Client

_PAGE = 50
_WIDTH = 30
_STEPS = {"waiting": "等待/waiting", "asking": "询问/asking", "fetching": "下载/fetching", "loading": "写入/loading"}
_STATES = {
    "running": "进行中/running",
    "loaded": "已更新/loaded",
    "newest": "已是最新/nothing newer",
    "failed": "未完成/not finished",
}


@click.group()
def catalogue() -> None:
    """The centre's catalogues and dictionaries: what is here, how old it is, what an item says; downloading them.

    Which the centre has stands in the region's profile, [catalogue] offered.
    """


@catalogue.command("list")
@reached()
def list_(config: Path | None, path: Path | None, token_file: Path) -> None:
    """Every catalogue with its version, rows and age."""

    def work(client: Client) -> None:
        found = client.call("catalogue.list", {})["catalogues"]
        for one in found:
            click.echo(facts_line(one))
        click.echo(f"{len(found)} 个目录 / catalogues")

    with_daemon(config, path, token_file, work)


@catalogue.command()
@click.argument("name")
@click.argument("code", default="")
@reached()
def show(name: str, code: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """What catalogue NAME (1301, 1318 ...) says of CODE; without a code its first rows. Exit 1 when it has none."""
    rows: list[dict[str, Any]] = []

    def work(client: Client) -> None:
        page = client.call("catalogue.show", {"catalogue": name, "code": code, "limit": _PAGE})
        click.echo(facts_line(page["catalogue"]))
        rows.extend(page["rows"])
        for row in rows:
            click.echo(item_line(row))
            if code:
                click.echo(f"    {row['raw']}")
        if not page["complete"]:
            click.echo(f"… 只显示前 {_PAGE} 行 / the first {_PAGE} rows only")

    with_daemon(config, path, token_file, work)
    sys.exit(0 if rows else 1)


@catalogue.command()
@click.argument("name")
@click.option("--full", is_flag=True, help="all of it from the beginning; until it is through, what is here counts")
@click.option("--every", default=0.5, show_default=True, help="seconds from one question how far it is to the next")
@reached()
def download(name: str, full: bool, every: float, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Download catalogue NAME and show how far it is; exit 0 when all that there is is here. Ctrl-C leaves it going on."""
    ended: list[dict[str, Any]] = []

    def work(client: Client) -> None:
        load = client.call("catalogue.download", {"catalogue": name, "full": full})
        while load["state"] == "running":
            _progress(load)
            time.sleep(every)
            load = client.call("catalogue.status", {"load_id": load["load_id"]})
        _progress(load)
        click.echo(load_line(load))
        ended.append(load)

    with_daemon(config, path, token_file, work)
    sys.exit(0 if ended and ended[0]["state"] in {"loaded", "newest"} else 1)


@catalogue.command()
@click.argument("name", default="")
@reached()
def status(name: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """The newest download of catalogue NAME, or of each."""

    def work(client: Client) -> None:
        if name:
            click.echo(load_line(client.call("catalogue.status", {"catalogue": name})))
            return
        for one in client.call("catalogue.list", {})["catalogues"]:
            if "newest" in one:
                click.echo(load_line(one["newest"]))
            else:
                click.echo(f"{one['catalogue']} {one['zh']}/{one['en']}  还没有下载/never downloaded")

    with_daemon(config, path, token_file, work)


def _progress(load: dict[str, Any]) -> None:
    if not sys.stderr.isatty():
        return
    done = _WIDTH * min(load["rows"], load["of"]) // max(1, load["of"])
    words = f"{'█' * done}{'·' * (_WIDTH - done)} {load['rows']}/{load['of'] or '?'}"
    end = "\n" if load["state"] != "running" else ""
    step = _STEPS.get(load["step"], "")
    print(f"\r第{load['versions'] + 1}版/version {step} {words}   ", end=end, file=sys.stderr, flush=True)


def facts_line(one: dict[str, Any]) -> str:
    """One catalogue in one line."""
    mark = " " if one["offered"] else "-"
    checked = one.get("checked_at", "还没有下载/never downloaded")
    words = f"{mark} {one['catalogue']} {one['zh']}/{one['en']}  {one['version'] or '-'}  {one['rows']} 行/rows"
    return f"{words}  核对/checked {checked}"


def item_line(row: dict[str, Any]) -> str:
    """One row in one line."""
    words = [f"{'+' if row['holds'] else '×'} {row['code']} {row['name']}"]
    period = f"{row.get('since', '')}~{row.get('until', '')}"
    words += [period] if period != "~" else []
    words += [f"限价/limit {row['limit']}"] if "limit" in row else []
    words += [f"先自付/first {row['share']}"] if "share" in row else []
    words += [f"等级/level {row['level']}"] if "level" in row else []
    words += [f"→ {row['other']}"] if "other" in row else []
    words += ["限制使用/limited use"] if row["limited"] else []
    return "  ".join([*words, row["version"]])


def load_line(load: dict[str, Any]) -> str:
    """One download in one line."""
    words = f"{load['catalogue']} {_STATES[load['state']]}  {load['versions']} 版/versions  {load['version'] or '-'}"
    words += f"  {load['rows']}/{load['of'] or '?'} 行/rows  {load['load_id']}"
    if fault := load.get("fault"):
        words += f"\n  {fault['code']}: {fault['zh']} / {fault['en']}  {fault['detail']}"
    return words
