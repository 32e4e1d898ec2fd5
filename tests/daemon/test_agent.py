"""The reader agent as a process: its configuration, its life, and what it must not need."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from daemon.agent import default_config
from daemon.cli import main
from readers.remote.certificates import Authority

ROOT = Path(__file__).resolve().parents[2]

# What Windows' Python lacks: modules, calls, kinds of sockets. Twisted's own parts for Unix are loaded before, with the reactor
# that it has on Windows.
WINDOWS = """
import os, socket, sys
from twisted.internet import selectreactor
selectreactor.install()
for name in ("fcntl", "pwd", "grp", "resource", "termios", "tty", "pty", "syslog", "smartcard"):
    sys.modules[name] = None
for name in ("fork", "forkpty", "getuid", "geteuid", "chown"):
    delattr(os, name)
del socket.AF_UNIX
sys.path.insert(0, sys.argv.pop(1))
"""


def configured(folder: Path, port: int = 9) -> Path:
    authority = Authority(folder, dt.datetime.now(dt.UTC))
    certificate, key = authority.for_agent("window-1")
    path = folder / "agent.toml"
    path.write_text(
        f'[daemon]\nhost = "127.0.0.1"\nport = {port}\ncertificate = "{certificate}"\nprivate_key = "{key}"\n'
        f'daemon_ca = "{authority.file}"\n[log]\nformat = "console"\n'
    )
    return path


def test_the_agent_starts_tries_and_stops_in_order_without_anything_that_only_unix_has(tmp_path: Path) -> None:
    path = configured(tmp_path)
    script = WINDOWS + (
        "from daemon.agent import run, settings_of\n"
        "from pathlib import Path\n"
        "from twisted.internet import reactor\n"
        "import readers.remote.agent as remote\n"
        "again = remote.Agent._again\n"
        "def once(self, *, refused):\n"
        "    again(self, refused=refused)\n"
        "    reactor.callLater(0, reactor.stop)\n"
        "remote.Agent._again = once\n"
        "code = run(settings_of(Path(sys.argv[1])))\n"
        "assert not [name for name in sys.modules if name.startswith(('sqlalchemy', 'zeep', 'hl7apy'))]\n"
        "sys.exit(code)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, str(ROOT), str(path)], capture_output=True, text=True, timeout=60, check=False
    )

    assert ended.returncode == 0, ended.stderr
    assert "daemon_not_reached" in ended.stderr
    assert "pyscard or the PC/SC library is not installed" in ended.stderr


def test_the_configuration_has_its_own_place_on_each_system() -> None:
    assert default_config("linux", {}) == Path("/etc/yikatong/reader-agent.toml")
    assert str(default_config("win32", {"PROGRAMDATA": r"D:\Data"})) == r"D:\Data\Yikatong\reader-agent.toml"
    assert str(default_config("win32", {})) == r"C:\ProgramData\Yikatong\reader-agent.toml"


def test_every_problem_of_a_configuration_is_told_and_ends_with_2(tmp_path: Path) -> None:
    bad = tmp_path / "agent.toml"
    bad.write_text('[daemon]\nhost = "d"\nport = 0\nretri_s = 1\n')
    told = CliRunner().invoke(main, ["reader-agent", "--config", str(bad)])

    assert told.exit_code == 2
    assert all(
        word in told.output for word in ("retri_s", "retry_s", "daemon.port", "daemon.certificate", "daemon.daemon_ca")
    )


@pytest.mark.parametrize("spoilt", ["window-1.pem", "window-1.key", "ca.pem"])
def test_a_file_that_is_no_certificate_is_told_by_name_and_not_by_content(tmp_path: Path, spoilt: str) -> None:
    path = configured(tmp_path)
    good = CliRunner().invoke(main, ["reader-agent", "--config", str(path), "--check"])
    (tmp_path / spoilt).write_text("secret words")
    told = CliRunner().invoke(main, ["reader-agent", "--config", str(path), "--check"])

    assert (good.exit_code, told.exit_code) == (0, 1)
    assert spoilt in told.output
    assert "secret" not in told.output


def test_certificates_are_made_for_a_daemon_and_agents_and_never_over_existing_ones(tmp_path: Path) -> None:
    runner = CliRunner()
    folder = tmp_path / "agents"
    arguments = ["reader-certificates", "--folder", str(folder), "--agent", "窗口-1"]
    first = runner.invoke(main, [*arguments, "--daemon", "10.0.0.5", "--daemon", "yikatong.local"])
    again = runner.invoke(main, arguments)
    later = runner.invoke(main, ["reader-certificates", "--folder", str(folder), "--agent", "window-2"])
    bad = runner.invoke(main, ["reader-certificates", "--folder", str(folder), "--agent", "a/b"])

    assert (first.exit_code, again.exit_code, later.exit_code, bad.exit_code) == (0, 1, 0, 1)
    assert "exists" in again.output
    assert (folder / "窗口-1.key").stat().st_mode & 0o777 == 0o600
    checked = subprocess.run(
        ["openssl", "verify", "-CAfile", folder / "ca.pem", folder / "daemon.pem", folder / "window-2.pem"],
        capture_output=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
