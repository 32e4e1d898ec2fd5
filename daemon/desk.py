"""``run.py desk``: the manual desk from the command line, by the public socket and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from middleware.domain.decision import Verdict
from middleware.domain.kind import CANCEL_CALLS

if TYPE_CHECKING:
    from clients.python.yikatong_client import Client

_PATH = click.Path(path_type=Path)
_KINDS = ("telephone", "portal", "letter", "file")
_DECISIONS = tuple(str(verdict) for verdict in Verdict)
_PAGE = 100
_CLIENT = "yikatong-desk/1"

Options = Callable[[Callable[..., None]], Callable[..., None]]


def reached() -> Options:
    """How the daemon is reached and who asks: the same options for every command."""
    options = (
        click.option("--config", type=_PATH, help="the daemon's configuration: the socket is taken from it"),
        click.option("--socket", "path", type=_PATH, help="or the Unix socket itself"),
        click.option("--token-file", type=_PATH, required=True, help="the file with your own operator token"),
    )

    def add(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


@click.group()
def desk() -> None:
    """Settlements that a person must decide: look, propose, and let another person approve.

    An operator's account is one person; who proposed cannot approve. What to ask the centre: docs/operations.md.
    """


@desk.command("list")
@reached()
def list_(config: Path | None, path: Path | None, token_file: Path) -> None:
    """What is unknown or waits for a person, and why."""

    def work(client: Client) -> None:
        count = 0
        for page in pages(client, "desk.list"):
            for row in page.get("errands", ()):
                click.echo(errand_line(row))
            count += len(page["rows"])
            for row in page["rows"]:
                click.echo(line_of(row))
        click.echo(f"{count} 笔 / settlements in doubt")

    with_daemon(config, path, token_file, work)


@desk.command()
@click.argument("settlement")
@reached()
def show(settlement: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """All that is known of SETTLEMENT: messages, journal, the proposal that waits; as JSON."""
    ask(config, path, token_file, "desk.show", {"settlement_id": settlement})


@desk.command()
@click.argument("settlement")
@click.option("--decision", type=click.Choice(_DECISIONS), required=True, help="what is true at the centre")
@click.option("--kind", type=click.Choice(_KINDS), required=True, help="where you learned it")
@click.option("--reference", required=True, help="under which it can be found again; no names, no id numbers")
@click.option("--note", default="", help="no names, no id numbers")
@click.option("--file", "attached", type=_PATH, help="evidence that you keep; its SHA-256 goes into the journal")
@click.option("--number", default="", help="the centre's number (setl_id): for settled and cancelled")
@click.option("--time", "when", default="", help="the centre's time with offset: for settled and cancelled")
@click.option(
    "--amounts",
    type=(str, str, str, str, str),
    metavar="TOTAL FUND ACCOUNT CASH HOSPITAL",
    help="yuan, for settled",
)
@click.option("--clearing", type=(str, str, str), metavar="TYPE WAY AGENCY", help="clr_type, clr_way, clr_optins")
@reached()
def propose(
    settlement: str,
    *,
    decision: str,
    kind: str,
    reference: str,
    note: str,
    attached: Path | None,
    number: str,
    when: str,
    amounts: tuple[str, ...] | None,
    clearing: tuple[str, ...] | None,
    config: Path | None,
    path: Path | None,
    token_file: Path,
) -> None:
    """Propose what is true of SETTLEMENT; another person approves."""
    evidence = {"kind": kind, "reference": reference, "note": note, "sha256": _sha256(attached)}
    params: dict[str, Any] = {"settlement_id": settlement, "decision": decision, "evidence": evidence}
    params |= {"centre_number": number} if number else {}
    params |= {"centre_time": when} if when else {}
    if amounts:
        params["amounts"] = dict(zip(("total", "fund", "account", "cash", "hospital"), amounts, strict=True))
    if clearing:
        params |= dict(zip(("clearing_type", "clearing_way", "clearing_agency"), clearing, strict=True))
    ask(config, path, token_file, "desk.propose", params)


@desk.command()
@click.argument("settlement")
@click.argument("proposal")
@reached()
def approve(settlement: str, proposal: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Approve PROPOSAL (the digest that list and show print) of SETTLEMENT; it takes effect at once."""
    ask(config, path, token_file, "desk.approve", {"settlement_id": settlement, "proposal": proposal})


