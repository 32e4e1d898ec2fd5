"""Backup, anchors, restore and the start check on a real daemon with real visits: what operations.md tells people to do."""

from __future__ import annotations

import json
import signal

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred

from simulators.stage import DaemonDiedError, Stage
from tests.scenarios.hospital import Hospital, run, until
from tests.scenarios.test_commands import execute

pytestmark = [pytest.mark.pcsc, pytest.mark.slow]


@pytest_twisted.async_yield_fixture(scope="module")
async def hospital(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keeping")
    status, said = await run("anchor", "--new-key", folder / "anchor.key")
    assert status == 0, said
    anchor = {"path": str(folder / "anchors"), "key_file": str(folder / "anchor.key"), "every_s": 1.0}
    stage = Stage(reactor, folder, settings={"anchor": anchor})
    try:
        await stage.start()
        made = Hospital(stage)
        await made.insert("employee")
        await made.settled()
        yield made
    finally:
        await stage.stop()


def pair(hospital):
    folder = hospital.stage.directory
    return "--anchors", folder / "anchors", "--public-key", folder / "anchor.key.pub"


async def part(hospital, name):
    _, body = await hospital.get("/health/full")
    return next(one for one in json.loads(body)["parts"] if one["part"] == name)


@pytest_twisted.ensureDeferred
async def test_a_second_daemon_on_the_same_file_does_not_start_and_the_first_goes_on(hospital):
    status, said = await run("serve", "--config", hospital.stage.config)

    assert (status, "system.in_use" in said, "Traceback" in said) == (1, True, False)
    await hospital.settled()


@pytest_twisted.ensureDeferred
async def test_a_backup_while_visits_run_is_one_that_can_be_restored(hospital):
    target = hospital.stage.directory / "while.db"
    visit = ensureDeferred(hospital.settled())
    status, said = await run("backup", "--config", hospital.stage.config, "--to", target)
    await visit

    assert status == 0, said
    held = execute(target, "SELECT settlement_id, state FROM settlement WHERE state = 'Delivered'")
    assert len(held) >= 2  # those that were acknowledged before it
    refused, why = await run("restore", "--config", hospital.stage.config, "--from", target)
    assert (refused, "system.in_use" in why) == (1, True)


@pytest_twisted.ensureDeferred
async def test_the_running_daemon_anchors_and_its_chains_extend_every_anchor(hospital):
    anchors = hospital.stage.directory / "anchors"
    seen = len(anchors.read_bytes().splitlines())
    await until(lambda: len(anchors.read_bytes().splitlines()) > seen, "no new anchor")
    status, said = await run("verify", "--config", hospital.stage.config, *pair(hospital))

    assert (status, "extend every one" in said) == (0, True)
    assert (await part(hospital, "anchor"))["condition"] == "good"
    assert (await part(hospital, "chain"))["condition"] == "good"


@pytest_twisted.ensureDeferred
async def test_after_a_restore_the_daemon_runs_says_what_to_compare_and_knows_nothing_newer(hospital):
    stage = hospital.stage
    target = stage.directory / "old.db"
    assert (await run("backup", "--config", stage.config, "--to", target))[0] == 0
    newer = await hospital.settled()
    await stage.kill(signal.SIGKILL)  # the lock ends with the process, however that ends
    refused, why = await run("restore", "--config", stage.config, "--from", target)
    done, said = await run("restore", "--config", stage.config, "--from", target, "--accept-loss")
    await hospital.restart()
    chain = await part(hospital, "chain")
    gone = await hospital.fault("settlement.get", {"settlement_id": newer["settlement_id"]})
    await hospital.settled()
    (stage.directory / "anchors").rename(stage.directory / "anchors.before-restore")
    await stage.kill(signal.SIGTERM)
    compared, _ = await run("restore", "--config", stage.config, "--reconciled")
    await hospital.restart()

    assert (refused, "--accept-loss restores it nevertheless" in why) == (1, True)
    assert (done, "Compare every settlement" in said) == (0, True), said
    assert (chain["condition"], chain["fault"]) == ("degraded", "system.restored")
    assert gone.code == "request.not_found"
    assert (compared, (await part(hospital, "chain"))["condition"]) == (0, "good")


@pytest_twisted.ensureDeferred
async def test_one_flipped_byte_and_the_daemon_does_not_start_but_says_which_row_and_what_to_do(hospital):
    stage = hospital.stage
    await stage.kill(signal.SIGTERM)
    ((line,),) = execute(stage.database, "SELECT line FROM journal WHERE sequence = 7")
    raw = bytearray(line.encode())
    raw[len(raw) // 2] ^= 1
    execute(stage.database, "UPDATE journal SET line = CAST(? AS TEXT) WHERE sequence = 7", bytes(raw))
    with pytest.raises(DaemonDiedError) as caught:
        await stage.start_daemon()
    assert await stage.daemon.exited == 1
    execute(stage.database, "UPDATE journal SET line = ? WHERE sequence = 7", line)
    await hospital.restart()

    said = str(caught.value)
    assert "journal, row 7: its content does not give its hash" in said
    assert "run verify, then restore a backup" in said
    assert "Traceback" not in said
