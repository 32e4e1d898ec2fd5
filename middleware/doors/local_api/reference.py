"""The reference pages and JSON Schemas, made from the tables: never written by hand, and a test fails when they differ.

python -m middleware.doors.local_api.reference docs/api
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import attrs
import msgspec

from middleware.domain.fault import FAULTS, Fault, Moved, Retry
from middleware.domain.order import Role
from middleware.doors.local_api.examples import FAULT_EXAMPLES, VISIT
from middleware.doors.local_api.message import error_line
from middleware.doors.local_api.methods import METHODS, Method
from middleware.doors.local_api.options import LocalApiOptions
from middleware.doors.local_api.params import END, NO_CONTROLS
from middleware.doors.local_api.reference_text import LANGUAGES, Words
from middleware.doors.local_api.results import CardNotice
from middleware.doors.local_api.tables import RULES

_REF = "#/$defs/"


def build() -> dict[str, str]:
    """Every file of the reference: its path below ``docs/api`` and its text."""
    files = {f"schema/{name}.json": _dump(schema) for name, schema in schemas().items()}
    for language, words in LANGUAGES.items():
        files[f"{language}/methods.md"] = _methods_page(words)
        files[f"{language}/faults.md"] = _faults_page(words)
        files[f"{language}/connection.md"] = _connection_page(words)
        files[f"{language}/visit.md"] = _visit_page(words)
        files[f"{language}/feed.md"] = words.feed
    return files


def schemas() -> dict[str, Any]:
    """JSON Schemas by name: each method's params and result, and the notification's params."""
    types: dict[str, Any] = {"reader.card.params": CardNotice}
    for method in METHODS.values():
        types |= {f"{method.name}.params": method.params, f"{method.name}.result": method.result}
    return {
        name: {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(kind)}
        for name, kind in types.items()
    }  # fmt: skip


def write(folder: Path) -> None:
    """Write every file below ``folder`` and remove pages and schemas that no longer exist."""
    files = build()
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    for stray in stray_files(folder, files):
        stray.unlink()


def stray_files(folder: Path, files: dict[str, str]) -> list[Path]:
    """Generated files that the tables no longer make."""
    known = {folder / path for path in files}
    found = [*folder.glob("schema/*.json"), *(path for language in LANGUAGES for path in folder.glob(f"{language}/*.md"))]
    return [path for path in found if path not in known]


def _methods_page(words: Words) -> str:
    head = [words.methods_intro, _table(words.roles_head, [_role_row(method) for method in METHODS.values()])]
    notices = [words.notices, _fields(CardNotice, words)]
    return "\n\n".join(head + [_method(method, words) for method in METHODS.values()] + notices) + "\n"


def _role_row(method: Method) -> list[str]:
    return [f"[`{method.name}`](#{method.name.replace('.', '')})", *("✓" if role in method.roles else "" for role in Role)]


def _method(method: Method, words: Words) -> str:
    facts = [
        words.deadline.format(f"{method.deadline_s:g}"),
        words.keyed if method.keyed else words.unkeyed,
        words.moves_money if method.moves_money else words.moves_none,
        words.late.format(method.late),
    ]
    return "\n\n".join([
        f"## {method.name}",
        words.pick(method.zh, method.en),
        "\n".join(f"- {fact}" for fact in facts),
        f"**{words.params}** ([schema](../schema/{method.name}.params.json))",
        _fields(method.params, words),
        f"**{words.result}** ([schema](../schema/{method.name}.result.json))",
        _fields(method.result, words),
    ])  # fmt: skip


def _fields(kind: type, words: Words) -> str:
    """A table of the struct's fields, then one for each struct inside it."""
    schema = msgspec.json.schema(kind)
    parts = []
    order = [schema["$ref"].removeprefix(_REF)]
    for name in order:
        definition = schema["$defs"][name]
        rows = []
        for field, rule in definition["properties"].items():
            order += [inner for inner in _refs(rule) if inner not in order]
            rows.append([f"`{field}`", _type(rule), *_need(field, rule, definition, words), _about(rule, words)])
        title = "" if name == order[0] else f"*{name.removesuffix('Params').removesuffix('Facts')}*\n\n"
        parts.append(title + (_table(words.fields_head, rows) if rows else words.nothing))
    return "\n\n".join(parts)


