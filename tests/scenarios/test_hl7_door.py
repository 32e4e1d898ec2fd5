"""The HL7 door of the real daemon: killed under load it loses nothing that it acknowledged, and takes nothing twice."""

from __future__ import annotations

import sys
import urllib.request

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue

from clients.python.yikatong_client import connect
from simulators.ports import free_port
from simulators.stage import ROOT, Stage
from tests.middleware.doors.mllp.rig import Sender, framed, hl7

SENDERS, EACH, KILLED_AFTER = 4, 60, 40


@pytest_twisted.async_yield_fixture(scope="module")
async def stage(tmp_path_factory):
    port = free_port()
    stage = Stage(reactor, tmp_path_factory.mktemp("hl7"), readers=0, settings={"mllp.his-main": {"port": port}})
    stage.mllp_port = port
    await stage.start()
    yield stage
    await stage.stop()


def everything(stage):
    """The whole inbox, by the operator's own method."""
    rows, after, complete = [], 0, False
    with connect(unix=stage.unix_path) as client:
        client.hello(stage.tokens["operator"], client="test/1")
        while not complete:
            page = client.call("inbox.list", {"after": after, "limit": 100, "all": True})
            rows += page["rows"]
            after, complete = page["next_after"], page["complete"]
    return rows


async def sender_of(stage):
    return await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", stage.mllp_port), Sender())


def named(number):
    return [f"S{number}.{place}" for place in range(EACH)]


async def streamed(stage, number):
    """All of one sender's messages, three at a time; the answers that came, by control id, until the end or the kill."""
    sender, answers, ids = await sender_of(stage), {}, named(number)
    for place in range(0, EACH, 3):
        if number == 0 and place >= KILLED_AFTER:
            await stage.kill()
        sender.send(b"".join(framed(hl7(one)) for one in ids[place : place + 3]))
        for ack in await sender.acks(3):
            answers[ack[1].split("|")[2]] = ack
        if sender.closed:
            break
    return answers


@pytest.mark.slow
@pytest_twisted.ensureDeferred
async def test_a_daemon_killed_under_load_lost_nothing_that_it_acknowledged_and_takes_nothing_twice(stage):
    streams = [Deferred.fromCoroutine(streamed(stage, number)) for number in range(SENDERS)]
    acked = {name: ack for answers in await gatherResults(streams) for name, ack in answers.items()}
    assert len(acked) >= KILLED_AFTER - 3
    assert all(ack[1].startswith("MSA|AA|") for ack in acked.values())

    await stage.start_daemon()
    there = await deferToThread(everything, stage)
    assert acked.keys() <= {row["control_id"] for row in there if not row["why"]}

    again = [Deferred.fromCoroutine(streamed(stage, number)) for number in range(1, SENDERS)]
    answers = {name: ack for found in await gatherResults(again) for name, ack in found.items()}
    assert sorted(answers) == sorted(name for number in range(1, SENDERS) for name in named(number))
    assert {name: answers[name] for name in acked if name in answers} == {n: a for n, a in acked.items() if n in answers}
    taken = [row["control_id"] for row in await deferToThread(everything, stage) if not row["why"]]
    assert len(taken) == len(set(taken))
    assert set(answers) <= set(taken)


@pytest_twisted.ensureDeferred
async def test_an_operator_sees_what_was_refused_and_the_metrics_count_it(stage):
    sender = await sender_of(stage)
    sender.send(framed("HELLO WORLD"))
    await sender.acks(1)
    token = stage.directory / "operator.token"
    token.write_text(stage.tokens["operator"])
    command = ("run.py", "inbox", "list", "--socket", str(stage.unix_path), "--token-file", str(token))
    out, err, status = await getProcessOutputAndValue(sys.executable, command, path=str(ROOT), env={"PYTHONUTF8": "1"})

    assert (status, err) == (0, b"")
    assert "his-main  -  -  11 B  hl7.not_hl7" in out.decode()

    def scraped():
        with urllib.request.urlopen(f"http://127.0.0.1:{stage.http_port}/metrics", timeout=20) as answer:
            return answer.read().decode()

    figures = await deferToThread(scraped)
    assert 'yikatong_hl7_received{link="his-main",result="hl7.not_hl7"} 1.0' in figures
    assert 'yikatong_part_condition{part="mllp"} 0.0' in figures
