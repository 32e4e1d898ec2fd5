"""docs/transactions.md: every transaction of the counter stands in one table, with who does it and what shows that."""

from __future__ import annotations

import re
from pathlib import Path

from adapters.insurance.mobile.tables import MOBILE
from adapters.insurance.not_declared import NOT_BY_PHONE
from adapters.insurance.transactions import DECLARED
from daemon.pages import shown

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "transactions.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\w+) \| [^|]+ \| [^|]+ \| ([^|]+) \| ([✓-]) \| ([✓-]) \|", re.MULTILINE)
RANGES = (
    "1101 1301-1303 1305-1309 1901 2001 2101-2103 2201-2208 2203A 2301-2305 2401-2405 2501-2507 2601 3201 3202 5201-5206"
    " 5301-5304 6101 6201-6203 6301 6302 9001 9002 9101 9102"
)


def wanted() -> set[str]:
    """The counter's repertoire, written out."""
    codes: set[str] = set()
    for one in RANGES.split():
        first, _, last = one.partition("-")
        codes |= {str(number) for number in range(int(first), int(last) + 1)} if last else {one}
    return codes


def test_every_declared_transaction_has_its_row_and_the_counters_are_sent_simulated_and_shown() -> None:
    rows = {code: (use.strip("* "), simulated + conformance) for code, use, simulated, conformance in ROW.findall(PAGE)}

    assert set(rows) == set(DECLARED) | set(MOBILE)
    for code in wanted():
        use, marks = rows[code]
        assert marks == "✓✓", code
        assert use == {"6101": "读码 by the reader", "6302": "接收 taken"}.get(code, "发送 sent")


def test_what_nobody_sends_says_why() -> None:
    unsent = {code for code, use, _, _ in ROW.findall(PAGE) if "not sent" in use}

    assert unsent == {"6204"}
    assert unsent <= set(NOT_BY_PHONE)


def test_a_line_that_was_left_out_shows_nothing() -> None:
    done = "| 门诊 / outpatient | 2203 | 上传 / upload | 成功 answered | 成功 answered |  |"
    out = "| 门诊 / outpatient | 5201 | 查询 / query | - | - | 地区文件 / the profile |"

    assert shown(f"{done}\n{out}\n") == {"2203"}
