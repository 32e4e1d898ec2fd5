"""TOML in, one frozen and typed value out - or every problem at once, each with its dotted path and a hint."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import attrs

T = TypeVar("T")
MAX_FILE_BYTES = 1 << 20
_RIGHT_FILE = "文件对吗 / is this the right file?"
_BARE = re.compile(r"[A-Za-z0-9_-]+")


@attrs.frozen(slots=True)
class Problem:
    """One thing that is wrong, where, and what would be right."""

    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" + (f"  -> {self.hint}" if self.hint else "")


class ConfigError(Exception):
    """The configuration cannot be used; ``problems`` holds all of it, never only the first."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


def load(schema: type[T], path: Path) -> T:
    """Read ``path`` as ``schema``; raises ``ConfigError`` with every problem."""
    return read(schema, document_of(path))


def document_of(path: Path) -> dict[str, Any]:
    """The file as TOML; ``ConfigError`` when it is none."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
        if len(raw) > MAX_FILE_BYTES:
            raise ConfigError([Problem(str(path), "文件超过 1 MiB / the file is longer than 1 MiB", _RIGHT_FILE)])
        return tomllib.loads(raw.decode())
    except OSError as exc:
        raise ConfigError(
            [
                Problem(
                    str(path),
                    f"不能读取 / cannot be read: {exc.strerror}",
                    "检查路径和权限 / check the path and its rights",
                )
            ]
        ) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(
            [Problem(str(path), f"不是 UTF-8 的 TOML / is not TOML in UTF-8: {exc}", "改所指的行 / mend the line named")]
        ) from exc
    except RecursionError as exc:
        raise ConfigError([Problem(str(path), "嵌套过深 / is nested too deeply", _RIGHT_FILE)]) from exc


def read(schema: type[T], document: Mapping[str, Any]) -> T:
    """The same for a document already parsed."""
    problems: list[Problem] = []
    value = _section(schema, document, "", problems)
    if problems:
        raise ConfigError(problems)
    return typing.cast("T", value)


def problems_of(schema: type, document: Mapping[str, Any]) -> list[Problem]:
    """Every problem that ``read`` would raise, without raising."""
    problems: list[Problem] = []
    _section(schema, document, "", problems)
    return problems


def _section(schema: type, document: object, path: str, problems: list[Problem]) -> Any:
    if not isinstance(document, Mapping):
        problems.append(Problem(path or "(file)", "须为表 / must be a table", f"写作 / write [{path}]"))
        return None
    fields = attrs.fields_dict(schema)
    hints = typing.get_type_hints(schema)
    before = len(problems)
    values: dict[str, Any] = {}
    for key in document:
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1)
            hint = f"是不是 / did you mean {near[0]}?" if near else "可用的键 / known keys: " + ", ".join(fields)
            problems.append(Problem(_join(path, key), "没有这个键 / unknown key", hint))
    for name, field in fields.items():
        where = _join(path, name)
        if name in document:
            values[name] = _value(hints[name], document[name], where, problems)
        elif field.default is attrs.NOTHING:
            if attrs.has(plain(hints[name])):
                values[name] = _section(plain(hints[name]), {}, where, problems)
            else:
                problems.append(Problem(where, "必填 / is required", str(field.metadata.get("help", ""))))
    if len(problems) > before:
        _check_ranges(schema, fields, values, path, problems)
        return None
    return _build(schema, fields, values, path, problems)


def _check_ranges(
    schema: type, fields: Mapping[str, Any], values: dict[str, Any], path: str, problems: list[Problem]
) -> None:
    """Range problems are told even beside unknown keys, so that one run shows everything."""
    told = {problem.path for problem in problems}
    for name, value in values.items():
        field = fields[name]
        if field.validator is None or value is None or _join(path, name) in told:
            continue
        try:
            field.validator(schema, field, value)
        except (ValueError, TypeError) as exc:
            problems.append(Problem(_join(path, name), str(exc), str(field.metadata.get("help", ""))))


def _build(schema: type, fields: Mapping[str, Any], values: dict[str, Any], path: str, problems: list[Problem]) -> Any:
    before = len(problems)
    _check_ranges(schema, fields, values, path, problems)
    if len(problems) > before:
        return None
    try:
        return schema(**values)
    except (ValueError, TypeError) as exc:
        problems.append(Problem(path or "(file)", str(exc)))
        return None


def _value(kind: Any, raw: Any, path: str, problems: list[Problem]) -> Any:
    kind = plain(kind)
    origin = typing.get_origin(kind)
    if attrs.has(kind):
        return _section(kind, raw, path, problems)
    if origin in {tuple, list}:
        if not isinstance(raw, list):
            problems.append(Problem(path, f"须为列表，实为{_zh(raw)} / must be a list, got {_name(raw)}"))
            return None
        inner, before = typing.get_args(kind)[0], len(problems)
        items = tuple(_value(inner, item, f"{path}[{i}]", problems) for i, item in enumerate(raw))
        return items if len(problems) == before else None
    if origin in {dict, Mapping}:
        if not isinstance(raw, Mapping):
            problems.append(Problem(path, f"须为表，实为{_zh(raw)} / must be a table, got {_name(raw)}"))
            return None
        inner, before = typing.get_args(kind)[1], len(problems)
        rows = {key: _value(inner, item, _join(path, key), problems) for key, item in raw.items()}
        return rows if len(problems) == before else None
    if kind is Path and isinstance(raw, str):
        return Path(raw)
    if kind is float and isinstance(raw, int) and not isinstance(raw, bool):
        return float(raw)
    if not isinstance(raw, kind) or (isinstance(raw, bool) and kind is not bool):
        zh, en = _EXPECTED.get(kind, (kind.__name__, kind.__name__))
        problems.append(Problem(path, f"须为{zh}，实为{_zh(raw)} / must be {en}, got {_name(raw)}", _hint(kind, raw)))
        return None
    return raw


_EXPECTED = {
    str: ("文本", "text"),
    int: ("整数", "a whole number"),
    float: ("数", "a number"),
    bool: (" true 或 false", "true or false"),
    Path: ("路径（文本）", "a path (text)"),
}
_NAMES = {
    str: ("文本", "text"),
    int: ("数", "a number"),
    float: ("数", "a number"),
    bool: (" true/false", "true/false"),
    dict: ("表", "a table"),
    list: ("列表", "a list"),
}


def _zh(raw: object) -> str:
    return _NAMES.get(type(raw), (type(raw).__name__, ""))[0]


def _name(raw: object) -> str:
    return _NAMES.get(type(raw), ("", type(raw).__name__))[1]


def _hint(kind: type, raw: object) -> str:
    if kind in {int, float} and isinstance(raw, str):
        return "去掉引号 / write it without quotes"
    if kind is str and isinstance(raw, (int, float)):
        return "加上引号 / write it in quotes"
    return ""


def plain(kind: Any) -> Any:
    """``X | None`` -> ``X``."""
    if typing.get_origin(kind) in {typing.Union, types.UnionType}:
        inner = [arg for arg in typing.get_args(kind) if arg is not type(None)]
        return inner[0] if len(inner) == 1 else kind
    return kind


def _join(path: str, key: str) -> str:
    if not _BARE.fullmatch(key):
        key = json.dumps(key, ensure_ascii=False)  # as TOML itself must write it
    return f"{path}.{key}" if path else key
