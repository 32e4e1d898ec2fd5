"""A real pcscd with virtual readers, for the demo, the tests and the benchmark.

Three ways, the first that works:

``system``   pcscd runs already or is socket-activated, and has virtual readers: use it, leave it alone at the end.
``private``  start our own in a mount namespace where our folder is /run/pcscd. It meets no other pcscd, takes no real
             reader, and clients find it by PCSCLITE_CSOCK_NAME. Needs root, or unprivileged user namespaces.
``own``      start our own at /run/pcscd, when that is writable and no pcscd is alive.

vpcd listens on all interfaces: whoever reaches its port can put a card into the virtual reader. Not for a machine that
serves patients.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from attrs import frozen

from simulators.ports import free_ports, is_free

SOCKET_VARIABLE = "PCSCLITE_CSOCK_NAME"
SYSTEM_FOLDER = Path("/run/pcscd")
SOCKET_NAME = "pcscd.comm"
PID_NAME = "pcscd.pid"
DRIVERS = (Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so"), Path("/usr/local/lib/pcsc/drivers/serial/libifdvpcd.so"))
SYSTEM_VPCD_CONFIG = Path("/etc/reader.conf.d/vpcd")
SYSTEM_PORTS = (0x8C7B, 0x8C7C)
SYSTEM_READERS = ("Virtual PCD 00 00", "Virtual PCD 00 01")
START_S = 10.0
STOP_S = 5.0
ACTIVATION_S = 2.0  # our look at the socket makes systemd start pcscd; its readers come a moment later
SLOTS_PER_READER = 2  # compiled into Debian's vpcd
MAX_READERS = 8  # pcsc-lite: 16 slots in all
POLL_S = 0.005
# A tmpfs on /run makes the mount point where there is none, and hides udev: no real reader is taken.
PREPARE = 'mount -t tmpfs tmpfs /run && mkdir /run/pcscd && mount --bind "$1" /run/pcscd'


class PcscdUnavailableError(Exception):
    """No pcscd with virtual readers can be had here; the text says what a person should do."""


@frozen(slots=True)
class Slot:
    """One virtual reader: the name that PC/SC gives it and the vpcd port behind it."""

    reader: str
    port: int


class Pcscd:
    """A pcscd and its virtual readers. Get one by :meth:`ensure` (any) or :meth:`start_own` (one that may be killed).

    ``environment`` is what clients of this pcscd need in theirs; put it there before the first PC/SC call of a process.
    """

    def __init__(self, kind: str, slots: tuple[Slot, ...], folder: Path | None, command: tuple[str, ...]) -> None:
        self.kind = kind
        self.slots = slots
        self.environment: dict[str, str] = {}
        self._folder = folder
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._run = SYSTEM_FOLDER
        if kind == "private" and folder is not None:
            self._run = folder / "run"
            self.environment[SOCKET_VARIABLE] = str(socket_in(folder))

    # -- getting one

    @classmethod
    def ensure(cls, *, readers: int = 1) -> Pcscd:
        """Any pcscd with virtual readers: the system's if it serves, else our own. Raises ``PcscdUnavailableError``."""
        if readers == 1 and _alive(SYSTEM_FOLDER / SOCKET_NAME) and _system_has_vpcd(ACTIVATION_S):
            slots = tuple(Slot(name, port) for name, port in zip(SYSTEM_READERS, SYSTEM_PORTS, strict=True))
            return cls("system", slots, None, ())
        return cls.start_own(readers=readers)

    @classmethod
    def start_own(cls, *, readers: int = 2, folder: Path | None = None) -> Pcscd:
        """Our own pcscd with that many vpcd readers (two slots each), started and serving.

        ``folder`` is made for it; its socket, where it is private, is :func:`socket_in` that folder. A process whose
        first PC/SC call may come before its pcscd names the folder, for libpcsclite never looks at the variable again.
        """
        assert 1 <= readers <= MAX_READERS, "pcsc-lite has room for 16 slots"  # noqa: S101 - our own mistake
        pcscd, driver = _installed()
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix="yikatong-pcscd-"))
        else:
            folder.mkdir(mode=0o700)
        try:
            slots = _write_config(folder, driver, readers)
            made = cls._private(pcscd, folder, slots) or cls._at_system_folder(pcscd, folder, slots)
            made.start()
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return made

    @classmethod
    def _private(cls, pcscd: str, folder: Path, slots: tuple[Slot, ...]) -> Pcscd | None:
        shell = _isolated(folder)
        if shell is None:
            return None
        command = (*shell, f'{PREPARE} && shift && exec "$@"', "sh", str(folder / "run"), pcscd, *_no_polkit(pcscd))
        return cls("private", slots, folder, command)

    @classmethod
    def _at_system_folder(cls, pcscd: str, folder: Path, slots: tuple[Slot, ...]) -> Pcscd:
        if _alive(SYSTEM_FOLDER / SOCKET_NAME):
            raise PcscdUnavailableError(
                "pcscd is running and has no virtual reader for us, and a private one cannot be started here. "
                "Either install vsmartcard-vpcd and restart pcscd (systemctl restart pcscd), or run this as root."
            )
        with contextlib.suppress(OSError):
            SYSTEM_FOLDER.mkdir(exist_ok=True)
        if not os.access(SYSTEM_FOLDER, os.W_OK):
            raise PcscdUnavailableError(
                f"no pcscd is running and {SYSTEM_FOLDER} is not ours to write. "
                "Start the system's (systemctl start pcscd.socket), or run this as root."
            )
        return cls("own", slots, folder, (pcscd, *_no_polkit(pcscd)))

    @classmethod
    def many_at_once(cls) -> bool:
        """Whether two can live here side by side: each in a mount namespace, and no system's that all would share."""
        if _alive(SYSTEM_FOLDER / SOCKET_NAME):
            return False
        with tempfile.TemporaryDirectory(prefix="yikatong-pcscd-") as folder:
            return _isolated(Path(folder)) is not None

    # -- its life

    def start(self) -> None:
        """Start it and wait until it serves; nothing happens for the system's own, or when it runs."""
        if not self._command or (self._process is not None and self._process.poll() is None):
            return
        assert self._folder is not None  # noqa: S101 - only the system's pcscd has no folder
        _remove_stale(self._run)
        with (self._folder / "pcscd.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - fixed words and our own folder
                (*self._command, "--foreground", "--config", str(self._folder / "readers")),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PCSCLITE_HP_DROPDIR": str(self._folder / "no-usb-drivers")},
                start_new_session=True,  # Ctrl-C in the demo's terminal is the demo's matter
            )
        deadline = time.monotonic() + START_S
        while not self._serving():
            if self._process.poll() is not None or time.monotonic() > deadline:
                told = (self._folder / "pcscd.log").read_text(errors="replace")[-500:]
                self.kill()
                raise PcscdUnavailableError(f"pcscd did not start: {told.strip() or 'no message'}")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """End it in bounded time and remove its folder. The system's own is left alone."""
        self.terminate()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def terminate(self) -> None:
        """SIGTERM, and SIGKILL when that is not enough."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: its socket and pid file stay behind, as after a crash."""
        self._end(signal.SIGKILL)

    def restart(self, *, readers: int | None = None) -> None:
        """Stop and start again; with ``readers`` it comes back with only that many of its readers."""
        self.terminate()
        if readers is not None and self._folder is not None:
            for number, entry in enumerate(sorted((self._folder / "all").iterdir())):
                present = self._folder / "readers" / entry.name
                present.unlink(missing_ok=True)
                if number < readers:
                    shutil.copy(entry, present)
        self.start()

    @property
    def pid(self) -> int:
        """The process id of our own pcscd; 0 when it is not ours or does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else 0

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(number)
        try:
            process.wait(STOP_S)  # reaped: an unreaped child makes the next pcscd think that one is alive
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_S)

    def _serving(self) -> bool:
        return _alive(self._run / SOCKET_NAME) and all(_listening(port) for port in self._ports())

    def _ports(self) -> tuple[int, ...]:
        assert self._folder is not None  # noqa: S101 - asked of our own pcscd only
        count = len(list((self._folder / "readers").iterdir())) * SLOTS_PER_READER
        return tuple(slot.port for slot in self.slots[:count])


def socket_in(folder: Path) -> Path:
    """Where clients find a private pcscd that lives in that folder."""
    return folder / "run" / SOCKET_NAME


def _installed() -> tuple[str, Path]:
    pcscd = shutil.which("pcscd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if pcscd is None:
        raise PcscdUnavailableError("pcscd is not installed: apt-get install pcscd vsmartcard-vpcd")
    for driver in DRIVERS:
        if driver.exists():
            return pcscd, driver
    raise PcscdUnavailableError("the virtual reader is not installed: apt-get install vsmartcard-vpcd")


def _isolated(folder: Path) -> tuple[str, ...] | None:
    """A shell in which our folder is /run/pcscd once it has done ``PREPARE``; None where this machine forbids it."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return None
    (folder / "run").mkdir()
    isolate = (unshare, "--mount") if os.geteuid() == 0 else (unshare, "--mount", "--map-root-user")
    shell = (*isolate, "/bin/sh", "-c")
    tried = subprocess.run(  # noqa: S603 - fixed words and our own folder
        (*shell, PREPARE, "sh", str(folder / "run")), capture_output=True, check=False, timeout=START_S
    )
    return None if tried.returncode else shell


