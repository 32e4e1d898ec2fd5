"""``run.py outbox``: what a person reads and asks for."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from clients.python import yikatong_client
from daemon.cli import main

ROW = {
    "sequence": 7, "control_id": "P17", "visit_id": "V1", "settlement_id": "S17", "matter": "settled",
    "created_at": "2026-11-21T09:00:00+08:00", "outcome": "refused AE", "destination": "his",
}  # fmt: skip


@pytest.fixture
def run(tmp_path, monkeypatch):
    asked = []

    class Daemon:
        def __init__(self, **_where): ...

        def __enter__(self):
            return self

        def __exit__(self, *_exc): ...

        def hello(self, _token, client):
            assert client

        def call(self, method, params):
            asked.append((method, params))
            return {"rows": [ROW], "next_after": 7, "complete": True} if method == "letters.list" else ROW

    monkeypatch.setattr(yikatong_client, "connect", Daemon)
    token = tmp_path / "token"
    token.write_text("t")

    def call(*arguments):
        reached = ["--socket", str(tmp_path / "s"), "--token-file", str(token)]
        return CliRunner().invoke(main, ["outbox", *arguments, *reached]), asked

    return call


def test_the_list_is_a_line_a_letter_with_its_outcome(run):
    result, asked = run("list", "--waiting")

    assert "P17  his  2026-11-21T09:00:00+08:00  settled  S17  refused AE" in result.output
    assert "1 条 / messages" in result.output
    assert asked == [("letters.list", {"after": 0, "limit": 100, "waiting": True})]


@pytest.mark.parametrize(
    ("arguments", "params"),
    [
        (("show", "P17"), {}),
        (("resend", "P17", "--reason", "mended"), {"reason": "mended"}),
        (("discard", "P17", "--why", "already-there", "--reference", "T-1"), {"why": "already-there", "reference": "T-1"}),
        (("approve", "P17", "0" * 32), {"proposal": "0" * 32}),
        (("reject", "P17", "0" * 32), {"proposal": "0" * 32}),
    ],
)
def test_each_act_asks_for_its_own_method(run, arguments, params):
    result, asked = run(*arguments)

    assert result.exit_code == 0, result.output
    assert asked == [(f"letters.{arguments[0]}", {"control_id": "P17"} | params)]


def test_a_correction_is_a_list_of_fields_and_what_is_no_pair_is_refused(run):
    result, asked = run("fix", "P17", "--set", "line.1.name=阿司匹林=100mg", "--reason", "x")

    assert result.exit_code == 0, result.output
    fields = [{"field": "line.1.name", "value": "阿司匹林=100mg"}]
    assert asked == [("letters.fix", {"control_id": "P17", "fields": fields, "reason": "x"})]
    assert run("fix", "P17", "--set", "name", "--reason", "x")[0].exit_code


@pytest.mark.parametrize(
    ("arguments", "call"),
    [
        (("destinations",), ("destinations.list", {})),
        (
            ("destination", "pharmacy", "hand-over", "--to", "platform", "--reference", "T-1"),
            ("destinations.propose", {"destination": "pharmacy", "act": "hand-over", "to": "platform", "reference": "T-1"}),
        ),
        (
            ("destination", "billing", "approve", "--proposal", "0" * 32),
            ("destinations.approve", {"destination": "billing", "proposal": "0" * 32}),
        ),
    ],
)
def test_destinations_are_shown_and_decided(run, arguments, call):
    result, asked = run(*arguments)

    assert result.exit_code == 0, result.output
    assert asked == [call]


def test_why_one_is_given_up_is_one_of_the_words(run):
    result, asked = run("discard", "P17", "--why", "张三不要了", "--reference", "T-1")

    assert result.exit_code
    assert not asked
