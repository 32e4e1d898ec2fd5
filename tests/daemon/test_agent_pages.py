"""What people read of the reader agent is what the code does."""

from __future__ import annotations

import re
import tomllib
import typing
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from config.load import read
from daemon.agent import AgentSettings
from readers.remote import messages
from readers.remote.frame import MAX_FRAME
from readers.remote.options import AgentOptions, RemoteReaderOptions

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/remote-readers.md").read_text(encoding="utf-8")


def test_the_page_lists_every_message_with_its_fields_in_order_and_who_says_it() -> None:
    rows = {
        match[2]: (match[1], re.findall(r"`(\w+)`", match[3]))
        for match in re.finditer(r"^\| (\S+)(?: both)? \| `(\w+)` \| ([^|]*) \|", PAGE, re.MULTILINE)
    }
    said: dict[str, tuple[str, list[str]]] = {}
    for who, union in (("agent", messages.FromAgent), ("daemon", messages.FromDaemon)):
        for kind in typing.get_args(union):
            tag = kind.__struct_config__.tag
            said[tag] = ("双方" if tag in said else who, list(kind.__struct_fields__))

    assert rows == said
    assert ", ".join(messages.ReaderSeen.__struct_fields__) in PAGE
    assert ", ".join(messages.Step.__struct_fields__) in PAGE
    assert str(MAX_FRAME) in PAGE


@pytest.mark.parametrize(("schema", "section"), [(RemoteReaderOptions, "remote_readers"), (AgentOptions, "daemon")])
def test_the_pages_configurations_are_good_ones(schema: type, section: str) -> None:
    blocks = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)]

    assert [read(schema, block[section]) for block in blocks if section in block]


def test_the_sample_configuration_is_a_good_one() -> None:
    document = tomllib.loads((ROOT / "config/examples/reader-agent.toml").read_text(encoding="utf-8"))

    assert read(AgentSettings, document).daemon.port == 7452


def test_the_units_start_the_command_that_there_is() -> None:
    unit = (ROOT / "packaging/yikatong-reader-agent.service").read_text(encoding="utf-8")
    task = ET.parse(ROOT / "packaging/reader-agent-task.xml").getroot()
    space = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}

    assert "run.py reader-agent --config /etc/yikatong/reader-agent.toml" in unit
    assert task.findtext(".//t:Arguments", namespaces=space) == "run.py reader-agent"
    assert task.findtext(".//t:RestartOnFailure/t:Interval", namespaces=space) == "PT1M"
