from __future__ import annotations

import json

import pytest
import pytest_twisted
from twisted.internet import reactor

from clients.python import verify_feed
from tests.middleware.doors.fakes import BUREAU_TOKEN, FakeFeed, in_thread


@pytest.fixture
def run(tmp_path, capsys):
    (tmp_path / "token").write_text(BUREAU_TOKEN + "\n")

    async def go(url: str, *more: str) -> tuple[int, str]:
        arguments = [
            url,
            "--token-file",
            str(tmp_path / "token"),
            "--state",
            str(tmp_path / "state"),
            "--limit",
            "3",
            *more,
        ]
        code = await in_thread(reactor, verify_feed.main, arguments)
        return code, capsys.readouterr().out

    return go


@pytest_twisted.ensureDeferred
async def test_the_verifier_follows_the_feed_from_run_to_run(served, run, tmp_path):
    site = served(rows=7)
    assert (await run(site.url, "--out", str(tmp_path / "out")))[0] == 0
    site.feed.append()
    code, said = await run(site.url, "--out", str(tmp_path / "out"))
    assert (code, "verified: 8 rows" in said) == (0, True)
    kept = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert [row["sequence"] for row in kept] == list(range(1, 9))
    assert (tmp_path / "state").read_text() == f"8 {site.feed.rows[-1].hash}\n"


@pytest_twisted.ensureDeferred
async def test_the_verifier_names_a_row_that_was_changed(served, run):
    site = served(rows=7)
    row = site.feed.rows[4]
    site.feed.rows[4] = row.__class__(row.sequence, row.previous, row.hash, row.line.replace("S5", "S6"))
    code, said = await run(site.url)
    assert code == 1
    assert "row 5" in said


@pytest_twisted.ensureDeferred
async def test_the_verifier_sees_a_history_that_was_rewritten(served, run):
    site = served(rows=3)
    assert (await run(site.url))[0] == 0
    other = FakeFeed()
    for _ in range(3):
        other.append()
    last = other.rows[-1]
    other.rows[-1] = last.__class__(last.sequence, last.previous, "f" * 64, last.line)
    other.append()
    site.feed.rows = other.rows
    code, said = await run(site.url)
    assert code == 1
    assert "does not follow" in said


@pytest_twisted.ensureDeferred
async def test_the_verifier_says_when_it_cannot_say(served, run, tmp_path):
    site = served(rows=1)
    assert (await run("http://127.0.0.1:1"))[0] == 2
    assert (await run("ftp://127.0.0.1"))[0] == 2
    (tmp_path / "token").write_text("wrong-token-0123456789")
    code, said = await run(site.url)
    assert (code, "access.bad_token" in said) == (2, True)


def test_a_missing_row_a_wrong_link_and_no_row_are_told_apart():
    rows = [{"sequence": r.sequence, "previous": r.previous, "hash": r.hash, "line": r.line} for r in FakeFeed(3).rows]
    start = (0, verify_feed.GENESIS)
    assert verify_feed.verify(rows, start)[0] == 3
    for wrong, says in (
        (rows[1:], "row 1 is missing"),
        ([rows[0], {**rows[1], "previous": "0" * 64}], "does not follow"),
        ([{**rows[0], "hash": None}], "not a row"),
        ([{**rows[0], "line": 5}], "not a row"),
    ):
        with pytest.raises(verify_feed.BrokenChainError, match=says):
            verify_feed.verify(wrong, start)
