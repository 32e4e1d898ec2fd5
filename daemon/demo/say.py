"""Telling people what happens, Chinese and English, aligned although Chinese characters are two columns wide."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence


def width(text: str) -> int:
    """Columns on a terminal."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def pad(text: str, columns: int) -> str:
    """Fill up to so many columns."""
    return text + " " * max(0, columns - width(text))


def line(text: str = "") -> None:
    """One line, at once."""
    print(text, flush=True)


def scene(number: int, zh: str, en: str) -> None:
    """A new visit begins."""
    line()
    line(f"── {number}. {zh} / {en}")


def step(zh: str, en: str, fact: str) -> None:
    """One thing that happened: what, and the fact."""
    line(f"   {pad(zh, 10)} {pad(en, 12)} {fact}")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table with aligned columns."""
    widths = [max(width(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in (head, ["─" * w for w in widths], *rows):
        line("   " + "  ".join(pad(cell, w) for cell, w in zip(row, widths, strict=True)).rstrip())


def error(text: str) -> None:
    """Something that the person at the keyboard must see."""
    print(text, file=sys.stderr, flush=True)
