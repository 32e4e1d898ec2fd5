"""``run.py his``: departments, staff and charge items as a person reads them, page by page."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from clients.python import yikatong_client
from daemon.cli import main

ROW = {
    "link": "his", "kind": "item", "code": "H02", "state": "active", "version": 3, "effective_at": "2026-11-22T00:00:00+00:00",
    "inbox": 7, "name": "血常规", "specialty": "", "department": "", "national": "", "catalogue": "XA01", "price": "12.50",
}  # fmt: skip


class Daemon:
    """Two pages of a register."""

    asked: list = []  # noqa: RUF012 - of one test

    def __init__(self, **_where): ...

    def __enter__(self):
        return self

    def __exit__(self, *_exc): ...

    def hello(self, _token, client): ...

    def call(self, method, params):
        self.asked.append((method, params["kind"], params["code"], params.get("after", "")))
        if params.get("after"):
            return {"rows": [ROW | {"code": "H01", "catalogue": ""}], "next_after": "his/1", "complete": True}
        return {"rows": [ROW, ROW | {"code": "H03", "state": "deleted"}], "next_after": "his/0", "complete": False}


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(yikatong_client, "connect", Daemon)
    monkeypatch.setattr(Daemon, "asked", [])
    token = tmp_path / "token"
    token.write_text("t")
    reached = ["--socket", str(tmp_path / "s"), "--token-file", str(token)]
    return lambda *arguments: CliRunner().invoke(main, ["his", *arguments, *reached])


def test_a_register_is_a_line_a_record_by_its_code_without_what_is_gone(run):
    result = run("items")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [
        "his  H01  血常规  -  12.50  在用/active  v3  2026-11-22T00:00:00+00:00",
        "his  H02  血常规  XA01  12.50  在用/active  v3  2026-11-22T00:00:00+00:00",
        "2 条 / records",
    ]
    assert [one[3] for one in Daemon.asked] == ["", "his/0"]


@pytest.mark.parametrize(("command", "kind"), [("departments", "department"), ("staff", "staff"), ("items", "item")])
def test_each_command_is_its_own_register_and_all_shows_what_is_gone(run, command, kind):
    result = run(command, "--code", "H01", "--all")
    assert Daemon.asked[0] == ("his.masters", kind, "H01", "")
    assert "3 条 / records" in result.output


def test_one_record_is_shown_whole_to_whoever_says_why(run):
    assert run("show", "staff", "D1").exit_code != 0
    assert run("show", "staff", "D1", "--reason", "核对").exit_code == 0
    assert Daemon.asked == [("his.master", "staff", "D1", "")]
