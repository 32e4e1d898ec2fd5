"""A sample configuration, made from the sections themselves so that it cannot drift."""

from __future__ import annotations

import typing
from pathlib import Path
from typing import Any

import attrs

from daemon.agent import AgentSettings
from daemon.settings import Settings

_EXAMPLE = {
    "centre.url": "https://centre.example/fsi/soap",
    "centre.institution_code": "H99990000001",
    "centre.institution_name": "示例医院",
    "centre.profile": "999900-test",
    "centre.operator": "yikatong",
    "centre.operator_name": "一卡通",
    "daemon.host": "yikatong.hospital.local",
    "daemon.certificate": "/etc/yikatong/agent.pem",
    "daemon.private_key": "/etc/yikatong/agent.key",
    "daemon.daemon_ca": "/etc/yikatong/ca.pem",
}

_EXAMPLE |= {
    "readers.name": "窗口一身份证",
    "readers.kind": "serial-id",
    "readers.device": "/dev/serial/by-id/usb-id-reader",
    "readers.layouts.kind": "treatment-card",
    "readers.layouts.number": "1",
    "codes.kind": "e-voucher",
    "codes.url": "https://codes.example/ec",
    "codes.organisation": "H99990000001",
    "stored_cards.chip": "sle4442",
}

_ACCOUNTS = """
# Who may call. The token itself never stands here: give its SHA-256, or a file that holds it.
#   head -c 32 /dev/urandom | base64 > his.token; chmod 400 his.token
[accounts.his-main]
role = "his"
token_file = "/etc/yikatong/his.token"

[accounts.pharmacy-1]
role = "pos"
terminal = "till-1"
token_file = "/etc/yikatong/pharmacy-1.token"

[accounts.bureau]
role = "bureau"
token_file = "/etc/yikatong/bureau.token"

# An operator is one person: who proposes at the manual desk and who approves are never the same account.
[accounts.desk-li]
role = "operator"
token_file = "/etc/yikatong/desk-li.token"

[accounts.desk-wang]
role = "operator"
token_file = "/etc/yikatong/desk-wang.token"
"""


def sample() -> str:
    """TOML: required keys with an example, every other key commented out with its default."""
    lines = ["# Yikatong (一卡通): every key of the configuration. Keys with # have this default."]
    for name, field in attrs.fields_dict(Settings).items():
        kind = typing.get_type_hints(Settings)[name]
        if name == "mllp":  # sections of a name each: none unless a site writes one
            (shown, *keys) = _section(f"{name}.his-main", typing.get_args(kind)[1])
            lines += ["", f"# {field.metadata['help']}", f"# {shown}", *keys]
        elif typing.get_origin(kind) is tuple:  # one a reader, a service, a kind of card: none unless a site writes one
            lines += ["", f"# {field.metadata['help']}", *_each(name, typing.get_args(kind)[0])]
        elif name != "accounts":
            lines += ["", f"# {field.metadata['help']}", *_section(name, kind)]
    return "\n".join(lines) + "\n" + _ACCOUNTS


def _each(path: str, schema: type) -> list[str]:
    """A section that may stand many times, all of it commented out."""
    lines, nested = [f"# [[{path}]]"], []
    hints = typing.get_type_hints(schema)
    for name, field in attrs.fields_dict(schema).items():
        inner = typing.get_args(hints[name])
        if typing.get_origin(hints[name]) is tuple and attrs.has(inner[0]):
            nested += ["", f"# {field.metadata['help']}", *_each(f"{path}.{name}", inner[0])]
            continue
        unit = f" ({field.metadata['unit']})" if field.metadata.get("unit") else ""
        lines.append(f"# {field.metadata['help']}{unit}")
        shown = _EXAMPLE.get(f"{path}.{name}", "" if field.default is attrs.NOTHING else field.default)
        lines.append(f"# {name} = {_toml(shown)}")
    return lines + nested


def agent_sample() -> str:
    """The same for a reader agent's file."""
    lines = ["# 读卡代理 / reader agent of Yikatong: every key of the configuration. Keys with # have this default."]
    for name, field in attrs.fields_dict(AgentSettings).items():
        lines += ["", f"# {field.metadata['help']}", *_section(name, typing.get_type_hints(AgentSettings)[name])]
    return "\n".join(lines) + "\n"


def _section(path: str, schema: type) -> list[str]:
    lines, nested = [f"[{path}]"], []
    hints = typing.get_type_hints(schema)
    for name, field in attrs.fields_dict(schema).items():
        if attrs.has(hints[name]):
            nested += ["", *_section(f"{path}.{name}", hints[name])]
            continue
        if typing.get_origin(hints[name]) is dict and attrs.has(
            typing.get_args(hints[name])[1]
        ):  # sections of a name each: none unless a site writes one
            (shown, *keys) = _section(f"{path}.{name}.NAME", typing.get_args(hints[name])[1])
            nested += ["", f"# {field.metadata['help']}", f"# {shown}"]
            nested += [f"# {key}" if key.startswith("[") else key for key in keys]
            continue
        unit = f" ({field.metadata['unit']})" if field.metadata.get("unit") else ""
        lines.append(f"# {field.metadata.get('help', '')}{unit}")
        if f"{path}.{name}" in _EXAMPLE:
            lines.append(f"{name} = {_toml(_EXAMPLE[f'{path}.{name}'])}")
        else:
            made = getattr(field.default, "factory", None)
            default = made() if made else field.default
            lines.append(f"# {name} = {_toml(default)}")
    return lines + nested


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + "}"
    text = "" if value is None or value == Path() else str(value)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
