"""Our own pcscd, and cards put into it by the command line, seen by a client in a process of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators import pcscd as module
from simulators.card import PEOPLE, VirtualCard, VpcdSlot
from simulators.pcscd import Pcscd, PcscdUnavailableError

pytestmark = pytest.mark.pcsc

LIST = "from smartcard import scard as s; c = s.SCardEstablishContext(0)[1]; print(*s.SCardListReaders(c, [])[1], sep='|')"


@pytest.fixture
def own() -> Iterator[Pcscd]:
    try:
        made = Pcscd.start_own(readers=1)
    except PcscdUnavailableError as exc:
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(str(exc))
        pytest.skip(str(exc))
    yield made
    made.stop()


def readers_seen(environment: dict[str, str]) -> list[str]:
    clean = {name: value for name, value in os.environ.items() if name != module.SOCKET_VARIABLE}
    done = subprocess.run(
        [sys.executable, "-c", LIST], env=clean | environment, capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout.strip().split("|")


def test_it_serves_readers_on_ports_below_the_ephemeral_range(own: Pcscd) -> None:
    assert readers_seen(own.environment) == [slot.reader for slot in own.slots]
    assert all(20000 <= slot.port < 32768 for slot in own.slots)


def test_two_of_them_do_not_meet(own: Pcscd) -> None:
    if own.kind != "private":
        pytest.skip("no mount namespaces here: there can be one pcscd only")
    other = Pcscd.start_own(readers=2)
    try:
        assert len(readers_seen(other.environment)) == 4
        assert len(readers_seen(own.environment)) == 2
        assert not {slot.port for slot in own.slots} & {slot.port for slot in other.slots}
    finally:
        other.stop()


def test_what_a_killed_one_left_behind_does_not_stop_the_next(own: Pcscd) -> None:
    first = own.pid
    own.kill()

    assert own.pid == 0
    own.start()
    assert own.pid not in {0, first}
    assert len(readers_seen(own.environment)) == 2


def test_stop_leaves_no_process_and_no_folder(own: Pcscd) -> None:
    pid, folder = own.pid, own._folder
    own.stop()

    assert folder is not None
    assert not folder.exists()
    assert not Path(f"/proc/{pid}").exists()


def test_a_card_that_no_pcscd_takes_is_told(own: Pcscd) -> None:
    own.terminate()
    slot = VpcdSlot(port=own.slots[0].port)
    with pytest.raises(TimeoutError):
        slot.insert(VirtualCard(PEOPLE["employee"]), wait_s=0.3)

    assert slot.occupied
    slot.close()
    assert not slot.occupied


def test_the_command_line_puts_a_card_in_until_it_is_ended(own: Pcscd) -> None:
    command = [sys.executable, "-m", "simulators.card", "--port", str(own.slots[0].port), "--person", "resident"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        process.send_signal(signal.SIGTERM)

        assert said.startswith("resident is in the reader at 127.0.0.1:")
        assert process.wait(10) == 0


@pytest.mark.parametrize("missing", ["pcscd", "driver"])
def test_what_is_missing_is_named_with_the_package(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    if missing == "pcscd":
        monkeypatch.setattr(module.shutil, "which", lambda *_, **__: None)
    else:
        monkeypatch.setattr(module, "DRIVERS", ())
    with pytest.raises(PcscdUnavailableError, match="apt-get install"):
        Pcscd.start_own()


def test_a_pcscd_that_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real = shutil.which
    monkeypatch.setattr(
        module.shutil, "which", lambda name, **more: "/bin/false" if name == "pcscd" else real(name, **more)
    )
    with pytest.raises(PcscdUnavailableError, match="did not start"):
        Pcscd.start_own()


needs_the_system_folder = pytest.mark.skipif(
    os.geteuid() != 0 or module._alive(module.SYSTEM_FOLDER / module.SOCKET_NAME),
    reason="needs root and a machine whose own pcscd does not run",
)


@needs_the_system_folder
def test_without_namespaces_it_runs_at_the_system_folder_and_refuses_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pcscd, "_private", classmethod(lambda *_: None))
    made = Pcscd.start_own(readers=1)
    try:
        assert (made.kind, made.environment) == ("own", {})
        assert readers_seen({}) == [slot.reader for slot in made.slots]
        with pytest.raises(PcscdUnavailableError, match="has no virtual reader for us"):
            Pcscd.ensure()
    finally:
        made.stop()

    assert not (module.SYSTEM_FOLDER / module.SOCKET_NAME).exists()


def _started_as_the_system_does() -> subprocess.Popen[bytes]:
    """Debian's readers listen at ports that an outgoing socket of any test may have just now: started until they can."""
    module.SYSTEM_FOLDER.mkdir(exist_ok=True)
    for _ in range(15):
        system = subprocess.Popen(["pcscd", "--foreground"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if module._system_has_vpcd(4.0) and module._alive(module.SYSTEM_FOLDER / module.SOCKET_NAME):
            return system
        system.terminate()
        system.wait(10)
    raise AssertionError(f"another program has one of the ports {module.SYSTEM_PORTS}")


@needs_the_system_folder
@pytest.mark.skipif(not module.SYSTEM_VPCD_CONFIG.exists(), reason="vsmartcard-vpcd is not installed as Debian does")
def test_a_system_pcscd_with_virtual_readers_is_used_and_left_alone() -> None:
    system = _started_as_the_system_does()
    try:
        made = Pcscd.ensure()
        made.stop()

        assert made.kind == "system"
        assert [slot.reader for slot in made.slots] == [name for name in readers_seen({}) if name.startswith("Virtual PCD")]
        assert system.poll() is None
    finally:
        system.terminate()
        system.wait(10)
