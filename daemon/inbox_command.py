"""``run.py inbox``: what came over HL7, through the running daemon."""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daemon.desk import ask, pages, print_list, reached, with_daemon

if TYPE_CHECKING:
    from clients.python.yikatong_client import Client

_PATH = click.Path(path_type=Path)
_UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")  # what a terminal would act on


@click.group()
def inbox() -> None:
    """HL7 messages of the HIS: what was refused, what could not be framed, and all that came. Byte for byte as it came."""


@inbox.command("list")
@click.option("--all", "every", is_flag=True, help="also what was taken")
@click.option("--after", default=0, show_default=True, help="only what came behind this number")
@reached()
def list_(*, every: bool, after: int, config: Path | None, path: Path | None, token_file: Path) -> None:
    """What the HL7 door did not take, and why; the oldest first."""

    def work(client: Client) -> None:
        print_list(client, "inbox.list", {"all": every}, line_of, "条 / messages", after)

    with_daemon(config, path, token_file, work)


@inbox.command()
@click.argument("sequence", type=int)
@click.option("--to", "target", type=_PATH, help="write the bytes as they came into this new file")
@reached()
def show(sequence: int, target: Path | None, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Message SEQUENCE as it came, and what was answered. It may show a patient; the look is journalled under your name."""

    def work(client: Client) -> None:
        raw, facts = b"", client.call("inbox.show", {"sequence": sequence})
        raw = base64.b64decode(facts["content"])
        while not facts["complete"]:
            facts = client.call("inbox.show", {"sequence": sequence, "offset": facts["next_offset"]})
            raw += base64.b64decode(facts["content"])
        click.echo(line_of(facts))
        if target is None:
            click.echo(readable(raw))
        else:
            with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(raw)
        click.echo(f"应答 / answered:\n{readable(base64.b64decode(facts['answered']))}")

    with_daemon(config, path, token_file, work)


@inbox.command()
@reached()
def failed(config: Path | None, path: Path | None, token_file: Path) -> None:
    """What was taken and could not be acted on, and why."""

    def work(client: Client) -> None:
        for page in pages(client, "inbox.failed", after=0):
            for row in page["rows"]:
                told = f"{row['sequence']}  {row['at']}  {row['link']}  {row['type'] or '-'}  {row['state']}"
                click.echo(f"{told}  {row['code']}  {row['detail']}\n    {row['zh']}")

    with_daemon(config, path, token_file, work)


@inbox.command()
@click.argument("sequence", type=int)
@reached()
def retry(sequence: int, config: Path | None, path: Path | None, token_file: Path) -> None:
    """Have message SEQUENCE acted on again, once what was wrong is mended."""
    ask(config, path, token_file, "inbox.retry", {"sequence": sequence})


def line_of(row: dict[str, Any]) -> str:
    """One message in one line."""
    why = row["why"] or "已受理/taken"
    what = f"{row['type'] or '-'}  {row['control_id'] or '-'}  {row['bytes']} B"
    return f"{row['sequence']}  {row['at']}  {row['link']}  {what}  {why}"


def readable(raw: bytes) -> str:
    """Bytes for a terminal: a segment a line, UTF-8 or GB18030, and nothing that a terminal would act on."""
    text = ""
    for codec in ("utf-8", "gb18030", "latin-1"):
        try:
            text = raw.decode(codec)
        except UnicodeDecodeError:
            continue
        break
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNSEEN.sub(lambda match: f"<{ord(match.group()):02X}>", text)
