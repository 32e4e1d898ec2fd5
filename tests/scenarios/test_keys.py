"""Keys on a real daemon, by the commands a person uses: rotation and rewriting, killed in the middle, while counters work."""

from __future__ import annotations

import subprocess
import sys

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred, gatherResults

from simulators.people import PEOPLE
from simulators.stage import ROOT, Stage
from tests.scenarios import invariants
from tests.scenarios.hospital import Hospital, in_thread, run, until

pytestmark = [pytest.mark.pcsc, pytest.mark.slow]

KILLS = 1


@pytest_twisted.async_yield_fixture
async def hospital(tmp_path):
    stage = Stage(reactor, tmp_path)
    try:
        await stage.start()
        made = Hospital(stage)
        await made.insert("employee")
        yield made
    finally:
        await stage.stop()


def command(h, *words):
    """``run.py keys`` of an operator, to its end."""
    token = h.stage.directory / "operator.token"
    token.write_text(h.stage.tokens["operator"])
    return run("keys", *words, "--socket", h.stage.unix_path, "--token-file", token)


def rewriting(h):
    return [row for row in h.rows("meta") if row["name"] == "resealing" and row["value"]]


def used(h):
    """The keys that seal something now."""
    columns = {"person": "body", "bill": "body", "visit": "sealed", "request": "sealed", "words": "sealed"}
    rows = h.tables(*columns)
    return {row[column][:17] for table, column in columns.items() for row in rows[table] if row[column]}


@pytest_twisted.ensureDeferred
async def test_a_rotation_that_is_killed_loses_nobody_and_a_start_goes_on_with_it(hospital):
    h = hospital
    quotes = [await h.settled()]
    before = used(h)
    made = await in_thread(
        subprocess.run,
        [sys.executable, str(ROOT / "run.py"), "keys", "init", "--new", "--config", str(h.stage.config)],
    )
    assert made.returncode == 0
    for _ in range(KILLS):
        rotating = ensureDeferred(command(h, "rotate", "--rewrap", "--reseal"))
        told, quote = await gatherResults([rotating, ensureDeferred(h.settled())], consumeErrors=True)
        assert told[0] == 0, told
        quotes.append(quote)
        await h.kill()
        await h.restart()
    await until(lambda: not rewriting(h), "the rewriting does not end")

    keys = h.rows("data_key")
    assert not used(h) & before
    assert used(h) <= {key["id"] for key in keys if key["state"] == "in use"}
    assert len({key["master_id"] for key in keys}) == 1
    person = PEOPLE["employee"]
    found = await h.call("person.find", {"id_number": person.id_number, "reason": "本人要求"}, role="operator")
    assert len(found["visits"]) == len(quotes)
    # The HIS is told of who it is: an old settlement is undone with the person opened by a new key.
    for quote in quotes[:1]:
        await h.call("settlement.cancel", h.undoing(quote))
        await h.until(quote["settlement_id"], "Cancelled")
    await h.until_quiet()
    invariants.all_books_agree(await invariants.check(h))
    invariants.nobody_is_named(h)
    status, said = await run("keys", "list", "--config", h.stage.config)
    assert status == 0
    assert "retired" in said
