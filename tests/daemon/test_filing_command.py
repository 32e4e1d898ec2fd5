"""run.py filing: what is asked of the daemon, and how a filing is shown."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from daemon import filing_command
from daemon.cli import main
from middleware.doors.local_api.methods import METHODS

ROW = {
    "filing_id": "F1", "kind": "disease", "state": "unknown", "withdraws": "", "withdrawn": False, "number": "",
    "why": "time-out", "message_id": "M1", "attempts": 1, "visit_id": "", "account": "his-1", "terminal": "window-3",
    "made_at": "2026-11-20T10:00:00+08:00",
}  # fmt: skip


def test_a_filing_is_shown_with_what_a_person_needs_to_find_it_at_the_centre():
    METHODS["filing.get"].check_result(ROW)
    shown = filing_command.line_of(ROW)

    assert all(one in shown for one in ("F1", "unknown", "disease", "M1", "time-out", "window-3"))
    assert "F0" in filing_command.line_of(ROW | {"withdraws": "F0"})


def test_what_a_person_saw_is_told_with_its_reference(monkeypatch, tmp_path):
    told = []
    monkeypatch.setattr(filing_command, "ask", lambda *given: told.append(given[-2:]))
    (tmp_path / "token").write_text("t")
    common = [
        "--reference",
        "中心系统 2026-11-21",
        "--socket",
        str(tmp_path / "s"),
        "--token-file",
        str(tmp_path / "token"),
    ]
    ran = CliRunner().invoke(main, ["filing", "resolve", "F1", "--decision", "done", "--number", "B7", *common])

    assert ran.exit_code == 0, ran.output
    ((method, params),) = told
    assert (method, METHODS[method].read(params).number) == ("filing.resolve", "B7")


@pytest.mark.parametrize("missing", ["--decision", "--reference"])
def test_nothing_is_told_without_a_decision_or_where_it_was_seen(missing):
    given = {"--decision": "done", "--reference": "x"}
    del given[missing]
    ran = CliRunner().invoke(main, ["filing", "resolve", "F1", *(word for pair in given.items() for word in pair)])

    assert ran.exit_code == 2
    assert missing in ran.output
