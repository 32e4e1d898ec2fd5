"""What a conformance run found, line by line, and the ways to show it. Pure.

A line holds codes and words of ours only: no name, number or text of a person or of the centre.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Sequence
from enum import StrEnum

from attrs import asdict, field, frozen

from middleware.domain.centre import CentreReply
from middleware.domain.outcome import Answered, NotSent, Outcome, Refused, Unknown


class End(StrEnum):
    """How a call ended, or was expected to."""

    ANSWERED = "answered"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    NOT_SENT = "not sent"
    ANY_ANSWER = "any answer"  # expected only: the centre may say yes or no, but must say it


ZH = {
    End.ANSWERED: "成功",
    End.REFUSED: "拒绝",
    End.UNKNOWN: "不明",
    End.NOT_SENT: "未发出",
    End.ANY_ANSWER: "有应答",
}


class Verdict(StrEnum):
    """Whether the line is as it must be."""

    GOOD = "ok"
    BAD = "FAILED"
    LEFT_OUT = "-"


@frozen(slots=True)
class Note:
    """A remark in both languages."""

    zh: str = ""
    en: str = ""

    def __str__(self) -> str:
        return f"{self.zh} / {self.en}" if self.zh else ""


@frozen(slots=True)
class Line:
    """One call, or one that was left out."""

    part: Note
    call: str
    what: Note
    expected: str
    got: str
    detail: str
    verdict: Verdict
    note: Note = field(factory=Note)


@frozen(slots=True)
class Report:
    """A whole run. ``left`` is what it could not take back at the centre, each with the message id that names it."""

    profile: str
    dialect: str
    against: str
    lines: tuple[Line, ...]
    left: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Every line as it must be, and nothing left behind."""
        return not self.left and all(line.verdict is not Verdict.BAD for line in self.lines)


def end_of(outcome: Outcome[CentreReply]) -> tuple[End, str]:
    """The end, and the code that says why."""
    match outcome:
        case Answered():
            return End.ANSWERED, ""
        case Refused():
            return End.REFUSED, outcome.code
        case NotSent():
            return End.NOT_SENT, outcome.fault
        case Unknown():
            return End.UNKNOWN, outcome.cause


def is_as_expected(expected: End, got: End) -> bool:
    """Whether the one will do for the other."""
    return got in {End.ANSWERED, End.REFUSED} if expected is End.ANY_ANSWER else got is expected


def as_json(report: Report) -> str:
    """For programs."""
    lines = [asdict(line) for line in report.lines]
    head = {"profile": report.profile, "dialect": report.dialect, "against": report.against, "good": report.good}
    return json.dumps(head | {"lines": lines, "left": list(report.left)}, ensure_ascii=False, indent=2)


HEAD = ("部分 part", "交易 call", "做什么 what", "预期 expected", "实际 got", "")


def as_text(report: Report) -> str:
    """For people at a terminal."""
    rows = [_cells(line) for line in report.lines]
    widths = [max(_width(row[index]) for row in [HEAD, *rows]) for index in range(len(HEAD) - 1)]
    out = [f"{report.profile}  {report.dialect}  {report.against}", ""]
    for row in [HEAD, *rows]:
        padded = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=False)]
        out.append("  ".join([*padded, row[-1]]).rstrip())
    out += ["", summary(report)]
    out += [f"  ! 留在中心 / left at the centre: {one}" for one in report.left]
    return "\n".join(out)


def summary(report: Report) -> str:
    """One sentence."""
    counts = {verdict: sum(line.verdict is verdict for line in report.lines) for verdict in Verdict}
    good, bad, out = counts[Verdict.GOOD], counts[Verdict.BAD], counts[Verdict.LEFT_OUT]
    return f"通过 {good}，未通过 {bad}，未做 {out} / {good} as expected, {bad} not, {out} left out"


def as_markdown(reports: Sequence[Report], heading: str) -> str:
    """For docs/: one table for each profile."""
    out = [heading.rstrip(), ""]
    for report in reports:
        out += [f"## `{report.profile}`", "", f'`dialect = "{report.dialect}"`. {summary(report)}.', ""]
        out += ["| " + " | ".join(_titles()) + " |", "| --- " * len(HEAD) + "|"]
        out += ["| " + " | ".join(cell.replace("|", "\\|") for cell in _cells(line)) + " |" for line in report.lines]
        out.append("")
    return "\n".join(out)


def _titles() -> Iterable[str]:
    return (*HEAD[:-1], "备注 note")


def _cells(line: Line) -> tuple[str, ...]:
    if line.verdict is Verdict.LEFT_OUT:
        return (str(line.part), line.call, str(line.what), "-", "-", str(line.note))
    got = _word(line.got) + (f" {line.detail}" if line.detail else "")
    mark = "" if line.verdict is Verdict.GOOD else "**未通过 FAILED** "
    return (str(line.part), line.call, str(line.what), _word(line.expected), got, mark + str(line.note))


def _word(end: str) -> str:
    return f"{ZH[End(end)]} {end}"


def _width(text: str) -> int:
    """Columns at a terminal: a Chinese character has two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
