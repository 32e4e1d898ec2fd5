"""What a centre may do wrong with a statement: the other verdict, and result files that must be refused whole."""

from __future__ import annotations

import base64
import io
import re
import zipfile
from collections.abc import Callable
from typing import Any

_BOMB_BYTES = 64 << 20
_STRANGER = "99990000000Z\tnull\tnull\tZ99990000009202603020930150000\t1\t0\tnull\t1.00\t1.00\t0.00\n"


def bent(output: dict[str, Any], action: str) -> dict[str, Any]:
    """The output with that fault in it; as it was when the fault is of another transaction."""
    if action == "wrong-totals" and "stmtinfo" in output:
        row = output["stmtinfo"]
        other = "1" if row["stmt_rslt"] == "0" else "0"
        return output | {"stmtinfo": row | {"stmt_rslt": other}}
    if action in _FILES and "fsDownloadOut" in output:
        row = output["fsDownloadOut"]
        packed = _FILES[action](base64.b64decode(row["out"]))
        return output | {"fsDownloadOut": row | {"out": base64.b64encode(packed).decode()}}
    return output


def _again(packed: bytes, change: Callable[[str], str], encoding: str = "") -> bytes:
    """The same archive with its text changed; in its own encoding, or another."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        (name,) = archive.namelist()
        content = archive.read(name)
    own = "utf-8" if _is_utf8(content) else "gb18030"
    return _zip(name, change(content.decode(own)).encode(encoding or own))


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _zip(name: str, content: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return written.getvalue()


def _last_line(text: str, change: Callable[[str], str]) -> str:
    lines = text.removesuffix("\n").split("\n")
    return "".join(f"{line}\n" for line in [*lines[:-1], change(lines[-1])])


_FILES: dict[str, Callable[[bytes], bytes]] = {
    "cut-zip": lambda packed: packed[:-20],
    "bomb": lambda _packed: _zip("result.txt", b"0" * _BOMB_BYTES),
    "wrong-columns": lambda packed: _again(packed, lambda text: _last_line(text, lambda line: line.rpartition("\t")[0])),
    "wrong-charset": lambda packed: _again(packed, lambda text: text, "utf-16"),
    "foreign-row": lambda packed: _again(packed, lambda text: text + _STRANGER),
    "old-version": lambda packed: _again(
        packed, lambda text: _last_line(text, lambda line: re.sub(r"V\d{8}_A", "V19990101_A", line))
    ),
    "changed-meanwhile": lambda packed: _again(packed, lambda text: text + text.splitlines(keepends=True)[-1]),
    "no-rows": lambda packed: _again(packed, lambda _text: ""),
    "wrong-fen": lambda packed: _again(
        packed, lambda text: _last_line(text, lambda line: line.rpartition("\t")[0] + "\t0.001")
    ),
}
