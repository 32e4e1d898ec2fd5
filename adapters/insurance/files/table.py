"""Rows of cells as TAB-separated text, both ways. A line is a row; no quoting, so no cell can hold a TAB or a line's end.

An empty cell is written ``null`` (insurance.md 1.3) and read from ``null`` or from nothing. Every refusal names file, line
(from 1, as an editor counts) and column.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator, Sequence

from attrs import frozen

from adapters.insurance.files.archive import Member
from middleware.domain.fault import Fault
from middleware.domain.statement import MAX_STATEMENT_ROWS

NULL = "null"
MAX_CELL = 500  # memo, the widest column of either file
_BOM = "\ufeff"
# Controls, line ends of other alphabets, marks that reorder what is shown, and what no text holds.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")


_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@frozen(slots=True)
class LongFile:
    """How much a file may hold that is read row by row."""

    rows: int
    line: int  # characters


def place(file: str, line: int, column: int | None = None, name: str = "") -> str:
    """How a place in a file is named: "result.txt line 3 column 5 (stmt_rslt)"."""
    where = f"{file} line {line}"
    return where if column is None else f"{where} column {column + 1}" + (f" ({name})" if name else "")


def write(file: str, columns: Sequence[str], rows: Iterable[Sequence[str]], encoding: str, *, header: bool) -> bytes:
    """The text. ``Fault("statement.cell" | "statement.encoding" | "statement.too_many")`` for what it cannot carry."""
    lines = ["\t".join(columns)] if header else []
    for count, row in enumerate(rows):
        if count >= MAX_STATEMENT_ROWS:
            raise Fault("statement.too_many", f"{file}: more than {MAX_STATEMENT_ROWS} rows")
        line = len(lines) + 1
        for column, cell in enumerate(row):
            rule = broken_text(cell)
            if rule or cell == NULL:
                raise Fault("statement.cell", f"{place(file, line, column, columns[column])}: {rule or 'the word null'}")
        lines.append("\t".join(cell or NULL for cell in row))
    text = "".join(f"{line}\n" for line in lines)
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as exc:
        line = text.count("\n", 0, exc.start) + 1
        raise Fault("statement.encoding", f"{place(file, line)}: cannot be written in {encoding}") from None


def read(member: Member, columns: Sequence[str], encoding: str, *, header: bool) -> Iterator[tuple[int, list[str]]]:
    """Each row's line number and its cells, ``null`` as "". Nothing is given before the whole text is decoded."""
    file = member.name
    lines = _text(member, encoding).removeprefix(_BOM).split("\n")
    if lines[-1] in {"", "\r"}:
        lines.pop()
    first = 1 if header else 0
    if header and (not lines or lines[0].removesuffix("\r").split("\t") != list(columns)):
        raise Fault("statement.columns", f"{place(file, 1)}: not the line of column names that the region's profile says")
    if len(lines) - first > MAX_STATEMENT_ROWS:
        raise Fault("statement.too_many", f"{file}: more than {MAX_STATEMENT_ROWS} rows")
    return _rows(file, lines, first, columns)


def _rows(file: str, lines: list[str], first: int, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines[first:], first + 1):
        cells = line.removesuffix("\r").split("\t")
        if len(cells) != len(columns):
            raise Fault("statement.columns", f"{place(file, number)}: {len(cells)} columns instead of {len(columns)}")
        for column, cell in enumerate(cells):
            rule = broken_text(cell)
            if rule:
                raise Fault("statement.cell", f"{place(file, number, column, columns[column])}: {rule}")
        yield number, ["" if cell == NULL else cell for cell in cells]


def read_long(file: str, chunks: Iterable[bytes], encoding: str, bounds: LongFile) -> Iterator[tuple[int, str]]:
    """Each row of a file that is not held in memory: its line number, and its cells with TABs between, as they are.

    Every row has as many cells as the first. What no database can hold becomes U+FFFD. A ``Fault`` may come at any row.
    """
    width = 0
    for number, line in enumerate(_lines(file, chunks, codecs.getincrementaldecoder(encoding)(), bounds.line), 1):
        text = line.removeprefix(_BOM) if number == 1 else line
        if number > bounds.rows:
            raise Fault("statement.too_many", f"{file}: more than {bounds.rows} rows")
        row = _UNSTORABLE.sub("\ufffd", text).removesuffix("\r")
        cells = row.count("\t") + 1
        width = width or cells
        if cells != width:
            raise Fault("statement.columns", f"{place(file, number)}: {cells} columns instead of {width}")
        yield number, row


def _lines(file: str, chunks: Iterable[bytes], decoder: codecs.IncrementalDecoder, longest: int) -> Iterator[str]:
    rest, number = "", 0
    for chunk in _with_end(chunks):
        try:
            rest += decoder.decode(chunk or b"", final=chunk is None)
        except UnicodeDecodeError:
            raise Fault("statement.encoding", f"{place(file, number + 1)}: or behind it, in another encoding") from None
        *whole, rest = rest.split("\n")
        if chunk is None and rest not in {"", "\r"}:
            whole, rest = [*whole, rest], ""
        if len(rest) > longest:
            raise Fault("statement.cell", f"{place(file, number + len(whole) + 1)}: longer than {longest} characters")
        for line in whole:
            number += 1
            if len(line) > longest:
                raise Fault("statement.cell", f"{place(file, number)}: longer than {longest} characters")
            yield line


def _with_end(chunks: Iterable[bytes]) -> Iterator[bytes | None]:
    yield from chunks
    yield None


def _text(member: Member, encoding: str) -> str:
    try:
        return member.content.decode(encoding)
    except UnicodeDecodeError as exc:
        line = member.content.count(b"\n", 0, exc.start) + 1
        raise Fault("statement.encoding", f"{place(member.name, line)}: not {encoding}") from None


def broken_text(cell: str) -> str:
    """What is wrong with a cell as text, or ""."""
    if len(cell) > MAX_CELL:
        return f"longer than {MAX_CELL} characters"
    return "holds a control character" if _FORBIDDEN.search(cell) else ""
