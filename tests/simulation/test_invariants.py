"""No number of the settlement design is without a check that exists and bears it: ``docs/invariants.md`` held to the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "invariants.md"
NAME = re.compile(r"`(\w+)`")


def _rows():
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if re.match(r"\| \d", line)]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {int(number): (what, NAME.findall(checks), NAME.findall(tests)) for number, what, checks, tests in cells}


def _functions(folder, pattern="*.py"):
    """Function -> the texts of all functions of that name."""
    found: dict[str, str] = {}
    for path in (ROOT / folder).rglob(pattern):
        text = path.read_text("utf-8")
        lines = text.split("\n")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found[node.name] = found.get(node.name, "") + "\n".join(lines[node.lineno - 1 : node.end_lineno])
    return found


ROWS = _rows()


@pytest.fixture(scope="module")
def simulated():
    """The simulator's functions, read when the first test asks and not whenever tests are collected."""
    return _functions("daemon/simulate")


@pytest.fixture(scope="module")
def tested():
    return _functions("tests", "test_*.py")


def test_all_thirty_have_a_row_and_each_row_a_named_check():
    assert list(ROWS) == list(range(1, 31))
    assert [number for number, (what, checks, tests) in ROWS.items() if not (what and tests and (checks or tests))] == []


@pytest.mark.parametrize("number", ROWS)
def test_every_name_of_the_table_exists_and_each_simulated_check_bears_its_number(number, simulated, tested):
    _, checks, tests = ROWS[number]

    assert [name for name in (*checks, *tests) if name not in simulated | tested] == []
    assert [name for name in tests if not name.startswith("test_")] == []
    assert [name for name in checks if f'"{number}"' not in simulated[name]] == []


def test_every_number_that_a_simulated_check_bears_is_in_the_table(simulated):
    borne = set().union(*(re.findall(r'require\(\s*"(\d+)"', text) for text in simulated.values()))

    assert {int(number) for number in borne} - {number for number, (_, checks, _) in ROWS.items() if checks} == set()


def test_a_test_that_bears_a_number_bears_one_of_the_thirty(tested):
    borne = {int(match[1]) for name in tested if (match := re.match(r"test_invariant_(\d+)_", name))}

    assert borne <= set(ROWS)
