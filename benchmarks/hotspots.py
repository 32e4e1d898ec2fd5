"""Where the daemon's CPU goes: two snapshots of ``benchmarks.profiled`` subtracted and summed by package."""

from __future__ import annotations

import marshal
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from simulators.stage import ROOT

EXACT_S = 1e-9  # what is left of a sum of floats

Function = tuple[str, int, str]
# Rows of pstats: calls without recursion, calls, own seconds, seconds with everything called, and the same by caller.
Row = tuple[int, int, float, float, dict[Function, tuple[int, int, float, float]]]

_PACKAGE = re.compile(r"/(?:site|dist)-packages/([A-Za-z0-9_]+)")
# Libraries in C are seen only as methods without a file.
_IN_C = (("sqlite3.", "sqlite3"), ("lxml.", "lxml"), ("msgspec", "msgspec"), ("hashlib", "hashing"), ("EVP", "hashing"))


@frozen(slots=True)
class Hotspots:
    """Shares (0-1) of the daemon's CPU by package, and our own dearest functions (calls, own share, whole share)."""

    seconds: float
    by_package: Counter[str]
    ours: list[tuple[str, int, float, float]] = field(factory=list)


def read(before: Path, after: Path, *, most: int = 25) -> Hotspots:
    """What lies between two snapshots."""
    earlier = dict(enumerate(marshal.loads(before.read_bytes())))
    by_package: Counter[str] = Counter()
    functions: dict[Function, list[float]] = {}
    for place, (_name, _number, table) in enumerate(marshal.loads(after.read_bytes())):
        old = earlier.get(place, ("", 0, {}))[2]
        for function, row in table.items():
            calls, own, whole = _grown(row, old.get(function))
            for package, seconds in _owners(function, row, old.get(function), own):
                by_package[package] += seconds  # type: ignore[assignment]  # a Counter adds any number
            entry = functions.setdefault(function, [0, 0.0, 0.0])
            for column, value in enumerate((calls, own, whole)):
                entry[column] += value
    total = sum(by_package.values())
    ours = [
        (_named(function), int(calls), own / total, whole / total)
        for function, (calls, own, whole) in functions.items()
        if function[0].startswith(str(ROOT)) and _PACKAGE.search(function[0]) is None and function[2] != "<module>"
    ]
    ours.sort(key=lambda entry: -entry[3])
    return Hotspots(total, shares(by_package), ours[:most])


def thread_names(file: Path) -> dict[int, str]:
    """Which thread of a snapshot is what: its number in /proc, and the pool that it belongs to."""
    return {number: _pool(name) for name, number, _table in marshal.loads(file.read_bytes())}


def shares(amounts: Mapping[str, float]) -> Counter[str]:
    """Each as its share (0-1) of all."""
    total = sum(amounts.values())
    return Counter({name: amount / total for name, amount in amounts.items()})


def _grown(row: Row, old: Row | None) -> tuple[int, float, float]:
    if old is None:
        return row[1], row[2], row[3]
    return row[1] - old[1], row[2] - old[2], row[3] - old[3]


def _owners(function: Function, row: Row, old: Row | None, own: float) -> list[tuple[str, float]]:
    """Who pays for a function's own time: its package; a builtin's is paid by those who called it."""
    if function[0] != "~":
        return [(_package(function[0]), own)]
    for mark, package in _IN_C:
        if mark in function[2]:
            return [(package, own)]
    paid: list[tuple[str, float]] = []
    for caller, (_, _, seconds, _) in row[4].items():
        before = old[4].get(caller, (0, 0, 0.0, 0.0))[2] if old is not None else 0.0
        paid.append((_package(caller[0]), seconds - before))
    rest = own - sum(seconds for _, seconds in paid)
    return [*paid, ("standard library", rest)] if rest > EXACT_S else paid


def _package(file: str) -> str:
    """Ours by part of the house, others by distribution."""
    found = _PACKAGE.search(file)
    if found is not None:
        return found[1]
    if file.startswith(str(ROOT)):
        parts = Path(file).relative_to(ROOT).parts
        return "ours: " + ".".join(parts[:2] if parts[0] in {"middleware", "adapters", "readers"} else parts[:1])
    return "attrs (generated)" if file.startswith("<attrs") else "standard library"


def _pool(thread: str) -> str:
    """PoolThread-centre-xml-1 -> centre-xml."""
    return re.sub(r"^PoolThread-|-\d+$|^(pcsc-reader).*$", r"\1", thread)


def _named(function: Function) -> str:
    return f"{Path(function[0]).relative_to(ROOT)}:{function[2]}"


def snapshot(file: Path, number: int) -> Path:
    """The name of a snapshot."""
    return file.with_suffix(f".{number}")


def table(hotspots: Hotspots, by_thread: Counter[str]) -> list[str]:
    """Lines for the report."""
    lines: list[Any] = ["  by package (own time, profiled)            by thread (/proc, not profiled)"]
    packages = [(name, share) for name, share in hotspots.by_package.most_common() if share >= 0.005]
    threads = by_thread.most_common()
    for place, (name, share) in enumerate(packages):
        right = f"{threads[place][0]:18}{threads[place][1]:7.1%}" if place < len(threads) else ""
        lines.append(f"    {name:32}{share:7.1%}    {right}".rstrip())
    lines += ["", f"  {'our functions, with what they call':60}{'calls':>8}{'own':>8}{'whole':>8}"]
    lines += [f"    {name:58}{calls:8d}{own:8.1%}{whole:8.1%}" for name, calls, own, whole in hotspots.ours]
    return lines
