"""``docs/profile-keys.md``: every key of a region's profile with its meaning and its default."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from adapters.insurance.profile import Profile
from adapters.insurance.profile_words import word
from config.load import plain

_PAGE = """# 地区文件的键 / Keys of a profile

由 `run.py docs` 从声明生成，请勿手改。写法和例子见 `config/regions/template.toml`，步骤见 [new-region.md](new-region.md)。
三类就诊（`outpatient`、`pharmacy`、`inpatient`）各有同名的键；`*` 是该行自己的名称。

Made by `run.py docs` from the declarations; do not edit. How each is written: `config/regions/template.toml`; the steps:
[new-region.md](new-region.md). The three kinds of visit have keys of the same names; `*` is a row's own name.

| 键 key | 含义 | meaning | 默认 default |
| --- | --- | --- | --- |
"""


@attrs.frozen(slots=True)
class Key:
    """One key as it is declared."""

    path: str
    en: str
    default: object
    unit: str
    table: bool


def keys(schema: type = Profile, above: str = "") -> Iterator[Key]:
    """Every key, in the order of the declarations; a table before what is in it."""
    kinds = typing.get_type_hints(schema)
    for name, field in attrs.fields_dict(schema).items():
        kind, path = plain(kinds[name]), f"{above}{name}"
        inner = typing.get_args(kind)
        row = typing.get_origin(kind) is dict and attrs.has(inner[1])
        table = inner[1] if row else kind if attrs.has(kind) else None
        yield Key(
            path,
            field.metadata["help"],
            attrs.NOTHING if table else field.default,
            field.metadata["unit"],
            table is not None,
        )
        if table is not None:
            yield from keys(table, f"{path}.*." if row else f"{path}.")


def write(path: Path) -> None:
    """``docs/profile-keys.md``, the same text each time."""
    rows = [f"| `{key.path}` | {_cell(word(key.path))} | {_cell(key.en)} | {_default(key)} |\n" for key in keys()]
    path.write_text(_PAGE + "".join(rows), encoding="utf-8")


def _default(key: Key) -> str:
    if key.default is attrs.NOTHING:
        return "" if key.table else "必填 required"
    made: Any = key.default
    value = made.factory() if isinstance(made, attrs.Factory) else made  # type: ignore[arg-type]
    return f"`{_cell(_toml(value))}` {key.unit}".rstrip()


def _toml(value: object) -> str:
    """As the file has it."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {_toml(one)}" for name, one in value.items()) + " }" if value else "{}"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
