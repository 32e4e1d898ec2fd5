"""The table of faults and the source tree agree."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from middleware.domain import fault as table
from middleware.domain.fault import FAULTS, Fault, Kind, Moved, Retry

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("adapters", "config", "daemon", "middleware", "readers")
ROWS = table._ROWS


@pytest.fixture(scope="module")
def nodes():
    """Every node of the source tree's modules, by module: read when the first test asks, not whenever tests are collected."""
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return {path: list(ast.walk(ast.parse(path.read_text("utf-8")))) for path in paths if path != Path(table.__file__)}


@pytest.fixture(scope="module")
def used(nodes):
    """Every string literal of the source tree, docstrings left out."""
    docs = {id(node.value) for of in nodes.values() for node in of if isinstance(node, ast.Expr)}
    literals = [node for of in nodes.values() for node in of if isinstance(node, ast.Constant) and id(node) not in docs]
    return {node.value for node in literals if isinstance(node.value, str)}


def raised(nodes):
    """Each ``Fault("...")`` and ``Trouble("...")`` whose code is a literal."""
    for path, of in nodes.items():
        for node in of:
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in {"Fault", "Trouble"}:
                yield node.args[0].value, f"{path.relative_to(ROOT)}:{node.lineno}"


@pytest.mark.parametrize("column", ["code", "number"])
def test_no_code_and_no_number_is_given_twice(column):
    assert [value for value, count in Counter(getattr(row, column) for row in ROWS).items() if count > 1] == []
    assert len(FAULTS) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.code)
def test_a_fault_says_what_happened_and_what_to_do_in_both_languages(row):
    assert re.fullmatch(r"[a-z][a-z0-9]*\.[a-z][a-z0-9_]*", row.code)
    for chinese in (row.zh, row.do_zh):
        assert re.search(r"[\u4e00-\u9fff]", chinese)
    for english in (row.en, row.do_en):
        assert english.strip() == english != ""
        assert not re.search(r"[\u4e00-\u9fff]", english)
    assert isinstance(row.kind, Kind)
    assert -32799 <= row.number <= -32000


def test_a_fault_under_which_money_may_have_moved_is_never_simply_repeated():
    for row in ROWS:
        if row.moved is not Moved.NO:
            assert row.retry in {Retry.ASK, Retry.AFTER_FIX}, row.code


@pytest.mark.parametrize("code", FAULTS)
def test_every_code_is_used_somewhere(code, used):
    assert code in used


def test_every_code_in_the_source_is_in_the_table(nodes):
    found = list(raised(nodes))

    assert len(found) > 100
    assert [(code, where) for code, where in found if code not in FAULTS] == []


def test_an_unknown_code_is_a_mistake_at_once():
    with pytest.raises(KeyError):
        Fault("card.eaten")


def test_a_fault_shows_its_detail_and_never_a_strangers_words():
    fault = Fault("centre.refused", "2207 E1", foreign="张三 110101")

    assert str(fault) == "centre.refused: the centre refused (2207 E1)"
    assert "张三" not in repr(fault)
    assert (fault.code, fault.foreign) == ("centre.refused", "张三 110101")
