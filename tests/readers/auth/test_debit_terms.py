"""What is assumed of a debit is written where whoever confirms it looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from readers.auth.debit_terms import ASSUMPTIONS, REFUSALS

PAGE = (Path(__file__).parents[3] / "docs" / "card-keys.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("row", ASSUMPTIONS, ids=lambda row: row.name)
def test_each_assumption_stands_in_the_page(row) -> None:
    assert f"| `{row.name}` | {row.zh} · {row.en} | {row.source} |" in PAGE


def test_no_success_and_no_failure_of_memory_is_taken_for_a_refusal() -> None:
    assert REFUSALS & {0x9000, 0x6581, 0x6F00, 0x6400, 0x6108, 0x6C08, 0x6300} == frozenset()
