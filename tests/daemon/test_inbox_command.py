"""``run.py inbox`` and the sections [mllp.NAME]: what a person reads and writes."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from clients.python import yikatong_client
from config.load import ConfigError, read
from daemon.cli import main
from daemon.inbox_command import line_of, readable
from daemon.sample import sample
from middleware.doors.mllp.options import MllpOptions

ROW = {
    "sequence": 7, "at": "2026-11-21T09:00:00+08:00", "link": "his-main", "type": "", "control_id": "", "bytes": 5,
    "why": "hl7.not_hl7", "digest": "0" * 64,
}  # fmt: skip
CONTENT = {"content": "SEVMTE8=", "next_offset": 5, "complete": True, "answered": "TVNBfEFS"}


class Daemon:
    """Answers as the socket does."""

    def __init__(self, **_where):
        self.calls = []

    def __enter__(self):
        return self

    def __exit__(self, *_exc): ...

    def hello(self, _token, client):
        assert client

    def call(self, method, params):
        if method == "inbox.list":
            return {"rows": [ROW], "next_after": 7, "complete": True}
        return ROW | CONTENT


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(yikatong_client, "connect", Daemon)
    token = tmp_path / "token"
    token.write_text("t")
    reached = ["--socket", str(tmp_path / "s"), "--token-file", str(token)]
    return lambda *arguments: CliRunner().invoke(main, ["inbox", *arguments, *reached])


def test_the_list_is_a_line_a_message_with_its_reason(run):
    result = run("list")

    assert result.exit_code == 0, result.output
    assert "his-main  -  -  5 B  hl7.not_hl7" in result.output
    assert "1 条 / messages" in result.output


def test_a_message_is_shown_as_text_or_written_as_it_came_into_a_new_file_of_one_s_own(run, tmp_path):
    assert "HELLO" in run("show", "7").output
    target = tmp_path / "message.hl7"
    assert run("show", "7", "--to", str(target)).exit_code == 0

    assert target.read_bytes() == b"HELLO"
    assert target.stat().st_mode & 0o777 == 0o600
    assert run("show", "7", "--to", str(target)).exit_code == 1


def test_nothing_that_a_terminal_would_act_on_is_printed():
    assert readable(b"MSH|a\rPID|\x1b[2J\x07") == "MSH|a\nPID|<1B>[2J<07>"
    assert readable("测试\r".encode("gb18030")) == "测试\n"
    assert "\x9b" not in readable(b"\xff\xfe\x9b")
    assert line_of(ROW | {"why": ""}).endswith("已受理/taken")


def test_the_sample_shows_a_link_that_can_be_used_when_its_marks_are_taken_away():
    lines = sample().splitlines()
    begin = lines.index("# [mllp.his-main]")
    keys = {line[2:].partition(" = ")[0] for line in lines[begin : begin + 60] if line.startswith("# ") and " = " in line}

    assert {"host", "port", "charset", "acknowledge", "types", "client_ca"} <= keys


def test_certificates_of_a_link_that_cannot_be_used_are_told_before_a_start(tmp_path):
    options = MllpOptions(certificate=tmp_path / "c", private_key=tmp_path / "k", client_ca=tmp_path / "a")

    with pytest.raises(ValueError, match="cannot use TLS files"):
        options.context()
    assert MllpOptions().context() is None


def test_a_link_s_mistakes_are_all_told_with_their_place():
    with pytest.raises(ConfigError) as caught:
        read(MllpOptions, {"charset": "big5", "port": 0, "types": ["adt"], "typo": 1})

    assert {problem.path for problem in caught.value.problems} == {"charset", "port", "types", "typo"}
