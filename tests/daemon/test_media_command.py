"""``run.py card read --config`` on readers of ``[[readers]]``, as a person at a desk runs it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from config.load import load
from daemon.cli import main
from daemon.doctor import _port, unusable
from daemon.settings import Settings
from simulators.people import PEOPLE
from simulators.serial import IdModule

PERSON = PEOPLE["employee"]
CONFIG = """
[centre]
url = "http://127.0.0.1:1/"
institution_code = "H99990000001"
institution_name = "x"
profile = "999900-test"
operator = "o"
operator_name = "o"
[accounts.a]
role = "his"
token_sha256 = "{token}"
[[readers]]
name = "窗口一身份证"
kind = "serial-id"
device = "{device}"
poll_interval_s = 0.05
[[readers]]
name = "键盘口"
kind = "handed"
[[readers.layouts]]
kind = "treatment-card"
number = "1"
"""


@pytest.fixture
def desk(tmp_path):
    module = IdModule(tmp_path / "id")
    module.plug()
    config = tmp_path / "y.toml"
    config.write_text(CONFIG.format(device=module.path, token="0" * 64), encoding="utf-8")

    def run(*words):
        return CliRunner().invoke(main, ["card", "read", "--config", str(config), *words])

    yield module, run
    module.unplug()


def test_an_id_card_is_read_and_masked_unless_asked(desk):
    module, run = desk
    module.lay(PERSON)
    masked = run("--reader", "窗口一")
    assert masked.exit_code == 0, masked.output
    assert "id-card" in masked.output
    assert "1024 字节" in masked.output
    assert PERSON.name not in masked.output
    assert PERSON.id_number not in masked.output
    module.lay(PERSON)
    assert PERSON.id_number in run("--reader", "窗口一身份证", "--reveal").output


def test_what_is_typed_is_read_as_the_number_that_it_is(desk):
    _, run = desk
    result = run("--reader", "键盘口", "--text", "0012345678")
    assert result.exit_code == 0, result.output
    assert "treatment-card" in result.output
    assert "0012345678" not in result.output


def test_a_fault_is_said_in_two_languages_and_ends_with_1(desk):
    module, run = desk
    module.unplug()
    result = run("--reader", "身份证")
    assert result.exit_code == 1
    assert "读卡器已断开" in result.output
    assert "reader.gone" in result.output


def test_a_configuration_with_a_mistake_is_said_whole(desk, tmp_path):
    config = tmp_path / "wrong.toml"
    config.write_text("[[readers]]\nname = 'x'\nkind = 'fax'\n")
    result = CliRunner().invoke(main, ["card", "read", "--config", str(config)])
    assert result.exit_code == 2
    assert "readers[0].kind" in result.output


def test_the_doctor_names_key_and_token_files_that_cannot_be_used_and_ports_that_are_not_there(desk, tmp_path):
    module, _ = desk
    config = tmp_path / "y.toml"
    more = f"""
[[codes]]
kind = "e-voucher"
url = "https://codes.example/"
token_file = "{tmp_path}/none"
[[stored_cards]]
chip = "mifare-classic"
offset = 0
length = 8
key_file = "{tmp_path}/none"
"""
    config.write_text(config.read_text(encoding="utf-8") + more, encoding="utf-8")
    problems = unusable(load(Settings, config))
    assert any(problem.startswith("codes (e-voucher): codes.token_file") for problem in problems)
    assert any(problem.startswith("stored_cards (mifare-classic)") for problem in problems)
    assert _port(load(Settings, config).readers[0]).level == "good"
    module.unplug()
    assert _port(load(Settings, config).readers[0]).level == "note"
