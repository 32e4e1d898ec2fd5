"""Poll a site's settlement feed and prove each row: hash = SM3(previous + LF + line), chained from row 1.

    python verify_feed.py https://site.example:7451 --token-file token --state feed.state --out rows.ndjson

Independent of the daemon: standard library only, nothing of it imported. The state file holds the last verified row
and belongs to one chain (``--flags`` reads another one); it is replaced only after the rows before it are on disk, so a
run that was cut is simply run again.

Exit: 0 everything verified, 1 the chain is broken (the row is named), 2 the feed cannot be read or used.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

GENESIS = "0" * 64
MAX_PAGE_BYTES = 128 << 20
_HASH = re.compile(r"[0-9a-f]{64}")
State = tuple[int, str]
Fetch = Callable[[str], dict[str, Any]]


class BrokenChainError(Exception):
    """A row is not what its hash says, or does not follow the row before it."""


class UnusableError(Exception):
    """The feed, a file or this Python cannot be used; nothing is said about the chain."""


def sm3(data: bytes) -> str:
    """The SM3 digest, hex."""
    try:
        return hashlib.new("sm3", data).hexdigest()
    except ValueError:
        raise UnusableError(
            "this Python's OpenSSL has no SM3: use one with OpenSSL 1.1.1 or later that has it on"
        ) from None


def verify(rows: Iterable[Mapping[str, Any]], state: State) -> State:
    """The state after these rows, or ``BrokenChainError`` that names the first wrong one."""
    sequence, previous = state
    for row in rows:
        place = sequence + 1
        if row.get("sequence") != place:
            raise BrokenChainError(f"row {place} is missing: got {row.get('sequence')!r}")
        if row.get("previous") != previous:
            raise BrokenChainError(f"row {place} does not follow row {sequence}")
        line, claimed = row.get("line"), row.get("hash")
        if not isinstance(line, str) or not isinstance(claimed, str) or not _HASH.fullmatch(claimed):
            raise BrokenChainError(f"row {place} is not a row")
        if sm3(f"{previous}\n{line}".encode()) != claimed:
            raise BrokenChainError(f"row {place} was changed: its hash is not that of its line")
        sequence, previous = place, claimed
    return sequence, previous


def check_head(head: Mapping[str, Any], state: State) -> None:
    """The site's own head must be the row that was verified last, when nothing was sealed in between."""
    if head.get("sequence") == state[0] and head.get("hash") != state[1]:
        raise BrokenChainError(f"the head's hash is not that of row {state[0]}")
    if isinstance(head.get("sequence"), int) and head["sequence"] < state[0]:
        raise BrokenChainError(f"the head is row {head['sequence']}, before row {state[0]} that was verified already")


def poll(
    fetch: Fetch,
    state: State,
    limit: int,
    keep: Callable[[list[dict[str, Any]], State], None],
    route: str = "settlements",
) -> State:
    """Read and verify pages until the head; ``keep`` stores each page's rows and then its state."""
    while True:
        page = fetch(f"/feed/v1/{route}?after={state[0]}&limit={limit}")
        rows = page.get("rows")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise UnusableError("the answer is not a page of the feed")
        state = verify(rows, state)
        if rows:
            keep(rows, state)
        if "head" in page:
            check_head(page["head"], state)
            return state
        if not rows:
            raise BrokenChainError(f"a closed page without rows after row {state[0]}")


def fetcher(base: str, token: str, context: ssl.SSLContext | None) -> Fetch:
    """GET a path of the site as JSON."""
    if not base.startswith(("http://", "https://")):
        raise UnusableError("the address must begin with http:// or https://")

    def fetch(path: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        request = urllib.request.Request(base.rstrip("/") + path, headers=headers)  # noqa: S310 - checked above
        try:
            with urllib.request.urlopen(request, timeout=60, context=context) as answer:  # noqa: S310 - checked above
                body = answer.read(MAX_PAGE_BYTES + 1)
        except urllib.error.HTTPError as exc:
            raise UnusableError(f"HTTP {exc.code}: {_reason(exc.read(65536))}") from exc
        except OSError as exc:
            raise UnusableError(f"cannot read the feed: {exc}") from exc
        if len(body) > MAX_PAGE_BYTES:
            raise UnusableError("the page is longer than this program takes")
        return _object(body)

    return fetch


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise UnusableError("the answer is not JSON") from exc
    if not isinstance(value, dict):
        raise UnusableError("the answer is not an object")
    return value


def _reason(body: bytes) -> str:
    try:
        error = json.loads(body)["error"]
        return f"{error['code']} {error['zh']} / {error['en']} {error.get('detail', '')}".strip()
    except (ValueError, KeyError, TypeError, RecursionError):
        return "no reason given"


def load_state(path: Path | None) -> State:
    """The last verified row; the chain's beginning when there is no file yet."""
    if path is None or not path.exists():
        return 0, GENESIS
    try:
        sequence, digest = path.read_text().split()
        state = int(sequence), digest
    except (OSError, ValueError) as exc:
        raise UnusableError(f"{path} is not a state file") from exc
    if state[0] < 0 or not _HASH.fullmatch(digest):
        raise UnusableError(f"{path} is not a state file")
    return state


def save_state(path: Path, state: State) -> None:
    """Replace the file in one step, on disk before this returns."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("w") as file:
        file.write(f"{state[0]} {state[1]}\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def keeper(out: Path | None, state_file: Path | None) -> Callable[[list[dict[str, Any]], State], None]:
    """Stores rows first and the state after them: the cursor moves only when the rows are safe."""

    def keep(rows: list[dict[str, Any]], state: State) -> None:
        if out is not None:
            with out.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
                file.flush()
                os.fsync(file.fileno())
        if state_file is not None:
            save_state(state_file, state)

    return keep


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url", help="the site, as https://host:7451")
    parser.add_argument("--token-file", type=Path, required=True, help="a file that holds the bureau's token")
    parser.add_argument("--state", type=Path, help="where the last verified row is kept between runs")
    parser.add_argument("--out", type=Path, help="append the verified rows here, one JSON object a line")
    parser.add_argument(
        "--flags", action="store_true", help="the flags of the card audit: a chain and a state of their own"
    )
    parser.add_argument("--limit", type=int, default=500, help="rows of a page")
    parser.add_argument("--interval", type=float, default=0, help="poll again after so many seconds; 0 = once")
    parser.add_argument("--ca", type=Path, help="PEM of the authority that signed the site's certificate")
    parser.add_argument("--client", type=Path, help="PEM with our own certificate and key, for mutual TLS")
    options = parser.parse_args(arguments)
    try:
        context = ssl.create_default_context(cafile=options.ca)
        if options.client:
            context.load_cert_chain(options.client)
        token = options.token_file.read_text().strip()
        fetch = fetcher(options.url, token, context if options.url.startswith("https") else None)
        state, route = load_state(options.state), "flags" if options.flags else "settlements"
        while True:
            state = poll(fetch, state, options.limit, keeper(options.out, options.state), route)
            _say(f"verified: {state[0]} rows, head {state[1]}")
            if not options.interval:
                return 0
            time.sleep(options.interval)
    except BrokenChainError as exc:
        _say(f"BROKEN: {exc}")
        return 1
    except (UnusableError, OSError) as exc:
        _say(f"cannot verify: {exc}")
        return 2


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
