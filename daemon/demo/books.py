"""The last page: what the daemon, the centre, the HIS and the bureau's feed hold, side by side, and whether they agree."""

from __future__ import annotations

import hashlib
import json
import time
import urllib.request
from typing import Any

from daemon.demo.counter import PATIENCE_S
from daemon.demo.say import line, pad, table
from daemon.demo.visits import Show
from simulators.centre.ledger import State
from simulators.his import HisSimulator

_AT_CENTRE = {"charged": State.APPROVED, "cancelled": State.CANCELLED, "reversed": State.REVERSED}


def feed_rows(port: int, token: str) -> list[dict[str, Any]]:
    """The whole feed, its chain checked with nothing but a hash function."""
    after, previous, rows = 0, "0" * 64, []
    while True:
        url = f"http://127.0.0.1:{port}/feed/v1/settlements?after={after}&limit=100"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - the same
            page = json.load(answer)
        for row in page["rows"]:
            digest = hashlib.new("sm3", f"{previous}\n{row['line']}".encode()).hexdigest()
            if row["sequence"] != after + 1 or row["previous"] != previous or row["hash"] != digest:
                raise ValueError(f"the feed's chain breaks at row {row['sequence']}")
            after, previous = row["sequence"], row["hash"]
            rows.append(json.loads(row["line"]) | {"hash": row["hash"]})
        if not page["rows"]:
            return rows


def wait_until_told(show: Show, expected: int) -> None:
    """The HIS hears of everything that was settled or cancelled, in its own time: one posting a feed row."""
    limit = time.monotonic() + PATIENCE_S
    while len(show.stage.his.book.postings) < expected and time.monotonic() < limit:
        time.sleep(0.05)


def copied(show: Show, pharmacy: HisSimulator) -> bool:
    """Whether the second destination heard all that the HIS heard, each once, under numbers without a gap."""
    limit = time.monotonic() + PATIENCE_S
    ours = show.stage.his.book.postings
    while len(pharmacy.book.postings) < len(ours) and time.monotonic() < limit:
        time.sleep(0.05)
    told = sorted((one.settlement_number, one.action) for one in pharmacy.book.postings)
    agree = told == sorted((one.settlement_number, one.action) for one in ours) and pharmacy.last_number == len(told)
    mark = "✓" if agree else "✗"
    line(f"   药房也收到 {len(told)} 条，顺序号至 {pharmacy.last_number} / copies at the pharmacy, by numbers {mark}")
    return agree


def compare(show: Show) -> bool:
    """Print the table; whether all books agree."""
    stage = show.stage
    rows = feed_rows(stage.http_port, stage.tokens["bureau"])
    wait_until_told(show, sum(row["settlement"] not in show.untold for row in rows))
    for row in rows:
        line(f"   {pad('入日志', 10)} {pad('in the feed', 12)} #{row['sequence']} {row['kind']} {row['hash'][:16]}…")
    line()
    agree, lines = True, []
    standing = stage.his.book.settled()
    for settlement_id, what in show.settlements.items():
        view = show.his.client.call("settlement.get", {"settlement_id": settlement_id})
        good, cells = _row(show, view, rows, standing)
        agree = agree and good
        lines.append([what, *cells, "✓" if good else "✗ 不一致"])
    head = ["", "本系统 daemon", "元 yuan", "中心 centre", "HIS", "上报 feed", ""]
    table(head, lines)
    at_centre = [s for s in stage.centre.ledger.settlements if s.state is State.APPROVED]
    ours = {row["settlement_number"] for row in rows if row["kind"] == "settled"}
    gone = {row.get("corrects") for row in rows if row["kind"] == "cancelled"}
    if {s.settlement_number for s in at_centre} != ours - gone:
        agree = False
    line()
    line(
        f"   {'账目一致' if agree else '账目不一致'} / the books {'agree' if agree else 'DO NOT AGREE'}: "
        f"{len(at_centre)} 笔在中心有效 / standing at the centre, "
        f"{stage.centre.ledger.total_of(State.APPROVED).yuan} 元/yuan; "
        f"{len(rows)} 行日志, 链完整 / feed rows, chain whole"
    )
    return agree


def _row(show: Show, view: dict[str, Any], rows: list[dict[str, Any]], standing: dict[str, Any]) -> tuple[bool, list[str]]:
    """One settlement in all the books."""
    money = view["money"]
    number = view.get("settled", {}).get("settlement_number", "")
    # A reversed one never told us its number; its message id is what both sides know.
    message_id = view.get("settled", {}).get("message_id", "")
    visit = [
        s
        for s in show.stage.centre.ledger.settlements
        if s.batch.startswith(view["settlement_id"]) or s.message_id == message_id
    ]
    entry = visit[0] if visit else None
    feed = [row for row in rows if row["settlement"] == view["settlement_id"]]
    kinds = {"charged": ["settled"], "cancelled": ["settled", "cancelled"]}.get(money, [])
    good = [row["kind"] for row in feed] == kinds
    good = good and (entry.state if entry else None) == _AT_CENTRE.get(money)
    good = good and (entry is None or len(visit) == 1)
    if money in {"charged", "cancelled"} and entry is not None:
        good = good and number == entry.settlement_number and view["settled"]["split"]["total"] == entry.bill.total.yuan
        good = good and feed[0]["total"] == entry.bill.total.yuan
    told = view["settlement_id"] not in show.untold
    good = good and (number in standing) == (money == "charged" and told)
    return good, [
        f"{view['state']} ({money})",
        view["total"],
        f"{entry.settlement_number} {entry.state.value}" if entry else "—",
        "已入账 posted" if number in standing else "—",
        " ".join(f"#{row['sequence']} {row['kind']}" for row in feed) or "—",
    ]