def _refs(rule: dict[str, Any]) -> list[str]:
    if "$ref" in rule:
        return [rule["$ref"].removeprefix(_REF)]
    inner = [*rule.get("anyOf", []), *([rule["items"]] if "items" in rule else [])]
    return [name for part in inner for name in _refs(part)]


def _type(rule: dict[str, Any]) -> str:
    """The kind and its bounds; text without control characters needs no pattern in words."""
    if "$ref" in rule or "anyOf" in rule:
        return ", ".join(_refs(rule)).replace("Params", "").replace("Facts", "") or "-"
    if "enum" in rule:
        return " / ".join(f"`{value}`" for value in rule["enum"])
    if rule.get("type") == "array":
        most = f" {rule.get('minItems', 0)}..{rule['maxItems']}" if "maxItems" in rule else ""
        return f"[{_type(rule['items'])}]{most}"
    kind = str(rule.get("format", rule.get("type", "-")))
    if "pattern" in rule and NO_CONTROLS not in rule["pattern"]:
        kind += " `" + rule["pattern"].removesuffix(END).removeprefix("^").replace("|", "\\|") + "`"
    if "maxLength" in rule:
        kind += f" {rule.get('minLength', 0)}..{rule['maxLength']}"
    return kind


def _need(field: str, rule: dict[str, Any], definition: dict[str, Any], words: Words) -> list[str]:
    if field in definition.get("required", []):
        return [words.yes]
    default = rule.get("default")
    return [words.no + (f" (`{json.dumps(default, ensure_ascii=False)}`)" if default is not None else "")]


def _about(rule: dict[str, Any], words: Words) -> str:
    zh, _, en = str(rule.get("description", "")).partition(" / ")
    return words.pick(zh, en or zh).replace("|", "\\|")


def _faults_page(words: Words) -> str:
    rows = [
        [
            f"`{row.code}`",
            str(row.number),
            words.pick(row.zh, row.en),
            words.money[row.moved],
            words.retry[row.retry],
            words.pick(row.do_zh, row.do_en),
        ]
        for row in FAULTS.values()
    ]
    legend = [f"- **{words.money[moved]}**: {words.money_about[moved]}" for moved in Moved]
    legend += [f"- **{words.retry[retry]}** (`{retry.value}`): {words.retry_about[retry]}" for retry in Retry]
    return "\n\n".join([words.faults_intro, "\n".join(legend), _table(words.faults_head, rows)]) + "\n"


def _connection_page(words: Words) -> str:
    rules = [
        [
            words.pick(rule.zh, rule.en),
            f"`{rule.answer}`" if rule.answer else "-",
            words.closes if rule.closes else words.keeps,
        ]
        for rule in RULES
    ]
    limits = [[f"`{field.name}`", _default(field), field.metadata["help"]] for field in attrs.fields(LocalApiOptions)]
    return "\n\n".join([
        words.connection_intro, _table(words.rules_head, rules), words.limits_intro, _table(words.limits_head, limits),
    ]) + "\n"  # fmt: skip


def _default(field: attrs.Attribute[Any]) -> str:
    return "-" if field.default is None else f"{field.default} {field.metadata['unit']}".strip()


def _visit_page(words: Words) -> str:
    lines = []
    for number, exchange in enumerate(VISIT, 1):
        request = {"jsonrpc": "2.0", "id": number, "method": exchange.method, "params": exchange.params}
        answer = {"jsonrpc": "2.0", "id": number, "result": exchange.result}
        method = METHODS[exchange.method]
        title = f"## {number}. {method.name}: {words.pick(method.zh, method.en)}"
        lines.append(f"{title}\n\n```\n→ {_line(request)}\n← {_line(answer)}\n```")
    faults = []
    for name, code in FAULT_EXAMPLES:
        error = error_line(7, Fault(code), "UTF-8").decode().strip()
        faults.append(f"`{name}`:\n\n```\n← {error}\n```")
    return "\n\n".join([words.visit_intro, *lines, words.visit_faults, *faults]) + "\n"


def _line(message: dict[str, Any]) -> str:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _dump(schema: Any) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/api"))