def _no_polkit(pcscd: str) -> tuple[str, ...]:
    """Builds with polkit refuse clients where no polkit runs (pcsc-lite #59, #224); Debian 12's has none to switch off."""
    told = subprocess.run((pcscd, "--help"), capture_output=True, check=False, timeout=START_S)  # noqa: S603 - pcscd itself
    return ("--disable-polkit",) if b"--disable-polkit" in told.stdout + told.stderr else ()


def _write_config(folder: Path, driver: Path, readers: int) -> tuple[Slot, ...]:
    """One file and one copy of the driver a reader: readers that share a driver file show each other's cards."""
    for name in ("all", "readers", "no-usb-drivers"):
        (folder / name).mkdir()
    slots: list[Slot] = []
    for number in range(readers):
        port = _two_ports()
        library = folder / f"libifdvpcd-{number}.so"
        shutil.copy(driver.resolve(), library)
        label = f"Yikatong Virtual {number}"
        text = f'FRIENDLYNAME "{label}"\nDEVICENAME /dev/null:0x{port:04X}\nLIBPATH {library}\nCHANNELID 0x{port:04X}\n'
        for name in ("all", "readers"):
            (folder / name / f"reader-{number}").write_text(text)
        slots += [Slot(f"{label} 00 {place:02X}", port + place) for place in range(SLOTS_PER_READER)]
    return tuple(slots)


def _two_ports() -> int:
    try:
        return free_ports(SLOTS_PER_READER)
    except OSError as exc:
        raise PcscdUnavailableError(str(exc)) from None


def _listening(port: int) -> bool:
    """Whether somebody listens, without connecting: a connection would be taken for a card."""
    return not is_free(port)


def _alive(path: Path) -> bool:
    """Whether a pcscd, or systemd for it, accepts connections at that socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _system_has_vpcd(wait_s: float = 0.0) -> bool:
    """Whether the system's pcscd serves Debian's virtual readers, or does so within ``wait_s`` of being activated."""
    if not SYSTEM_VPCD_CONFIG.exists():
        return False
    deadline = time.monotonic() + wait_s
    while not all(_listening(port) for port in SYSTEM_PORTS):
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_S)
    return True


def _remove_stale(folder: Path) -> None:
    """Socket and pid file of a pcscd that was killed; only when none is alive there."""
    if _alive(folder / SOCKET_NAME):
        raise PcscdUnavailableError(f"another pcscd is alive at {folder}")
    for name in (SOCKET_NAME, PID_NAME):
        with contextlib.suppress(OSError):
            (folder / name).unlink(missing_ok=True)
