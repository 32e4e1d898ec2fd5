"""A real daemon without readers of its own, and a real agent process beside a real card service, over the socket API."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys

import pytest
import pytest_twisted
from twisted.internet import reactor

from clients.python.yikatong_client import connect
from readers.remote.certificates import Authority
from simulators.people import PEOPLE
from simulators.ports import free_port
from simulators.stage import ROOT, Stage
from tests.scenarios.hospital import PATIENCE_S, Hospital, in_thread, run, until

pytestmark = [pytest.mark.pcsc, pytest.mark.slow]


class Till:
    """A cashier's computer: its agent as a process, which may be killed and started again."""

    def __init__(self, stage, folder, port):
        authority = Authority(folder, dt.datetime.now(dt.UTC))
        certificate, key = authority.for_agent("window-1")
        self._environment = dict(os.environ) | stage.pcscd.environment
        self._log = folder / "agent.log"
        self._config = folder / "agent.toml"
        self._process = None
        self._config.write_text(
            f'[daemon]\nhost = "127.0.0.1"\nport = {port}\ncertificate = "{certificate}"\nprivate_key = "{key}"\n'
            f'daemon_ca = "{authority.file}"\nretry_s = 0.1\nretry_max_s = 0.5\n'
            "[pcsc]\nretry_s = 0.2\npoll_interval_s = 0.1\n"
        )

    def start(self):
        command = (sys.executable, ROOT / "run.py", "reader-agent", "--config", self._config)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log, cwd=ROOT)

    def end(self, number):
        """Its exit status."""
        self._process.send_signal(number)
        return self._process.wait(PATIENCE_S)


class RemoteHospital(Hospital):
    """The same counter; its reader is the agent's."""

    def __init__(self, stage):
        super().__init__(stage)
        own = stage.reader_name
        stage.reader_name = lambda slot=0: f"window-1/{own(slot)}"


@pytest_twisted.async_yield_fixture(scope="module")
async def place(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("remote"), free_port()
    Authority(folder, dt.datetime.now(dt.UTC)).for_daemon(("127.0.0.1",))
    remote = {
        "port": port,
        "certificate": str(folder / "daemon.pem"),
        "private_key": str(folder / "daemon.key"),
        "client_ca": str(folder / "ca.pem"),
        "beat_s": 1.5,
    }
    stage = Stage(
        reactor,
        folder / "stage",
        own_pcscd=True,
        settings={"pcsc": {"enabled": False}, "remote_readers": remote},
        overrides='[remote_readers.agents]\nwindow-1 = ""\n',
    )
    till = None
    try:
        await stage.start()
        till = Till(stage, folder, port)
        till.start()
        yield RemoteHospital(stage), till
    finally:
        if till is not None:
            till.end(signal.SIGKILL)
        await stage.stop()


@pytest_twisted.ensureDeferred
async def test_a_visit_with_a_card_at_an_agent_is_as_one_with_a_card_here(place):
    h, _ = place
    name = h.stage.reader_name()
    await h.until_reader("empty")
    client = connect(port=h.stage.api_port)
    client.hello(h.stage.tokens["his"])
    client.call("reader.watch")
    await h.insert("employee")
    notice = await in_thread(next, client.notifications(timeout=PATIENCE_S))
    client.close()
    read = await h.read()
    settled = await h.settled()

    assert (notice["params"]["kind"], notice["params"]["reader"]) == ("inserted", name)
    assert (read["reader"], read["holder"]["id_number"]) == (name, PEOPLE["employee"].id_number)
    assert settled["state"] == "Quoted"
    records = [str(row) for row in h.rows("journal") if row["event"] == "CardRead"]
    assert records
    assert all(name in body and PEOPLE["employee"].id_number not in body for body in records)


@pytest_twisted.ensureDeferred
async def test_an_agent_that_dies_is_said_in_chinese_with_what_to_do_and_works_again_when_it_is_back(place):
    h, till = place
    await h.insert("employee")
    await in_thread(till.end, signal.SIGKILL)
    await h.until_reader("failed")
    error = await h.fault("card.read", {"reader": h.stage.reader_name()})
    page = (await h.get("/health/full"))[1].decode()
    _, told = await run("doctor", "--config", h.stage.config)
    metrics = (await h.get("/metrics"))[1].decode()
    till.start()
    await h.until_reader("card-present")
    read = await h.read()

    assert (error.code, error.data["money"], error.data["retry"]) == ("reader.agent_away", "no", "same-key")
    assert "window-1" in page
    for text in ("收费电脑上的读卡代理没有连接", "请检查该电脑是否开机、网络是否连通、读卡代理是否运行"):
        assert text in page
        assert text in told
    assert 'yikatong_reader_agents{state="away"} 1.0' in metrics
    assert read["holder"]["id_number"] == PEOPLE["employee"].id_number


@pytest_twisted.ensureDeferred
async def test_the_agents_card_service_dies_and_comes_back_and_its_cards_are_read_again(place):
    h, _ = place
    pcscd = h.stage.pcscd
    await h.insert("employee")
    await in_thread(pcscd.kill)
    await h.until_reader("failed")
    error = await h.fault("card.read", {"reader": h.stage.reader_name()})
    await in_thread(pcscd.start)
    await h.until_reader("card-present")
    read = await h.read()

    assert error.code == "reader.service_down"
    assert read["holder"]["id_number"] == PEOPLE["employee"].id_number


@pytest_twisted.ensureDeferred
async def test_an_agent_that_is_frozen_is_let_go_and_found_again_and_one_that_is_stopped_says_goodbye(place):
    h, till = place
    await h.until_reader("card-present")
    till._process.send_signal(signal.SIGSTOP)
    try:
        await h.until_reader("failed")
    finally:
        till._process.send_signal(signal.SIGCONT)
    await h.until_reader("card-present")
    assert (await h.read())["holder"]["id_number"] == PEOPLE["employee"].id_number
    assert await in_thread(till.end, signal.SIGTERM) == 0
    await h.until_reader("failed")
    till.start()
    await h.until_reader("card-present")
    assert "Traceback" not in till._log.read_text()
    await until(lambda: h.stage.daemon.is_running, "the daemon lives")