@desk.command()
@click.argument("settlement")
@click.argument("proposal")
@click.option("--reason", default="", help="no names, no id numbers")
@reached()
def reject(settlement: str, proposal: str, reason: str, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Reject PROPOSAL of SETTLEMENT, or take it back."""
    params = {"settlement_id": settlement, "proposal": proposal, "reason": reason}
    ask(config, path, token_file, "desk.reject", params)


def line_of(row: dict[str, Any]) -> str:
    """One settlement in one line for people: what, how much, since when, why, and the proposal that waits."""
    why = row.get("why", {})
    message_id = row["message_ids"]["cancel" if row["in_doubt"] in CANCEL_CALLS else "settle"]
    parts = [
        f"{row['settlement_id']}  {row['state']}  {row['in_doubt']} {message_id}  {row['total']} 元/yuan",
        f"自/since {row.get('since', '-')}  冲正/reversals {row['attempts']}  下次/next {row.get('next_check_at', '-')}",
        f"{why.get('zh', '')} / {why.get('en', '')}: {why.get('detail', '')} {why.get('foreign', '')}".rstrip(),
    ]
    if (pursued := row.get("pursuit")) is not None:
        parts.append(pursuit_of(pursued))
    if (payment := row.get("payment")) is not None:
        fault = payment.get("fault", {})
        told = f"银行/bank {payment.get('state', '')}  已扣/charged {payment.get('charged', '')}"
        parts.append(f"{told}  {fault.get('zh', '')} {fault.get('detail', '')}".rstrip())
    if (waiting := row.get("proposal")) is not None:
        parts.append(f"待复核/to approve {waiting['proposal']}: {waiting['decision']}, {waiting['proposed_by']}")
    return "\n    ".join(parts)


def pursuit_of(pursued: dict[str, Any]) -> str:
    """What is being done about it, and what 5201 showed."""
    told = f"{pursued['zh']} / {pursued['en']}"
    if "person_at" in pursued:
        told += f"  最迟转人工/a person at {pursued['person_at']}"
    if (shown := pursued.get("shown")) is not None:
        ours = sum(one["ours"] for one in shown["visits"])
        told += f"  5201 (弱证据/weak): {len(shown['visits'])} 次就诊/visits, 本次/ours {ours}"
    return told


def errand_line(row: dict[str, Any]) -> str:
    """One errand that waits for a person: what is to be withdrawn at the centre, and why it was not."""
    why = row.get("why", {})
    return (
        f"{row['visit_id']}  {row['matter']}  中心就诊号/visit number {row['visit_number'] or '-'}\n"
        f"    自/since {row['since']}  下次/next {row.get('next_check_at', '-')}\n"
        f"    {why.get('zh', '')} / {why.get('en', '')}: {why.get('detail', '')} {why.get('foreign', '')}".rstrip()
    )


def pages(
    client: Client, method: str, params: Mapping[str, Any] | None = None, after: str | int = ""
) -> Iterator[dict[str, Any]]:
    """Every page of a list behind ``after``, each asked for when it is wanted."""
    complete = False
    while not complete:
        page = client.call(method, {**(params or {}), "after": after, "limit": _PAGE})
        after, complete = page["next_after"], page["complete"]
        yield page


def print_list(
    client: Client,
    method: str,
    params: Mapping[str, Any],
    line_of: Callable[[dict[str, Any]], str],
    counted: str,
    after: str | int = "",
) -> None:
    """Every row of a list as text, then how many they are; ``counted`` is what they are in two languages."""
    count = 0
    for page in pages(client, method, params, after):
        count += len(page["rows"])
        for row in page["rows"]:
            click.echo(line_of(row))
    click.echo(f"{count} {counted}")


def ask(config: Path | None, path: Path | None, token_file: Path, method: str, params: dict[str, Any]) -> None:
    """Ask the daemon and print what it answers as JSON; leave with 1 when it refuses."""

    def work(client: Client) -> None:
        click.echo(json.dumps(client.call(method, params), ensure_ascii=False, indent=2))

    with_daemon(config, path, token_file, work)


def with_daemon(config: Path | None, path: Path | None, token_file: Path, work: Callable[[Client], None]) -> None:
    """Open a session and do it; a refusal and a daemon that is not there are answers with exit status 1."""
    from clients.python.yikatong_client import ApiError, connect

    where = _where(config, path)
    try:
        token = token_file.read_text(encoding="utf-8").strip()
        with connect(**where) as client:
            client.hello(token, client=_CLIENT)
            work(client)
    except ApiError as error:
        told = error.data
        click.echo(
            f"{error.code}: {told.get('zh', '')} / {told.get('en', '')}  {told.get('detail', '')}".rstrip(), err=True
        )
        click.echo(f"  {told.get('do_zh', '')} / {told.get('do_en', '')}", err=True)
        raise SystemExit(1) from None
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        click.echo(
            f"无法完成 / cannot be done: {reason} ({where.get('unix') or where.get('port')}, {token_file})", err=True
        )
        raise SystemExit(1) from None


def _where(config: Path | None, path: Path | None) -> dict[str, Any]:
    """What ``connect`` takes: the socket that was named, else the configuration's Unix socket, else its port."""
    if (config is None) == (path is None):
        raise click.UsageError("--config 与 --socket 给出其一 / give --config or --socket, exactly one of them")
    if config is None:
        return {"unix": path}
    from config.load import ConfigError, load
    from daemon.settings import Settings

    try:
        options = load(Settings, config).local_api
    except ConfigError as error:
        raise click.UsageError("\n".join([str(config), *map(str, error.problems)])) from None
    if options.unix_path:
        return {"unix": options.unix_path}
    if options.certificate is not None:
        raise click.UsageError("[local_api] 只有 TLS 端口，请配置 unix_path / has a TLS port only: set unix_path")
    return {"host": options.tcp_host, "port": options.tcp_port}


def _sha256(attached: Path | None) -> str:
    if attached is None:
        return ""
    try:
        with attached.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise click.UsageError(f"--file: {error.strerror}") from None
